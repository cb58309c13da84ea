#pragma once

#include <vector>

#include "common/sql/model/finding.h"
#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql::token_lint {

// The findings of all rules over the statements of one script, in their order.
std::vector<Finding> FindAll(Dialect dialect, const std::vector<Statement>& statements);

}  // namespace dbfleet::sql::token_lint
