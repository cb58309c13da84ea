#pragma once

#include <string>
#include <vector>

#include "CLI/CLI.hpp"

namespace dbfleet {

// For a command line that was refused: the first word of `arguments` that no command or option
// knows, with the nearest one that exists, or the verbs that a noun wants; "" when neither is what
// is wrong. One line, with a newline. `root` has the program's name.
std::string ExplainUsage(const CLI::App& root, const std::vector<std::string>& arguments);

}  // namespace dbfleet
