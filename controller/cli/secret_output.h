#pragma once

#include <string>

#include "CLI/CLI.hpp"

#include "controller/cli/shell.h"

// Secrets that the controller shows once: into a file of mode 0600, or onto stdout.
namespace dbfleet::cli {

void AddSecretOut(CLI::App* command, std::string* file);

// With a file: writes the secret there and replaces it in the answer by a remark. The secret is
// made already, so a failed write is reported together with what to do about it.
absl::Status TakeSecret(Shell& shell, const std::string& file, std::string* secret);

}  // namespace dbfleet::cli
