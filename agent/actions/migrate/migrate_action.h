#pragma once

#include <string>

#include "agent/actions/action.h"
#include "agent/actions/migrate/attempt.h"
#include "agent/actions/migrate/model.h"
#include "agent/actions/migrate/settler.h"
#include "common/time/clock.h"

namespace dbfleet::agent {

// Versioned migrations, up and down, with automatic rollback (requirements M1, M2, M6, M7).
//
// How an attempt stays safe:
//   1. It takes the target's migration lock on the connection that executes the steps, and refuses
//   a
//      fence lower than any that the target has recorded (STALE_FENCE).
//      Under that lock it plans once more: what is not the approved plan any more is refused
//      (DIGEST_MISMATCH).
//   2. A checkpoint is made and a row for the attempt committed in the target before the first
//   step.
//      Run for an attempt that has such a row executes nothing, and settles as Recover does.
//   3. Every step leaves its trace in the target as StepRunner says, under a unique key, so that no
//      statement is executed twice.
//   4. When anything goes wrong, a Settler finds out, on a new session, from the target what took
//   effect and takes it
//      back; what cannot be decided is INTERRUPTED.
//
// Outcomes: SUCCEEDED only if the target's history records every version. FAILED with reason
//   MIGRATION_ROLLED_BACK       a step failed; all was taken back, the schema's fingerprint is as
//   before INTERRUPTED_BEFORE_EFFECT   connection or agent lost; nothing had taken effect
//   ROLLBACK_INCOMPLETE         `remaining_versions` and the message say what is still there
//   VERSION_NOT_SETTLED         it was to take back what such a failure had left; nothing was done
//   or the error that stopped it before anything was done (CHECKSUM_MISMATCH, MIGRATION_LOCKED...).
// CANCELLED and TIMED_OUT mean that all was taken back, too. INTERRUPTED has reason
// OUTCOME_UNKNOWN.
//
// Thread-safe; `clock` must outlive it. Each call blocks for as long as the statements take.
class MigrateAction : public Action {
 public:
  explicit MigrateAction(Clock& clock, MigrateOptions options = {});

  absl::string_view name() const override { return "migrate"; }
  absl::Status Supports(Engine& engine) override;
  ActionResult Run(ActionContext& context, const work::v1::JobSpec& spec) override;
  absl::StatusOr<work::v1::Plan> Plan(ActionContext& context,
                                      const work::v1::JobSpec& spec) override;
  ActionResult Recover(ActionContext& context, const work::v1::JobSpec& spec,
                       absl::string_view checkpoint) override;

 private:
  ActionResult RunLocked(Attempt& attempt, const work::v1::MigrateSpec& spec,
                         std::unique_ptr<MigrationSession> session);
  absl::Status CreateHistory(Attempt& attempt, MigrationSession& session);
  absl::Status LookBack(Attempt& attempt, MigrationSession& session, bool* ran_before);
  absl::Status CheckApproved(Attempt& attempt, const work::v1::MigrateSpec& spec,
                             const MigrationModel& model, MigrationSession& session);
  absl::Status Begin(Attempt& attempt, MigrationSession& session);
  absl::Status GoForward(Attempt& attempt, const MigrationModel& model, MigrationSession& session,
                         bool* session_good);
  ActionResult SettleUnseen(Attempt& attempt, const work::v1::MigrateSpec& spec, bool checkpointed);
  absl::StatusOr<Settlement> TrySettleUnseen(Attempt& attempt, const work::v1::MigrateSpec& spec,
                                             absl::Duration deadline, MigrationModel* model);

  Clock& clock_;
  MigrateOptions options_;
};

}  // namespace dbfleet::agent
