#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/mysql/tokens.h"

namespace dbfleet::sql::mysql {

// Why a statement may show credentials (password hashes, passwords of other servers); empty if
// nothing in it names a place that is known to hold some. It goes by the text: what a view over
// such a table shows, only the account's rights stop. `database` is the one the statement runs in,
// by which unqualified names are resolved. A name that only looks like such a place is refused as
// well, which costs little.
std::string CredentialObjection(const Toks& tokens, absl::string_view database);

}  // namespace dbfleet::sql::mysql
