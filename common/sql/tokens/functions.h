#pragma once

#include "common/sql/text/token_view.h"

// The reviewed lists of what a safe statement may use. A name that is missing makes a statement
// destructive, never the other way round. To add one: it reads at most, does not wait, takes no
// lock, changes no session or server state, and executes no SQL that it gets as text.
namespace dbfleet::sql {

bool IsPureMySqlFunction(Dialect dialect, const Token& name);
bool IsMySqlWordBeforeParen(const Token& word);
bool IsSafeMySqlShow(const Token& what);

bool IsPurePostgresFunction(const Token& name);
bool IsPostgresType(const Token& name);
bool IsPostgresWordBeforeParen(const Token& word);
bool IsPostgresWordBeforeString(const Token& word);
bool IsPostgresReserved(const Token& word);

}  // namespace dbfleet::sql
