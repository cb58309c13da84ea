#pragma once

#include <functional>
#include <istream>
#include <string>

#include "absl/status/status.h"

#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"

namespace dbfleet::cli {

// Gives the statements of a file, or of `in` for "-", one after the other; those of SQL in constant
// memory. Errors name the file, and line and column of what cannot be cut into statements; what
// came before that has been given.
absl::Status ForEachStatement(const std::string& path, std::istream& in, const sql::Target& target,
                              const std::function<void(sql::Statement)>& give);

}  // namespace dbfleet::cli
