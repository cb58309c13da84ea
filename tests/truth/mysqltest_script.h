#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::truth {

// The SQL statements of a script for MariaDB's test driver (mysqltest), in order. The driver's own
// commands (--error, let, while, source, connect, perl ... EOF) are left out, and so are statements
// whose text holds one of its variables. Never fails: what it misreads is a statement that the
// server refuses.
std::vector<std::string> StatementsOf(absl::string_view script);

}  // namespace dbfleet::truth
