// JobManager's part that says why a job waits.
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "controller/audit/recovery.h"
#include "controller/domain/names.h"
#include "controller/domain/transitions.h"
#include "controller/jobs/job_manager.h"
#include "controller/jobs/pauses.h"
#include "controller/jobs/specs.h"
#include "controller/policy/foresight.h"

namespace dbfleet::controller {
namespace {

// The job stands for as long as this lasts: what was granted may have been done.
PolicyBlocker Unreachable(const Job& job, const Task& task, const Attempt& attempt,
                          bool connected) {
  const std::string since =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", attempt.unreachable_since, absl::UTCTimeZone());
  return {
      "unreachable",
      absl::StrCat("agents/", attempt.agent_id, " was told to begin on ", task.Target(),
                   connected ? " and knows nothing of it any more" : " and does not answer",
                   " (since ", since, "), so nobody knows what it did",
                   connected ? "; the job goes on " : "; the job goes on when it comes back, or ",
                   "when somebody has looked there: dbfleet job resolve jobs/", job.id, "/tasks/",
                   task.id, " --as applied|not-applied --reason REASON"),
      false};
}

absl::Status AddUnreachable(ReadTx& tx, const Job& job, absl::Span<const Task> tasks,
                            const JobManager::WhyNoWork& why_no_work,
                            std::vector<PolicyBlocker>* blockers) {
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfJob(job.id));
  for (const Attempt& attempt : open) {
    if (attempt.state != AttemptState::kUnreachable) continue;
    const auto task = std::find_if(tasks.begin(), tasks.end(), [&](const Task& candidate) {
      return candidate.id == attempt.task_id;
    });
    if (task == tasks.end() || IsTerminal(task->state)) continue;
    const std::optional<PolicyBlocker> away = why_no_work(attempt.agent_id);
    const bool connected = !away.has_value() || away->rule != "agent-unreachable";
    blockers->push_back(Unreachable(job, *task, attempt, connected));
  }
  return absl::OkStatus();
}

// Granted work waits for a worker of its agent while that is busy with other work.
absl::Status AddBusy(ReadTx& tx, const Job& job, absl::Span<const Task> tasks,
                     std::vector<PolicyBlocker>* blockers) {
  constexpr size_t kMostNamed = 4;
  ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfJob(job.id));
  for (const Attempt& attempt : open) {
    if (attempt.state != AttemptState::kGranted) continue;
    const auto task = std::find_if(tasks.begin(), tasks.end(), [&](const Task& candidate) {
      return candidate.id == attempt.task_id;
    });
    if (task == tasks.end()) continue;
    ASSIGN_OR_RETURN(const std::vector<Attempt> others, tx.OpenAttemptsOfAgent(attempt.agent_id));
    std::vector<std::string> running;
    for (const Attempt& other : others) {
      if (other.state != AttemptState::kRunning) continue;
      running.push_back(absl::StrCat("jobs/", other.job_id, " on instances/", other.instance_id));
    }
    if (running.empty()) continue;
    const size_t more = running.size() - std::min(running.size(), kMostNamed);
    running.resize(running.size() - more);
    blockers->push_back(
        {"agent-busy",
         absl::StrCat("agents/", attempt.agent_id, " was told to begin on ", task->Target(),
                      " and has not said that it does; it works on ", absl::StrJoin(running, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : std::string()),
         false});
  }
  return absl::OkStatus();
}

// What its window's end cancels stays as it is while too little of the window is left for another
// target to begin, and nothing else says so.
absl::Status AddClosing(ReadTx& tx, const JobFlow& flow, const Job& job,
                        absl::Span<const Task> tasks, absl::Time now,
                        std::vector<PolicyBlocker>* blockers) {
  std::vector<Task> left;
  std::copy_if(tasks.begin(), tasks.end(), std::back_inserter(left),
               [](const Task& task) { return task.state == TaskState::kPending; });
  if (left.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const PolicyDecision decision, flow.EvaluatePolicyOn(tx, job, left, now));
  if (!decision.Closed()) return absl::OkStatus();
  for (const PolicyBlocker& blocker : decision.blockers) {
    if (blocker.rule != "window" && blocker.rule != "window-queue") continue;
    blockers->push_back({blocker.rule,
                         absl::StrCat(blocker.message, "; the end of the window ", job.window,
                                      " cancels what has not begun by then (overrun: cancel)"),
                         false});
  }
  return absl::OkStatus();
}

// What the policy misses is told by its own rules.
std::string WhyPaused(const Job& job, bool policy_changed) {
  if (policy_changed) {
    return absl::StrCat("it does not go on, also when it is resumed: dbfleet change cancel ",
                        job.id);
  }
  if (job.error_reason == kWindowClosed) return "it goes on by itself when nothing else is missing";
  if (job.error_reason == kBlockedByPolicy) {
    return absl::StrCat(
        "a missing approval lets it go on by itself; else, when nothing else is "
        "missing: dbfleet job resume jobs/",
        job.id);
  }
  // The rule's name says the word already.
  absl::string_view why = job.error_message;
  absl::ConsumePrefix(&why, "paused ");
  return std::string(why);
}

}  // namespace

absl::StatusOr<std::vector<PolicyBlocker>> JobManager::Explain(ReadTx& tx, const Job& job,
                                                               const WhyNoWork& why_no_work) {
  if (IsTerminal(job.state)) return std::vector<PolicyBlocker>();
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  return ExplainTasks(tx, job, tasks, why_no_work, nullptr);
}

absl::StatusOr<std::vector<Voter>> JobManager::OtherApprovers(ReadTx& tx, const JobPicture& picture,
                                                              absl::Span<const Voter> approvers) {
  std::vector<Voter> free;
  if (!picture.open_quorum.has_value()) return free;
  ASSIGN_OR_RETURN(std::vector<std::string> others, flow_.DependentsOf(tx, picture.job.requester));
  others.push_back(picture.job.requester);
  for (const Voter& voter : picture.open_quorum->voters) others.push_back(voter.principal);
  std::copy_if(approvers.begin(), approvers.end(), std::back_inserter(free),
               [&](const Voter& approver) {
                 return std::find(others.begin(), others.end(), approver.principal) == others.end();
               });
  return free;
}

absl::StatusOr<JobPicture> JobManager::Show(ReadTx& tx, const std::string& job_id,
                                            const WhyNoWork& why_no_work) {
  JobPicture picture;
  ASSIGN_OR_RETURN(picture.job, tx.GetJob(job_id));
  ASSIGN_OR_RETURN(picture.tasks, tx.TasksOfJob(job_id));
  for (const Task& task : picture.tasks) {
    ASSIGN_OR_RETURN(picture.attempts.emplace_back(), tx.AttemptsOfTask(task.id));
  }
  ASSIGN_OR_RETURN(picture.blockers,
                   ExplainTasks(tx, picture.job, picture.tasks, why_no_work, &picture));
  return picture;
}

absl::StatusOr<std::vector<PolicyBlocker>> JobManager::ExplainTasks(ReadTx& tx, const Job& job,
                                                                    absl::Span<const Task> tasks,
                                                                    const WhyNoWork& why_no_work,
                                                                    JobPicture* picture) {
  std::vector<PolicyBlocker> blockers;
  if (IsTerminal(job.state)) return blockers;
  if (job.state == JobState::kAwaitingApproval || job.state == JobState::kReady ||
      job.error_reason == kBlockedByPolicy || job.error_reason == kWindowClosed) {
    const absl::Time now = clock_.Now();
    ASSIGN_OR_RETURN(const PolicyDecision decision, flow_.EvaluatePolicyOn(tx, job, tasks, now));
    blockers = decision.blockers;
    if (picture != nullptr) picture->open_quorum = decision.open_quorum;
    if (picture != nullptr && WaitsForKnownTime(decision, now)) {
      ASSIGN_OR_RETURN(const PolicyDecision then,
                       flow_.EvaluatePolicyOn(tx, job, tasks, decision.opens, nullptr,
                                              /*ahead=*/true));
      picture->foreseen = Foresee(job, decision, then, now);
    }
    if (!job.gate_job.empty() && decision.BlockedBy("verified-backup")) {
      ASSIGN_OR_RETURN(const Job gate, tx.GetJob(job.gate_job));
      const bool paused = IsHeld(gate) || gate.state == JobState::kPaused;
      blockers.push_back({"backup-gate",
                          absl::StrCat("the backup is ", paused ? "paused" : "being taken",
                                       ": jobs/", job.gate_job),
                          false});
    }
  }
  if (job.state == JobState::kRolling && EndsWithItsWindow(job)) {
    RETURN_IF_ERROR(AddClosing(tx, flow_, job, tasks, clock_.Now(), &blockers));
  }
  if (job.state == JobState::kPlanning && IsHeld(job)) {
    blockers.push_back({"paused", WhyPaused(job, false), false});
  }
  if (job.state == JobState::kPaused) {
    const bool policy_changed =
        std::any_of(blockers.begin(), blockers.end(),
                    [](const PolicyBlocker& b) { return b.rule == "policy-changed"; });
    blockers.push_back({"paused", WhyPaused(job, policy_changed), false});
  }
  ASSIGN_OR_RETURN(const std::optional<RecoveryDemand> recovery, ReadRecovery(tx));
  if (recovery.has_value()) {
    blockers.push_back(
        {"recovery",
         absl::StrCat("the controller is in RECOVERY and hands out nothing (", recovery->why,
                      "): look at what was done since the copy was made, stop it, "
                      "run `dbfleet-controller recover`, and start it again"),
         false});
  }
  const bool exclusive =
      IsExclusive(job.kind, job.state == JobState::kPlanning ? Purpose::kPlan : Purpose::kExecute);
  for (const Task& task : tasks) {
    if (IsTerminal(task.state)) continue;
    ASSIGN_OR_RETURN(const Instance instance, tx.GetInstance(task.instance_id));
    ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(instance.agent_id));
    if (agent.revoked) {
      blockers.push_back(
          {"agent-revoked",
           absl::StrCat("agents/", agent.id, " of ", task.Target(), " ", WhyRevoked(agent)),
           false});
    } else if (std::optional<PolicyBlocker> why = why_no_work(agent.id)) {
      why->message = absl::StrCat("agents/", agent.id, " of ", task.Target(), " ", why->message);
      blockers.push_back(*std::move(why));
    } else if (agent.draining) {
      blockers.push_back(
          {"agent-draining", absl::StrCat("agents/", agent.id, " is being drained"), false});
    }
    // Only what needs the instance for itself waits for others, and looks at what they are.
    if (!exclusive) continue;
    ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttemptsOfInstance(instance.id));
    for (const Attempt& attempt : open) {
      if (attempt.job_id == job.id || !HoldsInstance(attempt.state)) continue;
      ASSIGN_OR_RETURN(const Job other, tx.GetJob(attempt.job_id));
      if (!IsExclusive(other.kind, attempt.purpose)) continue;
      blockers.push_back({"instance-busy",
                          absl::StrCat(task.Target(), " is held by jobs/", attempt.job_id, " (",
                                       NameOf(attempt.state), ")"),
                          false});
    }
  }
  RETURN_IF_ERROR(AddBusy(tx, job, tasks, &blockers));
  RETURN_IF_ERROR(AddUnreachable(tx, job, tasks, why_no_work, &blockers));
  return blockers;
}

}  // namespace dbfleet::controller
