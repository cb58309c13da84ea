#include "controller/cli/app.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"

#include "common/base/text.h"
#include "common/rpc/channel.h"
#include "common/rpc/tls.h"
#include "common/usage/usage.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/usage.h"

namespace dbfleet::cli {
namespace {

const std::map<std::string, Format>& Formats() {
  static const auto* const formats = new std::map<std::string, Format>{
      {"table", Format::kTable},     {"wide", Format::kWide}, {"json", Format::kJson},
      {"jsonl", Format::kJsonLines}, {"yaml", Format::kYaml}, {"name", Format::kName},
      {"sarif", Format::kSarif}};
  return *formats;
}

void AddEverything(CLI::App& app, Shell& shell) {
  // Global options may stand after the verb as well.
  app.fallthrough();
  app.require_subcommand(1);
  app.add_option_function<std::string>(
         "--output,-o",
         [&shell](const std::string& name) {
           const auto it = Formats().find(name);
           if (it == Formats().end()) {
             throw CLI::ValidationError(
                 "--output", "one of table, wide, json, jsonl, yaml, name (sarif of sql only)");
           }
           shell.format = it->second;
         },
         "table, wide, json, jsonl, yaml or name")
      ->type_name("FORM");
  app.add_option("--context", shell.context_name,
                 "The context to use; default: $DBFLEET_CONTEXT, or the current one");
  AddLoginCommands(app, shell);
  AddEnvironmentCommands(app, shell);
  AddAgentCommands(app, shell);
  AddInstanceCommands(app, shell);
  AddBackupCommands(app, shell);
  AddChangeCommands(app, shell);
  AddJobCommands(app, shell);
  AddUserCommands(app, shell);
  AddResourceCommands(app, shell);
  AddWindowCommands(app, shell);
  AddScheduleCommands(app, shell);
  AddRuleCommands(app, shell);
  AddPolicyCommands(app, shell);
  AddNotifyCommands(app, shell);
  AddProposalCommands(app, shell);
  AddAuditCommands(app, shell);
  AddSqlCommands(app, shell);
  AddCompletionCommand(app, shell);
  app.set_version_flag("--version", std::string(), "The version of this command");
  CompleteHelp(app);
}

// Help goes to stdout and is no error; everything else that the parser says is a usage error.
int OnParseError(CLI::App& app, const CLI::ParseError& error,
                 const std::vector<std::string>& arguments, Shell& shell) {
  if (dynamic_cast<const CLI::CallForVersion*>(&error) != nullptr) return ShowVersion(shell, true);
  if (error.get_exit_code() != 0) {
    if (const std::string wrong = ExplainUsage(app, arguments); !wrong.empty()) {
      shell.err() << SanitizeForDisplay(wrong, /*keep_newlines=*/true);
      return kExitUsage;
    }
    std::string command = "dbfleet";
    for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
      at = at->get_subcommands().front();
      absl::StrAppend(&command, " ", at->get_name());
    }
    shell.err() << SanitizeForDisplay(
        absl::StrCat("dbfleet: ", error.what(), "; see: ", command, " --help\n"),
        /*keep_newlines=*/true);
    return kExitUsage;
  }
  std::ostringstream out, err;
  const int code = app.exit(error, out, err);
  shell.out() << out.str();
  shell.err() << SanitizeForDisplay(err.str(), /*keep_newlines=*/true);
  return code == 0 ? kExitOk : kExitUsage;
}

int ParseAndRun(Shell& shell, const std::vector<std::string>& arguments) {
  CLI::App app("dbfleet runs the operations of a fleet of databases", "dbfleet");
  AddEverything(app, shell);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return OnParseError(app, error, arguments, shell);
  }
  if (shell.format == Format::kSarif && !app.get_subcommand("sql")->parsed()) {
    shell.err() << "dbfleet: -o sarif belongs to sql classify and sql lint\n";
    return kExitUsage;
  }
  return shell.action();
}

int TerminalWidth() {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0) return size.ws_col;
  return 0;
}

}  // namespace

int Run(World world, const std::vector<std::string>& arguments) {
  Shell shell(std::move(world));
  const int code = ParseAndRun(shell, arguments);
  shell.out().flush();
  if (!shell.out().good()) {
    shell.Note("dbfleet: the output could not be written to its end");
    return code == kExitOk ? kExitFailed : code;
  }
  return code;
}

World SystemWorld(Clock* clock) {
  World world;
  world.in = &std::cin;
  world.out = &std::cout;
  world.err = &std::cerr;
  world.in_is_terminal = isatty(STDIN_FILENO) == 1;
  world.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  world.err_is_terminal = isatty(STDERR_FILENO) == 1;
  world.width = TerminalWidth();
  world.clock = clock;
  world.env = [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return value;
  };
  world.connect = [](const Context& context) {
    grpc::ChannelArguments arguments;
    rpc::ApplyClientArguments(&arguments, rpc::kMaxApiMessageBytes, rpc::Traffic::kBulk);
    return grpc::CreateCustomChannel(context.server, rpc::ClientTls(context.ca_pem, "", ""),
                                     arguments);
  };
  return world;
}

}  // namespace dbfleet::cli
