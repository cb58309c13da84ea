#include "controller/resources/schedule_resource.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/config/values.h"
#include "common/proto_time/proto_time.h"
#include "controller/jobs/job_manager.h"
#include "controller/jobs/queueing.h"
#include "controller/resources/scheduled_job.h"

namespace dbfleet::controller {
namespace {

using resource::v1::ScheduledJob;
using resource::v1::ScheduleSpec;

constexpr int kDefaultBackfill = 10;
constexpr int kMostNamed = 1000;

template <typename T>
struct Word {
  absl::string_view word;
  T value;
};
constexpr Word<Overlap> kOverlaps[] = {{"skip", Overlap::kSkip},
                                       {"queue_one", Overlap::kQueueOne},
                                       {"allow", Overlap::kAllow},
                                       {"cancel_running", Overlap::kCancelRunning}};
constexpr Word<MissedRuns> kMissedRuns[] = {{"skip", MissedRuns::kSkip},
                                            {"run_once", MissedRuns::kRunOnce},
                                            {"backfill", MissedRuns::kBackfill}};

template <typename T, size_t N>
T ValueOf(const Word<T> (&words)[N], const std::string& text, absl::string_view field,
          config::Problems* problems) {
  std::string known;
  for (const Word<T>& word : words) {
    if (text.empty() || word.word == text) return word.value;
    absl::StrAppend(&known, known.empty() ? "" : ", ", word.word);
  }
  problems->Add(field,
                absl::StrCat("one of ", known, " is wanted, not ", config::ShownValue(text)));
  return words[0].value;
}

void CheckQueue(const ScheduledJob& job, const std::string& field, config::Problems* problems) {
  if (!job.has_queue()) return;
  if (!job.has_backup() && !job.has_verify()) {
    problems->Add(field, "only backups and verifications wait for a window");
  }
  if (job.queue().window().empty()) {
    problems->Add(field + ".window", "is needed: the maintenance window that carries it");
    return;
  }
  QueueAsk ask{job.queue().window(), std::nullopt, std::nullopt};
  if (job.queue().has_priority()) ask.priority = job.queue().priority();
  if (job.queue().has_estimate()) ask.estimate = FromProto(job.queue().estimate());
  problems->Note(field, CheckAsk(ask));
}

void CheckJob(const ScheduleSpec& spec, config::Problems* problems) {
  const ScheduledJob& job = spec.job();
  CheckScheduledJob(job, "spec.job", problems);
  if (job.has_planned() && !spec.suspended()) {
    problems->Add("spec.suspended",
                  absl::StrCat("has to be true as long as this version cannot do what is planned (",
                               config::ShownValue(job.planned().action()), ")"));
  }
}

void CheckTargets(const ScheduleSpec& spec, config::Problems* problems) {
  if (spec.environment().empty()) {
    problems->Add("spec.environment", "is needed: the environment whose instances are meant");
  }
  if (spec.targets().instances_size() > kMostNamed) {
    problems->Add("spec.targets.instances",
                  absl::StrCat("at most ", kMostNamed, " can be named; choose by labels"));
  }
  for (int i = 0; i < spec.targets().engines_size(); ++i) {
    const std::string& engine = spec.targets().engines(i);
    if (engine == "mysql" || engine == "postgresql" || engine == "redis") continue;
    problems->Add(
        absl::StrCat("spec.targets.engines[", i, "]"),
        absl::StrCat("mysql, postgresql or redis is wanted, not ", config::ShownValue(engine)));
  }
}

void CheckNumbers(const ScheduleSpec& spec, config::Problems* problems) {
  if (spec.backfill_most() != 0 && spec.missed() != "backfill") {
    problems->Add("spec.backfill_most", "goes with `missed: backfill` only");
  }
  if (spec.missed() == "backfill" &&
      (spec.backfill_most() < 1 || spec.backfill_most() > kMostBackfill)) {
    problems->Add("spec.backfill_most", absl::StrCat("a number from 1 to ", kMostBackfill,
                                                     " is wanted, not ", spec.backfill_most()));
  }
  const absl::Duration jitter = FromProto(spec.jitter());
  if (jitter < absl::ZeroDuration() || jitter > kMostJitter) {
    problems->Add("spec.jitter", "a duration from 0s to 24h is wanted");
  }
  const absl::Duration within = FromProto(spec.start_within());
  if (spec.has_start_within() && (within < absl::Minutes(1) || within > kOldestMissed)) {
    problems->Add("spec.start_within", "a duration from 1m to 31d is wanted");
  }
}

}  // namespace

void CheckScheduledJob(const ScheduledJob& job, absl::string_view field,
                       config::Problems* problems) {
  const int kinds =
      job.has_check() + job.has_inspect() + job.has_backup() + job.has_verify() + job.has_planned();
  if (kinds != 1) {
    problems->Add(field, "exactly one of check, inspect, backup and verify is needed");
  }
  if (job.has_planned() && job.planned().action().empty()) {
    problems->Add(absl::StrCat(field, ".planned.action"), "is needed: what it is to be");
  }
  CheckQueue(job, absl::StrCat(field, ".queue"), problems);
  if (!job.has_inspect()) return;
  problems->Note(absl::StrCat(field, ".inspect"), ValidateInspect(InspectionOf(job)));
}

std::string DeclaredSchedule::Timing() const {
  return absl::StrCat(times.cron.text(), "\n", time_zone, suspended ? "\nsuspended" : "");
}

void FillSchedule(resource::v1::Schedule* manifest) {
  ScheduleSpec& spec = *manifest->mutable_spec();
  if (spec.time_zone().empty()) spec.set_time_zone("UTC");
  if (spec.overlap().empty()) spec.set_overlap("skip");
  if (spec.missed().empty()) spec.set_missed("skip");
  if (spec.missed() == "backfill" && spec.backfill_most() == 0) {
    spec.set_backfill_most(kDefaultBackfill);
  }
  if (!spec.has_jitter()) *spec.mutable_jitter() = ToProto(absl::ZeroDuration());
  if (!spec.has_start_within()) *spec.mutable_start_within() = ToProto(kOldestMissed);
}

std::optional<DeclaredSchedule> CompileSchedule(const resource::v1::Schedule& manifest,
                                                config::Problems* problems) {
  const ScheduleSpec& spec = manifest.spec();
  config::Problems own;  // Whether there are any is only told by a collection of its own.
  const auto add = [&](config::Problems* to) {
    CheckTargets(spec, to);
    CheckNumbers(spec, to);
    CheckJob(spec, to);
    (void)ValueOf(kOverlaps, spec.overlap(), "spec.overlap", to);
    (void)ValueOf(kMissedRuns, spec.missed(), "spec.missed", to);
  };
  add(problems);
  add(&own);
  auto cron = CronExpression::Parse(spec.cron());
  problems->Note("spec.cron", cron.status());
  const std::string zone_name = spec.time_zone().empty() ? "UTC" : spec.time_zone();
  const auto zone = LoadZone(zone_name);
  problems->Note("spec.time_zone", zone.status());
  if (!cron.ok() || !zone.ok() || !own.ToStatus().ok()) return std::nullopt;
  config::Problems none;
  ScheduleTimes times{*std::move(cron),
                      *zone,
                      FromProto(spec.jitter()),
                      ValueOf(kMissedRuns, spec.missed(), "", &none),
                      spec.backfill_most(),
                      spec.has_start_within() ? FromProto(spec.start_within()) : kOldestMissed};
  return DeclaredSchedule{manifest.metadata().name(),
                          spec.environment(),
                          zone_name,
                          std::move(times),
                          ValueOf(kOverlaps, spec.overlap(), "", &none),
                          spec.suspended(),
                          spec,
                          0};
}

void CheckSchedule(const resource::v1::Schedule& manifest, config::Problems* problems) {
  const std::optional<DeclaredSchedule> schedule = CompileSchedule(manifest, problems);
  if (schedule.has_value()) problems->Note("spec.jitter", CheckTimes(schedule->times));
}

}  // namespace dbfleet::controller
