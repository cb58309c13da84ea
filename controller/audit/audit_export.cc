#include "controller/audit/audit_export.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/audit/export.h"
#include "common/audit/record.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

constexpr int kBatch = 500;

absl::Status Gap(uint64_t seq, uint64_t head) {
  return Error(
      absl::StatusCode::kDataLoss, "AUDIT_GAP",
      absl::StrCat("audit record ", seq, " is missing in the store, which has records up to ", head,
                   "; restore the store from its backup"));
}

}  // namespace

absl::StatusOr<AuditHead> ReadAuditHead(Store& store) {
  AuditHead head;
  head.hash = audit::GenesisHash();
  RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    PageRequest newest;
    newest.size = 1;
    ASSIGN_OR_RETURN(const Page<AuditRow> page, tx.ListAudit(AuditFilter(), newest));
    if (!page.items.empty()) head = {page.items[0].seq, page.items[0].hash};
    return absl::OkStatus();
  }));
  return head;
}

absl::StatusOr<AuditHead> ExportAudit(Store& store, uint64_t from_seq,
                                      const std::function<absl::Status(const AuditRow&)>& sink) {
  ASSIGN_OR_RETURN(AuditHead head, ReadAuditHead(store));
  uint64_t next = std::max<uint64_t>(from_seq, 1);
  while (next <= head.seq) {
    const int limit = static_cast<int>(std::min<uint64_t>(kBatch, head.seq - next + 1));
    std::vector<AuditRow> batch;
    RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(batch, tx.ReadAudit(next, limit));
      return absl::OkStatus();
    }));
    if (batch.empty()) return Gap(next, head.seq);
    for (const AuditRow& row : batch) {
      if (row.seq != next) return Gap(next, head.seq);
      RETURN_IF_ERROR(sink(row));
      ++next;
    }
  }
  return head;
}

std::string AuditLine(const AuditRow& row) {
  audit::ExportedRecord exported;
  exported.record.seq = row.seq;
  exported.record.time = row.record_time;
  exported.record.actor = row.entry.actor;
  exported.record.action = row.entry.action;
  exported.record.resource = row.entry.resource;
  exported.record.environment = row.entry.environment;
  exported.record.details = row.entry.details;
  exported.record.previous_hash = row.previous_hash;
  exported.canonical = row.canonical;
  exported.hash = row.hash;
  return absl::StrCat(audit::WriteJsonLine(exported), "\n");
}

}  // namespace dbfleet::controller
