#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/metrics/registry.h"
#include "controller/notify/facts.h"
#include "controller/notify/route_book.h"
#include "controller/notify/steady_time.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Takes events out of the audit trail and puts them into the outbox. How far it has come is a
// number of the trail, kept in the very transaction that writes the rows: whatever happens, each
// record is looked at, and gives each recipient of each route one row. The clock plays no part.
//
// Not thread-safe; not to be called from the store's writer thread.
class Collector {
 public:
  Collector(Store& store, const SteadyTime& time, metrics::Registry& registry);

  // Looks at up to kBatch records. True: there are more.
  absl::StatusOr<bool> Collect();

  // Records looked at in one go; rows after which a transaction takes no further event.
  static constexpr int kBatch = 1000;
  static constexpr size_t kMostRows = 2000;
  // Waiting rows of one route; what comes on top is written as failed.
  static constexpr int kMostWaiting = 10'000;

 private:
  struct Found {
    uint64_t from = 0;  // What the cursor was.
    uint64_t to = 0;    // What it is to be.
    bool more = false;
    std::vector<ToldEvent> events;
    std::vector<uint64_t> seqs;                   // Of the events.
    std::map<std::string, std::string> settings;  // Usual times.
  };

  absl::Status Look(ReadTx& tx, Found* found);
  absl::Status LookAtRecord(ReadTx& tx, uint64_t seq, Found* found);
  absl::Status NoteDuration(ReadTx& tx, ToldEvent* told, Found* found);
  absl::Status Put(WriteTx& tx, const Found& found);
  absl::Status PutEvent(WriteTx& tx, const ToldEvent& told, uint64_t seq);

  Store& store_;
  const SteadyTime& time_;
  RouteBook book_;
  uint64_t seen_ = 0;       // Records up to here were looked at.
  uint64_t persisted_ = 0;  // The cursor as stored.
  bool started_ = false;
  metrics::Counter& overflow_total_;
  metrics::Gauge& lag_;
};

}  // namespace dbfleet::controller
