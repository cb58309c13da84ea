#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/concurrency/sleep.h"
#include "common/cron/cron_expression.h"
#include "common/proto_time/proto_time.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/interrupt.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/schedule_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::ListOccurrencesRequest;
using api::v1::ListOccurrencesResponse;
using api::v1::ListScheduleTimesRequest;
using api::v1::ListScheduleTimesResponse;
using api::v1::Occurrence;
using api::v1::ScheduleService;

std::string Moment(const google::protobuf::Timestamp& time, const absl::TimeZone& zone) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%S%Ez", ToTime(time), zone);
}

// "127d 5h", "1h30m": to the second below an hour and to the minute above.
std::string Until(absl::Duration duration) {
  const absl::Duration unit = duration < absl::Hours(1) ? absl::Seconds(1) : absl::Minutes(1);
  return Show(absl::Trunc(duration, unit));
}

struct NextOptions {
  std::string name;
  std::string zone;
  int count = 10;
};

int RunNext(Shell& shell, const NextOptions& options) {
  if (!options.zone.empty()) {
    const absl::Status status = LoadZone(options.zone).status();
    if (!status.ok()) return shell.Fail(Annotate(status, "--tz"));
  }
  ListScheduleTimesRequest request;
  request.set_schedule(FullName("schedules", options.name));
  request.set_count(options.count);
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const absl::StatusOr<ListScheduleTimesResponse> found =
      (*client)->Call<ScheduleService>(&ScheduleService::Stub::ListScheduleTimes, request);
  if (!found.ok()) return shell.Fail(found.status());
  const auto zone = LoadZone(options.zone.empty() ? found->time_zone() : options.zone);
  if (!zone.ok()) return shell.Fail(zone.status());
  if (found->suspended()) {
    shell.Note(absl::StrCat(SanitizeForDisplay(request.schedule()),
                            " is suspended: as long as that is so, none of these runs"));
  }
  const absl::Time now = shell.world().clock->Now();
  Listing listing;
  listing.columns = {IdentityColumn("TIME"), {"BEGINS"}, {"IN"}};
  for (const api::v1::ScheduleTime& time : found->times()) {
    const std::string nominal = Moment(time.nominal_time(), *zone);
    listing.items.push_back(
        {&time,
         nominal,
         {nominal, Moment(time.due_time(), *zone), Until(ToTime(time.due_time()) - now)}});
  }
  shell.PrintList(listing);
  return kExitOk;
}

std::string JobsOf(const Occurrence& occurrence) {
  std::vector<std::string> words;
  for (const auto& [state, count] : occurrence.jobs()) {
    words.push_back(absl::StrCat(count, " ", state));
  }
  std::sort(words.begin(), words.end());
  return absl::StrJoin(words, ", ");
}

Listing OccurrenceListing(const std::vector<const Occurrence*>& occurrences,
                          const absl::TimeZone& zone) {
  Listing listing;
  listing.columns = {
      IdentityColumn("RUN"), {"TIME"},     {"STATE"},       {"JOBS"},       {"REASON"},
      TextColumn("MESSAGE"), {"BY", true}, {"BEGAN", true}, {"ENDED", true}};
  for (const Occurrence* const o : occurrences) {
    listing.items.push_back(
        {o,
         o->name(),
         {LastPart(o->name()), Moment(o->nominal_time(), zone), Word(o->state()), JobsOf(*o),
          o->reason(), o->message(), o->requester().empty() ? "its time" : o->requester(),
          o->has_begin_time() ? Moment(o->begin_time(), zone) : "",
          o->has_end_time() ? Moment(o->end_time(), zone) : ""}});
  }
  return listing;
}

using api::v1::ListSchedulesRequest;
using api::v1::ListSchedulesResponse;
using api::v1::Schedule;

// In the zone that was asked for, or in the schedule's own.
std::string MomentFor(const Schedule& schedule, const google::protobuf::Timestamp& time,
                      const std::string& asked) {
  const auto zone = LoadZone(!asked.empty()                 ? asked
                             : schedule.time_zone().empty() ? "UTC"
                                                            : schedule.time_zone());
  return Moment(time, zone.ok() ? *zone : absl::UTCTimeZone());
}

std::string NextOf(const Schedule& schedule, const std::string& zone) {
  if (schedule.suspended()) return "suspended";
  return schedule.has_next_time() ? MomentFor(schedule, schedule.next_time(), zone) : "";
}

// "failed 2026-12-05T02:00:00+01:00".
std::string LastOf(const Schedule& schedule, const std::string& zone) {
  if (!schedule.has_last()) return "";
  return absl::StrCat(Word(schedule.last().state()), " ",
                      MomentFor(schedule, schedule.last().nominal_time(), zone));
}

int RunList(Shell& shell, const std::string& zone) {
  if (!zone.empty()) {
    const absl::Status status = LoadZone(zone).status();
    if (!status.ok()) return shell.Fail(Annotate(status, "--tz"));
  }
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const auto found = ListAll<ScheduleService, Schedule>(
      *client, &ScheduleService::Stub::ListSchedules, ListSchedulesRequest(),
      &ListSchedulesResponse::schedules, 0);
  if (!found.ok()) return shell.Fail(found.status());
  Listing listing;
  listing.columns = {IdentityColumn("NAME"), {"ENVIRONMENT"},    {"ACTION"}, {"NEXT"},
                     TextColumn("PROBLEM"),  TextColumn("LAST"), {"CRON"},   {"ZONE"}};
  for (const Schedule& s : *found) {
    listing.items.push_back(
        {&s,
         s.name(),
         {ShortName(s.name()), ShortName(s.environment()), s.action(), NextOf(s, zone), s.problem(),
          LastOf(s, zone), s.cron(), s.time_zone()}});
  }
  shell.PrintList(listing);
  return kExitOk;
}

struct HistoryOptions {
  std::string name;
  std::string zone = "UTC";
  size_t limit = 20;
};

int RunHistory(Shell& shell, const HistoryOptions& options) {
  const auto zone = LoadZone(options.zone);
  if (!zone.ok()) return shell.Fail(Annotate(zone.status(), "--tz"));
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  ListOccurrencesRequest request;
  request.set_schedule(FullName("schedules", options.name));
  const absl::StatusOr<std::vector<Occurrence>> found =
      ListAll<ScheduleService, Occurrence, ListOccurrencesRequest, ListOccurrencesResponse>(
          *client, &ScheduleService::Stub::ListOccurrences, request,
          &ListOccurrencesResponse::occurrences, options.limit);
  if (!found.ok()) return shell.Fail(found.status());
  std::vector<const Occurrence*> shown;
  for (const Occurrence& occurrence : *found) shown.push_back(&occurrence);
  shell.PrintList(OccurrenceListing(shown, *zone));
  return kExitOk;
}

bool IsOver(const Occurrence& occurrence) { return occurrence.state() > Occurrence::STATE_RUNNING; }

struct RunOptions {
  std::string name;
  std::string reason;
  WaitOptions wait;
};

// Asks again until it is over, with a line for each change.
absl::Status Follow(Shell& shell, ApiClient* client, const RunOptions& options,
                    Occurrence* occurrence) {
  constexpr absl::Duration kEach = absl::Seconds(1);
  const absl::Duration start = client->clock().Monotonic();
  api::v1::GetOccurrenceRequest request;
  request.set_name(occurrence->name());
  std::string told;
  while (!IsOver(*occurrence)) {
    const std::string jobs = JobsOf(*occurrence);
    const std::string line =
        absl::StrCat(ShortName(occurrence->name()), " is ", Word(occurrence->state()),
                     jobs.empty() ? "" : absl::StrCat(": ", jobs));
    if (line != told) shell.Note(SanitizeForDisplay(line));
    told = line;
    if (client->clock().Monotonic() - start >= options.wait.timeout) {
      return Error(absl::StatusCode::kDeadlineExceeded, "WAIT_TIMED_OUT",
                   absl::StrCat("the wait timed out; ", occurrence->name(),
                                " goes on: dbfleet schedule history ", options.name));
    }
    SleepFor(client->clock(), kEach);
    ASSIGN_OR_RETURN(*occurrence,
                     client->Call<ScheduleService>(&ScheduleService::Stub::GetOccurrence, request));
  }
  return absl::OkStatus();
}

int RunNow(Shell& shell, const RunOptions& options) {
  api::v1::RunScheduleRequest request;
  request.set_schedule(FullName("schedules", options.name));
  request.set_reason(options.reason);
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  absl::StatusOr<Occurrence> occurrence =
      (*client)->Call<ScheduleService>(&ScheduleService::Stub::RunSchedule, request);
  if (!occurrence.ok()) return shell.Fail(occurrence.status());
  absl::Status followed;
  if (options.wait.wait) {
    SetInterruptRemark(absl::StrCat(
        "\ndbfleet: interrupted; the run goes on. Look at it with: dbfleet schedule history ",
        SanitizeForDisplay(options.name), "\n"));
    followed = Follow(shell, *client, options, &*occurrence);
    SetInterruptRemark("");
  }
  shell.PrintOne(OccurrenceListing({&*occurrence}, absl::UTCTimeZone()));
  if (!followed.ok()) return shell.Fail(followed);
  if (!options.wait.wait || occurrence->state() == Occurrence::STATE_SUCCEEDED) return kExitOk;
  shell.Note(absl::StrCat("dbfleet: the run ended as ", Word(occurrence->state()),
                          occurrence->message().empty() ? "" : ": ",
                          SanitizeForDisplay(occurrence->message())));
  for (const std::string& job : occurrence->job_names()) {
    shell.Note(absl::StrCat("dbfleet: see: dbfleet job get ", SanitizeForDisplay(ShortName(job))));
  }
  return kExitFailed;
}

}  // namespace

void AddScheduleCommands(CLI::App& app, Shell& shell) {
  CLI::App* noun = AddNoun(app, "schedule", "What schedules will do, have done, and do now");

  auto list_zone = std::make_shared<std::string>();
  AddVerb(*noun, "list", "Schedules, when they run next and how they ran last", shell,
          [&shell, list_zone] { return RunList(shell, *list_zone); })
      ->add_option("--tz", *list_zone,
                   "Show times in this IANA zone; default: each schedule's own");

  auto next_options = std::make_shared<NextOptions>();
  CLI::App* next = AddVerb(*noun, "next", "When it will run", shell,
                           [&shell, next_options] { return RunNext(shell, *next_options); });
  next->add_option("NAME", next_options->name, "The schedule")->required();
  next->add_option("-n,--limit", next_options->count, "How many; default 10")
      ->check(CLI::Range(1, 1000));
  next->add_option("--tz", next_options->zone,
                   "Show times in this IANA zone; default: the schedule's");

  auto history_options = std::make_shared<HistoryOptions>();
  CLI::App* history =
      AddVerb(*noun, "history", "What it did, or why it did not", shell,
              [&shell, history_options] { return RunHistory(shell, *history_options); });
  history->add_option("NAME", history_options->name, "The schedule, also a deleted one")
      ->required();
  history->add_option("--tz", history_options->zone, "Show times in this IANA zone; default UTC");
  AddLimit(history, &history_options->limit);

  auto run_options = std::make_shared<RunOptions>();
  CLI::App* run = AddVerb(*noun, "run", "Run it now, beside its times", shell,
                          [&shell, run_options] { return RunNow(shell, *run_options); });
  run->add_option("NAME", run_options->name, "The schedule, also a suspended one")->required();
  AddReason(run, &run_options->reason, false);
  CLI::Option* const wait =
      run->add_flag("--wait,-w", run_options->wait.wait, "Wait until all its jobs have ended");
  AddDuration(run, "--timeout", &run_options->wait.timeout,
              "Stop waiting after this time (exit code 9)")
      ->needs(wait);
}

}  // namespace dbfleet::cli
