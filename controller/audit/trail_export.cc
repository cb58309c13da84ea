#include "controller/audit/trail_export.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "controller/audit/lost_logs.h"

namespace dbfleet::controller {
namespace {

constexpr uint64_t kEvidenceAtOnce = 4096;  // Records' worth.

std::string LogOf(const TrailReader::Item& item) {
  const auto* checkpoint = std::get_if<AuditCheckpoint>(&item);
  return checkpoint != nullptr ? checkpoint->log_id : std::get<AuditReceipt>(item).log_id;
}

}  // namespace

TrailReader::TrailReader(Store& store, uint64_t from_seq, const AuditHead& head)
    : store_(store), records_(store, from_seq, head), start_(from_seq > 1 ? from_seq - 1 : 0) {}

absl::Status TrailReader::LoadLogs() {
  return store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(TrailLineage found, ReadLineage(tx));
    for (const std::string& log : found.own) {
      order_.emplace(log, static_cast<int>(order_.size()));
      const std::optional<uint64_t> kept = found.lineage.KeptOf(log);
      if (!kept.has_value()) continue;
      kept_[log] = *kept;
      if (!found.lineage.HasPredecessor(log)) continue;
      const auto last = found.last.find(log);
      if (last != found.last.end()) evidence_.push_back(Adoption{last->second});
    }
    for (LostLog& log : found.lost) {
      if (log.checkpoint.predecessor.has_value())
        evidence_.push_back(Adoption{std::move(log.text)});
    }
    return absl::OkStatus();
  });
}

absl::Status TrailReader::LoadEvidence(uint64_t first_size, uint64_t last_size) {
  const auto add = [this](Item item, uint64_t size) {
    const auto kept = kept_.find(LogOf(item));
    if (kept == kept_.end() || size <= kept->second) waiting_[size].push_back(std::move(item));
  };
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(std::vector<AuditCheckpoint> checkpoints,
                     tx.AuditCheckpoints(first_size, last_size));
    ASSIGN_OR_RETURN(std::vector<AuditReceipt> receipts, tx.AuditReceipts(first_size, last_size));
    for (auto& checkpoint : checkpoints) add(checkpoint, checkpoint.size);
    for (auto& receipt : receipts) add(receipt, receipt.size);
    return absl::OkStatus();
  }));
  for (auto& [size, items] : waiting_) {
    std::stable_sort(items.begin(), items.end(), [&](const Item& a, const Item& b) {
      return order_[LogOf(a)] < order_[LogOf(b)];
    });
  }
  loaded_ = last_size;
  return absl::OkStatus();
}

absl::Status TrailReader::Reach(uint64_t size) {
  if (size > loaded_ || size == start_) {
    RETURN_IF_ERROR(LoadEvidence(size, size + kEvidenceAtOnce - 1));
  }
  const auto it = waiting_.find(size);
  if (it == waiting_.end()) return absl::OkStatus();
  for (Item& item : it->second) evidence_.push_back(std::move(item));
  waiting_.erase(it);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<TrailReader::Item>> TrailReader::Next() {
  if (!begun_) {
    begun_ = true;
    RETURN_IF_ERROR(LoadLogs());
    RETURN_IF_ERROR(Reach(start_));
  }
  if (!evidence_.empty()) {
    std::optional<Item> item = std::move(evidence_.front());
    evidence_.pop_front();
    return item;
  }
  ASSIGN_OR_RETURN(std::optional<AuditRow> row, records_.Next());
  if (!row.has_value()) return std::optional<Item>();
  RETURN_IF_ERROR(Reach(row->seq));
  return std::optional<Item>(*std::move(row));
}

}  // namespace dbfleet::controller
