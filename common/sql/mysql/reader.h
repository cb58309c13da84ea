#pragma once

#include "absl/strings/string_view.h"

#include "common/sql/model/position.h"
#include "common/sql/model/reading.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// Reads one statement of MySQL or MariaDB, by its own lexer and a grammar of the parts that decide:
// a white list from the head down. What a view, a trigger or a stored function with the name of a
// reviewed one in another schema does, only the read-only account and transaction stop (requirement
// S7). Executable comments are read as the target's server would; where its version is not known,
// they are destructive, unless they are empty. Several statements are destructive.
Reading ReadMySql(const Target& target, absl::string_view text, Position origin = {});

}  // namespace dbfleet::sql
