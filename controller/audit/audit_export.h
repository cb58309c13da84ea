#pragma once

#include <cstdint>
#include <deque>
#include <optional>
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

// Every record from `from_seq` (0 counts as 1) up to `head`, oldest first. Read in batches, each in
// a short snapshot of its own, so that neither memory nor one snapshot grows with the trail;
// records never change, so the parts fit together. Not thread-safe; the store is not owned.
class AuditReader {
 public:
  AuditReader(Store& store, uint64_t from_seq, const AuditHead& head);

  // nullopt after the head. DATA_LOSS (AUDIT_GAP) if a record is missing.
  absl::StatusOr<std::optional<AuditRow>> Next();

 private:
  absl::Status Gap() const;

  Store& store_;
  uint64_t next_;
  const uint64_t last_;
  std::deque<AuditRow> batch_;
};

}  // namespace dbfleet::controller
