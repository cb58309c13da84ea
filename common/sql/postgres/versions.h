#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"
#include "common/sql/postgres/tree.h"

// The parser's grammar is PostgreSQL 15's; servers from 13 to 17 are supported.
namespace dbfleet::sql::pg {

// Of a text that cannot be parsed: what in it came with PostgreSQL 16 or 17, for a reason. Empty if
// nothing is recognised. `problem` is the parser's.
std::string NewerSyntax(absl::string_view text, absl::string_view problem);

// What a server of a known version older than 15 does not know of the statement. Empty if nothing.
std::string MissingIn(const Version& version, Node statement);

}  // namespace dbfleet::sql::pg
