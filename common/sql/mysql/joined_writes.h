#pragma once

#include <string>
#include <vector>

#include "common/sql/mysql/tokens.h"

// UPDATE and DELETE of joined tables without a WHERE. A fact for rules, never for the class.
namespace dbfleet::sql::mysql {

// Whether each of `targets` (by the names that they go by in the list of tables) is joined to
// another table in a way that leaves out its rows without a partner: by JOIN ... ON or USING, or as
// the right side of a LEFT JOIN. `targets` empty: each table of the list. The list begins at
// `from`. What it does not know (commas, NATURAL, RIGHT JOIN, nested joins, a table that is joined
// to itself) restricts nothing. Linear, but for the square of the number of tables, of which only
// a server's limit of 61 are looked at.
bool JoinsRestrict(const Toks& tokens, ptrdiff_t from, const std::vector<std::string>& targets);

}  // namespace dbfleet::sql::mysql
