#pragma once

#include <string>

#include "common/sql/mysql/tokens.h"

namespace dbfleet::sql::mysql {

// Why no server would take a query whose tokens are [from, size()): an empty list, an operator
// without its operand, two operands in a row, a second SELECT. "" if none of these is certain: this
// is no parser, and what it says nothing about may be wrong all the same. One pass.
std::string QueryProblem(const Toks& tokens, ptrdiff_t from);

// The same of any statement, by the word that it ends with.
std::string EndProblem(const Toks& tokens);

// The same of a statement as a whole that is no routine and holds no other statements: parentheses,
// commas, what CREATE makes, what a change of rows cannot do without. Words that are not known stay
// in doubt, for some version may know them.
std::string FormProblem(const Toks& tokens);

}  // namespace dbfleet::sql::mysql
