#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <utility>

#include "agent/app/agent_process.h"
#include "agent/app/commands.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"

namespace dbfleet::agent {
namespace {

// Within systemd's default of 90 s, with room for the last events.
constexpr absl::Duration kGrace = absl::Seconds(60);

// An idle agent shall cost a database host next to nothing: few arenas, and freed memory goes back.
void LimitMemory() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

void InitLog(const config::v1::LogConfig& config) {
  const std::string& level = config.level();
  log::Init(level == "debug"   ? log::Level::kDebug
            : level == "warn"  ? log::Level::kWarn
            : level == "error" ? log::Level::kError
                               : log::Level::kInfo,
            config.format() == "json" ? log::Format::kJson : log::Format::kText);
}

absl::Status CheckEnrolled(const config::v1::AgentConfig& config) {
  if (!config.join_token_file().empty() ||
      access((config.data_dir() + "/identity/chain.pem").c_str(), F_OK) == 0) {
    return absl::OkStatus();
  }
  return Error(
      absl::StatusCode::kFailedPrecondition, "NOT_ENROLLED",
      "this agent has no identity and no join_token_file; make a token with `dbfleet agent "
      "token create` and run `dbfleet-agent enroll`");
}

int Fail(const absl::Status& status, int exit_code = kFailed) {
  std::cerr << "dbfleet-agent: "
            << SanitizeForDisplay(std::string(status.message()), /*keep_newlines=*/true) << "\n";
  return exit_code;
}

}  // namespace

int RunAgent(const std::string& config_path) {
  LimitMemory();
  // Before any thread is made, so that all inherit it and sigwait below is the one receiver.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  absl::StatusOr<LoadedConfig> loaded = LoadConfig(config_path);
  if (!loaded.ok()) return Fail(loaded.status(), kBadConfig);
  if (const absl::Status status = CheckEnrolled(loaded->config); !status.ok()) return Fail(status);
  InitLog(loaded->config.log());
  auto process = AgentProcess::Create(*std::move(loaded), Version());
  if (!process.ok()) return Fail(process.status());
  if (const absl::Status status = (*process)->Start(); !status.ok()) return Fail(status);

  int received = 0;
  sigwait(&signals, &received);
  // From here on a second signal does what it does by default.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  log::Info("stopping: running work may end or reach a safe point",
            {{"signal", std::to_string(received)}, {"grace", absl::FormatDuration(kGrace)}});
  if (!(*process)->Drain(kGrace)) {
    log::Warn("something still runs; the next start of the agent finds out what became of it");
    _exit(0);
  }
  process->reset();
  log::Info("stopped");
  return 0;
}

}  // namespace dbfleet::agent
