#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/config/agent_config.h"
#include "agent/journal/journal.h"
#include "agent/link/health_monitor.h"
#include "agent/link/link.h"
#include "agent/metrics/collector.h"
#include "agent/runner/runner.h"
#include "agent/witness/witness.h"
#include "common/http/server.h"
#include "common/metrics/registry.h"

namespace dbfleet::agent {

// The composition root of the running agent: it alone knows all parts. Create opens the journal and
// touches no network; Start brings everything to life; Drain ends it again. Start and Drain are
// called from one thread.
class AgentProcess : public AgentFacts {
 public:
  static absl::StatusOr<std::unique_ptr<AgentProcess>> Create(LoadedConfig loaded,
                                                              std::string version);
  ~AgentProcess() override;

  absl::Status Start();
  // Lets running work end or reach a safe point, for at most `grace`; sends what is left to send
  // and disconnects. False: something still runs, and the next start finds out about it; the
  // process should then end without running this destructor, which would wait for it.
  bool Drain(absl::Duration grace);

  std::vector<std::string> Capabilities() override;
  std::vector<v1::InstanceInfo> Instances() override;
  v1::HealthReport Health() override;

 private:
  AgentProcess(LoadedConfig loaded, std::string version);
  absl::Status Build();
  void BuildActions(const std::string& exec_path);
  absl::Status BuildWitness();
  void BuildLink();
  void BuildRunner();
  void BuildWatchers();
  absl::Status StartMetricsListener();
  std::string ExposeMetrics();

  const LoadedConfig loaded_;
  const std::string version_;
  // In the order in which they are made; each uses only what stands above it, but the link, which
  // talks to the runner between Start and Drain.
  const std::unique_ptr<Clock> clock_;
  metrics::Registry registry_;
  std::unique_ptr<Journal> journal_;
  std::map<std::string, std::unique_ptr<Engine>> engines_;
  std::string repository_id_;
  std::vector<std::unique_ptr<Action>> actions_;
  std::unique_ptr<Identity> identity_;
  std::unique_ptr<Dialer> dialer_;
  std::unique_ptr<HealthMonitor> health_;
  std::unique_ptr<Witness> witness_;
  std::unique_ptr<Link> link_;
  std::unique_ptr<Runner> runner_;
  std::unique_ptr<Executor> metrics_pool_;
  std::unique_ptr<MetricsCollector> collector_;
  std::unique_ptr<http::Server> listener_;
  uint64_t dropped_reported_ = 0;  // On the listener's one thread.
  uint64_t connects_reported_ = 0;
};

// The identity's options for a configuration, also for `dbfleet-agent enroll`.
Identity::Options IdentityOptionsOf(const config::v1::AgentConfig& config,
                                    const std::string& version);

}  // namespace dbfleet::agent
