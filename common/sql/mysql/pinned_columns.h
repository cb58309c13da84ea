#pragma once

#include <string>
#include <vector>

#include "common/sql/mysql/tokens.h"

namespace dbfleet::sql::mysql {

// The columns each of which the condition [from, to) makes equal to one constant or placeholder,
// joined by AND. None where it is not plain that each of them has to hold. A fact for rules, never
// for the class.
std::vector<std::string> PinnedColumns(const Toks& tokens, ptrdiff_t from, ptrdiff_t to);

}  // namespace dbfleet::sql::mysql
