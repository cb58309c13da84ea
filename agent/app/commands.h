#pragma once

#include <ostream>
#include <string>

namespace dbfleet::agent {

// The subcommands of dbfleet-agent. Each returns the process's exit status; data goes to `out`,
// problems to standard error.
inline constexpr int kFailed = 1;
inline constexpr int kBadConfig = 2;  // A configuration that is wrong or cannot be read.

// Runs until SIGTERM or SIGINT; a second signal ends the process at once.
int RunAgent(const std::string& config_path);

// Validates the file, logs in to each instance with each of its accounts, and names the rights that
// an account lacks for its work.
int CheckConfig(const std::string& config_path, std::ostream& out);

// The statements that create the accounts and give them the rights they need. `instance` empty:
// all.
int PrintGrants(const std::string& config_path, const std::string& instance, std::ostream& out);

// Prints the highest checkpoint that the agent's witness has seen (its text, for
// `dbfleet audit verify --checkpoint`) to `out`, and the alarms to standard error. kFailed if there
// is none.
int ShowWitness(const std::string& config_path, std::ostream& out);

// Trades a join token for an identity, also when there is one already.
int EnrollAgent(const std::string& config_path, const std::string& token_file, std::ostream& out);

// Parses the command line and runs one of them.
int Main(int argc, char** argv);

const char* Version();

}  // namespace dbfleet::agent
