#pragma once

#include <memory>

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// Versioned migrations on MySQL and MariaDB. The lock is GET_LOCK('dbfleet.migrate.<database>'),
// which the server keeps while it still executes a statement of a client that is gone. DDL commits
// by itself. Both record tables live in the database that is migrated.
//
// Sessions' errors are those of mysql_connection.h, and beyond them NOT_FOUND (OBJECT_MISSING) for
// a table, column, key or routine that is not there, and ALREADY_EXISTS (OBJECT_EXISTS) for one
// that is. A statement's time limit is MariaDB's max_statement_time; MySQL has none for statements
// that change something, so there it is not enforced.
//
// Thread-safe; sessions are not, but for Interrupt.
std::unique_ptr<SqlMigrations> MakeMysqlMigrations(const InstanceSpec& spec);

}  // namespace dbfleet::agent
