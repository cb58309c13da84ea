#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/metrics/registry.h"
#include "common/transfer/transfer.h"
#include "controller/notify/lanes.h"
#include "controller/notify/outgoing.h"
#include "controller/notify/route_book.h"
#include "controller/notify/steady_time.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Sends what waits in the outbox. Each attempt is counted, and its successor's time set, before it
// is made: a store that takes no writes stops the sending instead of having the same message sent
// again and again. What came of it is written afterwards; between the two a crash sends it again,
// with the same idempotency key.
//
// Not thread-safe: everything is called on one executor, to which `post` hands over.
class Sender {
 public:
  struct Options {
    absl::Duration most_age = absl::Hours(24);  // Then it is given up.
    int most_attempts = 100;
    int most_definite = 3;         // Attempts, where the receiver says no and not "later".
    double (*random)() = nullptr;  // Default: UniformRandom.
  };
  using Post = std::function<void(std::function<void()>)>;

  Sender(Store& store, const SteadyTime& time, transfer::Client& client,
         const RouteSecrets& secrets, metrics::Registry& registry, Post post, Options options);

  // Begins what may begin, and writes down what ended. True: something waits.
  absl::StatusOr<bool> Send();
  // Deletes old rows and gives up what nobody sends any more; each call does a bounded part. True:
  // there is more.
  absl::StatusOr<bool> Upkeep();
  void RetryNow(const std::string& route) { lanes_.Reset(route); }
  // No attempt is begun any more.
  void Stop() { stopped_ = true; }

  static constexpr size_t kMostBegun = 64;  // With one transaction.
  static constexpr absl::Duration kKeepSent = absl::Hours(24 * 7);
  static constexpr absl::Duration kKeepFailed = absl::Hours(24 * 30);
  static constexpr int kMostKept = 50'000;  // Of each.
  static constexpr int kPruned = 500;

 private:
  struct Ended {
    Notification row;
    std::string receiver;
    Verdict verdict;
  };

  absl::Status Choose(ReadTx& tx, std::vector<Notification>* chosen, bool* waiting);
  absl::Status Mark(WriteTx& tx, std::vector<Notification>* chosen);
  void Begin(const Notification& row);
  void End(const Notification& row, const Route& route, const std::string& host, Verdict verdict);
  absl::Status Settle();
  absl::Status SettleOne(WriteTx& tx, const Ended& ended, std::map<std::string, int>* given_up,
                         std::map<std::string, std::string>* why);
  bool IsOver(const Notification& row, const Verdict& verdict) const;
  absl::Status GiveUp(WriteTx& tx, const std::string& route, const char* why, bool only_old,
                      bool* more);
  static absl::Status AuditGivenUp(WriteTx& tx, const std::string& route, int count,
                                   const std::string& why);
  DueTimes Times() const;
  void Count(const std::string& receiver, const char* result);

  Store& store_;
  const SteadyTime& time_;
  transfer::Client& client_;
  const RouteSecrets& secrets_;
  metrics::Registry& registry_;
  const Post post_;
  const Options options_;
  Lanes lanes_;
  RouteBook book_;
  bool stopped_ = false;
  std::string next_route_;           // Where the next round begins.
  std::set<std::string> under_way_;  // Ids, until their end is written.
  std::vector<Ended> ended_;
  absl::Duration settle_not_before_;
  absl::Duration mark_not_before_;
  metrics::Gauge& waiting_;
  metrics::Gauge& failed_;
  metrics::Gauge& oldest_;
  metrics::Gauge& open_circuits_;
};

}  // namespace dbfleet::controller
