#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/actions/migrate/attempt.h"
#include "agent/actions/migrate/model.h"

namespace dbfleet::agent {

// What a StepRunner shall do to one version.
struct StepOrder {
  const PlannedStatement* statement = nullptr;
  bool has_row = false;  // An earlier life of the attempt has begun it, without effect.
};
struct UnitOrder {
  std::vector<StepOrder> steps;
  bool rollback = false;
  bool one_transaction = false;
  HistoryRow row;  // The version's row, written together with the last step.
};

// Executes statements of one version on a locked session so that whatever happens to the connection
// or to this process, the target tells afterwards what took effect:
//   - atomic statements (consecutive ones together on MySQL/MariaDB, a whole version on PostgreSQL)
//     in a transaction with their rows in the step log;
//   - others between a committed intent row, which holds the schema's fingerprint, and an outcome.
// The version's history row is written in the transaction of its last outcome. Forward steps ask
// MayGoOn first and need their report journaled; a rollback does neither.
//
// Statements that ran into a lock time-out or deadlock took no effect and are executed again, a
// bounded number of times. Not thread-safe; one object per session.
//
// The sessions' errors: UNAVAILABLE is a lost connection; NOT_FOUND an object that is not there;
// ALREADY_EXISTS one that is; ABORTED a lock time-out or deadlock. All but the first are definite.
class StepRunner {
 public:
  StepRunner(Attempt& attempt, MigrationSession& session) : attempt_(attempt), session_(session) {}

  // Stops at the first step that fails; its error names file and line.
  absl::Status Run(const UnitOrder& order);

  // False once the connection is gone or an interruption may still be under way on it: the session
  // must not be used any more.
  bool session_good() const { return session_good_; }

 private:
  struct Outcome {
    absl::Status status;
    int64_t rows = -1;
    absl::Duration duration;
    bool interrupted = false;
  };
  using Group = std::vector<StepOrder>;

  std::vector<Group> Cut(const UnitOrder& order) const;
  absl::Status RunTransaction(const UnitOrder& order, const Group& group, bool last);
  absl::Status TryTransaction(const UnitOrder& order, const Group& group, bool last,
                              bool first_try);
  absl::Status ExecuteInTransaction(const UnitOrder& order, const Group& group, bool first_try,
                                    std::vector<Outcome>* outcomes);
  absl::Status RunPlain(const UnitOrder& order, const StepOrder& step, bool last);
  absl::Status RunWithIntent(const UnitOrder& order, const StepOrder& step, bool last);
  absl::Status TryWithIntent(const UnitOrder& order, const StepOrder& step, bool last,
                             bool has_row);
  std::string StateAfterError(const StepOrder& step, const Outcome& outcome, const StepRow& intent);
  // `done`, or `exists` for a forward step that changed nothing.
  absl::StatusOr<std::string> StateAfterSuccess(const UnitOrder& order,
                                                const PlannedStatement& statement,
                                                const Outcome& outcome,
                                                const std::optional<std::string>& before);
  // Writes a step's row, if any, and the version's row, if wanted, both or none.
  absl::Status Record(const UnitOrder& order, const StepRow* row, bool insert, bool with_version);

  absl::Status AskToGoOn(const UnitOrder& order);
  Outcome ExecuteStep(const UnitOrder& order, const PlannedStatement& statement);
  // Bookkeeping: notes a lost connection, and passes the status on.
  absl::Status Note(absl::Status status);
  template <typename T>
  absl::StatusOr<T> Noted(absl::StatusOr<T> value);
  absl::Status Command(absl::string_view command);
  absl::Status Commit();
  absl::Status Report(const UnitOrder& order, const PlannedStatement& statement,
                      work::v1::StepState state, const Outcome& outcome);
  template <typename Try>
  absl::Status Retrying(const UnitOrder& order, Try attempt);

  Attempt& attempt_;
  MigrationSession& session_;
  bool session_good_ = true;
  int64_t unit_ms_ = 0;
};

// PostgreSQL, before a CREATE or DROP INDEX CONCURRENTLY: a note for the step's intent row about
// which index of which table is meant, and which invalid ones were there before. "" for other
// statements.
absl::StatusOr<std::string> ConcurrentIndexScope(MigrationSession& session,
                                                 const PlannedStatement& statement);

// PostgreSQL: removes the invalid index that a failed or interrupted CREATE or DROP INDEX
// CONCURRENTLY left behind; does nothing for other statements and valid indexes. `scope` is the
// note of the intent row. FAILED_PRECONDITION (INVALID_INDEX) if there is one that may be somebody
// else's.
absl::Status RemoveInvalidIndex(Attempt& attempt, MigrationSession& session,
                                const PlannedStatement& statement, absl::string_view scope);

}  // namespace dbfleet::agent
