#pragma once

#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"

// What the command line says about itself.
namespace dbfleet::cli {

// Examples for every command, by its path: "job get". Each is a command line that holds as it is,
// given resources of those names.
const std::map<std::string, std::vector<std::string>>& Examples();

// Ends the help of every command with its examples and the global options, and makes the help of
// `root` fit one screen. After all commands have been added.
void CompleteHelp(CLI::App& root);

}  // namespace dbfleet::cli
