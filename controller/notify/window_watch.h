#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "controller/store/store.h"
#include "controller/windows/book.h"

namespace dbfleet::controller {

// Puts into the audit trail when declared windows and freezes begin and end ("window.open",
// "window.close"). Up to when that was done is kept in the store, so that none is told twice or
// left out by a restart; what lies back farther than kFarthestBack is not told any more.
struct WindowWatch {
  static constexpr absl::Duration kFarthestBack = absl::Hours(1);
  static constexpr size_t kMostEdges = 200;  // With one call.

  // `book`: as the transaction sees it. Whether anything was to be told is in `told`.
  static absl::Status Tell(WriteTx& tx, const WindowBook& book, absl::Time now, bool* told);
  // The same without writing: is there anything?
  static bool IsDue(ReadTx& tx, const WindowBook& book, absl::Time now);
};

}  // namespace dbfleet::controller
