#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/jobs/queueing.h"
#include "controller/policy/policy.h"
#include "controller/windows/queue.h"
#include "dbfleet/work/v1/work.pb.h"

// What people ask of jobs (job_manager.h), and what they are shown.
namespace dbfleet::controller {

// Who asks, and the id that makes a retry of the same request harmless ("" when the client gave
// none).
struct RequestMeta {
  std::string principal;  // "users/ada".
  std::string request_id;
  std::string token_id;  // With which API token; for the audit trail.
};

struct ChangeRequest {
  std::string environment;
  std::vector<std::string> instances;  // Ids.
  work::v1::MigrateSpec spec;          // With the files' contents inline.
  std::string title;
  std::string reason;
  bool approve_destructive = false;
  bool plan_only = false;
  bool validate_only = false;
  BackupGate backup_gate = BackupGate::kAuto;
  int max_parallel = 1;
  Rollout rollout;             // All but failures_tolerated, which `failure_budget` gives.
  std::string failure_budget;  // "2", "10%"; "": none.
  absl::Duration expire_after = absl::Hours(7 * 24);
  QueueAsk queue;
};

struct RollbackRequest {
  std::string job_id;
  std::string reason;
  bool approve_destructive = false;
  BackupGate backup_gate = BackupGate::kAuto;
  QueueAsk queue;
};

// A job as people see it.
struct JobPicture {
  Job job;
  std::vector<Task> tasks;                     // In the job's order,
  std::vector<std::vector<Attempt>> attempts;  // and those of each.
  std::vector<PolicyBlocker> blockers;         // Everything that keeps it from going on,
  std::vector<PolicyBlocker> foreseen;    // and what will when its time comes (policy/foresight.h).
  std::optional<OpenQuorum> open_quorum;  // Set while approvals are missing that can be given.
};

// A window's queue as people see it, in its order.
struct QueuePicture {
  struct Row {
    Job job;
    QueueEntry::State state = QueueEntry::State::kWaits;
    std::vector<PolicyBlocker> blockers;  // Of what does not run: why it does not begin.
    std::vector<std::string> waits_for;   // Of these, and of its life, what is not its time.
    QueueForecast expected;               // Of what does not run.
    bool window_gone = false;             // No window of this name carries work any more.
  };
  std::string window;
  std::optional<DeclaredWindow> declared;  // There is none of that name any more.
  std::vector<Row> rows;
};

}  // namespace dbfleet::controller
