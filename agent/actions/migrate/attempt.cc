#include "agent/actions/migrate/attempt.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/concurrency/backoff.h"

namespace dbfleet::agent {
namespace {

// Changes of data can share a transaction with their row in the step log only if every table they
// may write (by triggers, too) is transactional. Sequences (MariaDB) take no part in it.
absl::StatusOr<bool> AllTablesTransactional(SqlMigrations& sql, MigrationSession& session) {
  if (sql.dialect() == sql::Dialect::kPostgres) return true;
  ASSIGN_OR_RETURN(
      const auto rows,
      session.Query(
          "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() "
          "AND table_type LIKE '%BASE TABLE' AND engine NOT IN ('InnoDB', 'ROCKSDB')"));
  return rows.size() == 1 && rows[0].size() == 1 && rows[0][0] == "0";
}

}  // namespace

bool IsConnectionError(const absl::Status& status) { return absl::IsUnavailable(status); }

bool IsLockError(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == "LOCK_TIMEOUT" || reason == "DEADLOCK" || reason == "SERIALIZATION";
}

absl::StatusOr<std::string> ReadFingerprint(Attempt& attempt, MigrationSession& session) {
  Backoff backoff(attempt.options.backoff_base, attempt.options.backoff_max, UniformRandom);
  for (int n = 1;; ++n) {
    auto fingerprint = attempt.sql.SchemaFingerprint(session);
    if (!IsLockError(fingerprint.status()) || n >= attempt.options.rollback_lock_tries) {
      return fingerprint;
    }
    attempt.Warn("the schema cannot be read just now, a table is locked; trying again");
    attempt.options.wait(backoff.Next());
  }
}

absl::StatusOr<std::unique_ptr<MigrationSession>> OpenPatiently(Attempt& attempt,
                                                                absl::Duration deadline) {
  Backoff backoff(attempt.options.backoff_base, attempt.options.backoff_max, UniformRandom);
  while (true) {
    const absl::Duration left = deadline - attempt.clock.Monotonic();
    const absl::Duration slice =
        std::clamp(left, absl::ZeroDuration(), attempt.options.settle_slice);
    auto session = attempt.sql.OpenLocked(attempt.database, slice, attempt.lock_timeout);
    if (session.ok()) return session;
    const absl::Status& status = session.status();
    const bool transient =
        IsConnectionError(status) || absl::IsDeadlineExceeded(status) || absl::IsAborted(status);
    if (!transient || attempt.clock.Monotonic() >= deadline) return status;
    attempt.Warn(
        absl::StrCat("waiting for the target, to find out what took effect: ", status.message()));
    // The wait for a lock has taken its time on the server; a refused connection has not.
    if (!absl::IsAborted(status)) attempt.options.wait(backoff.Next());
  }
}

absl::StatusOr<MigrationModel> LoadModel(ActionContext& context, SqlMigrations& sql,
                                         const TargetHistory& history, MigrationSession& session,
                                         const work::v1::MigrateSpec& spec,
                                         const std::string& database, HistoryView view) {
  ModelInput input;
  input.spec = &spec;
  input.database = database;
  input.dialect = sql.dialect();
  ASSIGN_OR_RETURN(input.server_version, sql.ServerVersion(session));
  input.transactional_ddl = sql.transactional_ddl();
  ASSIGN_OR_RETURN(input.atomic_data, AllTablesTransactional(sql, session));
  ASSIGN_OR_RETURN(const bool has_history, sql.HasHistory(session));
  if (has_history) {
    ASSIGN_OR_RETURN(input.history, history.ReadVersions(session));
  }
  if (view == HistoryView::kBeforeAttempt) {
    input.history = HistoryBefore(std::move(input.history), history.id().attempt, spec.direction());
  }
  input.content = [&context](const work::v1::ContentRef& ref) { return context.Content(ref); };
  return BuildModel(input);
}

}  // namespace dbfleet::agent
