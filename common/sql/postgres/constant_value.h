#pragma once

#include <optional>

#include "common/sql/postgres/tree.h"
#include "common/sql/text/constant.h"

namespace dbfleet::sql::pg {

// The value of an expression if it is one whatever the rows hold: constants, calculated, compared,
// converted and given to functions that only compute, and SELECT of them without FROM. TRUE is 1.
std::optional<Constant> ConstantValue(Node expression);

// Whether b IS NULL and b IS NOT NULL stand among the parts.
bool HasNullTestOfBothKinds(Node parts);

}  // namespace dbfleet::sql::pg
