#pragma once

#include <optional>

#include "common/sql/mysql/tokens.h"
#include "common/sql/text/constant.h"

namespace dbfleet::sql::mysql {

// The value of the expression [from, to) if it is one whatever the rows hold: literals, calculated,
// compared and given to functions that only compute, and SELECT of them without FROM. Linear in its
// length; nested no more than a few dozen deep.
std::optional<Constant> ConstantValue(const Toks& tokens, ptrdiff_t from, ptrdiff_t to);

}  // namespace dbfleet::sql::mysql
