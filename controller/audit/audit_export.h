#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "controller/domain/types.h"
#include "controller/store/store.h"

// Reads the audit trail out of the store. Records are written by WriteTx::AppendAudit only, in the
// transaction of the change that they tell of.
namespace dbfleet::controller {

// The end of the hash chain: what a checkpoint signs, and what an operator can note down elsewhere.
struct AuditHead {
  uint64_t seq = 0;  // 0: there is no record.
  std::string hash;  // 32 raw bytes; the genesis hash when there is no record.
};

absl::StatusOr<AuditHead> ReadAuditHead(Store& store);

// Gives every record from `from_seq` (0 counts as 1) up to the head at the time of the call to
// `sink`, oldest first, in batches, so that neither memory nor one snapshot grows with the trail.
// No read is open while `sink` runs. Stops with the first error of `sink`. DATA_LOSS (AUDIT_GAP) if
// a record is missing. Returns the head.
absl::StatusOr<AuditHead> ExportAudit(Store& store, uint64_t from_seq,
                                      const std::function<absl::Status(const AuditRow&)>& sink);

// The record as a line of an export (common/audit/export.h), with its "\n".
std::string AuditLine(const AuditRow& row);

}  // namespace dbfleet::controller
