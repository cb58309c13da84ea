#include "controller/audit/recovery.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/audit/recovery_report.h"
#include "controller/audit/trail.h"

namespace dbfleet::controller {
namespace {

// "MICROSECONDS SIZE WHY", or "" when no recovery is demanded. SIZE is "-" if nobody knows, and has
// a "=" before it after a restore by command.
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
    std::optional<ControllerStart> next = start;
    if (!next.has_value()) {
      ASSIGN_OR_RETURN(next, tx.StartFrom(epoch));
    }
    if (next.has_value()) verdict.shared_size = next->audit_size;
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
      verdict->at_least = true;
    }
    return false;
  }
  StoredTiles tiles(&tx);
  ASSIGN_OR_RETURN(const std::string root, audit::TreeRoot(tiles, seen.size));
  if (root == seen.root) return true;
  verdict->why = absl::StrCat("it has seen other ", seen.size, " audit records than the store's");
  verdict->shared_size = 0;  // Wherever the lives parted, the trails did before that.
  return false;
}

std::string SizeText(const std::optional<uint64_t>& size) {
  return size.has_value() ? absl::StrCat(*size) : "-";
}

// A record is not to grow with the fleet.
std::string SomeOf(const std::vector<std::string>& names) {
  const size_t some = std::min<size_t>(names.size(), 20);
  const std::vector<std::string> shown(names.begin(), names.begin() + some);
  return absl::StrCat(
      absl::StrJoin(shown, ","),
      names.size() > some ? absl::StrCat(" and ", names.size() - some, " more") : "");
}

// The logs that agents have seen and that nothing of the store's follows, newest first, and the
// store's own: agents' witnesses stand in one of them.
struct LogsToReplace {
  std::vector<LostLog> lost;
  std::string own;
};
absl::StatusOr<LogsToReplace> FindLogsToReplace(ReadTx& tx, std::vector<LostLog> lost) {
  ASSIGN_OR_RETURN(const TrailLog own, ReadTrailLog(tx));
  ASSIGN_OR_RETURN(const TrailLineage known, ReadLineage(tx));
  std::stable_sort(lost.begin(), lost.end(), [](const LostLog& a, const LostLog& b) {
    return a.checkpoint.time > b.checkpoint.time;
  });
  audit::Lineage among;
  for (const LostLog& log : lost) among.Learn(log.checkpoint.log_id, log.checkpoint.predecessor);
  LogsToReplace found;
  for (LostLog& log : lost) {
    const std::string& id = log.checkpoint.log_id;
    // One that another lost log follows is reached through that one.
    if (known.lineage.Follows(own.id, id) || among.KeptOf(id).has_value()) continue;
    if (found.lost.size() < audit::kMaxOthers) found.lost.push_back(std::move(log));
  }
  found.own = own.id;
  return found;
}

// How many of the store's first `size` records a lost log has, too, as far as signed checkpoints
// tell; nullopt: they tell nothing.
absl::StatusOr<std::optional<uint64_t>> SharedWith(ReadTx& tx, const std::vector<LostLog>& lost,
                                                   audit::Checkpoint log, uint64_t size) {
  StoredTiles tiles(&tx);
  const auto has = [&](uint64_t count, const std::string& root) -> absl::StatusOr<bool> {
    if (count > size) return false;
    ASSIGN_OR_RETURN(const std::string ours, audit::TreeRoot(tiles, count));
    return ours == root;
  };
  ASSIGN_OR_RETURN(const bool whole, has(log.size, log.root));
  if (whole) return std::optional<uint64_t>(log.size);
  for (size_t i = 0; i <= lost.size() && log.predecessor.has_value(); ++i) {
    const audit::Predecessor former = *log.predecessor;
    ASSIGN_OR_RETURN(const bool beginning, has(former.size, former.root));
    if (beginning) return std::optional<uint64_t>(former.size);
    const auto before = std::find_if(lost.begin(), lost.end(), [&](const LostLog& other) {
      return former.Names(other.checkpoint.log_id);
    });
    if (before == lost.end()) {
      return former.size <= size ? std::optional<uint64_t>(0) : std::nullopt;
    }
    log = before->checkpoint;
  }
  return std::optional<uint64_t>();
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
  const std::vector<absl::string_view> words = absl::StrSplit(text, absl::MaxSplits(' ', 2));
  RecoveryDemand demand;
  int64_t micros = 0;
  uint64_t shared = 0;
  absl::string_view size = words.size() == 3 ? words[1] : "";
  demand.by_restore = absl::ConsumePrefix(&size, "=");
  if (words.size() != 3 || !absl::SimpleAtoi(words[0], &micros) ||
      (size != "-" && !absl::SimpleAtoi(size, &shared))) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 "what the store says of its recovery cannot be read");
  }
  demand.since = absl::FromUnixMicros(micros);
  if (size != "-") demand.shared_size = shared;
  demand.why = std::string(words[2]);
  return std::make_optional(std::move(demand));
}

std::string RecoverySetting() { return kSetting; }

std::string RecoverySettingValue(const RecoveryDemand& demand) {
  return absl::StrCat(absl::ToUnixMicros(demand.since), " ", demand.by_restore ? "=" : "",
                      SizeText(demand.shared_size), " ", demand.why);
}

absl::StatusOr<bool> InRecovery(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::string text, tx.GetSetting(kSetting));
  return !text.empty();
}

absl::StatusOr<std::string> LastRecovery(ReadTx& tx) { return tx.GetSetting(kAcknowledged); }

absl::Status DemandRecovery(WriteTx& tx, const MemoryVerdict& verdict, absl::string_view agent,
                            absl::string_view by, absl::Time now, uint64_t highest_epoch) {
  ASSIGN_OR_RETURN(const uint64_t floor, ReadNumber(tx, kEpochFloor));
  if (highest_epoch > floor) {
    RETURN_IF_ERROR(tx.PutSetting(kEpochFloor, absl::StrCat(highest_epoch)));
  }
  if (verdict.lost_log.has_value()) RETURN_IF_ERROR(KeepLostLog(tx, *verdict.lost_log));
  ASSIGN_OR_RETURN(const std::optional<RecoveryDemand> stored, ReadRecovery(tx));
  if (stored.has_value()) {
    RecoveryDemand demand = *stored;
    if (demand.by_restore && verdict.at_least) {
      // The copy's size says more.
    } else if (!verdict.shared_size.has_value()) {
      if (!demand.by_restore) demand.shared_size.reset();
    } else if (demand.shared_size.has_value()) {
      demand.shared_size = std::min(*demand.shared_size, *verdict.shared_size);
    }
    // A whole fleet may come again and again while a person looks.
    if (demand.shared_size == stored->shared_size) return absl::OkStatus();
    return tx.PutSetting(kSetting, RecoverySettingValue(demand));
  }
  const RecoveryDemand demand{absl::StrCat("agents/", agent, ": ", verdict.why), now,
                              verdict.shared_size, false};
  RETURN_IF_ERROR(tx.PutSetting(kSetting, RecoverySettingValue(demand)));
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
    ASSIGN_OR_RETURN(const Reporting agents, ReportingAgents(tx, *demand));
    done.unheard = agents.unheard;
    ASSIGN_OR_RETURN(const std::vector<LostLog> lost, ReadLostLogs(tx));
    ASSIGN_OR_RETURN(const LogsToReplace former, FindLogsToReplace(tx, lost));
    ASSIGN_OR_RETURN(const uint64_t size, TrailSize(tx));
    std::vector<std::string> replaced;
    for (const LostLog& log : former.lost) replaced.push_back(log.checkpoint.log_id);
    replaced.push_back(former.own);
    done.former_log = replaced.front();
    done.log = NewUlid(now);
    done.adopted = std::min(demand->shared_size.value_or(0), size);
    for (const LostLog& log : former.lost) {
      ASSIGN_OR_RETURN(const std::optional<uint64_t> shared,
                       SharedWith(tx, lost, log.checkpoint, size));
      done.adopted = std::min(done.adopted, shared.value_or(done.adopted));
    }
    StoredTiles tiles(&tx);
    ASSIGN_OR_RETURN(std::string root, audit::TreeRoot(tiles, done.adopted));
    successor = {done.log, audit::Predecessor{done.former_log,
                                              done.adopted,
                                              std::move(root),
                                              {replaced.begin() + 1, replaced.end()}}};
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
                            {"adopted_records", absl::StrCat(done.adopted)},
                            {"unheard_agents", SomeOf(done.unheard)}}});
  }));
  return done;
}

}  // namespace dbfleet::controller
