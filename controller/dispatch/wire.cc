#include "controller/dispatch/wire.h"

namespace dbfleet::controller {

std::string EngineName(work::v1::Engine engine) {
  switch (engine) {
    case work::v1::ENGINE_MYSQL:
      return "mysql";
    case work::v1::ENGINE_POSTGRESQL:
      return "postgresql";
    case work::v1::ENGINE_REDIS:
      return "redis";
    default:
      return "";
  }
}

std::string RoleName(work::v1::InstanceRole role) {
  switch (role) {
    case work::v1::INSTANCE_ROLE_PRIMARY:
      return "primary";
    case work::v1::INSTANCE_ROLE_REPLICA:
      return "replica";
    default:
      return "";
  }
}

AttemptState StateOf(agent::v1::Outcome outcome) {
  switch (outcome) {
    case agent::v1::OUTCOME_SUCCEEDED:
      return AttemptState::kSucceeded;
    case agent::v1::OUTCOME_FAILED:
      return AttemptState::kFailed;
    case agent::v1::OUTCOME_TIMED_OUT:
      return AttemptState::kTimedOut;
    case agent::v1::OUTCOME_CANCELLED:
      return AttemptState::kCancelled;
    default:
      // An outcome that this version does not know is an unknown outcome.
      return AttemptState::kInterrupted;
  }
}

StepReport FromProto(const work::v1::StepReport& report) {
  StepReport out;
  out.index = report.index();
  out.rollback = report.rollback();
  switch (report.state()) {
    case work::v1::STEP_STATE_RUNNING:
      out.state = "running";
      break;
    case work::v1::STEP_STATE_SUCCEEDED:
      out.state = "succeeded";
      break;
    case work::v1::STEP_STATE_FAILED:
      out.state = "failed";
      break;
    default:
      out.state = "unknown";
  }
  out.rows_affected = report.rows_affected();
  out.duration = FromProto(report.duration());
  out.error = report.error();
  out.migration_version = report.version();
  return out;
}

agent::v1::ControllerMsg WithdrawMessage(const std::string& attempt_id) {
  agent::v1::ControllerMsg message;
  message.mutable_withdraw()->set_attempt_id(attempt_id);
  return message;
}

agent::v1::ControllerMsg CancelMessage(const std::string& attempt_id, const std::string& reason) {
  agent::v1::ControllerMsg message;
  message.mutable_cancel()->set_attempt_id(attempt_id);
  message.mutable_cancel()->set_reason(reason);
  return message;
}

agent::v1::ControllerMsg ForgetMessage(const std::string& attempt_id) {
  agent::v1::ControllerMsg message;
  message.mutable_forget()->add_attempt_ids(attempt_id);
  return message;
}

agent::v1::ControllerMsg GrantMessage(const Attempt& attempt, uint64_t epoch,
                                      absl::Duration lease) {
  agent::v1::ControllerMsg message;
  agent::v1::Grant* grant = message.mutable_grant();
  grant->set_attempt_id(attempt.id);
  grant->set_fence(attempt.fence);
  grant->set_epoch(epoch);
  grant->set_digest(attempt.digest);
  *grant->mutable_lease() = ToProto(lease);
  *grant->mutable_not_after() = ToProto(attempt.not_after);
  if (attempt.start_before != absl::InfiniteFuture()) {
    *grant->mutable_start_before() = ToProto(attempt.start_before);
  }
  // What a freeze, a pause or a withdrawn approval stops, it stops also in an agent's queue.
  const bool by_rules = !attempt.digest.empty() || attempt.start_before != absl::InfiniteFuture();
  if (by_rules && attempt.purpose == Purpose::kExecute) {
    *grant->mutable_begin_within() = ToProto(kBeginWithin);
  }
  if (!attempt.backup_id.empty()) {
    grant->mutable_backup()->set_backup_id(attempt.backup_id);
    grant->mutable_backup()->set_manifest_sha256(attempt.backup_manifest);
  }
  return message;
}

}  // namespace dbfleet::controller
