#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/client_callback.h"

#include "common/concurrency/mutex.h"
#include "dbfleet/agent/v1/link_service.grpc.pb.h"

namespace dbfleet::bench {

// What one simulated agent is: an enrolled identity, as an agent would keep it in files.
struct SimIdentity {
  std::string agent_id;
  std::string ca_pem;
  std::string chain_pem;
  std::string key_pem;
};

// Sums over all simulated agents.
struct SimTotals {
  std::atomic<int> connected{0};  // Welcomed, and the stream still stands.
  std::atomic<int64_t> accepted{0};
  std::atomic<int64_t> granted{0};
  std::atomic<int64_t> finished{0};  // Outcomes that the controller has acknowledged.
  std::atomic<int64_t> received{0};  // Messages.
  std::atomic<int64_t> failures{0};  // Streams that ended by themselves.
};

// Speaks the agents' side of the control stream with nothing behind it: no database, no durable
// journal (events live in memory, nothing is fsynced), every task is at once a success. Everything
// else is the real protocol over mutual TLS with a connection of its own, so that the controller
// does all its work. It keeps what a reconnect needs: unacknowledged events and open attempts.
//
// Thread-safe. Connect again after the end of a stream; the owner paces that. Must outlive its
// streams: call Stop and wait for idle() before the end.
class SimAgent {
 public:
  // It declares `instances` instances: one with the agent's own name, the others with "-2", "-3"
  // ... behind it.
  SimAgent(SimIdentity identity, std::string controller, SimTotals* totals, int instances = 1);

  void Connect();
  // A health report and a ping, as an agent sends them every 15 s.
  void Heartbeat();
  // From now on it neither reads nor writes, as a host that lost its power.
  void Freeze();
  void Stop();

  bool idle();  // No stream is open.
  bool wants_connection();
  const std::string& id() const { return identity_.agent_id; }
  const std::vector<std::string>& instances() const { return instances_; }
  // The connection, for other streams beside the control stream; nullptr while there is no Welcome.
  std::shared_ptr<grpc::Channel> channel();

 private:
  class Stream;
  friend class Stream;

  agent::v1::AgentMsg MakeHello();
  void OnMessage(Stream* stream, const agent::v1::ControllerMsg& message);
  void OnEnd(Stream* stream);
  void Take(Stream* stream, const agent::v1::ControllerMsg& message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddEvents(std::vector<agent::v1::Event> events) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnOffer(const agent::v1::Offer& offer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnGrant(const agent::v1::Grant& grant) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnAck(uint64_t up_to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  struct OpenAttempt {
    agent::v1::Offer offer;
    bool granted = false;
  };

  const SimIdentity identity_;
  const std::string controller_;
  const std::vector<std::string> instances_;
  SimTotals& totals_;
  const std::string journal_id_;

  Mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<agent::v1::AgentLink::Stub> stub_ ABSL_GUARDED_BY(mutex_);
  Stream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;  // Owns itself until its OnDone.
  bool welcomed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool frozen_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t boots_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string life_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_seq_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t nonce_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<agent::v1::Event> unacknowledged_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, OpenAttempt> open_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::bench
