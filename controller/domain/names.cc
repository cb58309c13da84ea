#include "controller/domain/names.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace dbfleet::controller {
namespace {

template <typename T>
struct Word {
  T value;
  absl::string_view name;
};

constexpr Word<SafetyClass> kSafetyClasses[] = {
    {SafetyClass::kUnspecified, "unspecified"},
    {SafetyClass::kSafe, "safe"},
    {SafetyClass::kDestructive, "destructive"},
};

constexpr Word<JobKind> kJobKinds[] = {
    {JobKind::kCheck, "check"},   {JobKind::kInspect, "inspect"}, {JobKind::kBackup, "backup"},
    {JobKind::kVerify, "verify"}, {JobKind::kMigrate, "migrate"},
};

constexpr Word<JobState> kJobStates[] = {
    {JobState::kPlanning, "planning"},
    {JobState::kAwaitingApproval, "awaiting_approval"},
    {JobState::kReady, "ready"},
    {JobState::kRolling, "rolling"},
    {JobState::kPaused, "paused"},
    {JobState::kRollingBack, "rolling_back"},
    {JobState::kCancelling, "cancelling"},
    {JobState::kSucceeded, "succeeded"},
    {JobState::kPartial, "partial"},
    {JobState::kFailed, "failed"},
    {JobState::kRolledBack, "rolled_back"},
    {JobState::kCancelled, "cancelled"},
    {JobState::kRefused, "refused"},
    {JobState::kRejected, "rejected"},
    {JobState::kExpired, "expired"},
};

constexpr Word<TaskState> kTaskStates[] = {
    {TaskState::kPending, "pending"},
    {TaskState::kActive, "active"},
    {TaskState::kNeedsPerson, "needs_person"},
    {TaskState::kSucceeded, "succeeded"},
    {TaskState::kFailed, "failed"},
    {TaskState::kSkipped, "skipped"},
    {TaskState::kCancelled, "cancelled"},
    {TaskState::kRolledBack, "rolled_back"},
};

constexpr Word<AttemptState> kAttemptStates[] = {
    {AttemptState::kQueued, "queued"},           {AttemptState::kOffered, "offered"},
    {AttemptState::kAccepted, "accepted"},       {AttemptState::kGranted, "granted"},
    {AttemptState::kRunning, "running"},         {AttemptState::kSucceeded, "succeeded"},
    {AttemptState::kFailed, "failed"},           {AttemptState::kTimedOut, "timed_out"},
    {AttemptState::kCancelled, "cancelled"},     {AttemptState::kInterrupted, "interrupted"},
    {AttemptState::kUnreachable, "unreachable"}, {AttemptState::kLost, "lost"},
    {AttemptState::kWithdrawn, "withdrawn"},     {AttemptState::kDeclined, "declined"},
    {AttemptState::kExpired, "expired"},
};

constexpr Word<Purpose> kPurposes[] = {{Purpose::kPlan, "plan"}, {Purpose::kExecute, "execute"}};

constexpr Word<BackupGate> kBackupGates[] = {
    {BackupGate::kAuto, "auto"},
    {BackupGate::kFresh, "fresh"},
    {BackupGate::kExisting, "existing"},
};

constexpr Word<Role> kRoles[] = {
    {Role::kViewer, "viewer"},     {Role::kOperator, "operator"},
    {Role::kApprover, "approver"}, {Role::kPolicyAdmin, "policy_admin"},
    {Role::kAuditor, "auditor"},   {Role::kAdmin, "admin"},
};

constexpr Word<Verb> kVerbs[] = {
    {Verb::kRead, "read"},       {Verb::kOperate, "operate"},       {Verb::kApprove, "approve"},
    {Verb::kDeclare, "declare"}, {Verb::kAdminister, "administer"}, {Verb::kAudit, "audit"},
};

constexpr Word<WindowFor> kWindowFors[] = {
    {WindowFor::kNone, "none"},
    {WindowFor::kSchemaChanges, "schema-changes"},
    {WindowFor::kDestructive, "destructive"},
    {WindowFor::kAll, "all"},
};

constexpr Word<Overrun> kOverruns[] = {
    {Overrun::kFinish, "finish"},
    {Overrun::kPause, "pause"},
    {Overrun::kCancel, "cancel"},
};

constexpr Word<OnFailure> kOnFailures[] = {
    {OnFailure::kStop, "stop"},
    {OnFailure::kPause, "pause"},
    {OnFailure::kRollback, "rollback"},
};

constexpr Word<EstimateSource> kEstimateSources[] = {
    {EstimateSource::kAssumed, "assumed"},
    {EstimateSource::kDeclared, "declared"},
    {EstimateSource::kLearned, "learned"},
};

constexpr Word<Notification::State> kNotificationStates[] = {
    {Notification::State::kWaiting, "waiting"},
    {Notification::State::kSent, "sent"},
    {Notification::State::kDead, "failed"},
};

constexpr Word<Backup::State> kBackupStates[] = {
    {Backup::State::kRunning, "running"},
    {Backup::State::kComplete, "complete"},
    {Backup::State::kFailed, "failed"},
    {Backup::State::kSuspect, "suspect"},
};

constexpr Word<OccurrenceState> kOccurrenceStates[] = {
    {OccurrenceState::kPending, "pending"},     {OccurrenceState::kSubmitting, "submitting"},
    {OccurrenceState::kSubmitted, "submitted"}, {OccurrenceState::kSkipped, "skipped"},
    {OccurrenceState::kCancelled, "cancelled"},
};

constexpr Word<JobProposal::State> kJobProposalStates[] = {
    {JobProposal::State::kPending, "pending"},     {JobProposal::State::kAccepted, "accepted"},
    {JobProposal::State::kSubmitted, "submitted"}, {JobProposal::State::kDeclined, "declined"},
    {JobProposal::State::kExpired, "expired"},     {JobProposal::State::kRefused, "refused"},
    {JobProposal::State::kCancelled, "cancelled"},
};

template <typename T, size_t N>
absl::string_view Find(const Word<T> (&words)[N], T value) {
  for (const Word<T>& word : words) {
    if (word.value == value) return word.name;
  }
  // A value outside of its enumeration is a memory error; a made-up word would reach the store.
  std::abort();
}

template <typename T, size_t N>
std::optional<T> Find(const Word<T> (&words)[N], absl::string_view name) {
  for (const Word<T>& word : words) {
    if (word.name == name) return word.value;
  }
  return std::nullopt;
}

}  // namespace

absl::string_view NameOf(SafetyClass value) { return Find(kSafetyClasses, value); }
absl::string_view NameOf(JobKind value) { return Find(kJobKinds, value); }
absl::string_view NameOf(JobState value) { return Find(kJobStates, value); }
absl::string_view NameOf(TaskState value) { return Find(kTaskStates, value); }
absl::string_view NameOf(AttemptState value) { return Find(kAttemptStates, value); }
absl::string_view NameOf(Purpose value) { return Find(kPurposes, value); }
absl::string_view NameOf(BackupGate value) { return Find(kBackupGates, value); }
absl::string_view NameOf(Role value) { return Find(kRoles, value); }
absl::string_view NameOf(Verb value) { return Find(kVerbs, value); }
absl::string_view NameOf(WindowFor value) { return Find(kWindowFors, value); }
absl::string_view NameOf(Overrun value) { return Find(kOverruns, value); }
absl::string_view NameOf(OnFailure value) { return Find(kOnFailures, value); }
absl::string_view NameOf(EstimateSource value) { return Find(kEstimateSources, value); }
absl::string_view NameOf(Backup::State value) { return Find(kBackupStates, value); }
absl::string_view NameOf(OccurrenceState value) { return Find(kOccurrenceStates, value); }
absl::string_view NameOf(Notification::State value) { return Find(kNotificationStates, value); }
absl::string_view NameOf(JobProposal::State value) { return Find(kJobProposalStates, value); }

template <>
std::optional<SafetyClass> FromName(absl::string_view name) {
  return Find(kSafetyClasses, name);
}
template <>
std::optional<JobKind> FromName(absl::string_view name) {
  return Find(kJobKinds, name);
}
template <>
std::optional<JobState> FromName(absl::string_view name) {
  return Find(kJobStates, name);
}
template <>
std::optional<TaskState> FromName(absl::string_view name) {
  return Find(kTaskStates, name);
}
template <>
std::optional<AttemptState> FromName(absl::string_view name) {
  return Find(kAttemptStates, name);
}
template <>
std::optional<Purpose> FromName(absl::string_view name) {
  return Find(kPurposes, name);
}
template <>
std::optional<BackupGate> FromName(absl::string_view name) {
  return Find(kBackupGates, name);
}
template <>
std::optional<Role> FromName(absl::string_view name) {
  return Find(kRoles, name);
}
template <>
std::optional<Verb> FromName(absl::string_view name) {
  return Find(kVerbs, name);
}
template <>
std::optional<WindowFor> FromName(absl::string_view name) {
  return Find(kWindowFors, name);
}
template <>
std::optional<Overrun> FromName(absl::string_view name) {
  return Find(kOverruns, name);
}
template <>
std::optional<OnFailure> FromName(absl::string_view name) {
  return Find(kOnFailures, name);
}
template <>
std::optional<EstimateSource> FromName(absl::string_view name) {
  return Find(kEstimateSources, name);
}
template <>
std::optional<Backup::State> FromName(absl::string_view name) {
  return Find(kBackupStates, name);
}
template <>
std::optional<OccurrenceState> FromName(absl::string_view name) {
  return Find(kOccurrenceStates, name);
}
template <>
std::optional<Notification::State> FromName(absl::string_view name) {
  return Find(kNotificationStates, name);
}
template <>
std::optional<JobProposal::State> FromName(absl::string_view name) {
  return Find(kJobProposalStates, name);
}

std::string WhyRevoked(const Agent& agent) {
  return absl::StrCat("was revoked",
                      agent.state_reason.empty() ? "" : absl::StrCat(" (", agent.state_reason, ")"),
                      "; to use it again, enrol it anew: dbfleet agent token create ", agent.id,
                      " --environment ", agent.environment);
}

}  // namespace dbfleet::controller
