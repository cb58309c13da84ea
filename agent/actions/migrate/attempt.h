#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/actions/action.h"
#include "agent/actions/migrate/history.h"
#include "agent/actions/migrate/interrupt_gate.h"
#include "agent/actions/migrate/model.h"
#include "agent/engine/engine.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

struct MigrateOptions {
  // How long a new attempt waits for the target's migration lock.
  absl::Duration lock_wait = absl::Seconds(30);
  // How long, after a lost connection or a crash of the agent, the lock is waited for: a statement
  // that the server still executes holds it. After that the attempt is INTERRUPTED.
  absl::Duration settle_wait = absl::Hours(1);
  // One wait for the lock within that time; between two of them the agent says that it waits.
  absl::Duration settle_slice = absl::Seconds(20);
  // What settling reads from the target, on a session that it has, it also reads within that time;
  // but a read that follows a long rollback always has this much. After it the connection is cut.
  // Statements of a rollback are not bounded.
  absl::Duration settle_read = absl::Minutes(10);
  // A plan's reads take seconds; a server that has not answered after this hangs.
  absl::Duration plan_limit = absl::Minutes(10);
  // How long after a cancellation the forward session may still be in use. Beyond that the server
  // hangs, or takes long to undo the statement: the connection is cut, and the outcome is settled
  // as after any lost connection, within `settle_wait`.
  absl::Duration cancel_limit = absl::Minutes(2);
  // Executions of a statement (or transaction) that runs into lock time-outs or deadlocks.
  int forward_lock_tries = 5;
  int rollback_lock_tries = 20;
  absl::Duration backoff_base = absl::Milliseconds(500);
  absl::Duration backoff_max = absl::Seconds(30);
  // Waits; by default on the clock's timer. Tests replace it.
  std::function<void(absl::Duration)> wait;
};

// What the parts of one attempt share. Used by one thread. The references must outlive it.
struct Attempt {
  ActionContext& context;
  SqlMigrations& sql;
  Clock& clock;
  const MigrateOptions& options;
  const TargetHistory& history;
  std::string database;
  absl::Duration statement_timeout;
  absl::Duration lock_timeout;
  std::shared_ptr<InterruptGate> gate =
      std::make_shared<InterruptGate>(clock, options.cancel_limit);

  // A step was executed, or may have been. Until then the attempt may be too late to begin.
  bool begun = false;

  // Why no further forward step was started, if it was not a step that failed.
  absl::Status stopped;

  // Outcomes that the server told, by {rollback, index}. A settlement in the same life of the agent
  // uses those that could not be recorded in the target any more.
  std::map<std::pair<bool, int>, std::string> known_outcomes;

  void Info(absl::string_view line) { context.Log(work::v1::SEVERITY_INFO, line); }
  void Warn(absl::string_view line) { context.Log(work::v1::SEVERITY_WARNING, line); }
};

// Cuts the connection of a session that is still in use for reading after `limit`, which ends what
// it waits for as UNAVAILABLE. Not thread-safe; the session and the clock must outlive it.
class ReadLimit {
 public:
  ReadLimit(Clock& clock, MigrationSession& session, absl::Duration limit)
      : timer_(clock.After(limit, [&session] { session.Break(); })) {}
  // While settling: until `deadline` on Monotonic(), and for `settle_read` at least.
  ReadLimit(const Attempt& attempt, MigrationSession& session, absl::Duration deadline)
      : ReadLimit(attempt.clock, session,
                  std::max(deadline - attempt.clock.Monotonic(), attempt.options.settle_read)) {}
  ReadLimit(const ReadLimit&) = delete;
  ReadLimit& operator=(const ReadLimit&) = delete;

 private:
  const std::unique_ptr<Clock::Timer> timer_;  // Its end waits for a callback that runs.
};

// Opens a locked session although the server may be away or the lock held by a statement that still
// runs, until `deadline` on the clock's Monotonic(). Errors: the last one seen.
absl::StatusOr<std::unique_ptr<MigrationSession>> OpenPatiently(Attempt& attempt,
                                                                absl::Duration deadline);

// Reads the history and builds the model from it: as the history is, or as it was before the
// attempt.
enum class HistoryView { kNow, kBeforeAttempt };
absl::StatusOr<MigrationModel> LoadModel(ActionContext& context, SqlMigrations& sql,
                                         const TargetHistory& history, MigrationSession& session,
                                         const work::v1::MigrateSpec& spec,
                                         const std::string& database, HistoryView view);

// SchemaFingerprint, which PostgreSQL lets wait for locks; lock time-outs are tried again.
absl::StatusOr<std::string> ReadFingerprint(Attempt& attempt, MigrationSession& session);

// A lock time-out, deadlock or serialisation failure: nothing was done, and a new try may succeed.
bool IsLockError(const absl::Status& status);

// The connection is gone or was never there: the same call may succeed later.
bool IsConnectionError(const absl::Status& status);

}  // namespace dbfleet::agent
