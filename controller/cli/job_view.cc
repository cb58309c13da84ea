#include "controller/cli/job_view.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/base/text.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/plan_view.h"
#include "controller/cli/queue_options.h"
#include "controller/cli/words.h"

namespace dbfleet::cli {
namespace {

using api::v1::Job;
using api::v1::Task;

std::string Clean(absl::string_view text) { return SanitizeForDisplay(text); }

void Line(std::string* out, absl::string_view title, absl::string_view value) {
  if (value.empty()) return;
  absl::StrAppend(out, title, std::string(title.size() < 13 ? 13 - title.size() : 1, ' '),
                  Clean(value), "\n");
}

std::string ErrorText(const std::string& reason, const std::string& message) {
  if (reason.empty()) return message;
  return absl::StrCat(message, message.empty() ? "" : " ", "[", reason, "]");
}

// In a list a plan that "succeeded" must not pass for a change that did.
std::string TitleOf(const Job& job) {
  return absl::StrCat(job.plan_only() ? "(plan only) " : "", job.title());
}

std::vector<std::string> Targets(const Job& job) {
  std::vector<std::string> targets;
  for (const Task& task : job.tasks()) {
    // A backup and its verification are two tasks on one target.
    if (std::find(targets.begin(), targets.end(), task.target()) == targets.end()) {
      targets.push_back(task.target());
    }
  }
  return targets;
}

// "2 + 5 + 10": what people approve.
std::string WaveList(const Job& job) {
  std::vector<int> sizes(job.rollout().wave_count(), 0);
  for (const Task& task : job.tasks()) {
    if (task.wave() > 0 && task.wave() <= job.rollout().wave_count()) ++sizes[task.wave() - 1];
  }
  return absl::StrJoin(sizes, " + ");
}

void AppendRollout(const Job& job, std::string* out) {
  const api::v1::Rollout& rollout = job.rollout();
  const bool may_fail = !rollout.failure_budget().empty() && rollout.failure_budget() != "0";
  if (rollout.wave_count() <= 1 && may_fail) {
    Line(out, "May fail",
         absl::StrCat(rollout.failure_budget(), " of its targets, then ",
                      Word(rollout.on_failure())));
  }
  if (rollout.wave_count() <= 1) return;
  Line(out, "Waves",
       absl::StrCat(WaveList(job), " targets; wave ", rollout.current_wave(), " of ",
                    rollout.wave_count()));
  std::string between = rollout.health_check() ? "health check" : "";
  if (rollout.pause_between().seconds() > 0) {
    between = absl::StrCat(Show(rollout.pause_between()), " pause",
                           between.empty() ? "" : ", then ", between);
  }
  Line(out, "Between", between);
  Line(out, "May fail",
       absl::StrCat(rollout.failure_budget(), " targets, then ", Word(rollout.on_failure())));
}

void AppendHead(const Job& job, std::string* out) {
  Line(out, "Job", job.name());
  Line(out, "Kind", job.kind());
  Line(out, "Title", job.title());
  Line(out, "State", absl::StrCat(Word(job.state()), IsHeld(job) ? " (paused)" : ""));
  if (job.plan_only()) Line(out, "Plan only", "yes, nothing is run");
  if (!IsSaidByBlocker(job)) {
    Line(out, "Error", ErrorText(job.error_reason(), job.error_message()));
  }
  Line(out, "Environment", ShortName(job.environment()));
  Line(out, "Requester", job.requester());
  Line(out, "Reason", job.reason());
  Line(out, "Safety", Word(job.safety()));
  Line(out, "Digest", job.digest());
  Line(out, "Backup", Word(job.backup_gate()));
  AppendRollout(job, out);
  if (job.has_queue()) Line(out, "Queued for", DescribePlace(job.queue()));
  if (!job.rollback_of().empty()) {
    Line(out, "Takes back", absl::StrCat(job.rollback_of(), " (it is a rollback)"));
  }
  if (!job.rolled_back_by().empty()) {
    Line(out, "Taken back", absl::StrCat("by ", absl::StrJoin(job.rolled_back_by(), ", ")));
  }
  Line(out, "Asked for by", job.parent());
  Line(out, "Created", Show(job.create_time()));
  Line(out, "Ended", Show(job.end_time()));
  if (!IsTerminal(job.state())) Line(out, "Expires", Show(job.expire_time()));
}

// Only the last one waives anything.
void AppendBrokenGlass(const Job& job, std::string* out) {
  const auto& episodes = job.broken_glass().episodes();
  if (episodes.empty()) return;
  absl::StrAppend(out, "\nBroken glass\n");
  for (const auto& episode : episodes) {
    absl::StrAppend(out, "  ", Clean(episode.principal()), " waived ",
                    Clean(absl::StrJoin(episode.waives(), ", ")), " at ",
                    Show(episode.create_time()), " until ", Show(episode.expire_time()),
                    episode.digest() == job.digest() ? "" : " (void: the plan changed)", ": ",
                    Clean(episode.reason()), "\n    ");
    const std::string ended = HowItEnded(episode);
    if (!ended.empty()) absl::StrAppend(out, ended, "\n    ");
    if (episode.reviewer().empty()) {
      absl::StrAppend(out, "not reviewed; somebody else has to before ",
                      Show(episode.review_due_time()), ": dbfleet change review ",
                      Clean(ShortName(job.name())), " --reason REASON\n");
    } else {
      absl::StrAppend(out, "reviewed by ", Clean(episode.reviewer()), " at ",
                      Show(episode.review_time()), ": ", Clean(episode.review()), "\n");
    }
  }
}

void AppendWaits(const Job& job, std::string* out) {
  if (const std::string blockers = DescribeBlockers(job); !blockers.empty()) {
    absl::StrAppend(out, "\nWaits for\n", blockers, DescribeCandidates(job));
  }
  if (const std::string foreseen = DescribeForeseen(job); !foreseen.empty()) {
    absl::StrAppend(out, "\nWill be missing when its time comes\n", foreseen);
  }
}

void AppendApprovals(const Job& job, std::string* out) {
  if (job.approvals().empty()) return;
  absl::StrAppend(out, "\nDecisions\n");
  for (const auto& approval : job.approvals()) {
    absl::StrAppend(out, "  ", Clean(approval.principal()), " ", Word(approval.decision()), " ",
                    Clean(approval.digest().substr(0, 12)), " at ", Show(approval.decide_time()),
                    approval.void_() ? " (void: the plan changed or the approval expired)" : "",
                    approval.reason().empty() ? "" : ": ", Clean(approval.reason()), "\n");
  }
}

bool TakenBack(const work::v1::StepReport& step) {
  return step.state() == work::v1::STEP_STATE_FAILED &&
         absl::StartsWith(step.error(), "taken back");
}

// A step's end that never came in, because its process or its agent died, is told by its task.
std::string StepWord(const Task& task, const work::v1::StepReport& step) {
  // It ran, and its transaction was rolled back because of another step.
  if (TakenBack(step)) return "taken back";
  if (step.state() != work::v1::STEP_STATE_RUNNING) return Word(step.state());
  switch (task.state()) {
    case Task::STATE_PENDING:
    case Task::STATE_ACTIVE:
      return Word(step.state());
    case Task::STATE_NEEDS_PERSON:
      return "started; what became of it is unknown";
    case Task::STATE_SUCCEEDED:
      return "started; found done when the task was settled";
    default:
      return "started; its end was not reported, see what the task says";
  }
}

void AppendTask(const Job& job, const Task& task, std::string* out) {
  absl::StrAppend(out, "  ", Clean(task.target()), "  ", TaskWord(job, task), "  ",
                  task.wave() > 0 ? absl::StrCat("wave ", task.wave(), "  ") : std::string(),
                  Clean(ShortName(task.name())), "\n");
  const std::string of_job = ErrorText(job.error_reason(), job.error_message());
  const std::string error = ErrorText(task.error_reason(), task.error_message());
  // A single task's error stands in the head already.
  if (!error.empty() && (error != of_job || job.tasks_size() > 1)) {
    absl::StrAppend(out, "    ", Clean(error), "\n");
  }
  for (const auto& attempt : task.attempts()) {
    const std::string failure = ErrorText(attempt.error_reason(), attempt.error_message());
    absl::StrAppend(out, "    attempt ", attempt.number(), " (", Clean(attempt.purpose()), ") by ",
                    Clean(attempt.agent()), ": ", Word(attempt.state()));
    // What the task said already is not said again.
    if (!failure.empty() && failure != error) absl::StrAppend(out, ": ", Clean(failure));
    out->push_back('\n');
  }
  for (const auto& step : task.steps()) {
    absl::StrAppend(out, "    ", step.rollback() ? "rollback step " : "step ", step.index() + 1,
                    ": ", StepWord(task, step),
                    step.rows_affected() > 0 ? absl::StrCat(", ", step.rows_affected(), " rows")
                                             : std::string(),
                    ", ", Show(step.duration()), step.error().empty() ? "" : ": ",
                    Clean(TakenBack(step) ? absl::StripPrefix(step.error(), "taken back ")
                                          : absl::string_view(step.error())),
                    "\n");
  }
}

void AppendTasks(const Job& job, std::string* out) {
  if (job.tasks().empty()) return;
  absl::StrAppend(out, "\nTasks\n");
  for (const Task& task : job.tasks()) AppendTask(job, task, out);
}

}  // namespace

std::string TaskWord(const Job& job, const Task& task) {
  const bool planned =
      job.plan_only() && job.state() == Job::STATE_SUCCEEDED && task.state() == Task::STATE_SKIPPED;
  return planned ? "planned" : Word(task.state());
}

Listing JobListing(const std::vector<Job>& jobs) {
  Listing listing;
  listing.columns = {
      IdentityColumn("NAME"), {"KIND"},         {"STATE"},       TextColumn("TARGETS"),
      TextColumn("TITLE"),    {"ENVIRONMENT"},  {"CREATED"},     {"REQUESTER"},
      {"SAFETY", true},       {"DIGEST", true}, {"ENDED", true}, {"ERROR", true}};
  for (const Job& job : jobs) {
    listing.items.push_back(
        {&job,
         job.name(),
         {ShortName(job.name()), job.kind(),
          absl::StrCat(Word(job.state()), IsHeld(job) ? " (paused)" : ""), JoinShort(Targets(job)),
          TitleOf(job), ShortName(job.environment()), Show(job.create_time()),
          ActorName(job.requester()), Word(job.safety()), job.digest(), Show(job.end_time()),
          ErrorText(job.error_reason(), job.error_message())}});
  }
  return listing;
}

Listing JobListing(const Job& job) {
  std::vector<Job> one = {job};
  Listing listing = JobListing(one);
  listing.items.front().message = &job;
  return listing;
}

std::string DescribeCandidates(const Job& job) {
  if (job.candidates().empty()) return "";
  return absl::StrCat("Who can approve: ", Clean(absl::StrJoin(job.candidates(), ", ")), "\n");
}

bool IsHeld(const Job& job) {
  return job.error_reason() == "PAUSED" &&
         (job.state() == Job::STATE_PLANNING || job.state() == Job::STATE_AWAITING_APPROVAL ||
          job.state() == Job::STATE_READY);
}

std::string DescribeForeseen(const Job& job) {
  std::string out;
  for (const auto& blocker : job.foreseen()) {
    absl::StrAppend(&out, "  ", Clean(blocker.rule()), ": ", Clean(blocker.message()), "\n");
  }
  return out;
}

bool IsSaidByBlocker(const Job& job) {
  return (job.state() == Job::STATE_PAUSED || IsHeld(job)) &&
         std::any_of(job.blockers().begin(), job.blockers().end(),
                     [](const auto& blocker) { return blocker.rule() == "paused"; });
}

std::string DescribeBlockers(const Job& job) {
  std::string out;
  const bool by_task = job.error_reason() == "NEEDS_PERSON" &&
                       std::any_of(job.tasks().begin(), job.tasks().end(), [](const Task& task) {
                         return task.state() == Task::STATE_NEEDS_PERSON;
                       });
  for (const auto& blocker : job.blockers()) {
    if (by_task && blocker.rule() == "paused") continue;  // The tasks say it below.
    absl::StrAppend(&out, "  ", Clean(blocker.rule()), ": ", Clean(blocker.message()), "\n");
  }
  for (const Task& task : job.tasks()) {
    if (task.state() != Task::STATE_NEEDS_PERSON) continue;
    absl::StrAppend(&out, "  ", Clean(task.target()), ": nobody can say what took effect",
                    task.error_message().empty() ? "" : ": ", Clean(task.error_message()),
                    "; look there, then run: dbfleet job resolve ", Clean(task.name()),
                    " --as applied|not-applied --reason REASON\n");
  }
  return out;
}

std::string DescribeJob(const Job& job) {
  std::string out;
  AppendHead(job, &out);
  AppendWaits(job, &out);
  AppendApprovals(job, &out);
  AppendBrokenGlass(job, &out);
  AppendTasks(job, &out);
  if (const std::string results = DescribeResults(job); !results.empty()) {
    absl::StrAppend(&out, "\n", results);
  }
  return out;
}

std::string DescribeChange(const Job& job) {
  std::string out;
  AppendHead(job, &out);
  AppendWaits(job, &out);
  AppendApprovals(job, &out);
  AppendBrokenGlass(job, &out);
  if (const int64_t rows = EstimatedRows(job); job.tasks_size() > 1 && rows >= 0) {
    absl::StrAppend(&out, "\nEstimated rows of all targets: ", rows, "\n");
  }
  for (const Task& task : job.tasks()) {
    absl::StrAppend(&out, "\n", DescribePlan(job, task));
  }
  AppendTasks(job, &out);
  if (const std::string unsettled = DescribeUnsettled(job); !unsettled.empty()) {
    absl::StrAppend(&out, "\n", unsettled);
  }
  return out;
}

std::string DescribeRunning(const Job& job) {
  std::string out;
  for (const Task& task : job.tasks()) {
    if (task.state() != Task::STATE_ACTIVE) continue;
    absl::StrAppend(&out, "  ", Clean(task.target()));
    for (const auto& step : task.steps()) {
      if (step.state() != work::v1::STEP_STATE_RUNNING) continue;
      absl::StrAppend(&out, ", ", step.rollback() ? "rollback step " : "step ", step.index() + 1);
      const auto& steps = step.rollback() ? task.plan().rollback() : task.plan().forward();
      if (step.index() < steps.size()) {
        const auto& planned = steps[step.index()];
        absl::StrAppend(&out, " of ", steps.size(), " (", Clean(planned.file()), ":",
                        planned.line(), ")");
      }
    }
    absl::StrAppend(&out, " is running\n");
  }
  return out;
}

std::string DescribeProgress(const Job& job) {
  int total = 0, done = 0;
  for (const Task& task : job.tasks()) {
    total += task.plan().forward_size();
    done += static_cast<int>(
        std::count_if(task.steps().begin(), task.steps().end(), [](const auto& step) {
          return !step.rollback() && step.state() == work::v1::STEP_STATE_SUCCEEDED;
        }));
  }
  // Work without planned steps counts by its parts: a backup and its verification, say.
  const char* unit = total > 0 ? " steps" : " parts";
  if (total == 0) {
    total = job.tasks_size();
    done = static_cast<int>(
        std::count_if(job.tasks().begin(), job.tasks().end(),
                      [](const Task& task) { return task.state() == Task::STATE_SUCCEEDED; }));
  }
  std::string out = Word(job.state());
  const bool running = job.state() == Job::STATE_ROLLING || job.state() == Job::STATE_PAUSED;
  if (running && total > 0) {
    constexpr int kBar = 20;
    const int filled = kBar * std::min(done, total) / total;
    absl::StrAppend(&out, " [", std::string(filled, '#'), std::string(kBar - filled, '.'), "] ",
                    done, "/", total, unit);
  }
  return out;
}

std::string HowItEnded(const resource::v1::GlassEpisode& episode) {
  if (!episode.ender().empty()) {
    return absl::StrCat("ended by ", Clean(episode.ender()), " at ", Show(episode.end_time()), ": ",
                        Clean(episode.end_reason()));
  }
  return episode.void_because().empty()
             ? ""
             : absl::StrCat("waives nothing: ", Clean(episode.void_because()));
}

}  // namespace dbfleet::cli
