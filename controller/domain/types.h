#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "controller/domain/environment.h"
#include "controller/domain/notification.h"
#include "controller/domain/queue_place.h"
#include "controller/domain/resource.h"
#include "controller/domain/rollout.h"
#include "controller/domain/token_scope.h"

// The nouns of the controller as plain values: no I/O, no clock, no protocol buffers. Plans, specs
// and results travel through the controller as serialised dbfleet.work.v1 messages ("blob"), which
// only the edges (api, dispatch, jobs) open; what policy and transitions need is lifted into
// fields. Every stored value has `version`, which the store raises by one with each update and
// checks (optimistic concurrency); the API shows it as the etag.
namespace dbfleet::controller {

enum class SafetyClass { kUnspecified, kSafe, kDestructive };

enum class JobKind { kCheck, kInspect, kBackup, kVerify, kMigrate };

enum class JobState {
  kPlanning,
  kAwaitingApproval,
  kReady,
  kRolling,
  kPaused,
  kRollingBack,
  kCancelling,
  kSucceeded,
  kPartial,
  kFailed,
  kRolledBack,
  kCancelled,
  kRefused,
  kRejected,
  kExpired,
};

enum class TaskState {
  kPending,
  kActive,
  kNeedsPerson,
  kSucceeded,
  kFailed,
  kSkipped,
  kCancelled,
  kRolledBack,
};

enum class AttemptState {
  kQueued,
  kOffered,
  kAccepted,
  kGranted,
  kRunning,
  kSucceeded,
  kFailed,
  kTimedOut,
  kCancelled,
  kInterrupted,
  kUnreachable,
  kLost,
  kWithdrawn,
  kDeclined,
  kExpired,
};

enum class Purpose { kPlan, kExecute };

enum class BackupGate { kAuto, kFresh, kExisting };

enum class Role { kViewer, kOperator, kApprover, kPolicyAdmin, kAuditor, kAdmin };

struct Agent {
  std::string id;
  std::string environment;
  std::string creator;  // Principal that made the join token.
  absl::Time enroll_time;
  absl::Time last_seen_time;  // Written at connect, disconnect and now and then.
  std::string agent_version;
  std::vector<std::string> capabilities;
  std::string journal_id;  // Of the last Hello.
  bool revoked = false;
  bool draining = false;
  bool quarantined = false;
  std::string state_reason;
  // Two serial slots (hex): rotation survives a crash, revocation needs no list.
  std::string current_serial;
  absl::Time current_not_after;
  std::string next_serial;  // Issued, not yet used; "" if none.
  absl::Time next_not_after;
  std::string public_key_sha256;  // Of the current certificate's key.
  uint64_t acked_event_seq = 0;   // Committed up to here, of `journal_id`.
  uint64_t version = 0;

  bool operator==(const Agent&) const = default;
};

struct JoinToken {
  std::string hash;  // SHA-256, hex.
  std::string agent_id;
  std::string environment;
  std::string creator;
  absl::Time create_time;
  absl::Time expire_time;
  // Set with the first use; a retry with the same key gets the same certificate.
  std::string used_key_sha256;
  std::string certificate_pem;
  uint64_t version = 0;
};

struct Instance {
  std::string id;
  std::string agent_id;
  std::string environment;
  std::string engine;  // "mysql", "postgresql", "redis".
  std::string endpoint;
  std::map<std::string, std::string> labels;
  std::string role;  // "primary", "replica", "".
  std::string server_version;
  std::vector<std::string> forbidden_actions;
  uint64_t last_fence = 0;  // The last one given out (MakeFence); never goes back.
  bool removed = false;
  absl::Time create_time;
  uint64_t version = 0;

  bool operator==(const Instance&) const = default;
};

struct Approval {
  std::string principal;  // "users/bob".
  bool approved = false;  // false: rejected.
  std::string digest;
  std::string reason;
  absl::Time decide_time;
  absl::Time expire_time;
  // Target -> the estimated rows that the approver saw, which no digest holds; -1: nobody knew.
  std::map<std::string, int64_t> rows;
  std::string token = {};  // Id of the API token that it was given with; "": not written down.

  bool operator==(const Approval&) const = default;
};

struct Job {
  std::string id;
  JobKind kind = JobKind::kCheck;
  JobState state = JobState::kPlanning;
  std::string environment;
  std::string requester;  // "users/ada" or "system/...".
  std::string title;
  std::string reason;
  std::string spec_blob;  // work.v1.JobSpec.
  SafetyClass safety = SafetyClass::kUnspecified;
  std::string digest;         // Hex; "" until planned.
  std::string policy_digest;  // Policy under which `digest` was made.
  bool approve_destructive = false;
  bool plan_only = false;
  bool schema_change = false;  // Decides whether the backup gate applies.
  bool has_rollback = true;    // Every forward step has its rollback.
  BackupGate backup_gate = BackupGate::kAuto;
  std::string gate_job;  // Backup job that this one waits for; "" if none.
  int max_parallel = 1;  // Targets at a time.
  Rollout rollout;
  RolloutProgress rollout_progress;
  std::string rollback_of;
  // Of a change: over its migrations' files, whatever is done with them where; by it a change is
  // found again in another environment. "" for other jobs, and changes of versions without it.
  std::string content_digest;
  std::string parent;
  std::string request_key;  // "principal request_id"; unique when set.
  absl::Time create_time;
  absl::Time update_time;
  absl::Time end_time = absl::InfinitePast();  // InfinitePast: not ended.
  absl::Time expire_time = absl::InfiniteFuture();
  std::string error_reason;
  std::string error_message;
  bool cancel_requested = false;
  std::vector<Approval> approvals;
  // The maintenance window in which it began, and what its end means; "" if none was needed.
  std::string window;
  Overrun overrun = Overrun::kFinish;
  // When its first target was let begin in that window; InfinitePast: nobody wrote it down.
  absl::Time window_entered = absl::InfinitePast();
  QueuePlace queue;  // The window that it was queued for, which it waits for whatever it is.
  uint64_t version = 0;

  bool operator==(const Job&) const = default;
};

struct StepReport {
  int index = 0;
  bool rollback = false;
  std::string state;  // "running", "succeeded", "failed", "unknown".
  int64_t rows_affected = -1;
  absl::Duration duration = absl::ZeroDuration();
  std::string error;
  std::string migration_version;

  bool operator==(const StepReport&) const = default;
};

struct Task {
  std::string id;
  std::string job_id;
  TaskState state = TaskState::kPending;
  std::string instance_id;
  std::string database;   // "" when the whole instance is the target.
  int stage = 0;          // Starts when all tasks of lower stages have succeeded.
  std::string spec_blob;  // work.v1.JobSpec of this task; "" means the job's.
  std::string plan_blob;  // work.v1.Plan; "" until planned.
  std::string target_digest;
  std::string result_blob;  // work.v1.TaskResult.
  std::vector<StepReport> steps;
  std::string error_reason;
  std::string error_message;
  int attempts = 0;  // Made so far.
  uint64_t version = 0;

  // "instances/x" or "instances/x/databases/y".
  std::string Target() const;

  bool operator==(const Task&) const = default;
};

struct Attempt {
  std::string id;
  std::string task_id;
  std::string job_id;
  std::string instance_id;
  std::string agent_id;
  int number = 0;  // 1-based within the task.
  Purpose purpose = Purpose::kExecute;
  AttemptState state = AttemptState::kQueued;
  uint64_t fence = 0;  // 0 until offered.
  uint64_t epoch = 0;  // Of the controller that offered it.
  bool safe_to_rerun = false;
  std::string digest;  // What the Grant named.
  absl::Time create_time;
  absl::Time start_time = absl::InfinitePast();
  absl::Time end_time = absl::InfinitePast();
  absl::Time not_after = absl::InfiniteFuture();
  absl::Time start_before = absl::InfiniteFuture();  // Set by the Grant: its window closes.
  std::string backup_id;        // On which the Grant rests; the agent looks for it.
  std::string backup_manifest;  // Its hash.
  absl::Time unreachable_since = absl::InfinitePast();
  std::string error_reason;
  std::string error_message;
  uint64_t version = 0;

  bool operator==(const Attempt&) const = default;
};

struct Backup {
  enum class State { kRunning, kComplete, kFailed, kSuspect };
  std::string id;
  State state = State::kRunning;
  std::string instance_id;
  std::string environment;
  std::string job_id;
  absl::Time create_time;
  absl::Time snapshot_time = absl::InfinitePast();
  // The server that was backed up, as it was known when the work was granted: a name may come to
  // mean another one. "": nobody wrote it down.
  std::string agent_id;
  std::string endpoint;
  std::vector<std::string> databases;  // Covered; empty for Redis.
  std::string result_blob;             // work.v1.BackupResult.
  std::string verification_blob;       // work.v1.VerifyResult of the best level.
  int verified_level = 0;              // 0: L0 or none; 1: L1; ...
  absl::Time verify_time = absl::InfinitePast();
  std::string error_message;
  uint64_t version = 0;
  // Its files were not there when somebody looked; a verification may find them again.
  bool IsGone() const;
};

struct User {
  std::string id;
  std::vector<Role> roles;
  std::string creator;
  std::string roles_editor;  // Principal who last set the roles; "" if only the creator did.
  bool disabled = false;
  absl::Time create_time;
  bool service = false;  // An account of a program: nobody's judgement, so never an approver.
  uint64_t version = 0;

  std::string Principal() const { return "users/" + id; }
  bool Has(Role role) const;
};

struct ApiToken {
  std::string id;
  std::string user_id;
  std::string hash;  // SHA-256, hex, of the secret.
  std::string description;
  std::string creator;
  absl::Time create_time;
  absl::Time expire_time;
  bool revoked = false;
  TokenScope scope;
  uint64_t version = 0;
};

// One audit record before the chain gives it its number and hash.
struct AuditEntry {
  std::string actor;     // "users/ada", "agents/db1", "system/dispatch".
  std::string action;    // "change.approve".
  std::string resource;  // "jobs/J".
  std::string environment;
  std::map<std::string, std::string> details;
};

struct AuditRow {
  uint64_t seq = 0;
  absl::Time record_time;
  AuditEntry entry;
  std::string previous_hash;  // 32 raw bytes.
  std::string hash;
  std::string canonical;
};

}  // namespace dbfleet::controller
