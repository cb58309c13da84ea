#include "controller/cli/wait.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/concurrency/backoff.h"
#include "common/concurrency/sleep.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/interrupt.h"
#include "controller/cli/job_view.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/job_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::Job;
using api::v1::JobService;
using api::v1::Task;

// Writes progress to stderr. Its destructor leaves the cursor on a fresh line.
class Progress {
 public:
  explicit Progress(Shell& shell) : shell_(shell) {}
  ~Progress() { EndLine(); }

  void Show(const Job& job) {
    if (shell_.world().err_is_terminal) {
      ShowLine(absl::StrCat(ShortName(job.name()), " ", DescribeProgress(job)));
    } else {
      ShowChanges(job);
    }
  }

  void EndLine() {
    if (line_open_) shell_.err() << "\n" << std::flush;
    line_open_ = false;
  }

 private:
  void ShowLine(const std::string& text) {
    const int width = shell_.world().width > 1 ? shell_.world().width - 1 : 79;
    shell_.err() << "\r\x1b[K" << FitWidth(SanitizeForDisplay(text), width) << std::flush;
    line_open_ = true;
  }

  void ShowChanges(const Job& job) {
    if (job.state() != last_state_) {
      last_state_ = job.state();
      shell_.Note(absl::StrCat(job.name(), ": ", Word(job.state())));
    }
    std::string rules;
    std::set<std::string> seen;
    for (const api::v1::Blocker& blocker : job.blockers()) {
      // Of several targets each may wait for the same.
      if (!seen.insert(blocker.rule()).second) continue;
      absl::StrAppend(&rules, rules.empty() ? "" : ", ", blocker.rule());
    }
    if (rules != last_rules_ && !rules.empty()) {
      shell_.Note(absl::StrCat(job.name(), ": waits for ", rules));
    }
    last_rules_ = rules;
    for (int i = 0; i < job.tasks_size(); ++i) {
      const Task& task = job.tasks(i);
      Task::State& last = last_task_states_[task.name()];
      // A single task's states say no more than the job's, and that nothing has begun is no news.
      const bool news = task.state() != last && task.state() != Task::STATE_PENDING;
      if (news && job.tasks_size() > 1) {
        shell_.Note(absl::StrCat(job.name(), ": task ", i + 1, " of ", job.tasks_size(), ", ",
                                 task.target(), ": ", TaskWord(job, task)));
      }
      last = task.state();
    }
  }

  Shell& shell_;
  bool line_open_ = false;
  Job::State last_state_ = Job::STATE_UNSPECIFIED;
  std::string last_rules_;
  std::map<std::string, Task::State> last_task_states_;
};

bool Works(const Task& task) {
  return std::any_of(task.attempts().begin(), task.attempts().end(), [](const auto& attempt) {
    return attempt.state() == api::v1::Attempt::STATE_GRANTED ||
           attempt.state() == api::v1::Attempt::STATE_RUNNING;
  });
}

// In RECOVERY nothing more begins; what runs may still end the job.
bool HeldByRecovery(const Job& job) {
  return std::any_of(job.blockers().begin(), job.blockers().end(),
                     [](const auto& blocker) { return blocker.rule() == "recovery"; }) &&
         std::none_of(job.tasks().begin(), job.tasks().end(), Works);
}

bool WaitsForPerson(const Job& job) {
  if (HeldByRecovery(job)) return true;
  if (job.state() == Job::STATE_AWAITING_APPROVAL || IsHeld(job)) return true;
  if (job.state() == Job::STATE_PAUSED && !WaitsForTime(job)) return true;
  return std::any_of(job.tasks().begin(), job.tasks().end(),
                     [](const Task& task) { return task.state() == Task::STATE_NEEDS_PERSON; });
}

void ExplainWaiting(Shell& shell, const Job& job, absl::string_view what) {
  shell.Note(absl::StrCat("dbfleet: ", what, ": ", job.name(), " is ", Word(job.state())));
  const std::string running = DescribeRunning(job);
  if (!running.empty()) shell.Note(running.substr(0, running.size() - 1));
  const std::string blockers = DescribeBlockers(job);
  if (!blockers.empty())
    shell.Note(absl::StrCat("It waits for\n", blockers.substr(0, blockers.size() - 1)));
}

bool MayComeBack(const absl::Status& status) {
  return status.ok() || absl::IsUnavailable(status) || absl::IsCancelled(status) ||
         absl::IsInternal(status) || absl::IsUnknown(status);
}

// Follows one job across reconnects.
class Waiter {
 public:
  Waiter(Shell& shell, ApiClient* client, const WaitOptions& options, Job* job)
      : shell_(shell), client_(client), options_(options), job_(job), progress_(shell) {}

  int Run(const std::string& name) {
    const absl::Duration start = client_->clock().Monotonic();
    api::v1::GetJobRequest get;
    get.set_name(name);
    auto first = client_->Call<JobService>(&JobService::Stub::GetJob, get);
    if (!first.ok()) return shell_.Fail(first.status());
    *job_ = *std::move(first);
    progress_.Show(*job_);
    Backoff backoff(client_->options().retry_delay, client_->options().max_retry_delay,
                    UniformRandom);
    while (!Settled()) {
      const absl::Duration left = options_.timeout - (client_->clock().Monotonic() - start);
      if (left <= absl::ZeroDuration()) return TimedOut();
      absl::Status status = Follow(name, left);
      if (Settled() || absl::IsDeadlineExceeded(status)) continue;
      if (!MayComeBack(status)) return Failed(status);
      if (++failures_ > kMaxFailures) {
        return Failed(status.ok() ? Error(absl::StatusCode::kUnavailable, "STREAM_ENDED",
                                          "the controller keeps ending the job's stream")
                                  : status);
      }
      SleepFor(client_->clock(), std::min(backoff.Next(), left));
    }
    progress_.EndLine();
    if (IsTerminal(job_->state())) return ExitCodeOf(*job_);
    ExplainWaiting(shell_, *job_, "pending");
    return kExitPending;
  }

 private:
  // About half a minute with the usual delays: a controller's restart is bridged.
  static constexpr int kMaxFailures = 14;

  bool Settled() const {
    return IsTerminal(job_->state()) || (!options_.block && WaitsForPerson(*job_));
  }

  absl::Status Follow(const std::string& name, absl::Duration left) {
    api::v1::WatchJobRequest watch;
    watch.set_name(name);
    const absl::Duration start = client_->clock().Monotonic();
    int messages = 0;
    const absl::Status status = client_->Stream<JobService, api::v1::WatchJobRequest, Job>(
        &JobService::Stub::WatchJob, watch, left, [&](const Job& job) {
          ++messages;
          *job_ = job;
          progress_.Show(job);
          return !Settled();
        });
    // The first message only repeats what is known; news, or a long silence, shows a stream that
    // works.
    const bool worked = messages > 1 || client_->clock().Monotonic() - start > absl::Seconds(10);
    if (worked) failures_ = 0;
    return status;
  }

  int TimedOut() {
    progress_.EndLine();
    ExplainWaiting(shell_, *job_, "the wait timed out");
    return kExitWaitTimedOut;
  }

  int Failed(const absl::Status& status) {
    progress_.EndLine();
    return shell_.Fail(status);
  }

  Shell& shell_;
  ApiClient* const client_;
  const WaitOptions& options_;
  Job* const job_;
  Progress progress_;
  int failures_ = 0;
};

void HideError(Listing* listing) {
  for (size_t i = 0; i < listing->columns.size(); ++i) {
    if (listing->columns[i].title == "ERROR") listing->items.front().cells[i].clear();
  }
}

}  // namespace

bool WaitsForTime(const Job& job) {
  return job.state() == Job::STATE_PAUSED &&
         (job.error_reason() == "BETWEEN_WAVES" || job.error_reason() == "WINDOW_CLOSED");
}

int WaitForJob(Shell& shell, const std::string& name, const WaitOptions& options, Job* job) {
  auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  SetInterruptRemark(
      absl::StrCat("\ndbfleet: interrupted; the job goes on. Follow it with: dbfleet job wait ",
                   SanitizeForDisplay(ShortName(name)), "\n"));
  const int code = Waiter(shell, *client, options, job).Run(name);
  SetInterruptRemark("");
  return code;
}

int FinishJobCommand(Shell& shell, const absl::StatusOr<Job>& job, const WaitOptions& options) {
  if (!job.ok()) return shell.Fail(job.status());
  if (!options.wait) {
    shell.PrintOne(JobListing(*job));
    return kExitOk;
  }
  Job last = *job;
  const int code = WaitForJob(shell, job->name(), options, &last);
  if (last.state() == Job::STATE_UNSPECIFIED) return code;  // It could not be read.
  const std::string results = DescribeResults(last);
  const bool bad_end = IsTerminal(last.state()) && code != kExitOk;
  Listing listing = JobListing(last);
  // People read both streams, and the error comes on stderr below.
  if (bad_end && shell.for_people()) HideError(&listing);
  shell.PrintOne(listing, shell.for_people() ? results : "");
  if (bad_end) {
    const std::string why = last.error_reason().empty() ? last.error_message()
                                                        : absl::StrCat(last.error_message(), " [",
                                                                       last.error_reason(), "]");
    shell.Note(absl::StrCat("dbfleet: ", last.name(), " ended as ", Word(last.state()),
                            why.empty() ? "" : ": ", why));
  }
  return code;
}

}  // namespace dbfleet::cli
