#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/actions/migrate/attempt.h"
#include "agent/actions/migrate/model.h"
#include "agent/actions/migrate/step_runner.h"

namespace dbfleet::agent {

// What became of an attempt that did not run to its end.
struct Settlement {
  enum class Kind {
    kAllApplied,  // Every version is recorded in the history: the end was reached after all.
    kUntouched,   // Nothing took effect.
    kRolledBack,  // What took effect was taken back, and the schema is as before.
    kIncomplete,  // Decided, but something remains.
    kUnknown,     // Nobody can say what took effect.
  };
  Kind kind = Kind::kUnknown;
  bool began = false;                  // The target has a record of the attempt.
  std::vector<std::string> undone;     // Versions of which something was taken back.
  std::vector<std::string> remaining;  // Versions of which something is still there.
  std::string detail;                  // For people.
};

// Finds out from the target what an attempt did, and takes it back: after a failed statement, a
// lost connection, a cancellation, or a crash of the agent. It executes no forward statement.
// Everything it decides is recorded in the target before it acts on it, so it can itself be
// interrupted anywhere and begun again. Expiry, lost leases and cancellations do not stop it. Not
// thread-safe; one use.
//
// Undecided are: an opaque statement whose answer was lost; a target that cannot be reached, or
// hangs, within `settle_wait`; one that an attempt with a higher fence has worked on since; files
// that are not those which the attempt executed.
//
// Nothing is undone that was there before: a step that changed nothing is not, and where it cannot
// be told which rollback statement belongs to which step the version stays as it is (kIncomplete).
class Settler {
 public:
  Settler(Attempt& attempt, const MigrationModel& model) : attempt_(attempt), model_(model) {}

  // `session` is used while it is good; null: a new one is opened. `deadline`: on Monotonic(), for
  // the opening and for reads (see MigrateOptions::settle_read).
  Settlement Settle(std::unique_ptr<MigrationSession> session, absl::Duration deadline);

 private:
  // One pass; UNAVAILABLE means: once more on a new session.
  absl::StatusOr<Settlement> Pass(MigrationSession& session);
  absl::StatusOr<Settlement> RollBack(MigrationSession& session);
  absl::StatusOr<bool> RollBackUnit(MigrationSession& session, const VersionUnit& unit,
                                    Settlement* result);
  absl::StatusOr<Settlement> Conclude(MigrationSession& session, Settlement result);

  absl::Status ReadTarget(MigrationSession& session);
  absl::Status CheckRowsMatch() const;
  // False: undecidable; `why` says which.
  absl::StatusOr<bool> ResolveUnknownSteps(MigrationSession& session, std::string* why);
  absl::StatusOr<std::string> Resolve(MigrationSession& session, const PlannedStatement& statement,
                                      const StepRow& row);

  const HistoryRow* OwnVersion(const VersionUnit& unit) const;
  const StepRow* Row(bool rollback, int index) const;
  bool TookEffect(const PlannedStatement& statement) const;
  bool HasEffect(const VersionUnit& unit) const;
  bool IsUndone(const VersionUnit& unit) const;
  bool IsDone(const VersionUnit& unit) const;
  // Refuses (ROLLBACK_UNSAFE) when undoing the unit could remove what was there before it.
  absl::Status CheckUndoable(const VersionUnit& unit) const;
  // Whether the unit was executed to its end and each of its statements did something.
  bool IsWhole(const VersionUnit& unit) const;
  // The indexes of the rollback statements that undo what took effect of `unit`, or an error as
  // above.
  absl::StatusOr<std::set<size_t>> ChooseBackward(const VersionUnit& unit) const;
  absl::StatusOr<UnitOrder> OrderBackward(const VersionUnit& unit) const;
  std::vector<std::string> StillThere() const;

  absl::StatusOr<std::string> ReadFingerprintInTime(MigrationSession& session);
  absl::Status RecordInTime(MigrationSession& session, const StepRow& row);

  Attempt& attempt_;
  const MigrationModel& model_;
  absl::Duration deadline_ = absl::InfiniteDuration();
  std::vector<StepRow> rows_;
  std::vector<HistoryRow> versions_;
  std::string fingerprint_before_;
};

}  // namespace dbfleet::agent
