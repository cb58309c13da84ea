#pragma once

#include <string>

#include "common/sql/postgres/tree.h"

namespace dbfleet::sql::pg {

// Why a statement may show credentials (password hashes, connection strings with passwords); empty
// if nothing in it names a place that is known to hold some. What a view over such a table shows,
// only the account's rights stop. A relation of that name in another schema is refused as well,
// which costs little.
std::string CredentialObjection(Node statement);

}  // namespace dbfleet::sql::pg
