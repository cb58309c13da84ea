#pragma once

#include <memory>

#include "absl/status/statusor.h"

#include "controller/domain/approval_policy.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// The declared approval policies as a transaction sees them. They are compiled once for each change
// to them, which a setting counts; looking is one read of that setting. The book is kept for the
// whole process: the setting is never the same twice, whatever the store. Thread-safe.
//
// Never null. What is stored and cannot be read is told by the book: outcomes are still stored.
absl::StatusOr<std::shared_ptr<const ApprovalBook>> ReadApprovalBook(ReadTx& tx);

// Part of every transaction that changes an approval policy.
absl::Status CountApprovalChange(WriteTx& tx, absl::Time now);

}  // namespace dbfleet::controller
