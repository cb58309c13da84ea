#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/concurrency/mutex.h"
#include "dbfleet/agent/v1/link_service.grpc.pb.h"
#include "tests/bench/fleet/sim_agent.h"

namespace dbfleet::bench {

// Pushes metrics for the instances of simulated agents, as agents do (agent/link/metrics_stream.h):
// one PushMetrics stream for each agent, over the connection of its control stream, one batch at a
// time, every batch an instance's whole set. The agents' turns are spread evenly over the interval.
// An agent whose former turn has not ended yet is left out, and counted as late; one that is not
// connected is left out, too, and gets a new stream once it is.
//
// The sets have the shape of the MySQL engine's: names, help texts and labels of the same lengths,
// values that grow. Pushing begins with the construction. The agents outlive this; the destructor
// ends the streams and waits for them.
class SimMetrics {
 public:
  struct Options {
    int instances = 1;  // Of each agent; the agents were made with as many.
    int series = 300;
    double interval_seconds = 15;
    bool compress = false;  // With gzip, on the wire.
  };

  SimMetrics(const Options& options, const std::vector<std::unique_ptr<SimAgent>>& agents);
  ~SimMetrics();

  // One line of JSON.
  std::string Figures() const;

 private:
  class Stream;
  struct Slot {
    SimAgent* agent = nullptr;
    Mutex mutex;
    Stream* stream ABSL_GUARDED_BY(mutex) = nullptr;  // Owns itself until its OnDone.
  };

  void Run();
  void Push(Slot* slot);
  // The set of one instance in a round.
  agent::v1::MetricsBatch MakeBatch(const std::string& instance, int64_t round) const;

  const Options options_;
  const agent::v1::MetricsBatch shape_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::atomic<bool> over_{false};
  std::atomic<int> streams_{0};
  std::atomic<int64_t> batches_{0};  // That gRPC has taken.
  std::atomic<int64_t> late_{0};
  std::atomic<int64_t> failures_{0};  // Streams that ended by themselves.
  std::thread thread_;
};

}  // namespace dbfleet::bench
