#include "controller/app/commands.h"

#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/text.h"
#include "common/concurrency/mutex.h"
#include "common/log/log.h"
#include "common/usage/usage.h"
#include "controller/app/controller.h"
#include "controller/app/controller_config.h"
#include "controller/app/recovery_commands.h"

namespace dbfleet::controller {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;  // Wrong usage, or a configuration that is wrong or cannot be read.

int Fail(const absl::Status& status, int exit_code) {
  std::cerr << "error: " << SanitizeForDisplay(std::string(status.message()), true) << "\n";
  return exit_code;
}

void InitLog(const config::v1::LogConfig& config) {
  log::Level level = log::Level::kInfo;
  if (config.level() == "debug") level = log::Level::kDebug;
  if (config.level() == "warn") level = log::Level::kWarn;
  if (config.level() == "error") level = log::Level::kError;
  log::Init(level, config.format() == "json" ? log::Format::kJson : log::Format::kText);
}

// Blocks SIGTERM and SIGINT in this thread and all that it starts; they are waited for, not
// handled.
sigset_t BlockEndSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

int Run(const std::string& config_path) {
  const sigset_t signals = BlockEndSignals();
  absl::StatusOr<config::v1::ControllerConfig> config = LoadConfig(config_path);
  if (!config.ok()) return Fail(config.status(), kUsage);
  InitLog(config->log());
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  absl::StatusOr<std::unique_ptr<Controller>> controller = Controller::Start(*config, clock.get());
  if (!controller.ok()) {
    // What shows only now of the configuration: a name in `advertise` that is none, for example.
    return Fail(controller.status(),
                absl::IsInvalidArgument(controller.status()) ? kUsage : kFailed);
  }
  log::Info("the controller is ready", {{"listen", config->listen()},
                                        {"grpc_port", absl::StrCat((*controller)->grpc_port())},
                                        {"http_port", absl::StrCat((*controller)->http_port())},
                                        {"ca_fingerprint", (*controller)->ca_fingerprint()},
                                        {"data_dir", config->data_dir()}});
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  log::Info("the controller ends", {{"signal", absl::StrCat(signal_number)}});
  controller->reset();
  log::Info("the controller has ended");
  return 0;
}

int CheckConfig(const std::string& config_path) {
  absl::StatusOr<config::v1::ControllerConfig> config = LoadConfig(config_path);
  if (!config.ok()) return Fail(config.status(), kUsage);
  std::cout << config_path << " is good.\n";
  return 0;
}

}  // namespace

int RunCommandLine(int argc, char** argv) {
  EnsureStandardDescriptors();
  StopLookingForDeadlocks();
  CLI::App app("The dbfleet controller: schedules work, enforces policy, keeps the audit trail.",
               "dbfleet-controller");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("dbfleet-controller ") + DBFLEET_VERSION,
                       "Print the version");
  std::string config_path;
  int exit_code = 0;
  CLI::App* run = app.add_subcommand("run", "Run until SIGTERM");
  run->add_option("--config", config_path, "The configuration file")->required();
  run->callback([&] { exit_code = Run(config_path); });
  CLI::App* check = app.add_subcommand("check-config", "Check the configuration file");
  check->add_option("--config", config_path, "The configuration file")->required();
  check->callback([&] { exit_code = CheckConfig(config_path); });
  AddRecoveryCommands(app, &config_path, &exit_code);
  app.add_subcommand("version", "Print the version")->callback([] {
    std::cout << "dbfleet-controller " << DBFLEET_VERSION << "\n";
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
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return exit_code;
}

}  // namespace dbfleet::controller
