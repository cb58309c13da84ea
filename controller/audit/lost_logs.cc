#include "controller/audit/lost_logs.h"

#include <algorithm>

#include "nlohmann/json.hpp"

#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

constexpr char kSetting[] = "audit.lost_logs";  // A JSON array of checkpoints' texts.

std::vector<LostLog>::const_iterator Find(const std::vector<LostLog>& lost,
                                          const std::string& log_id) {
  return std::find_if(lost.begin(), lost.end(),
                      [&](const LostLog& log) { return log.checkpoint.log_id == log_id; });
}

absl::Status Corrupt() {
  return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
               "what the store says of lost audit logs cannot be read; restore it from its backup");
}

}  // namespace

absl::StatusOr<std::vector<LostLog>> ReadLostLogs(ReadTx& tx) {
  std::vector<LostLog> lost;
  ASSIGN_OR_RETURN(const std::string setting, tx.GetSetting(kSetting));
  if (setting.empty()) return lost;
  const auto json = nlohmann::json::parse(setting, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return Corrupt();
  for (const auto& text : json) {
    if (!text.is_string()) return Corrupt();
    LostLog log;
    log.text = text.get<std::string>();
    const absl::StatusOr<audit::SignedCheckpoint> parsed = audit::ParseCheckpoint(log.text);
    if (!parsed.ok()) return Corrupt();
    log.checkpoint = parsed->checkpoint;
    lost.push_back(std::move(log));
  }
  return lost;
}

absl::Status KeepLostLog(WriteTx& tx, const LostLog& log) {
  ASSIGN_OR_RETURN(const std::vector<LostLog> lost, ReadLostLogs(tx));
  if (lost.size() >= kMaxLostLogs || Find(lost, log.checkpoint.log_id) != lost.end()) {
    return absl::OkStatus();
  }
  nlohmann::json json = nlohmann::json::array();
  for (const LostLog& kept : lost) json.push_back(kept.text);
  json.push_back(log.text);
  return tx.PutSetting(kSetting, json.dump());
}

absl::StatusOr<TrailLineage> ReadLineage(ReadTx& tx) {
  TrailLineage found;
  ASSIGN_OR_RETURN(const std::vector<LostLog> lost, ReadLostLogs(tx));
  ASSIGN_OR_RETURN(found.own, tx.AuditLogs());
  for (const std::string& log : found.own) {
    ASSIGN_OR_RETURN(const std::vector<AuditCheckpoint> last, tx.LastCheckpoints(log, 1));
    if (last.empty()) continue;
    found.last[log] = last[0].text;
    ASSIGN_OR_RETURN(const audit::SignedCheckpoint parsed, audit::ParseCheckpoint(last[0].text));
    const std::optional<audit::Predecessor>& former = parsed.checkpoint.predecessor;
    found.lineage.Learn(log, former);
    if (!former.has_value()) continue;
    for (LostLog& before : LostBefore(lost, former->LogIds())) {
      found.lineage.Learn(before.checkpoint.log_id, before.checkpoint.predecessor);
      found.lost.push_back(std::move(before));
    }
  }
  return found;
}

std::vector<LostLog> LostBefore(const std::vector<LostLog>& lost, std::vector<std::string> ids) {
  std::vector<LostLog> before;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto it = Find(lost, ids[i]);
    if (it == lost.end() || std::find(ids.begin(), ids.begin() + i, ids[i]) != ids.begin() + i) {
      continue;
    }
    before.push_back(*it);
    const std::optional<audit::Predecessor>& former = it->checkpoint.predecessor;
    if (!former.has_value()) continue;
    const std::vector<std::string> more = former->LogIds();
    ids.insert(ids.end(), more.begin(), more.end());
  }
  return before;
}

}  // namespace dbfleet::controller
