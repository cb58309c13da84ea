#pragma once

#include <string>

#include "common/sql/mysql/tokens.h"

namespace dbfleet::sql::mysql {

// Forms that MariaDB has and MySQL, up to its version 9.1, does not parse: CREATE OR REPLACE of all
// but views, sequences, IF [NOT] EXISTS in ALTER TABLE and for indexes, RETURNING. Says which one
// the statement uses; "" if none. Source: both servers' manuals of the statements.
std::string MariaDbForm(const Toks& tokens);

// Forms that MySQL has and MariaDB, up to its version 11.8, does not parse: -> of JSON, LATERAL,
// FOR SHARE, indexes that are invisible or over expressions, SET PERSIST, a name for the inserted
// row. Source: the manuals, and each form tried on MariaDB 10.11.
std::string MySqlForm(const Toks& tokens);

// A COLLATE clause with a collation of MySQL that MariaDB knows since 11.4 only (MDEV-20912).
std::string MySqlCollation(const Toks& tokens);

}  // namespace dbfleet::sql::mysql
