#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/journal/journal.h"
#include "agent/link/dialer.h"
#include "agent/runner/runner.h"
#include "agent/witness/witness.h"
#include "common/time/clock.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::agent {

// What the link says about this agent; the composition root implements it. Called on the link's
// thread; thread-safe.
class AgentFacts {
 public:
  virtual ~AgentFacts() = default;
  virtual std::vector<std::string> Capabilities() = 0;
  virtual std::vector<v1::InstanceInfo> Instances() = 0;  // The link adds the fences.
  virtual v1::HealthReport Health() = 0;
};

// The agent's connection to its controller: one control stream with the journal's events resent
// until acknowledged, and streams for logs and metrics beside it. It reconnects for ever, with full
// jitter before each dial. The controller's messages reach the runner on one thread of the link's
// own.
//
// Order: Create, Start (after Runner::Recover), ..., Stop. The runner ends before this object does:
// the journal wakes the link from the runner's threads. Thread-safe.
class Link : public LinkServices {
 public:
  struct Options {
    std::string agent_id;
    std::string version;
    size_t log_buffer_bytes = 1 << 20;
    absl::Duration backoff_base = absl::Seconds(1);
    absl::Duration backoff_max = absl::Seconds(30);
    // Between tries when the controller says that this agent is revoked.
    absl::Duration refused_retry = absl::Minutes(2);
    // Between the first tries when the controller's epoch is an older one than this agent has seen,
    // as of one that is being recovered; at least a half of it, and twice as long each time.
    absl::Duration stale_epoch_retry = absl::Seconds(10);
    absl::Duration stale_epoch_retry_max = absl::Minutes(1);
    absl::Duration handshake_timeout = absl::Seconds(20);
    absl::Duration health_heartbeat = absl::Seconds(60);
    // That an event which does not end anything waits for the next one, to travel with it: the
    // start of an attempt, say, whose end comes within milliseconds.
    absl::Duration event_hold = absl::Milliseconds(10);
  };
  // Without a witness, checkpoints of the audit trail are answered as if they were unknown here.
  struct Stats {
    bool connected = false;
    uint64_t connects = 0;
    uint64_t log_lines_dropped = 0;
    std::string environment;
    std::string last_error;
  };

  static std::unique_ptr<Link> Create(Options options, Clock& clock, Journal& journal,
                                      Dialer& dialer, AgentFacts& facts,
                                      Witness* witness = nullptr);

  virtual void Start(Runner& runner) = 0;
  // Waits until the controller has acknowledged every event; false when `timeout` came first.
  virtual bool Flush(absl::Duration timeout) = 0;
  // Ends all streams and waits for that. Idempotent.
  virtual void Stop() = 0;

  // An instance's health is another one now.
  virtual void HealthChanged() = 0;
  // Keeps the latest set per instance until the controller took it.
  virtual void PushMetrics(v1::MetricsBatch batch) = 0;

  virtual Stats stats() = 0;
};

}  // namespace dbfleet::agent
