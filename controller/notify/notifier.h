#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/metrics/registry.h"
#include "common/time/clock.h"
#include "common/transfer/transfer.h"
#include "controller/notify/collector.h"
#include "controller/notify/route_secrets.h"
#include "controller/notify/sender.h"
#include "controller/notify/span_keeper.h"
#include "controller/notify/steady_time.h"
#include "controller/notify/window_watch.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

struct TestOutcome {
  std::string recipient;
  bool delivered = false;
  std::string answer;
};

struct RetryOutcome {
  int retried = 0;
  bool more = false;
};

// Tells people what the audit trail records: collects, sends, and keeps the outbox small, on a
// thread of its own. Thread-safe but for Start and Stop, which are called once each, in this order.
class Notifier {
 public:
  using Windows = WindowWatch::Windows;
  struct Options {
    Sender::Options sender;
    absl::Duration pulse = absl::Seconds(1);  // While something waits.
    absl::Duration idle_pulse = absl::Seconds(10);
    absl::Duration upkeep = absl::Minutes(1);
    absl::Duration coalesce = absl::Milliseconds(50);  // From a record to the look at it.
  };

  // Tests have a client of their own, so that a receiver that hangs while it is tested takes no
  // thread from what is sent to others.
  struct Clients {
    std::unique_ptr<transfer::Client> sends;
    std::unique_ptr<transfer::Client> tests;
  };

  Notifier(Store& store, Clock& clock, metrics::Registry& registry, Clients clients,
           RouteSecrets secrets, Windows windows, Options options);
  ~Notifier();

  void Start();
  // Breaks off what is under way; it is sent again after the next start.
  void Stop();

  // There are new audit records. Does not block; called by the store's writer thread.
  void OnHead();

  // Sends a test message, and its end where the receiver keeps alerts; waits for the answers.
  // NOT_FOUND (RESOURCE_NOT_FOUND), RESOURCE_EXHAUSTED (TESTS_BUSY).
  absl::StatusOr<std::vector<TestOutcome>> Test(const std::string& route);

  // Could what this route sends be made? Its secrets are read; nothing is sent.
  // FAILED_PRECONDITION: SECRET_NOT_FOR_THIS, SECRET_UNREADABLE.
  absl::Status CheckRoute(const Route& route) const;

  absl::StatusOr<Page<Notification>> List(const NotificationFilter& filter,
                                          const PageRequest& page);
  // Failed ones wait again: this one, or all of the route. With its audit record. NOT_FOUND
  // (NOTIFICATION_NOT_FOUND); FAILED_PRECONDITION (NOT_FAILED, OVERTAKEN).
  absl::StatusOr<RetryOutcome> Retry(const std::string& principal, const std::string& id,
                                     const std::string& route);

  static constexpr int kMostTests = 4;
  static constexpr int kMostRetried = 1000;

 private:
  void Wake();
  void WakeAfter(absl::Duration delay);
  void Round();
  bool TellWindows();
  void DoUpkeep();
  absl::Status Again(WriteTx& tx, Notification row, bool alerts, bool alone, RetryOutcome* outcome);

  Store& store_;
  Clock& clock_;
  const SteadyTime time_;
  const RouteSecrets secrets_;
  const Options options_;
  // Its callbacks use the executor, which therefore ends later; Stop sees to the order.
  const std::unique_ptr<Executor> executor_;
  const Clients clients_;
  Collector collector_;  // The executor's, as what follows.
  Sender sender_;
  WindowWatch windows_;
  SpanKeeper spans_;
  absl::Duration upkeep_at_;
  absl::Duration windows_at_;
  std::atomic<bool> posted_{false};
  std::atomic<bool> head_wake_{false};
  std::atomic<bool> stopped_{false};
  std::atomic<int> tests_{0};
  Mutex mutex_;
  std::unique_ptr<Clock::Timer> timer_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Clock::Timer> head_timer_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
