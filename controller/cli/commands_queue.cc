#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/cron/cron_expression.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/queue_options.h"
#include "controller/cli/window_view.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/job_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::Job;
using api::v1::JobService;
using api::v1::QueuedJob;

std::string Takes(const api::v1::QueuePlace& place) {
  std::string source = place.estimate_source();
  if (place.estimate_runs() > 0) {
    absl::StrAppend(&source, " from ", place.estimate_runs(),
                    place.estimate_runs() == 1 ? " run" : " runs");
  }
  return absl::StrCat(Show(place.estimate()), " (", source, ")");
}

std::string StateOf(const QueuedJob& job) {
  std::vector<std::string> waits_for(job.waits_for().begin(), job.waits_for().end());
  if (job.window_gone()) waits_for.insert(waits_for.begin(), "its window is gone");
  if (job.state() != QueuedJob::STATE_WAITS || waits_for.empty()) return Word(job.state());
  return absl::StrCat("waits: ", absl::StrJoin(waits_for, ", "));
}

// The windows of what is listed that carry nothing any more, each once.
std::set<std::string> GoneWindows(const api::v1::ListWindowQueueResponse& found) {
  std::set<std::string> gone;
  if (!found.window().empty() && found.parallel() == 0) gone.insert(found.window());
  for (const QueuedJob& job : found.jobs()) {
    if (job.window_gone()) gone.insert(job.queue().window());
  }
  return gone;
}

struct ListOptions {
  std::string window;
  std::string zone;
};

int RunQueue(Shell& shell, const ListOptions& options) {
  api::v1::ListWindowQueueRequest request;
  request.set_window(options.window);
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const auto found = (*client)->Call<JobService>(&JobService::Stub::ListWindowQueue, request);
  if (!found.ok()) return shell.Fail(found.status());
  const auto zone = LoadZone(options.zone.empty() ? found->time_zone() : options.zone);
  if (!zone.ok()) return shell.Fail(Annotate(zone.status(), "--tz"));
  Listing listing;
  listing.columns = {{"PLACE"},
                     {"PRIORITY"},
                     IdentityColumn("JOB"),
                     {"KIND"},
                     {"STATE"},
                     {"TAKES"},
                     {"EXPECTED"},
                     TextColumn("TITLE"),
                     {"ENVIRONMENT", true},
                     {"REQUESTER", true},
                     {"OCCURRENCE", true},
                     {"WINDOW", /*wide_only=*/!options.window.empty()}};
  for (const QueuedJob& job : found->jobs()) {
    const bool expected = job.has_expected_begin();
    listing.items.push_back(
        {&job,
         job.job(),
         {absl::StrCat(job.place()), absl::StrCat(job.queue().priority()), ShortName(job.job()),
          job.kind(), StateOf(job), Takes(job.queue()),
          expected ? Moment(ToTime(job.expected_begin()), *zone) : std::string("-"), job.title(),
          job.environment(), job.requester(),
          expected ? absl::StrCat(Moment(ToTime(job.occurrence_begin()), *zone), " to ",
                                  Moment(ToTime(job.occurrence_end()), *zone))
                   : std::string("-"),
          ShortName(job.queue().window())}});
  }
  shell.PrintList(listing);
  for (const std::string& window : GoneWindows(*found)) {
    shell.Note(absl::StrCat(SanitizeForDisplay(window),
                            " is no window any more: nothing that is queued for it begins"));
  }
  return kExitOk;
}

struct ChangeOptions {
  std::string name;
  int priority = 0;
  absl::Duration estimate;
  std::string reason;
};

absl::StatusOr<Job> Reprioritize(Shell& shell, const ChangeOptions& options) {
  api::v1::ReprioritizeJobRequest request;
  ASSIGN_OR_RETURN(*request.mutable_name(), ResolveNameToWrite(shell, IdKind::kJob, options.name));
  if (options.priority > 0) request.set_priority(options.priority);
  if (options.estimate > absl::ZeroDuration()) {
    *request.mutable_estimate() = FromDuration(options.estimate);
  }
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(ApiClient * client, shell.Client());
  return client->Call<JobService>(&JobService::Stub::ReprioritizeJob, request);
}

constexpr char kPriorityHelp[] = "1 to 100, a higher one begins first; default 50";
constexpr char kEstimateHelp[] =
    "How long the whole job takes, such as 20m; default: as its last runs";

}  // namespace

void AddQueueOptions(CLI::App* command, QueueOptions* options) {
  CLI::Option* window =
      command->add_option("--window", options->window,
                          "Begin only in this maintenance window, in the order of its queue");
  command->add_option("--priority", options->priority, kPriorityHelp)
      ->check(CLI::Range(1, 100))
      ->needs(window);
  AddDuration(command, "--estimate", &options->estimate, kEstimateHelp)->needs(window);
}

api::v1::QueuePlace PlaceOf(const QueueOptions& options) {
  api::v1::QueuePlace place;
  place.set_window(options.window);
  if (options.priority > 0) place.set_priority(options.priority);
  if (options.estimate > absl::ZeroDuration()) {
    *place.mutable_estimate() = FromDuration(options.estimate);
  }
  return place;
}

std::string DescribePlace(const api::v1::QueuePlace& place) {
  return absl::StrCat(place.window(), ", priority ", place.priority(), ", takes ", Takes(place));
}

void AddQueue(CLI::App& window, Shell& shell) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* queue = AddVerb(window, "queue", "What is queued for a window, in its order", shell,
                            [&shell, options] { return RunQueue(shell, *options); });
  queue->add_option("NAME", options->window, "The window; left out: all");
  queue->add_option("--tz", options->zone, "Show times in this IANA zone; default: the window's");
}

void AddReprioritize(CLI::App& job, Shell& shell) {
  auto options = std::make_shared<ChangeOptions>();
  CLI::App* verb = AddVerb(
      job, "reprioritize", "Give a job another place in its window's queue", shell,
      [&shell, options] { return FinishJobCommand(shell, Reprioritize(shell, *options), {}); });
  verb->add_option("NAME", options->name, "The job")->required();
  verb->add_option("--priority", options->priority, "1 to 100, a higher one begins first")
      ->check(CLI::Range(1, 100));
  AddDuration(verb, "--estimate", &options->estimate, "How long the whole job takes, such as 20m");
  AddReason(verb, &options->reason, false);
}

}  // namespace dbfleet::cli
