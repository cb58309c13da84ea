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

// "MICROSECONDS SIZE LOG WHY", or "" when no recovery is demanded. LOG is "-" for the store's own.
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

absl::StatusOr<MemoryVerdict> JudgeEpoch(ReadTx& tx, uint64_t seen, uint64_t epoch) {
  MemoryVerdict verdict;
  if (seen == 0 || seen == epoch) return verdict;
  ASSIGN_OR_RETURN(const std::optional<ControllerStart> start, tx.StartFrom(seen));
  if (start.has_value() && (start->epoch == seen || start->first)) return verdict;
  verdict.lost_life = true;
  verdict.why = absl::StrCat("it has seen the epoch ", seen, ", which this store never gave");
  if (start.has_value()) {
    verdict.shared_size = start->audit_size;
    return verdict;
  }
  ASSIGN_OR_RETURN(const std::optional<ControllerStart> ours, tx.StartFrom(epoch));
  if (ours.has_value()) verdict.shared_size = ours->audit_size;
  return verdict;
}

// True if the store has what the witness has seen.
absl::StatusOr<bool> HasWitnessed(ReadTx& tx, const TrailLog& log, const audit::Checkpoint& seen,
                                  MemoryVerdict* verdict) {
  if (seen.log_id != log.id) {
    if (log.predecessor.has_value() && seen.log_id == log.predecessor->log_id) return true;
    ASSIGN_OR_RETURN(const std::vector<std::string> logs, tx.AuditLogs());
    if (std::find(logs.begin(), logs.end(), seen.log_id) != logs.end()) return true;
    verdict->log_id = seen.log_id;
    verdict->why =
        absl::StrCat("it has seen the audit log ", seen.log_id, ", which this store does not know");
    return false;
  }
  ASSIGN_OR_RETURN(const uint64_t size, TrailSize(tx));
  if (seen.size > size) {
    verdict->why = absl::StrCat("it has seen ", seen.size, " audit records, the store has ", size);
    return false;
  }
  StoredTiles tiles(&tx);
  ASSIGN_OR_RETURN(const std::string root, audit::TreeRoot(tiles, seen.size));
  if (root == seen.root) return true;
  verdict->why = absl::StrCat("it has seen other ", seen.size, " audit records than the store's");
  return false;
}

}  // namespace

absl::StatusOr<MemoryVerdict> JudgeMemory(ReadTx& tx, const AgentMemory& memory, uint64_t epoch) {
  ASSIGN_OR_RETURN(MemoryVerdict verdict, JudgeEpoch(tx, memory.highest_epoch, epoch));
  ASSIGN_OR_RETURN(const uint64_t acknowledged, ReadNumber(tx, kAcknowledged));
  ASSIGN_OR_RETURN(const TrailLog log, ReadTrailLog(tx));
  if (memory.witnessed.has_value() && !log.id.empty()) {
    MemoryVerdict witness = verdict;
    ASSIGN_OR_RETURN(const bool known, HasWitnessed(tx, log, *memory.witnessed, &witness));
    if (!known) {
      witness.lost_life = true;
      // Without an epoch nobody knows where the histories part: nothing is claimed to be shared.
      if (!verdict.lost_life) witness.shared_size = 0;
      witness.reconcile = true;
      return witness;
    }
  }
  ASSIGN_OR_RETURN(const bool recovery, InRecovery(tx));
  verdict.reconcile = verdict.lost_life || recovery || memory.highest_epoch < acknowledged;
  verdict.acknowledged = verdict.lost_life && memory.highest_epoch < acknowledged;
  return verdict;
}

absl::StatusOr<std::optional<RecoveryDemand>> ReadRecovery(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::string text, tx.GetSetting(kSetting));
  if (text.empty()) return std::optional<RecoveryDemand>();
  const std::vector<std::string> words = absl::StrSplit(text, absl::MaxSplits(' ', 3));
  RecoveryDemand demand;
  int64_t micros = 0;
  if (words.size() != 4 || !absl::SimpleAtoi(words[0], &micros) ||
      !absl::SimpleAtoi(words[1], &demand.shared_size)) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 "what the store says of its recovery cannot be read");
  }
  demand.since = absl::FromUnixMicros(micros);
  if (words[2] != "-") demand.log_id = words[2];
  demand.why = words[3];
  return std::make_optional(std::move(demand));
}

std::string RecoverySetting() { return kSetting; }

std::string RecoverySettingValue(const RecoveryDemand& demand) {
  return absl::StrCat(absl::ToUnixMicros(demand.since), " ", demand.shared_size, " ",
                      demand.log_id.empty() ? "-" : demand.log_id, " ", demand.why);
}

absl::StatusOr<bool> InRecovery(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::string text, tx.GetSetting(kSetting));
  return !text.empty();
}

absl::Status DemandRecovery(WriteTx& tx, const RecoveryDemand& demand, absl::string_view by,
                            uint64_t highest_epoch) {
  ASSIGN_OR_RETURN(const uint64_t floor, ReadNumber(tx, kEpochFloor));
  if (highest_epoch > floor) {
    RETURN_IF_ERROR(tx.PutSetting(kEpochFloor, absl::StrCat(highest_epoch)));
  }
  ASSIGN_OR_RETURN(std::optional<RecoveryDemand> stored, ReadRecovery(tx));
  RecoveryDemand merged = stored.value_or(demand);
  merged.shared_size = std::min(merged.shared_size, demand.shared_size);
  if (merged.log_id.empty()) merged.log_id = demand.log_id;
  RETURN_IF_ERROR(tx.PutSetting(kSetting, RecoverySettingValue(merged)));
  if (stored.has_value()) return absl::OkStatus();
  return tx.AppendAudit(
      {std::string(by),
       "controller.recovery_demanded",
       "controller",
       "",
       {{"why", demand.why}, {"shared_records", absl::StrCat(demand.shared_size)}}});
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
    ASSIGN_OR_RETURN(const TrailLog former, ReadTrailLog(tx));
    ASSIGN_OR_RETURN(const uint64_t size, TrailSize(tx));
    done.former_log = demand->log_id.empty() ? former.id : demand->log_id;
    done.log = NewUlid(now);
    done.adopted = std::min(demand->shared_size, size);
    StoredTiles tiles(&tx);
    ASSIGN_OR_RETURN(std::string root, audit::TreeRoot(tiles, done.adopted));
    successor = {done.log, audit::Predecessor{done.former_log, done.adopted, std::move(root)}};
    ASSIGN_OR_RETURN(first, DescribeTrail(tx, successor, done.adopted));
    return absl::OkStatus();
  }));
  first.time = absl::FromUnixMicros(absl::ToUnixMicros(now));
  ASSIGN_OR_RETURN(const std::string text, audit::SignCheckpoint(first, keys.signing_key()));
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
