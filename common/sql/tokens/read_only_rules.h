#pragma once

#include <string>

#include "common/sql/text/token_view.h"

// What each dialect has to say about single tokens of a query. An empty answer: nothing against it.
namespace dbfleet::sql {

// About the "(" at `i`: what it calls, if anything.
std::string MySqlParenObjection(Dialect dialect, TokenView tokens, ptrdiff_t i);
std::string PostgresParenObjection(TokenView tokens, ptrdiff_t i);

// About the token at `i`, which is no parenthesis.
std::string MySqlTokenObjection(TokenView tokens, ptrdiff_t i);
std::string PostgresTokenObjection(TokenView tokens, ptrdiff_t i, bool in_cast);

}  // namespace dbfleet::sql
