#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/store/store.h"
#include "controller/windows/book.h"
#include "controller/windows/edges.h"

namespace dbfleet::controller {

// Puts into the audit trail when declared windows and freezes begin and end ("window.open",
// "window.close"), and when the end of an open one is moved ("window.extend", "window.shorten").
//
// By state, not by time: the store keeps of each window what was told (ToldWindows), in the
// transaction that tells it, and what holds is compared with that. So a window whose begin lies in
// the past when it is declared is told, one that is ended early, deleted or changed is told closed,
// and no restart tells anything twice. While nothing changes a look is one read of a setting, and
// nothing is written. Not thread-safe.
class WindowWatch {
 public:
  // The declared windows as the transaction sees them: the same pointer for the same windows.
  using Windows = std::function<absl::StatusOr<std::shared_ptr<const WindowBook>>(ReadTx&)>;

  // What began and ended while nobody looked is told if it ended no longer ago than this.
  static constexpr absl::Duration kFarthestBack = absl::Hours(1);
  static constexpr size_t kMostEdges = 200;  // In one transaction.

  // `windows` is called by the store's writer thread, too.
  WindowWatch(Store& store, Windows windows) : store_(store), windows_(std::move(windows)) {}

  // Tells what is to be told by `now`, the wall clock's time. True: there is more.
  absl::StatusOr<bool> Tell(absl::Time now);

 private:
  struct Plan;
  absl::Status Look(ReadTx& tx, absl::Time now, Plan* plan) const;
  absl::Status Write(WriteTx& tx, const Plan& plan) const;

  Store& store_;
  const Windows windows_;
  // Of the last look that found nothing: until when nothing can be due with these windows.
  std::shared_ptr<const WindowBook> quiet_book_;
  absl::Time quiet_from_;
  absl::Time quiet_until_ = absl::InfinitePast();
  std::set<std::string> unreadable_;  // Windows whose rows were logged.
};

// All that was told of windows, by their names; of deleted ones until their end is told. What
// cannot be read is left out.
absl::StatusOr<std::vector<ToldWindow>> ToldWindows(ReadTx& tx);

}  // namespace dbfleet::controller
