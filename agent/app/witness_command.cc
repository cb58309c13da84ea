#include <iostream>

#include "absl/strings/str_cat.h"

#include "agent/app/commands.h"
#include "agent/config/agent_config.h"
#include "agent/witness/witness.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

int Fail(const absl::Status& status, int exit_code) {
  std::cerr << "dbfleet-agent: "
            << SanitizeForDisplay(std::string(status.message()), /*keep_newlines=*/true) << "\n";
  return exit_code;
}

}  // namespace

int ShowWitness(const std::string& config_path, std::ostream& out) {
  const absl::StatusOr<LoadedConfig> loaded = LoadConfig(config_path);
  if (!loaded.ok()) return Fail(loaded.status(), kBadConfig);
  const absl::StatusOr<audit::WitnessState> state =
      Witness::ReadState(loaded->config.data_dir() + "/witness");
  if (!state.ok()) return Fail(state.status(), kFailed);
  for (const audit::Alarm& alarm : state->alarms) {
    std::cerr << (IsCurrent(alarm, *state) ? "ALARM " : "former alarm ")
              << audit::AlarmName(alarm.kind) << " " << absl::FormatTime(alarm.time) << " ("
              << alarm.times << " times): " << SanitizeForDisplay(alarm.sentence) << "\n";
  }
  out << state->text;
  return 0;
}

}  // namespace dbfleet::agent
