#include <functional>
#include <iostream>
#include <string>

#include "CLI/CLI.hpp"

#include "agent/app/commands.h"
#include "common/base/files.h"
#include "common/base/text.h"
#include "common/concurrency/mutex.h"
#include "common/usage/usage.h"

namespace dbfleet::agent {
namespace {

constexpr int kUsage = 2;

CLI::App* Subcommand(CLI::App* app, const char* name, const char* help, std::string* config,
                     std::function<void()> fn) {
  CLI::App* command = app->add_subcommand(name, help);
  command->add_option("--config", *config, "The agent's configuration file")->required();
  command->callback(std::move(fn));
  return command;
}

}  // namespace

int Main(int argc, char** argv) {
  EnsureStandardDescriptors();
  StopLookingForDeadlocks();
  CLI::App app("dbfleet-agent runs the operations of the databases on this host.", "dbfleet-agent");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("dbfleet-agent ") + Version(), "Print the version");
  std::string config;
  std::string instance;
  std::string token_file;
  std::function<int()> chosen;
  Subcommand(&app, "run", "Run the agent", &config,
             [&] { chosen = [&] { return RunAgent(config); }; });
  Subcommand(&app, "check-config", "Validate the configuration and try each account", &config,
             [&] { chosen = [&] { return CheckConfig(config, std::cout); }; });
  CLI::App* grants =
      Subcommand(&app, "grants", "Print the rights that the accounts need", &config,
                 [&] { chosen = [&] { return PrintGrants(config, instance, std::cout); }; });
  grants->add_option("--instance", instance, "Only this instance");
  CLI::App* witness = app.add_subcommand("witness", "What this agent saw of the audit trail");
  witness->require_subcommand(1);
  Subcommand(witness, "show", "Print the highest checkpoint, and alarms", &config,
             [&] { chosen = [&] { return ShowWitness(config, std::cout); }; });
  CLI::App* enroll = Subcommand(&app, "enroll", "Trade a join token for an identity", &config, [&] {
    chosen = [&] { return EnrollAgent(config, token_file, std::cout); };
  });
  enroll->add_option("--token-file", token_file, "The file that holds the join token")->required();
  app.add_subcommand("version", "Print the version")->callback([&] {
    chosen = [] {
      std::cout << "dbfleet-agent " << Version() << "\n";
      return 0;
    };
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) {
      if (const std::string wrong = ExplainUsage(app, {argv + 1, argv + argc}); !wrong.empty()) {
        std::cerr << SanitizeForDisplay(wrong, /*keep_newlines=*/true);
        return kUsage;
      }
    }
    // CLI11's own codes say which of its checks failed; to a caller all of them are wrong usage.
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return chosen();
}

}  // namespace dbfleet::agent
