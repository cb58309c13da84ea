#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/interrupt.h"
#include "controller/cli/job_view.h"
#include "controller/cli/json.h"
#include "controller/cli/queue_options.h"
#include "controller/cli/resolve.h"
#include "controller/cli/wait.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/job_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::Job;
using api::v1::JobLogLine;
using api::v1::JobService;

absl::StatusOr<Job> Get(Shell& shell, const std::string& name) {
  api::v1::GetJobRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), ResolveName(shell, IdKind::kJob, name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<JobService>(&JobService::Stub::GetJob, request);
}

int ShowJob(Shell& shell, const std::string& name) {
  auto job = Get(shell, name);
  if (!job.ok()) return shell.Fail(job.status());
  shell.PrintOne(JobListing(*job), shell.for_people() ? DescribeJob(*job) : "");
  return kExitOk;
}

bool HasBlocker(const Job& job, const std::string& rule) {
  return std::any_of(job.blockers().begin(), job.blockers().end(),
                     [&](const auto& blocker) { return blocker.rule() == rule; });
}

std::string HowToApprove(const Job& job, const std::string& name) {
  const std::string how = absl::StrCat(" can look at it (dbfleet change get ", name,
                                       ") and approve it (dbfleet change approve ", name,
                                       job.digest().empty() ? "" : " --digest ",
                                       job.digest().substr(0, 12), " --reason REASON).");
  if (!job.candidates().empty()) return absl::StrCat("One of them", how, "\n");
  const bool nobody = job.candidates_known();
  // A requirement is not filled by whatever approver: its own words say who could.
  const auto any_approver = [](const auto& blocker) {
    return blocker.rule() == "approvals" && blocker.policy().empty();
  };
  if (nobody && HasBlocker(job, "approvals") &&
      std::none_of(job.blockers().begin(), job.blockers().end(), any_approver)) {
    return "Nobody there can approve it now; what it waits for says who could.\n";
  }
  return absl::StrCat(
      nobody ? "Nobody there can approve it now:"
             : absl::StrCat("Somebody else than ", SanitizeForDisplay(job.requester()), how,
                            " If nobody there may:"),
      " another admin can make an approver (dbfleet user "
      "create NAME --role approver), or apply a RoleBinding that gives somebody the "
      "role approver in ",
      SanitizeForDisplay(ShortName(job.environment())),
      ". Who has an account, role or token from the requester does not count.\n");
}

std::string Explanation(const Job& job) {
  const std::string name = SanitizeForDisplay(ShortName(job.name()));
  std::string out = absl::StrCat(SanitizeForDisplay(job.name()), " is ", Word(job.state()),
                                 IsHeld(job) ? " (paused)" : "", ".\n");
  if (!job.error_message().empty() && !IsSaidByBlocker(job)) {
    absl::StrAppend(&out, SanitizeForDisplay(job.error_message()), "\n");
  }
  if (absl::StartsWith(job.requester(), "eventrules/")) {
    absl::StrAppend(&out, SanitizeForDisplay(job.requester()),
                    " proposed it: ", SanitizeForDisplay(job.reason()), "\n");
  }
  const std::string blockers = DescribeBlockers(job);
  if (!blockers.empty()) {
    absl::StrAppend(&out, "It waits for\n", blockers, DescribeCandidates(job));
  }
  if (const std::string ahead = DescribeForeseen(job); !ahead.empty()) {
    absl::StrAppend(&out, "When its time comes, there will be missing\n", ahead);
  }
  switch (job.state()) {
    case Job::STATE_AWAITING_APPROVAL:
      absl::StrAppend(&out, HowToApprove(job, name));
      break;
    case Job::STATE_PAUSED:
      // The blocker has said when it goes on by itself, or that it does not at all.
      if (WaitsForTime(job) || HasBlocker(job, "policy-changed")) break;
      absl::StrAppend(&out, "It goes on with: dbfleet job resume ", name, "\n");
      break;
    case Job::STATE_PLANNING:
      out += "Its agents are finding out what it would do; a disconnected agent holds it here.\n";
      break;
    case Job::STATE_ROLLING:
    case Job::STATE_ROLLING_BACK:
    case Job::STATE_CANCELLING:
      // A target that does not answer is waited for where the work is done.
      absl::StrAppend(&out, "Its targets are at work; what one of them waits for is told by: ",
                      "dbfleet job logs ", name, "\n");
      break;
    default:
      if (blockers.empty() && !IsTerminal(job.state())) out += "Nothing holds it.\n";
      break;
  }
  return out;
}

struct ListOptions {
  std::string environment;
  std::string kind;
  std::string state;
  size_t limit = 50;
};

absl::Status ListJobs(Shell& shell, const ListOptions& options) {
  api::v1::ListJobsRequest request;
  request.set_environment(options.environment);
  request.set_kind(options.kind);
  if (!options.state.empty()) {
    ASSIGN_OR_RETURN(const int number, ParseEnumWord(Job::State_descriptor(), options.state));
    request.set_state(static_cast<Job::State>(number));
  }
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  ASSIGN_OR_RETURN(const auto jobs,
                   (ListAll<JobService, Job>(client, &JobService::Stub::ListJobs, request,
                                             &api::v1::ListJobsResponse::jobs, options.limit)));
  shell.PrintList(JobListing(jobs));
  return absl::OkStatus();
}

// An agent ends each attempt's log with its outcome, a word of the protocol.
std::string LogText(const JobLogLine& line, const std::string& attempt) {
  absl::string_view text = line.text();
  if (!absl::ConsumePrefix(&text, "OUTCOME_")) return line.text();
  const size_t end = std::min(text.find(' '), text.size());
  const std::string word = absl::AsciiStrToLower(text.substr(0, end));
  text.remove_prefix(end);
  return absl::StrCat(attempt, " ended: ", word, text.empty() ? "" : ",", text);
}

// Names a job's attempts in its log: "attempt 1 (plan) on TARGET". Not thread-safe.
class AttemptNames {
 public:
  AttemptNames(ApiClient* client, std::string job) : client_(client), job_(std::move(job)) {}

  std::string Of(const std::string& attempt) {
    if (names_.count(attempt) == 0) Read();
    const auto it = names_.find(attempt);
    return it == names_.end() ? "the attempt" : it->second;
  }

 private:
  // The log is worth showing without names as well.
  void Read() {
    api::v1::GetJobRequest request;
    request.set_name(job_);
    const auto job = client_->Call<JobService>(&JobService::Stub::GetJob, request);
    if (!job.ok()) return;
    for (const api::v1::Task& task : job->tasks()) {
      for (const auto& attempt : task.attempts()) {
        names_[LastPart(attempt.name())] = absl::StrCat("attempt ", attempt.number(), " (",
                                                        attempt.purpose(), ") on ", task.target());
      }
    }
  }

  ApiClient* const client_;
  const std::string job_;
  std::map<std::string, std::string> names_;
};

void PrintLogLine(Shell& shell, const JobLogLine& line, AttemptNames* names) {
  if (!shell.for_people()) {
    // A log has no names, and a stream cannot be one JSON array or YAML list.
    shell.out() << ToJson(line, false) << "\n";
  } else {
    if (line.dropped_before() > 0) {
      shell.out() << "... " << line.dropped_before() << " lines were dropped here\n";
    }
    shell.out() << Show(line.log_time()) << " " << Word(line.severity()) << " "
                << SanitizeForDisplay(LogText(line, absl::StartsWith(line.text(), "OUTCOME_")
                                                        ? names->Of(LastPart(line.attempt()))
                                                        : ""))
                << "\n";
  }
  shell.out().flush();
}

int ShowLogs(Shell& shell, const std::string& name, bool follow) {
  auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  auto full = ResolveName(shell, IdKind::kJob, name);
  if (!full.ok()) return shell.Fail(full.status());
  api::v1::ReadJobLogRequest request;
  request.set_name(*full);
  request.set_follow(follow);
  bool any = false;
  AttemptNames names(*client, *full);
  const absl::Status status = (*client)->Stream<JobService, api::v1::ReadJobLogRequest, JobLogLine>(
      &JobService::Stub::ReadJobLog, request, absl::InfiniteDuration(),
      [&](const JobLogLine& line) {
        any = true;
        PrintLogLine(shell, line, &names);
        return shell.out().good();
      });
  if (!status.ok()) return shell.Fail(status);
  if (!any) shell.Note(absl::StrCat(*full, " has no log; see: dbfleet job get ", ShortName(*full)));
  return kExitOk;
}

absl::StatusOr<Job> Cancel(Shell& shell, IdKind kind, const std::string& name,
                           const std::string& reason) {
  api::v1::CancelJobRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), ResolveNameToWrite(shell, kind, name));
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<JobService>(&JobService::Stub::CancelJob, request);
}

absl::StatusOr<Job> Pause(Shell& shell, const std::string& name, const std::string& reason) {
  api::v1::PauseJobRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), ResolveNameToWrite(shell, IdKind::kJob, name));
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<JobService>(&JobService::Stub::PauseJob, request);
}

absl::StatusOr<Job> Resume(Shell& shell, const std::string& name) {
  api::v1::ResumeJobRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), ResolveNameToWrite(shell, IdKind::kJob, name));
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<JobService>(&JobService::Stub::ResumeJob, request);
}

absl::StatusOr<Job> Resolve(Shell& shell, const std::string& name, const std::string& as,
                            const std::string& reason) {
  api::v1::ResolveTaskRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), ResolveNameToWrite(shell, IdKind::kJob, name));
  ASSIGN_OR_RETURN(const int resolution,
                   ParseEnumWord(api::v1::ResolveTaskRequest::Resolution_descriptor(), as));
  request.set_resolution(static_cast<api::v1::ResolveTaskRequest::Resolution>(resolution));
  request.set_reason(reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<JobService>(&JobService::Stub::ResolveTask, request);
}

void AddReads(CLI::App* noun, Shell& shell) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* list = AddVerb(*noun, "list", "List jobs", shell, [&shell, options] {
    const absl::Status status = ListJobs(shell, *options);
    return status.ok() ? kExitOk : shell.Fail(status);
  });
  list->add_option("--environment,-e", options->environment, "Only those of this environment");
  list->add_option("--kind", options->kind, "check, inspect, backup, verify or migrate")
      ->check(CLI::IsMember({"check", "inspect", "backup", "verify", "migrate"}));
  list->add_option("--state", options->state, "Only those in this state, such as rolling");
  AddLimit(list, &options->limit);

  auto name = std::make_shared<std::string>();
  const auto with_name = [&](CLI::App* verb) {
    verb->add_option("NAME", *name, "The job")->required();
    return verb;
  };
  with_name(
      AddVerb(*noun, "get", "Show a job", shell, [&shell, name] { return ShowJob(shell, *name); }));
  with_name(AddVerb(*noun, "explain", "Say why a job does not go on, and who can help", shell,
                    [&shell, name] { return ExplainJob(shell, *name); }));
  auto follow = std::make_shared<bool>(false);
  with_name(AddVerb(*noun, "logs", "Show a job's log", shell, [&shell, name, follow] {
    return ShowLogs(shell, *name, *follow);
  }))->add_flag("--follow,-f", *follow, "Go on until the job has ended");
}

}  // namespace

int ExplainJob(Shell& shell, const std::string& name) {
  auto job = Get(shell, name);
  if (!job.ok()) return shell.Fail(job.status());
  shell.PrintOne(JobListing(*job), shell.for_people() ? Explanation(*job) : "");
  return kExitOk;
}

void AddCancelAndWait(CLI::App& noun, Shell& shell, IdKind kind) {
  const char* what = kind == IdKind::kChange ? "The change" : "The job";
  auto name = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  auto cancel_wait = std::make_shared<WaitOptions>();
  CLI::App* cancel =
      AddVerb(noun, "cancel", "Cancel it; a running statement ends first", shell,
              [&shell, kind, name, reason, cancel_wait] {
                return FinishJobCommand(shell, Cancel(shell, kind, *name, *reason), *cancel_wait);
              });
  cancel->add_option("NAME", *name, what)->required();
  AddReason(cancel, reason.get(), false);
  AddWaitOptions(cancel, cancel_wait.get());

  auto options = std::make_shared<WaitOptions>();
  CLI::App* wait = AddVerb(noun, "wait", "Wait until it has ended", shell, [=, &shell] {
    auto full = ResolveName(shell, kind, *name);
    if (!full.ok()) return shell.Fail(full.status());
    Job job;
    job.set_name(*full);
    return FinishJobCommand(shell, job, *options);
  });
  wait->add_option("NAME", *name, what)->required();
  AddImpliedWaitOptions(wait, options.get(), false);
}

void AddJobCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "job", "Jobs of every kind");
  AddReads(noun, shell);
  AddCancelAndWait(*noun, shell, IdKind::kJob);

  auto name = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();
  CLI::App* pause = AddVerb(
      *noun, "pause", "Start no further target, or not begin; what runs goes to its end", shell,
      [&shell, name, reason] { return FinishJobCommand(shell, Pause(shell, *name, *reason), {}); });
  pause->add_option("NAME", *name, "The job")->required();
  AddReason(pause, reason.get(), false);

  auto resume_wait = std::make_shared<WaitOptions>();
  CLI::App* resume =
      AddVerb(*noun, "resume", "Go on after a pause", shell, [&shell, name, resume_wait] {
        return FinishJobCommand(shell, Resume(shell, *name), *resume_wait);
      });
  resume->add_option("NAME", *name, "The job")->required();
  AddWaitOptions(resume, resume_wait.get());

  AddReprioritize(*noun, shell);

  auto as = std::make_shared<std::string>();
  CLI::App* resolve =
      AddVerb(*noun, "resolve", "Say what became of a task whose outcome nobody could determine",
              shell, [&shell, name, as, reason] {
                return FinishJobCommand(shell, Resolve(shell, *name, *as, *reason), {});
              });
  resolve->add_option("NAME", *name, "The job, or jobs/JOB/tasks/TASK")->required();
  resolve->add_option("--as", *as, "applied or not-applied")
      ->required()
      ->check(CLI::IsMember({"applied", "not-applied"}));
  AddReason(resolve, reason.get(), true);
}

}  // namespace dbfleet::cli
