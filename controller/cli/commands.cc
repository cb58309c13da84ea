#include "controller/cli/commands.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/config/scalars.h"

namespace dbfleet::cli {
namespace {
constexpr absl::Duration kRestartPatience = absl::Seconds(30);
}  // namespace

CLI::App* AddNoun(CLI::App& app, const char* name, const char* help) {
  CLI::App* noun = app.add_subcommand(name, help);
  noun->require_subcommand(1);
  return noun;
}

CLI::App* AddVerb(CLI::App& parent, const char* name, const char* help, Shell& shell,
                  std::function<int()> run) {
  CLI::App* verb = parent.add_subcommand(name, help);
  verb->callback([&shell, verb, run = std::move(run)] {
    shell.action = run;
    // Who waits for a job's end waits for the controller, too.
    const CLI::Option* wait = verb->get_option_no_throw("--wait");
    const bool waits =
        wait != nullptr ? wait->count() > 0 : verb->get_option_no_throw("--no-block") != nullptr;
    if (waits) shell.patience = kRestartPatience;
    const CLI::Option* timeout = verb->get_option_no_throw("--timeout");
    if (timeout != nullptr && timeout->count() > 0) {
      // It was parsed well before.
      shell.time_limit =
          config::ParseHumanDuration(timeout->results().back()).value_or(absl::InfiniteDuration());
    }
  });
  return verb;
}

CLI::Option* AddDuration(CLI::App* command, const char* name, absl::Duration* value,
                         const char* help) {
  return command
      ->add_option_function<std::string>(
          name,
          [value](const std::string& text) {
            auto parsed = config::ParseHumanDuration(text);
            if (!parsed.ok()) throw CLI::ValidationError(std::string(parsed.status().message()));
            *value = *parsed;
          },
          help)
      ->type_name("DURATION");
}

CLI::Option* AddLifetime(CLI::App* command, const char* name, absl::Duration* value,
                         const char* help) {
  return AddDuration(command, name, value, help)->check([](const std::string& text) {
    const auto parsed = config::ParseHumanDuration(text);
    const bool none = parsed.ok() && *parsed <= absl::ZeroDuration();
    return none ? absl::StrCat("a time above 0 is wanted, not \"", text, "\"") : std::string();
  });
}

void AddWaitOptions(CLI::App* command, WaitOptions* options) {
  CLI::Option* wait = command->add_flag("--wait,-w", options->wait, "Wait until the job has ended");
  AddDuration(command, "--timeout", &options->timeout, "Stop waiting after this time (exit code 9)")
      ->needs(wait);
  command
      ->add_flag_callback(
          "--no-block", [options] { options->block = false; },
          "Stop waiting when only a person can make the job go on (exit code 8)")
      ->needs(wait);
}

void AddImpliedWaitOptions(CLI::App* command, WaitOptions* options, bool may_skip) {
  options->wait = true;
  AddDuration(command, "--timeout", &options->timeout,
              "Stop waiting after this time (exit code 9)");
  command->add_flag_callback(
      "--no-block", [options] { options->block = false; },
      "Stop waiting when only a person can make the job go on (exit code 8)");
  if (may_skip) {
    command->add_flag_callback(
        "--no-wait", [options] { options->wait = false; }, "Only start the job");
  }
}

CLI::Option* AddReason(CLI::App* command, std::string* reason, bool required) {
  return command->add_option("--reason", *reason, "Why, for the audit trail")->required(required);
}

CLI::Validator WholeNumber(uint64_t least) {
  return CLI::Validator(
      [least](const std::string& text) {
        uint64_t number = 0;
        // The parser itself would take -1 for the largest number there is.
        const bool digits = std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
        if (digits && absl::SimpleAtoi(text, &number) && number >= least) return std::string();
        return absl::StrCat("\"", text, "\" is no whole number from ", least, " on");
      },
      "");
}

void AddLimit(CLI::App* command, size_t* limit) {
  command->add_option("--limit", *limit, "At most so many, newest first; 0 for all")
      ->capture_default_str()
      ->check(WholeNumber(0));
}

}  // namespace dbfleet::cli
