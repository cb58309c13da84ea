#include "controller/audit/audit_export.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/audit/record.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

constexpr int kBatch = 500;

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

AuditReader::AuditReader(Store& store, uint64_t from_seq, const AuditHead& head)
    : store_(store), next_(std::max<uint64_t>(from_seq, 1)), last_(head.seq) {}

absl::StatusOr<std::optional<AuditRow>> AuditReader::Next() {
  if (next_ > last_) return std::nullopt;
  if (batch_.empty()) {
    const int limit = static_cast<int>(std::min<uint64_t>(kBatch, last_ - next_ + 1));
    RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(std::vector<AuditRow> rows, tx.ReadAudit(next_, limit));
      batch_.assign(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
      return absl::OkStatus();
    }));
  }
  if (batch_.empty() || batch_.front().seq != next_) return Gap();
  ++next_;
  std::optional<AuditRow> row = std::move(batch_.front());
  batch_.pop_front();
  return row;
}

absl::Status AuditReader::Gap() const {
  return Error(absl::StatusCode::kDataLoss, "AUDIT_GAP",
               absl::StrCat("audit record ", next_,
                            " is missing in the store, which has records "
                            "up to ",
                            last_, "; restore the store from its backup"));
}

}  // namespace dbfleet::controller
