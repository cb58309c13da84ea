#pragma once

#include <functional>
#include <string>

#include "CLI/CLI.hpp"

#include "controller/cli/resolve.h"
#include "controller/cli/shell.h"
#include "controller/cli/wait.h"

// The commands, one function per noun. Each adds its subcommands to `app`; the one that the user
// chose becomes `shell.action`. The shell outlives the app.
namespace dbfleet::cli {

void AddLoginCommands(CLI::App& app, Shell& shell);  // login, context, whoami, version.
void AddEnvironmentCommands(CLI::App& app, Shell& shell);
void AddAgentCommands(CLI::App& app, Shell& shell);
void AddInstanceCommands(CLI::App& app, Shell& shell);
void AddBackupCommands(CLI::App& app, Shell& shell);
void AddChangeCommands(CLI::App& app, Shell& shell);
void AddDecisionCommands(CLI::App& change, Shell& shell);  // Below `change`: approve, reject, ...
void AddCancelAndWait(CLI::App& noun, Shell& shell, IdKind kind);  // For change and job.
void AddJobCommands(CLI::App& app, Shell& shell);
void AddUserCommands(CLI::App& app, Shell& shell);      // user, token.
void AddResourceCommands(CLI::App& app, Shell& shell);  // apply, diff, get, delete.
void AddWindowCommands(CLI::App& app, Shell& shell);
void AddScheduleCommands(CLI::App& app, Shell& shell);
void AddRuleCommands(CLI::App& app, Shell& shell);
void AddPolicyCommands(CLI::App& app, Shell& shell);
void AddNotifyCommands(CLI::App& app, Shell& shell);
void AddProposalCommands(CLI::App& app, Shell& shell);
void AddBreakGlassCommands(CLI::App& change, Shell& shell);  // Below `change`.
void AddAuditCommands(CLI::App& app, Shell& shell);
void AddSqlCommands(CLI::App& app, Shell& shell);  // Needs no controller.
void AddCompletionCommand(CLI::App& app, Shell& shell);

// An environment's policy with all approval and break-glass policies that cover it.
int ShowPolicies(Shell& shell, const std::string& environment);

// A declared resource by its name, as "environments/qa".
int ShowResource(Shell& shell, const std::string& name);

// Why a job does not go on, and who can help.
int ExplainJob(Shell& shell, const std::string& name);

// The versions of this command and, unless `client_only`, of the controller.
int ShowVersion(Shell& shell, bool client_only);

// A noun: `dbfleet agent`. It needs one of its verbs.
CLI::App* AddNoun(CLI::App& app, const char* name, const char* help);

// A verb below it; `run` returns the exit code.
CLI::App* AddVerb(CLI::App& parent, const char* name, const char* help, Shell& shell,
                  std::function<int()> run);

// --wait, --timeout and --no-block; for commands that wait by themselves without --wait, but with
// --no-wait if `may_skip`.
void AddWaitOptions(CLI::App* command, WaitOptions* options);
void AddImpliedWaitOptions(CLI::App* command, WaitOptions* options, bool may_skip);

// An option whose value is a duration such as 15m; AddLifetime: one above 0.
CLI::Option* AddDuration(CLI::App* command, const char* name, absl::Duration* value,
                         const char* help);
CLI::Option* AddLifetime(CLI::App* command, const char* name, absl::Duration* value,
                         const char* help);

CLI::Option* AddReason(CLI::App* command, std::string* reason, bool required);

// What an option's text must be: digits, and no number below `least`.
CLI::Validator WholeNumber(uint64_t least);

// --limit N, 0 for all.
void AddLimit(CLI::App* command, size_t* limit);

}  // namespace dbfleet::cli
