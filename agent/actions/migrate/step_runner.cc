#include "agent/actions/migrate/step_runner.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "common/base/failpoint.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/concurrency/backoff.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

constexpr size_t kMaxErrorBytes = 1024;

std::string ErrorText(const absl::Status& status) {
  return Truncate(SanitizeForDisplay(std::string(status.message())), kMaxErrorBytes);
}

StepRow RowOf(const UnitOrder& order, const PlannedStatement& statement, absl::string_view state) {
  StepRow row;
  row.index = statement.index;
  row.rollback = order.rollback;
  row.version = statement.version;
  row.state = std::string(state);
  row.sql_sha256 = statement.sha256;
  return row;
}

}  // namespace

absl::Status StepRunner::Note(absl::Status status) {
  if (IsConnectionError(status)) session_good_ = false;
  return status;
}

template <typename T>
absl::StatusOr<T> StepRunner::Noted(absl::StatusOr<T> value) {
  (void)Note(value.status());
  return value;
}

absl::Status StepRunner::Commit() {
  DBFLEET_FAILPOINT("target.commit.before");
  absl::Status status = Command("COMMIT");
  DBFLEET_FAILPOINT("target.commit.after");
  return status;
}

absl::Status StepRunner::Command(absl::string_view command) {
  return Note(session_.Execute(command, absl::ZeroDuration()).status());
}

absl::Status StepRunner::AskToGoOn(const UnitOrder& order) {
  if (order.rollback) return absl::OkStatus();
  absl::Status status = attempt_.begun ? attempt_.context.MayGoOn() : attempt_.context.MayBegin();
  if (!status.ok()) attempt_.stopped = status;
  return status;
}

absl::Status StepRunner::Report(const UnitOrder& order, const PlannedStatement& statement,
                                work::v1::StepState state, const Outcome& outcome) {
  work::v1::StepReport report;
  report.set_index(statement.index);
  report.set_rollback(order.rollback);
  report.set_version(statement.version);
  report.set_state(state);
  report.set_rows_affected(outcome.rows);
  *report.mutable_duration() = ToProto(outcome.duration);
  if (!outcome.status.ok()) report.set_error(ErrorText(outcome.status));
  const absl::Status status = attempt_.context.ReportStep(report);
  if (status.ok() || !order.rollback) return status;
  // Taking back what this attempt did is more urgent than telling about it.
  attempt_.Warn(absl::StrCat("a rollback step could not be reported: ", status.message()));
  return absl::OkStatus();
}

StepRunner::Outcome StepRunner::ExecuteStep(const UnitOrder& order,
                                            const PlannedStatement& statement) {
  Outcome outcome;
  const absl::Duration begin = attempt_.clock.Monotonic();
  // A rollback is neither bounded in time nor interrupted.
  if (!order.rollback) attempt_.gate->Begin(session_);
  [[maybe_unused]] const absl::string_view tag = order.rollback ? "rollback" : "forward";
  DBFLEET_FAILPOINT_TAGGED("target.step.before", tag);
  const absl::StatusOr<int64_t> rows = session_.Execute(
      statement.text, order.rollback ? absl::ZeroDuration() : attempt_.statement_timeout);
  DBFLEET_FAILPOINT_TAGGED("target.step.after", tag);
  if (!order.rollback) outcome.interrupted = attempt_.gate->End();
  outcome.duration = attempt_.clock.Monotonic() - begin;
  unit_ms_ += absl::ToInt64Milliseconds(outcome.duration);
  outcome.status = rows.ok() ? absl::OkStatus() : Annotate(rows.status(), statement.Where());
  if (rows.ok()) outcome.rows = *rows;
  // One that only waited for a lock in vain did nothing.
  if (!IsLockError(rows.status())) attempt_.begun = true;
  if (outcome.interrupted) {
    attempt_.stopped = Error(absl::StatusCode::kCancelled, "CANCELLED",
                             absl::StrCat("cancelled while ", statement.Where(), " ran"));
  }
  if (outcome.interrupted || IsConnectionError(outcome.status)) session_good_ = false;
  const std::string what = absl::StrCat(order.rollback ? "rollback of version " : "version ",
                                        statement.version, ", ", statement.Where());
  if (outcome.status.ok()) {
    attempt_.Info(absl::StrCat(what, ": executed in ", absl::FormatDuration(outcome.duration),
                               ", rows affected: ", outcome.rows));
  } else {
    attempt_.Warn(absl::StrCat(what, ": ", ErrorText(rows.status())));
  }
  return outcome;
}

// --- What is executed how --------------------------------------------------------------------

std::vector<StepRunner::Group> StepRunner::Cut(const UnitOrder& order) const {
  if (order.one_transaction) return {order.steps};
  std::vector<Group> groups;
  const bool merge = !attempt_.sql.transactional_ddl();
  bool open = false;
  for (const StepOrder& step : order.steps) {
    const bool mergeable = merge && step.statement->effect == Effect::kAtomic;
    if (!open || !mergeable) groups.emplace_back();
    groups.back().push_back(step);
    open = mergeable;
  }
  return groups;
}

absl::Status StepRunner::Run(const UnitOrder& order) {
  unit_ms_ = 0;
  if (order.steps.empty()) return Record(order, nullptr, /*insert=*/false, /*with_version=*/true);
  const std::vector<Group> groups = Cut(order);
  for (const Group& group : groups) {
    const bool last = &group == &groups.back();
    const Effect effect = group.front().statement->effect;
    absl::Status status;
    if (order.one_transaction || effect == Effect::kAtomic) {
      status = RunTransaction(order, group, last);
    } else if (effect == Effect::kNone) {
      status = RunPlain(order, group.front(), last);
    } else {
      status = RunWithIntent(order, group.front(), last);
    }
    RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

template <typename Try>
absl::Status StepRunner::Retrying(const UnitOrder& order, Try attempt) {
  const int tries =
      order.rollback ? attempt_.options.rollback_lock_tries : attempt_.options.forward_lock_tries;
  Backoff backoff(attempt_.options.backoff_base, attempt_.options.backoff_max, UniformRandom);
  for (int n = 1;; ++n) {
    bool again = false;
    absl::Status status = attempt(n, &again);
    if (status.ok() || !again || !session_good_ || n >= tries) return status;
    attempt_.Warn(absl::StrCat("no effect yet, execution ", n, " of at most ", tries,
                               " ran into a lock: ", status.message()));
    attempt_.options.wait(backoff.Next());
  }
}

// --- In a transaction ------------------------------------------------------------------------

absl::Status StepRunner::RunTransaction(const UnitOrder& order, const Group& group, bool last) {
  const int64_t ms_before = unit_ms_;
  return Retrying(order, [&](int n, bool* again) {
    unit_ms_ = ms_before;
    absl::Status status = TryTransaction(order, group, last, n == 1);
    *again = IsLockError(status);
    return status;
  });
}

absl::Status StepRunner::TryTransaction(const UnitOrder& order, const Group& group, bool last,
                                        bool first_try) {
  RETURN_IF_ERROR(Command("BEGIN"));
  std::vector<Outcome> outcomes;
  absl::Status status = ExecuteInTransaction(order, group, first_try, &outcomes);
  if (status.ok() && last) {
    HistoryRow row = order.row;
    row.execution_ms = unit_ms_;
    status = Note(attempt_.history.PutVersion(session_, row));
  }
  if (status.ok()) status = Commit();
  if (status.ok()) {
    for (size_t i = 0; i < outcomes.size(); ++i) {
      RETURN_IF_ERROR(
          Report(order, *group[i].statement, work::v1::STEP_STATE_SUCCEEDED, outcomes[i]));
    }
    return absl::OkStatus();
  }
  if (session_good_) (void)Command("ROLLBACK");
  // Until its commit is known, no step of a transaction is called a success.
  const bool unknown = IsConnectionError(status);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].status.ok()) {
      outcomes[i].status = unknown ? status
                                   : Error(absl::StatusCode::kAborted, "TRANSACTION_ROLLED_BACK",
                                           "taken back together with its transaction");
    }
    (void)Report(order, *group[i].statement,
                 unknown ? work::v1::STEP_STATE_UNKNOWN : work::v1::STEP_STATE_FAILED, outcomes[i]);
  }
  return status;
}

absl::StatusOr<std::string> StepRunner::StateAfterSuccess(
    const UnitOrder& order, const PlannedStatement& statement, const Outcome& outcome,
    const std::optional<std::string>& before) {
  const std::string done(step_state::kDone);
  const std::string exists(step_state::kExists);
  if (order.rollback) return done;
  if (before.has_value()) {
    ASSIGN_OR_RETURN(const std::string now, attempt_.sql.SchemaFingerprint(session_));
    if (now == *before) attempt_.Info(absl::StrCat(statement.Where(), ": the schema is unchanged"));
    return now == *before ? exists : done;
  }
  // In PostgreSQL a rule or trigger may have put the rows elsewhere.
  const bool counted =
      attempt_.sql.dialect() != sql::Dialect::kPostgres && statement.effect == Effect::kAtomic;
  return counted && outcome.rows == 0 ? exists : done;
}

absl::Status StepRunner::ExecuteInTransaction(const UnitOrder& order, const Group& group,
                                              bool first_try, std::vector<Outcome>* outcomes) {
  for (const StepOrder& step : group) {
    RETURN_IF_ERROR(AskToGoOn(order));
    if (first_try) {
      RETURN_IF_ERROR(Report(order, *step.statement, work::v1::STEP_STATE_RUNNING, Outcome()));
    }
    std::optional<std::string> before;
    if (step.statement->tells && !order.rollback) {
      // Not patiently: the transaction holds locks. It is executed again as a whole.
      ASSIGN_OR_RETURN(before, Noted(attempt_.sql.SchemaFingerprint(session_)));
    }
    outcomes->push_back(ExecuteStep(order, *step.statement));
    const Outcome& outcome = outcomes->back();
    RETURN_IF_ERROR(outcome.status);
    if (!session_good_) {
      return attempt_.stopped;
    }
    ASSIGN_OR_RETURN(const std::string state,
                     Noted(StateAfterSuccess(order, *step.statement, outcome, before)));
    StepRow row = RowOf(order, *step.statement, state);
    row.rows_affected = outcome.rows;
    row.duration_ms = absl::ToInt64Milliseconds(outcome.duration);
    RETURN_IF_ERROR(Note(attempt_.history.InsertStep(session_, row)));
  }
  return absl::OkStatus();
}

// --- Without a transaction -------------------------------------------------------------------

absl::Status StepRunner::RunPlain(const UnitOrder& order, const StepOrder& step, bool last) {
  RETURN_IF_ERROR(AskToGoOn(order));
  RETURN_IF_ERROR(Report(order, *step.statement, work::v1::STEP_STATE_RUNNING, Outcome()));
  const Outcome outcome = ExecuteStep(order, *step.statement);
  if (!outcome.status.ok()) {
    (void)Report(order, *step.statement, work::v1::STEP_STATE_FAILED, outcome);
    return outcome.status;
  }
  StepRow row = RowOf(order, *step.statement, step_state::kDone);
  row.duration_ms = absl::ToInt64Milliseconds(outcome.duration);
  row.rows_affected = outcome.rows;
  RETURN_IF_ERROR(Record(order, &row, !step.has_row, last));
  return Report(order, *step.statement, work::v1::STEP_STATE_SUCCEEDED, outcome);
}

absl::Status StepRunner::RunWithIntent(const UnitOrder& order, const StepOrder& step, bool last) {
  bool has_row = step.has_row;
  RETURN_IF_ERROR(AskToGoOn(order));
  RETURN_IF_ERROR(Report(order, *step.statement, work::v1::STEP_STATE_RUNNING, Outcome()));
  return Retrying(order, [&](int n, bool* again) -> absl::Status {
    if (n > 1) RETURN_IF_ERROR(AskToGoOn(order));
    absl::Status status = TryWithIntent(order, step, last, has_row);
    has_row = true;
    // Only after a clean failure; its row says so.
    *again = IsLockError(status);
    return status;
  });
}

absl::Status StepRunner::TryWithIntent(const UnitOrder& order, const StepOrder& step, bool last,
                                       bool has_row) {
  const PlannedStatement& statement = *step.statement;
  absl::StatusOr<std::string> fingerprint = ReadFingerprint(attempt_, session_);
  RETURN_IF_ERROR(Note(fingerprint.status()));
  StepRow row = RowOf(order, statement, step_state::kIntent);
  row.fingerprint = *fingerprint;
  ASSIGN_OR_RETURN(row.error, Noted(ConcurrentIndexScope(session_, statement)));
  RETURN_IF_ERROR(Note(has_row ? attempt_.history.RenewIntent(session_, row)
                               : attempt_.history.InsertStep(session_, row)));
  const Outcome outcome = ExecuteStep(order, statement);
  row.rows_affected = outcome.rows;
  row.duration_ms = absl::ToInt64Milliseconds(outcome.duration);
  if (outcome.status.ok()) {
    // Should the connection be lost now, a settlement looks at the schema again.
    attempt_.known_outcomes[{order.rollback, statement.index}] = std::string(step_state::kDone);
    std::optional<std::string> before;
    if (statement.tells) before = *fingerprint;
    ASSIGN_OR_RETURN(row.state, Noted(StateAfterSuccess(order, statement, outcome, before)));
    row.error.clear();
    RETURN_IF_ERROR(Record(order, &row, /*insert=*/false, last));
    return Report(order, statement, work::v1::STEP_STATE_SUCCEEDED, outcome);
  }
  if (IsConnectionError(outcome.status)) {
    (void)Report(order, statement, work::v1::STEP_STATE_UNKNOWN, outcome);
    return outcome.status;
  }
  row.state = StateAfterError(step, outcome, row);
  row.error = ErrorText(outcome.status);
  (void)Report(order, statement, work::v1::STEP_STATE_FAILED, outcome);
  if (row.state.empty()) return outcome.status;
  attempt_.known_outcomes[{order.rollback, statement.index}] = row.state;
  const absl::Status recorded = Record(order, &row, /*insert=*/false, /*with_version=*/false);
  if (!recorded.ok()) attempt_.Warn(absl::StrCat("not recorded: ", recorded.message()));
  if (row.state != step_state::kUnsure) return outcome.status;
  return Error(absl::StatusCode::kAborted, "HALF_DONE", outcome.status.message());
}

// The state that a definite error leaves, "" if only a settlement can tell.
std::string StepRunner::StateAfterError(const StepOrder& step, const Outcome& outcome,
                                        const StepRow& intent) {
  const PlannedStatement& statement = *step.statement;
  if (statement.effect == Effect::kOpaque) {
    return std::string(CanFailHalfway(statement.text) ? step_state::kUnsure : step_state::kFailed);
  }
  if (absl::IsAlreadyExists(outcome.status)) return std::string(step_state::kExists);
  const bool concurrent = !ConcurrentIndexName(statement.text).empty();
  if (statement.effect == Effect::kSchema && !concurrent) return std::string(step_state::kFailed);
  if (!session_good_) return "";
  absl::StatusOr<std::string> now = ReadFingerprint(attempt_, session_);
  if (now.ok() && *now != intent.fingerprint && concurrent) {
    const absl::Status removed = RemoveInvalidIndex(attempt_, session_, statement, intent.error);
    now = removed.ok() ? ReadFingerprint(attempt_, session_) : removed;
  }
  if (!Note(now.status()).ok()) return "";
  return std::string(*now == intent.fingerprint ? step_state::kFailed : step_state::kUnsure);
}

absl::Status StepRunner::Record(const UnitOrder& order, const StepRow* row, bool insert,
                                bool with_version) {
  const auto write_row = [&] {
    if (row == nullptr) return absl::OkStatus();
    return Note(insert ? attempt_.history.InsertStep(session_, *row)
                       : attempt_.history.UpdateStep(session_, *row));
  };
  if (!with_version) return write_row();
  RETURN_IF_ERROR(Command("BEGIN"));
  HistoryRow version = order.row;
  version.execution_ms = unit_ms_;
  absl::Status status = write_row();
  if (status.ok()) status = Note(attempt_.history.PutVersion(session_, version));
  if (status.ok()) status = Commit();
  if (!status.ok() && session_good_) (void)Command("ROLLBACK");
  return status;
}

}  // namespace dbfleet::agent
