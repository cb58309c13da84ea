#pragma once

#include <string>

#include "common/sql/mysql/tokens.h"

namespace dbfleet::sql::mysql {

// Forms that MariaDB has and MySQL, up to its version 9.1, does not parse: CREATE OR REPLACE of all
// but views, sequences, IF [NOT] EXISTS in ALTER TABLE and for indexes, RETURNING. Says which one
// the statement uses; "" if none. Source: both servers' manuals of the statements.
std::string MariaDbForm(const Toks& tokens);

}  // namespace dbfleet::sql::mysql
