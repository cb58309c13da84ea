#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "controller/store/compiled_once.h"
#include "controller/store/store.h"
#include "controller/windows/book.h"

namespace dbfleet::controller {

// The declared windows as a transaction sees them. They are compiled once for each change to them,
// which a setting counts; looking is one read of that setting. Thread-safe.
class WindowSource {
 public:
  // DATA_LOSS (STORE_CORRUPT) for a stored window that cannot be read: nothing may start on a
  // guess.
  absl::StatusOr<std::shared_ptr<const WindowBook>> Read(ReadTx& tx);

  // Part of every transaction that changes a window.
  static absl::Status CountChange(WriteTx& tx, absl::Time now);

 private:
  CompiledOnce<WindowBook> book_;
};

}  // namespace dbfleet::controller
