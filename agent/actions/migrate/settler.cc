#include "agent/actions/migrate/settler.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "agent/actions/migrate/mirror.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr int kMaxPasses = 8;  // A server that dies of a rollback statement is not asked for ever.

Settlement Unknown(absl::string_view why) {
  Settlement result;
  result.kind = Settlement::Kind::kUnknown;
  result.began = true;
  result.detail = std::string(why);
  return result;
}

}  // namespace

Settlement Settler::Settle(std::unique_ptr<MigrationSession> session, absl::Duration deadline) {
  deadline_ = deadline;
  for (int pass = 0; pass < kMaxPasses; ++pass) {
    if (session == nullptr) {
      auto opened = OpenPatiently(attempt_, deadline);
      if (!opened.ok()) {
        return Unknown(absl::StrCat("the target could not be asked what took effect: ",
                                    opened.status().message()));
      }
      session = *std::move(opened);
    }
    absl::StatusOr<Settlement> result = Pass(*session);
    if (result.ok()) return *std::move(result);
    if (!IsConnectionError(result.status())) {
      return Unknown(
          absl::StrCat("the target's records could not be read: ", result.status().message()));
    }
    attempt_.Warn(
        absl::StrCat("the connection was lost while settling: ", result.status().message()));
    session.reset();
  }
  return Unknown("the connection to the target was lost again and again");
}

absl::StatusOr<std::string> Settler::ReadFingerprintInTime(MigrationSession& session) {
  const ReadLimit limit(attempt_, session, deadline_);
  return ReadFingerprint(attempt_, session);
}

absl::Status Settler::RecordInTime(MigrationSession& session, const StepRow& row) {
  const ReadLimit limit(attempt_, session, deadline_);
  return attempt_.history.UpdateStep(session, row);
}

absl::Status Settler::ReadTarget(MigrationSession& session) {
  const ReadLimit limit(attempt_, session, deadline_);
  rows_.clear();
  versions_.clear();
  fingerprint_before_.clear();
  ASSIGN_OR_RETURN(const bool has_history, attempt_.sql.HasHistory(session));
  if (!has_history) return absl::OkStatus();
  ASSIGN_OR_RETURN(rows_, attempt_.history.ReadSteps(session));
  ASSIGN_OR_RETURN(versions_, attempt_.history.ReadVersions(session));
  const StepRow* own = Row(false, kAttemptRow);
  if (own != nullptr) fingerprint_before_ = own->fingerprint;
  return absl::OkStatus();
}

absl::StatusOr<Settlement> Settler::Pass(MigrationSession& session) {
  RETURN_IF_ERROR(ReadTarget(session));
  Settlement untouched;
  untouched.kind = Settlement::Kind::kUntouched;
  untouched.detail = "no statement had begun";
  if (Row(false, kAttemptRow) == nullptr) return untouched;
  untouched.began = true;

  std::optional<ReadLimit> limit(std::in_place, attempt_, session, deadline_);
  ASSIGN_OR_RETURN(const uint64_t highest, attempt_.history.HighestFence(session));
  limit.reset();
  if (highest > attempt_.history.id().fence) {
    if (rows_.size() == 1) return untouched;
    return Unknown(absl::StrCat("another attempt with the higher fence ", highest,
                                " has worked on this database since; nothing is taken back"));
  }
  if (const absl::Status match = CheckRowsMatch(); !match.ok()) return Unknown(match.message());
  const auto& units = model_.units;
  if (!units.empty() && std::all_of(units.begin(), units.end(),
                                    [this](const VersionUnit& unit) { return IsDone(unit); })) {
    Settlement all;
    all.kind = Settlement::Kind::kAllApplied;
    all.began = true;
    return all;
  }
  std::string why;
  ASSIGN_OR_RETURN(const bool decided, ResolveUnknownSteps(session, &why));
  if (!decided) return Unknown(why);
  return RollBack(session);
}

absl::Status Settler::CheckRowsMatch() const {
  std::map<std::pair<bool, int>, const PlannedStatement*> planned;
  for (const VersionUnit& unit : model_.units) {
    for (const PlannedStatement& s : unit.forward) planned[{false, s.index}] = &s;
    for (const PlannedStatement& s : unit.backward) planned[{true, s.index}] = &s;
  }
  for (const StepRow& row : rows_) {
    if (row.index == kAttemptRow) continue;
    const auto it = planned.find({row.rollback, row.index});
    if (it == planned.end() || it->second->sha256 != row.sql_sha256) {
      return Error(absl::StatusCode::kFailedPrecondition, "FILES_DIFFER",
                   absl::StrCat("step ", row.index, " of version ", row.version,
                                " was executed from another file than the one given now"));
    }
  }
  return absl::OkStatus();
}

// --- What took effect ------------------------------------------------------------------------

absl::StatusOr<bool> Settler::ResolveUnknownSteps(MigrationSession& session, std::string* why) {
  for (const VersionUnit& unit : model_.units) {
    for (const bool rollback : {false, true}) {
      for (const PlannedStatement& statement : rollback ? unit.backward : unit.forward) {
        const StepRow* row = Row(rollback, statement.index);
        if (row == nullptr || row->state != step_state::kIntent) continue;
        StepRow resolved = *row;
        ASSIGN_OR_RETURN(resolved.state, Resolve(session, statement, *row));
        work::v1::StepReport report;
        report.set_index(statement.index);
        report.set_rollback(rollback);
        report.set_version(statement.version);
        report.set_rows_affected(-1);
        if (resolved.state.empty()) {
          report.set_state(work::v1::STEP_STATE_UNKNOWN);
          (void)attempt_.context.ReportStep(report);
          *why = absl::StrCat(statement.Where(), " (version ", statement.version,
                              ") was begun, its answer was lost, and the schema does not tell "
                              "whether it took effect");
          return false;
        }
        const bool done = resolved.state == step_state::kDone;
        resolved.error = absl::StrCat("settled afterwards: ", done ? "took effect" : "no effect");
        RETURN_IF_ERROR(RecordInTime(session, resolved));
        report.set_state(done ? work::v1::STEP_STATE_SUCCEEDED : work::v1::STEP_STATE_FAILED);
        (void)attempt_.context.ReportStep(report);
        attempt_.Info(absl::StrCat(statement.Where(), ": ", resolved.error));
      }
    }
  }
  RETURN_IF_ERROR(ReadTarget(session));
  return true;
}

absl::StatusOr<std::string> Settler::Resolve(MigrationSession& session,
                                             const PlannedStatement& statement,
                                             const StepRow& row) {
  const auto known = attempt_.known_outcomes.find({row.rollback, row.index});
  const bool known_done =
      known != attempt_.known_outcomes.end() && known->second == step_state::kDone;
  // Of a statement that succeeded the schema has to tell whether it did anything.
  if (known != attempt_.known_outcomes.end() && !(known_done && statement.tells)) {
    return known->second;
  }
  ASSIGN_OR_RETURN(std::string now, ReadFingerprintInTime(session));
  if (now != row.fingerprint && !ConcurrentIndexName(statement.text).empty()) {
    RETURN_IF_ERROR(RemoveInvalidIndex(attempt_, session, statement, row.error));
    ASSIGN_OR_RETURN(now, ReadFingerprintInTime(session));
  }
  const bool tells = statement.effect == Effect::kSchema || statement.effect == Effect::kPartial;
  if (tells && now == row.fingerprint) return std::string(step_state::kFailed);
  if (known_done) return std::string(step_state::kDone);
  if (statement.effect == Effect::kSchema) return std::string(step_state::kDone);
  return std::string();
}

const HistoryRow* Settler::OwnVersion(const VersionUnit& unit) const {
  for (const HistoryRow& row : versions_) {
    if (row.version == unit.version() && row.attempt == attempt_.history.id().attempt) return &row;
  }
  return nullptr;
}

const StepRow* Settler::Row(bool rollback, int index) const {
  for (const StepRow& row : rows_) {
    if (row.rollback == rollback && row.index == index) return &row;
  }
  return nullptr;
}

bool Settler::TookEffect(const PlannedStatement& statement) const {
  const StepRow* row = Row(false, statement.index);
  // What is temporary went with its session.
  return row != nullptr && !statement.neutral && !statement.deed.temporary &&
         (row->state == step_state::kDone || row->state == step_state::kUnsure);
}

bool Settler::HasEffect(const VersionUnit& unit) const {
  return IsDone(unit) || std::any_of(unit.forward.begin(), unit.forward.end(),
                                     [this](const auto& s) { return TookEffect(s); });
}

bool Settler::IsDone(const VersionUnit& unit) const {
  const HistoryRow* row = OwnVersion(unit);
  return row != nullptr && row->state == unit.after.state;
}

bool Settler::IsUndone(const VersionUnit& unit) const {
  const HistoryRow* row = OwnVersion(unit);
  return row != nullptr && row->state == unit.before.state;
}

std::vector<std::string> Settler::StillThere() const {
  std::vector<std::string> result;
  for (const VersionUnit& unit : model_.units) {
    if (HasEffect(unit) && !IsUndone(unit)) result.push_back(unit.version());
  }
  return result;
}

// --- Taking it back --------------------------------------------------------------------------

absl::Status Settler::CheckUndoable(const VersionUnit& unit) const {
  for (const PlannedStatement& statement : unit.forward) {
    if (!TookEffect(statement)) continue;
    const bool unsure = Row(false, statement.index)->state == step_state::kUnsure;
    if (!unsure && !statement.unproven) continue;
    return Error(absl::StatusCode::kFailedPrecondition, "ROLLBACK_UNSAFE",
                 absl::StrCat(statement.Where(),
                              unsure ? " failed and may have done a part of its work"
                                     : " succeeds whether or not what it makes was there before",
                              ", so that taking version ", unit.version(),
                              " back could remove what was there before; nothing of the version "
                              "was taken back. Compare, and repair it by hand"));
  }
  return absl::OkStatus();
}

bool Settler::IsWhole(const VersionUnit& unit) const {
  return IsDone(unit) &&
         std::all_of(unit.forward.begin(), unit.forward.end(),
                     [this](const PlannedStatement& s) { return s.neutral || TookEffect(s); });
}

absl::StatusOr<std::set<size_t>> Settler::ChooseBackward(const VersionUnit& unit) const {
  RETURN_IF_ERROR(CheckUndoable(unit));
  std::set<size_t> chosen;
  const bool whole = IsWhole(unit);
  for (size_t i = 0; i < unit.backward.size(); ++i) {
    // Session settings are repeated always: the statements between them may need them.
    if (whole || unit.backward[i].neutral) chosen.insert(i);
  }
  if (whole) return chosen;
  for (const UndoGroup& group : PairUndo(unit.forward, unit.backward)) {
    const auto took = std::count_if(group.forward.begin(), group.forward.end(),
                                    [&](size_t i) { return TookEffect(unit.forward[i]); });
    if (took == 0) continue;
    if (took == static_cast<int64_t>(group.forward.size())) {
      chosen.insert(group.backward.begin(), group.backward.end());
      continue;
    }
    return Error(
        absl::StatusCode::kFailedPrecondition, "ROLLBACK_UNSAFE",
        absl::StrCat("of version ", unit.version(), " ", took, " of ", group.forward.size(),
                     " statements from ", unit.forward[group.forward.front()].Where(),
                     " on took effect, and it cannot be told which rollback statements "
                     "belong to them: they could remove what was there before; nothing "
                     "of the version was taken back. Compare, and repair it by hand"));
  }
  return chosen;
}

absl::StatusOr<UnitOrder> Settler::OrderBackward(const VersionUnit& unit) const {
  ASSIGN_OR_RETURN(const std::set<size_t> chosen, ChooseBackward(unit));
  UnitOrder order;
  order.rollback = true;
  order.row = unit.before;
  order.one_transaction = IsDone(unit) && unit.backward_atomic;
  for (const size_t i : chosen) {
    const PlannedStatement& statement = unit.backward[i];
    StepOrder step;
    step.statement = &statement;
    if (const StepRow* row = Row(true, statement.index); row != nullptr) {
      const bool over = row->state == step_state::kDone || row->state == step_state::kSkipped;
      if (over && statement.effect != Effect::kNone) continue;
      step.has_row = true;
    }
    order.steps.push_back(step);
  }
  return order;
}

// True if nothing of the unit is left; false if the rollback has to stop here.
absl::StatusOr<bool> Settler::RollBackUnit(MigrationSession& session, const VersionUnit& unit,
                                           Settlement* result) {
  if (IsUndone(unit)) {
    result->undone.push_back(unit.version());
    return true;
  }
  if (!HasEffect(unit)) return true;
  if (!unit.irreversible_reason.empty()) {
    result->detail = absl::StrCat("version ", unit.version(), " is declared irreversible (",
                                  unit.irreversible_reason, "): what it did stays");
    return false;
  }
  const absl::StatusOr<UnitOrder> order = OrderBackward(unit);
  if (!order.ok()) {
    result->detail = std::string(order.status().message());
    return false;
  }
  attempt_.Info(absl::StrCat("taking back version ", unit.version(), ": ", order->steps.size(),
                             " statements"));
  StepRunner runner(attempt_, session);
  const absl::Status status = runner.Run(*order);
  if (!runner.session_good()) {
    return Error(
        absl::StatusCode::kUnavailable, "DATABASE_UNREACHABLE",
        absl::StrCat("while taking back version ", unit.version(), ": ", status.message()));
  }
  if (status.ok()) {
    result->undone.push_back(unit.version());
    return true;
  }
  result->detail =
      absl::StrCat("taking back version ", unit.version(), " failed: ", status.message());
  return false;
}

absl::StatusOr<Settlement> Settler::RollBack(MigrationSession& session) {
  Settlement result;
  result.began = true;
  bool complete = true;
  for (auto unit = model_.units.rbegin(); unit != model_.units.rend() && complete; ++unit) {
    ASSIGN_OR_RETURN(complete, RollBackUnit(session, *unit, &result));
  }
  RETURN_IF_ERROR(ReadTarget(session));
  if (!complete) {
    result.kind = Settlement::Kind::kIncomplete;
    result.remaining = StillThere();
    return result;
  }
  return Conclude(session, std::move(result));
}

absl::StatusOr<Settlement> Settler::Conclude(MigrationSession& session, Settlement result) {
  ASSIGN_OR_RETURN(const std::string now, ReadFingerprintInTime(session));
  if (now == fingerprint_before_) {
    result.kind =
        result.undone.empty() ? Settlement::Kind::kUntouched : Settlement::Kind::kRolledBack;
    result.detail = absl::StrCat("the schema is as before (fingerprint ", now.substr(0, 12), ")");
    return result;
  }
  result.kind = Settlement::Kind::kIncomplete;
  result.remaining = std::move(result.undone);
  result.undone.clear();
  result.detail = absl::StrCat(
      "every statement that took effect was taken back, but the schema is not as before "
      "(fingerprint ",
      now.substr(0, 12), ", before ", fingerprint_before_.substr(0, 12),
      "): the rollback statements do not undo everything, or somebody else changed the schema; "
      "compare it and repair it by hand");
  return result;
}

}  // namespace dbfleet::agent
