#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/facts.h"
#include "common/sql/model/target.h"
#include "common/sql/model/verdict.h"

// What ScriptReader asks of a statement about those behind it.
namespace dbfleet::sql {

// Whether it may run the code of the objects that it names, or that belong to its tables. The
// others keep code, name it, or change no row. `head`: its first two words, in upper case.
bool RunsCodeOfObjects(const Facts& facts, absl::string_view head);

// Whether it changes rows, so that triggers, rules, defaults and checks run: also those of tables
// that it does not name (ON DELETE CASCADE, partitions).
bool ChangesRowsOf(const Verdict& verdict);

// Whether that is one of the server's own tables, and whether the statement changes one: they say
// what names mean. `databases`: those in which the session may be.
bool IsServersOwnUse(const Target& target, const std::vector<std::string>& databases,
                     const ObjectUse& use);
bool ChangesServersOwn(const Target& target, const std::vector<std::string>& databases,
                       const Facts& facts, const Verdict& verdict);

// Of SET in MySQL and MariaDB, also in the text of a routine: whether the isolation level may be
// SERIALIZABLE afterwards.
bool MaySetSerializable(const Target& target, absl::string_view statement);

}  // namespace dbfleet::sql
