#pragma once

#include <memory>

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// Versioned migrations on PostgreSQL. The lock is a session-level advisory lock (the first eight
// bytes of SHA-256 over "dbfleet.migrate." and the database's name), taken by polling: a session
// that waited for it inside a statement would hold a snapshot, for which CREATE INDEX CONCURRENTLY
// waits in turn. DDL is transactional. The record tables live in the schema `public`, where the
// migration account needs the right to create them.
//
// Sessions' errors are those of postgres_connection.h, and beyond them NOT_FOUND (OBJECT_MISSING)
// for a table, column, function or other object that is not there, and ALREADY_EXISTS
// (OBJECT_EXISTS) for one that is.
//
// Thread-safe; sessions are not, but for Interrupt.
std::unique_ptr<SqlMigrations> MakePostgresMigrations(const InstanceSpec& spec);

}  // namespace dbfleet::agent
