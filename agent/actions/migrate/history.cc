#include "agent/actions/migrate/history.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"

#include "common/base/failpoint.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr size_t kMaxErrorBytes = 480;

// Tables are named with their schema, so that a migration which changes the search path or the
// current database cannot move the records elsewhere.
std::string Prefix(sql::Dialect dialect, absl::string_view database) {
  if (dialect == sql::Dialect::kPostgres) return "public.";
  return absl::StrCat("`", absl::StrReplaceAll(database, {{"`", "``"}}), "`.");
}

std::string TextOf(const std::optional<std::string>& value) { return value.value_or(""); }

int64_t NumberOf(const std::optional<std::string>& value, int64_t otherwise) {
  int64_t number = 0;
  return value.has_value() && absl::SimpleAtoi(*value, &number) ? number : otherwise;
}

// `what` names the row for the failpoints.
absl::StatusOr<int64_t> Write(MigrationSession& session, [[maybe_unused]] absl::string_view what,
                              const std::string& statement) {
  DBFLEET_FAILPOINT_TAGGED("target.history.before", what);
  absl::StatusOr<int64_t> rows = session.Execute(statement, absl::ZeroDuration());
  DBFLEET_FAILPOINT_TAGGED("target.history.after", what);
  return rows;
}

absl::Status Run(MigrationSession& session, absl::string_view what, const std::string& statement) {
  return Write(session, what, statement).status();
}

// For statements that must change a row which is there; a row that vanished means that somebody
// else works on the records.
absl::Status RunOnOneRow(MigrationSession& session, absl::string_view what,
                         const std::string& statement) {
  ASSIGN_OR_RETURN(const int64_t rows, Write(session, what, statement));
  if (rows != 0) return absl::OkStatus();
  return Error(absl::StatusCode::kInternal, "HISTORY_CHANGED",
               "a row of dbfleet_step_log that this attempt wrote is gone; see who deleted it");
}

absl::Status Unreadable(absl::string_view table) {
  return Error(absl::StatusCode::kInternal, "HISTORY_UNREADABLE",
               absl::StrCat(table, " has not the columns that dbfleet gave it"));
}

}  // namespace

TargetHistory::TargetHistory(sql::Dialect dialect, absl::string_view database, AttemptId id,
                             const Clock& clock)
    : id_(std::move(id)),
      clock_(clock),
      versions_table_(absl::StrCat(Prefix(dialect, database), "dbfleet_schema_history")),
      steps_table_(absl::StrCat(Prefix(dialect, database), "dbfleet_step_log")) {}

std::string TargetHistory::Now(const MigrationSession& session) const {
  return session.Quote(absl::FormatTime("%Y-%m-%d %H:%M:%E3S", clock_.Now(), absl::UTCTimeZone()));
}

std::string TargetHistory::StepKey(const MigrationSession& session, const StepRow& row) const {
  return absl::StrCat(" WHERE attempt = ", session.Quote(id_.attempt),
                      " AND is_rollback = ", row.rollback ? 1 : 0, " AND step_index = ", row.index);
}

absl::StatusOr<std::vector<HistoryRow>> TargetHistory::ReadVersions(
    MigrationSession& session) const {
  ASSIGN_OR_RETURN(const auto rows,
                   session.Query(absl::StrCat("SELECT version, name, checksum, state, attempt, "
                                              "execution_ms FROM ",
                                              versions_table_)));
  std::vector<HistoryRow> result;
  for (const auto& row : rows) {
    if (row.size() != 6) return Unreadable(versions_table_);
    result.push_back({TextOf(row[0]), TextOf(row[1]), TextOf(row[2]), TextOf(row[3]),
                      TextOf(row[4]), NumberOf(row[5], 0)});
  }
  return result;
}

absl::StatusOr<std::vector<StepRow>> TargetHistory::ReadSteps(MigrationSession& session) const {
  ASSIGN_OR_RETURN(
      const auto rows,
      session.Query(absl::StrCat("SELECT step_index, is_rollback, version, state, sql_sha256, "
                                 "fingerprint, rows_affected, duration_ms, error FROM ",
                                 steps_table_, " WHERE attempt = ", session.Quote(id_.attempt),
                                 " ORDER BY is_rollback, step_index")));
  std::vector<StepRow> result;
  for (const auto& row : rows) {
    if (row.size() != 9) return Unreadable(steps_table_);
    result.push_back({static_cast<int>(NumberOf(row[0], kAttemptRow)), NumberOf(row[1], 0) != 0,
                      TextOf(row[2]), TextOf(row[3]), TextOf(row[4]), TextOf(row[5]),
                      NumberOf(row[6], -1), NumberOf(row[7], 0), TextOf(row[8])});
  }
  return result;
}

absl::StatusOr<uint64_t> TargetHistory::HighestFence(MigrationSession& session) const {
  uint64_t highest = 0;
  for (const std::string& table : {versions_table_, steps_table_}) {
    ASSIGN_OR_RETURN(const auto rows,
                     session.Query(absl::StrCat("SELECT MAX(fence) FROM ", table)));
    if (rows.size() != 1 || rows[0].size() != 1) return Unreadable(table);
    if (!rows[0][0].has_value()) continue;
    uint64_t fence = 0;
    if (!absl::SimpleAtoi(*rows[0][0], &fence)) return Unreadable(table);
    highest = std::max(highest, fence);
  }
  return highest;
}

absl::Status TargetHistory::InsertStep(MigrationSession& session, const StepRow& row) const {
  const auto quote = [&session](absl::string_view value) { return session.Quote(value); };
  const bool over = row.state != step_state::kIntent && row.state != step_state::kBegan;
  return Run(
      session, row.state,
      absl::StrCat("INSERT INTO ", steps_table_,
                   " (attempt, is_rollback, step_index, job, fence, version, state, tries, "
                   "sql_sha256, fingerprint, rows_affected, duration_ms, error, started_at, "
                   "ended_at) VALUES (",
                   absl::StrJoin({quote(id_.attempt), std::string(row.rollback ? "1" : "0"),
                                  absl::StrCat(row.index), quote(id_.job), absl::StrCat(id_.fence),
                                  quote(row.version), quote(row.state), std::string("1"),
                                  quote(row.sql_sha256), quote(row.fingerprint),
                                  absl::StrCat(row.rows_affected), absl::StrCat(row.duration_ms),
                                  quote(Truncate(SanitizeForDisplay(row.error), kMaxErrorBytes)),
                                  Now(session), over ? Now(session) : std::string("NULL")},
                                 ", "),
                   ")"));
}

absl::Status TargetHistory::UpdateStep(MigrationSession& session, const StepRow& row) const {
  return RunOnOneRow(
      session, row.state,
      absl::StrCat(
          "UPDATE ", steps_table_, " SET state = ", session.Quote(row.state),
          ", rows_affected = ", row.rows_affected, ", duration_ms = ", row.duration_ms,
          ", error = ", session.Quote(Truncate(SanitizeForDisplay(row.error), kMaxErrorBytes)),
          ", ended_at = ", Now(session), StepKey(session, row)));
}

absl::Status TargetHistory::RenewIntent(MigrationSession& session, const StepRow& row) const {
  return RunOnOneRow(
      session, "intent_again",
      absl::StrCat(
          "UPDATE ", steps_table_, " SET state = ", session.Quote(step_state::kIntent),
          ", tries = tries + 1, fingerprint = ", session.Quote(row.fingerprint),
          ", error = ", session.Quote(Truncate(SanitizeForDisplay(row.error), kMaxErrorBytes)),
          ", started_at = ", Now(session), ", ended_at = NULL", StepKey(session, row)));
}

absl::Status TargetHistory::PutVersion(MigrationSession& session, const HistoryRow& row) const {
  RETURN_IF_ERROR(Run(session, "version_delete",
                      absl::StrCat("DELETE FROM ", versions_table_,
                                   " WHERE version = ", session.Quote(row.version))));
  return Run(session, "version_insert",
             absl::StrCat("INSERT INTO ", versions_table_,
                          " (version, name, checksum, state, job, attempt, fence, changed_at, "
                          "execution_ms) VALUES (",
                          absl::StrJoin({session.Quote(row.version), session.Quote(row.name),
                                         session.Quote(row.checksum), session.Quote(row.state),
                                         session.Quote(id_.job), session.Quote(id_.attempt),
                                         absl::StrCat(id_.fence), Now(session),
                                         absl::StrCat(row.execution_ms)},
                                        ", "),
                          ")"));
}

}  // namespace dbfleet::agent
