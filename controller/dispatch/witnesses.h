#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/audit/checkpoint.h"
#include "common/concurrency/executor.h"
#include "common/metrics/registry.h"
#include "common/time/clock.h"
#include "controller/audit/checkpointer.h"
#include "controller/dispatch/session.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Pushes each new checkpoint of the audit trail to the connected agents, each with a proof from
// what that agent has seen last, and keeps the receipts that they sign. Alarms of agents are
// audited (once per agent, kind and life of the controller: each record makes a new checkpoint,
// which would raise the alarm again) and counted; an agent that raised one is sent nothing more on
// that stream.
//
// A busy trail makes checkpoints faster than ten thousand agents can sign for them, so pushes are
// paced: up to kPushesPerSecond, to the agents in turn. Of a large fleet some agents then have the
// newest checkpoint at once, and each has one that is agents/kPushesPerSecond seconds old at most.
//
// All work happens on one serial executor, the checkpointer's, apart from the dispatcher's: proofs
// and signatures of ten thousand agents must not delay an offer. Thread-safe; the executor ends
// before this object. Nothing else is owned.
class Witnesses {
 public:
  static constexpr int kPushesPerSecond = 200;  // Also the most at once.

  using ConnectionPtr = std::shared_ptr<AgentConnection>;
  Witnesses(Store& store, const AuditKeys& keys, std::string ca_pem, Clock& clock,
            Executor& executor, metrics::Registry& metrics);

  // After the executor's Shutdown, and before its end.
  void Stop() { timer_ = nullptr; }

  // After the agent's Welcome. `witnessed` is its Hello's checkpoint.
  void Join(ConnectionPtr connection, std::string witnessed);
  void Leave(ConnectionPtr connection);
  void Answer(ConnectionPtr connection, agent::v1::CheckpointAnswer answer);
  // An older agent, which did not understand a push: it is left alone on this stream.
  void Unsupported(ConnectionPtr connection);
  void Publish(std::shared_ptr<const IssuedCheckpoint> checkpoint);

  // The checkpoint in the text, if this controller's keys signed it.
  std::optional<audit::Checkpoint> Read(const std::string& text) const;

 private:
  struct Peer {
    ConnectionPtr connection;
    std::optional<audit::Checkpoint> seen;
    bool left_alone = false;
    bool knows_keys = false;
    bool waits = false;  // In waiting_.
    int pushes = 0;      // Since the last Publish.
  };

  void Post(std::function<void()> fn);
  Peer* Find(const ConnectionPtr& connection);
  void Enqueue(Peer& peer);
  void PushWaiting();
  // Whether there was anything to send.
  bool Push(Peer& peer, std::optional<uint64_t> prove_from);
  absl::StatusOr<std::shared_ptr<const IssuedCheckpoint>> NextFor(const Peer& peer);
  absl::StatusOr<IssuedCheckpoint> Renewed(ReadTx& tx, const std::string& text) const;
  absl::Status AddFormerLogs(const Peer& peer, const audit::Checkpoint& next,
                             agent::v1::CheckpointPush* push);
  absl::StatusOr<std::vector<std::string>> Proof(uint64_t from, uint64_t to);
  void Handle(Peer& peer, const agent::v1::CheckpointAnswer& answer);
  void TakeReceipt(const Peer& peer, const agent::v1::AuditReceipt& receipt);
  absl::StatusOr<bool> IsOurLog(const std::string& log_id);
  absl::Status CheckReceipt(const std::string& agent_id, const agent::v1::AuditReceipt& receipt,
                            AuditReceipt* row);
  void TakeAlarm(Peer& peer, const agent::v1::CheckpointAnswer& answer);

  Store& store_;
  const AuditKeys& keys_;
  const std::string ca_pem_;
  Clock& clock_;
  Executor& executor_;
  metrics::Registry& metrics_;
  metrics::Counter& receipts_total_;
  metrics::Counter& refused_total_;
  metrics::Gauge& witnesses_gauge_;

  // On the executor only.
  std::map<const AgentConnection*, Peer> peers_;
  std::deque<std::weak_ptr<AgentConnection>> waiting_;
  double tokens_ = kPushesPerSecond;
  absl::Duration tokens_time_ = absl::ZeroDuration();  // Monotonic; when there were so many.
  std::unique_ptr<Clock::Timer> timer_;                // For what waits for a token.
  std::shared_ptr<const IssuedCheckpoint> latest_;
  std::map<std::pair<uint64_t, uint64_t>, std::vector<std::string>> proofs_;
  std::map<uint64_t, std::string> roots_;
  std::set<std::string> audited_;  // Agent, kind and log of alarms.
};

}  // namespace dbfleet::controller
