#pragma once

#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/string_view.h"

#include "controller/cli/shell.h"

namespace dbfleet::cli {

// "look-again", "eventrule/look-again" and "eventrules/look-again" are the same.
std::string RuleName(absl::string_view given);

// `rule test`: what the rules of a file would have proposed.
void AddRuleTest(CLI::App& noun, Shell& shell);

}  // namespace dbfleet::cli
