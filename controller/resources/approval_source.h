#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "controller/domain/approval_policy.h"
#include "controller/store/compiled_once.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// The declared approval policies as a transaction sees them. They are compiled once for each change
// to them, which a setting counts; looking is one read of that setting. Thread-safe.
class ApprovalSource {
 public:
  // Never null. What is stored and cannot be read is told by the book: outcomes are still stored.
  absl::StatusOr<std::shared_ptr<const ApprovalBook>> Read(ReadTx& tx);

  // Part of every transaction that changes an approval policy.
  static absl::Status CountChange(WriteTx& tx, absl::Time now);

 private:
  CompiledOnce<ApprovalBook> book_;
};

}  // namespace dbfleet::controller
