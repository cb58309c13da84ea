#pragma once

#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"

// The reviewed lists of PostgreSQL's own functions; names in lower case, without pg_catalog.
namespace dbfleet::sql::pg {

// Whether it reads at most: does not write, wait, lock, change the session or the server, or run
// SQL that it gets as text. Of every function of that name in pg_catalog; a function that hides a
// built-in one behind the search_path, only the read-only account and transaction stop.
bool IsReadOnlyFunction(absl::string_view name, const Version& version);

// What a function that is known not to be read-only does: "waits", "takes a lock that stays".
// Empty for one that nothing is known of.
absl::string_view EffectOfFunction(absl::string_view name);

// Whether such a function may run code that nobody has looked at: SQL that it gets as text, a
// type's input function, a library; or is none of the server's own in every version, so that the
// name may be that of a user's function. True of one that nothing is known of.
bool MayRunUnknownCode(absl::string_view name);

// Every name in the list of effects. For tests.
std::vector<absl::string_view> FunctionsWithEffects();

// Whether it gives another value in each row, so that a default with it rewrites the table; true
// for what is not built in.
bool IsVolatileFunction(absl::string_view name, const Version& version);

bool IsAggregateFunction(absl::string_view name);

}  // namespace dbfleet::sql::pg
