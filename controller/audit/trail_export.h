#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/statusor.h"

#include "controller/audit/audit_export.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// The audit records with the checkpoints and receipts that prove them, in the order of an export
// (common/audit/export_evidence.h): each checkpoint or receipt directly after the last record that
// it covers, a log's beginning after what its predecessor signed. What a log signed beyond the
// records that all its successors adopted is left out: those records are no part of the trail any
// more. How such logs follow each other is told by adoptions, which come first.
// Not thread-safe; the store is not owned.
class TrailReader {
 public:
  struct Adoption {
    std::string text;
  };
  using Item = std::variant<AuditRow, AuditCheckpoint, AuditReceipt, Adoption>;
  TrailReader(Store& store, uint64_t from_seq, const AuditHead& head);

  // nullopt at the end. DATA_LOSS (AUDIT_GAP).
  absl::StatusOr<std::optional<Item>> Next();

 private:
  absl::Status LoadLogs();
  // Makes what stands directly after the first `size` records the next to be given out.
  absl::Status Reach(uint64_t size);
  absl::Status LoadEvidence(uint64_t first_size, uint64_t last_size);

  Store& store_;
  AuditReader records_;
  const uint64_t start_;  // The last record before those that are given out.
  bool begun_ = false;
  std::deque<Item> evidence_;
  std::map<uint64_t, std::deque<Item>> waiting_;  // By size, up to loaded_.
  uint64_t loaded_ = 0;
  std::map<std::string, int> order_;      // Of the logs.
  std::map<std::string, uint64_t> kept_;  // Of logs that were replaced: how many records are.
};

}  // namespace dbfleet::controller
