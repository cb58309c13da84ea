#include "controller/audit/recovery.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/audit/trail.h"

namespace dbfleet::controller {
namespace {

// "MICROSECONDS SIZE WHY", or "" when no recovery is demanded. SIZE is "-" if nobody knows.
constexpr char kSetting[] = "recovery";
// Lives with lower epochs that the store does not know are lost, and a person knows it.
constexpr char kAcknowledged[] = "recovery.acknowledged_epoch";
// Read by the store when it is opened.
constexpr char kEpochFloor[] = "epoch_floor";

absl::StatusOr<uint64_t> ReadNumber(ReadTx& tx, absl::string_view key) {
  ASSIGN_OR_RETURN(const std::string text, tx.GetSetting(key));
  uint64_t number = 0;
  if (!text.empty() && !absl::SimpleAtoi(text, &number)) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 absl::StrCat("the store's setting ", key, " is no number"));
  }
  return number;
}

absl::StatusOr<MemoryVerdict> JudgeEpoch(ReadTx& tx, const AgentMemory& memory, uint64_t epoch) {
  MemoryVerdict verdict;
  const uint64_t seen = memory.highest_epoch;
  if (seen == 0) return verdict;
  ASSIGN_OR_RETURN(const std::optional<ControllerStart> start, tx.StartFrom(seen));
  if (start.has_value() && start->epoch == seen) {
    // The lost life may have begun before this one, so nobody knows what they share.
    if (memory.life.empty() || start->life.empty() || memory.life == start->life) return verdict;
    verdict.why =
        absl::StrCat("it has seen the epoch ", seen, " in another life than this store's");
  } else {
    if (start.has_value() && start->first) return verdict;  // Before the store's memory.
    verdict.why = absl::StrCat("it has seen the epoch ", seen, ", which this store never gave");
    ASSIGN_OR_RETURN(const std::optional<ControllerStart> ours, tx.StartFrom(epoch));
    if (start.has_value()) {
      verdict.shared_size = start->audit_size;
    } else if (ours.has_value()) {
      verdict.shared_size = ours->audit_size;
    }
  }
  verdict.lost_life = true;
  return verdict;
}

// What a life that the store knows began with is shared with everything it wrote later.
absl::StatusOr<std::optional<uint64_t>> SharedBefore(ReadTx& tx, uint64_t seen, uint64_t epoch) {
  std::optional<uint64_t> shared;
  if (seen == 0 || seen == epoch) return shared;
  ASSIGN_OR_RETURN(const std::optional<ControllerStart> start, tx.StartFrom(seen));
  if (start.has_value() && start->epoch == seen) shared = start->audit_size;
  return shared;
}

// True if the store has what the witness has seen; else fills the verdict.
absl::StatusOr<bool> HasWitnessed(ReadTx& tx, const TrailLog& log, const AgentMemory& memory,
                                  uint64_t epoch, MemoryVerdict* verdict) {
  const audit::Checkpoint& seen = *memory.witnessed;
  if (seen.log_id != log.id) {
    ASSIGN_OR_RETURN(const std::vector<std::string> logs, tx.AuditLogs());
    if (std::find(logs.begin(), logs.end(), seen.log_id) != logs.end()) return true;
    ASSIGN_OR_RETURN(const TrailLineage known, ReadLineage(tx));
    if (known.lineage.Follows(log.id, seen.log_id)) return true;
    if (!memory.witnessed_text.empty()) verdict->lost_log = {seen, memory.witnessed_text};
    verdict->why =
        absl::StrCat("it has seen the audit log ", seen.log_id, ", which this store does not know");
    return false;
  }
  ASSIGN_OR_RETURN(const uint64_t size, TrailSize(tx));
  if (seen.size > size) {
    verdict->why = absl::StrCat("it has seen ", seen.size, " audit records, the store has ", size);
    if (!verdict->lost_life) {
      ASSIGN_OR_RETURN(verdict->shared_size, SharedBefore(tx, memory.highest_epoch, epoch));
    }
    return false;
  }
  StoredTiles tiles(&tx);
  ASSIGN_OR_RETURN(const std::string root, audit::TreeRoot(tiles, seen.size));
  if (root == seen.root) return true;
  verdict->why = absl::StrCat("it has seen other ", seen.size, " audit records than the store's");
  return false;
}

std::string SizeText(const std::optional<uint64_t>& size) {
  return size.has_value() ? absl::StrCat(*size) : "-";
}

// The logs that agents have seen and that nothing of the store's follows, newest first, and the
// store's own: agents' witnesses stand in one of them.
absl::StatusOr<std::vector<std::string>> LogsToReplace(ReadTx& tx) {
  ASSIGN_OR_RETURN(const TrailLog own, ReadTrailLog(tx));
  ASSIGN_OR_RETURN(std::vector<LostLog> lost, ReadLostLogs(tx));
  ASSIGN_OR_RETURN(const TrailLineage known, ReadLineage(tx));
  std::stable_sort(lost.begin(), lost.end(), [](const LostLog& a, const LostLog& b) {
    return a.checkpoint.time > b.checkpoint.time;
  });
  std::vector<std::string> ids;
  for (const LostLog& log : lost) {
    const std::string& id = log.checkpoint.log_id;
    if (ids.size() < audit::kMaxOthers && !known.lineage.Follows(own.id, id)) ids.push_back(id);
  }
  ids.push_back(own.id);
  return ids;
}

}  // namespace

absl::StatusOr<MemoryVerdict> JudgeMemory(ReadTx& tx, const AgentMemory& memory, uint64_t epoch) {
  ASSIGN_OR_RETURN(MemoryVerdict verdict, JudgeEpoch(tx, memory, epoch));
  ASSIGN_OR_RETURN(const uint64_t acknowledged, ReadNumber(tx, kAcknowledged));
  ASSIGN_OR_RETURN(const TrailLog log, ReadTrailLog(tx));
  if (memory.witnessed.has_value() && !log.id.empty()) {
    MemoryVerdict witness = verdict;
    ASSIGN_OR_RETURN(const bool known, HasWitnessed(tx, log, memory, epoch, &witness));
    if (!known) {
      witness.lost_life = true;
      witness.reconcile = true;
      return witness;
    }
  }
  ASSIGN_OR_RETURN(const bool recovery, InRecovery(tx));
  verdict.reconcile = verdict.lost_life || recovery || memory.highest_epoch < acknowledged;
  verdict.acknowledged = verdict.lost_life && memory.highest_epoch <= acknowledged;
  return verdict;
}

absl::StatusOr<std::optional<RecoveryDemand>> ReadRecovery(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::string text, tx.GetSetting(kSetting));
  return ParseRecoverySetting(text);
}

absl::StatusOr<std::optional<RecoveryDemand>> ParseRecoverySetting(const std::string& text) {
  if (text.empty()) return std::optional<RecoveryDemand>();
  const std::vector<std::string> words = absl::StrSplit(text, absl::MaxSplits(' ', 2));
  RecoveryDemand demand;
  int64_t micros = 0;
  uint64_t shared = 0;
  if (words.size() != 3 || !absl::SimpleAtoi(words[0], &micros) ||
      (words[1] != "-" && !absl::SimpleAtoi(words[1], &shared))) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 "what the store says of its recovery cannot be read");
  }
  demand.since = absl::FromUnixMicros(micros);
  if (words[1] != "-") demand.shared_size = shared;
  demand.why = words[2];
  return std::make_optional(std::move(demand));
}

std::string RecoverySetting() { return kSetting; }

std::string RecoverySettingValue(const RecoveryDemand& demand) {
  return absl::StrCat(absl::ToUnixMicros(demand.since), " ", SizeText(demand.shared_size), " ",
                      demand.why);
}

absl::StatusOr<bool> InRecovery(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::string text, tx.GetSetting(kSetting));
  return !text.empty();
}

absl::Status DemandRecovery(WriteTx& tx, const MemoryVerdict& verdict, absl::string_view agent,
                            absl::string_view by, absl::Time now, uint64_t highest_epoch) {
  ASSIGN_OR_RETURN(const uint64_t floor, ReadNumber(tx, kEpochFloor));
  if (highest_epoch > floor) {
    RETURN_IF_ERROR(tx.PutSetting(kEpochFloor, absl::StrCat(highest_epoch)));
  }
  if (verdict.lost_log.has_value()) RETURN_IF_ERROR(KeepLostLog(tx, *verdict.lost_log));
  ASSIGN_OR_RETURN(const std::optional<RecoveryDemand> stored, ReadRecovery(tx));
  RecoveryDemand demand = stored.value_or(
      RecoveryDemand{absl::StrCat("agents/", agent, ": ", verdict.why), now, verdict.shared_size});
  if (verdict.shared_size.has_value()) {
    demand.shared_size =
        std::min(demand.shared_size.value_or(*verdict.shared_size), *verdict.shared_size);
  }
  RETURN_IF_ERROR(tx.PutSetting(kSetting, RecoverySettingValue(demand)));
  if (stored.has_value()) return absl::OkStatus();
  return tx.AppendAudit({std::string(by),
                         "controller.recovery_demanded",
                         "controller",
                         "",
                         {{"why", demand.why}, {"shared_records", SizeText(verdict.shared_size)}}});
}

absl::StatusOr<Recovered> Recover(Store& store, const AuditKeys& keys, absl::Time now,
                                  const std::string& actor, const std::string& reason) {
  Recovered done;
  TrailLog successor;
  audit::Checkpoint first;
  RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<RecoveryDemand> demand, ReadRecovery(tx));
    if (!demand.has_value()) {
      return Error(absl::StatusCode::kFailedPrecondition, "NO_RECOVERY",
                   "no recovery is demanded: the controller hands out work already");
    }
    done.demand = *demand;
    ASSIGN_OR_RETURN(const std::vector<std::string> former, LogsToReplace(tx));
    ASSIGN_OR_RETURN(const uint64_t size, TrailSize(tx));
    done.former_log = former.front();
    done.log = NewUlid(now);
    done.adopted = std::min(demand->shared_size.value_or(0), size);
    StoredTiles tiles(&tx);
    ASSIGN_OR_RETURN(std::string root, audit::TreeRoot(tiles, done.adopted));
    successor = {
        done.log,
        audit::Predecessor{
            done.former_log, done.adopted, std::move(root), {former.begin() + 1, former.end()}}};
    ASSIGN_OR_RETURN(first, DescribeTrail(tx, successor, done.adopted));
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(const std::string text, keys.Sign(now, &first));
  RETURN_IF_ERROR(store.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    RETURN_IF_ERROR(tx.InsertAuditCheckpoint({0, done.log, done.adopted, first.time, text}));
    RETURN_IF_ERROR(WriteTrailLog(tx, successor));
    RETURN_IF_ERROR(tx.PutSetting(kSetting, ""));
    RETURN_IF_ERROR(tx.PutSetting(kAcknowledged, absl::StrCat(store.epoch())));
    return tx.AppendAudit({actor,
                           "controller.recover",
                           "controller",
                           "",
                           {{"reason", reason},
                            {"why", done.demand.why},
                            {"former_log", done.former_log},
                            {"log", done.log},
                            {"adopted_records", absl::StrCat(done.adopted)}}});
  }));
  return done;
}

}  // namespace dbfleet::controller
