#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace dbfleet::agent {

// The dbfleet-exec binary: beside this program, else in PATH. NOT_FOUND (EXEC_MISSING) otherwise.
absl::StatusOr<std::string> FindExecBinary();

}  // namespace dbfleet::agent
