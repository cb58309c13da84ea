#include "controller/resources/window_resource.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/config/values.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

using resource::v1::MaintenanceWindowSpec;

std::optional<absl::Time> MomentOf(const std::string& text, absl::string_view field,
                                   config::Problems* problems) {
  const std::optional<absl::Time> time = config::ParseMoment(text);
  if (time.has_value()) return time;
  problems->Add(field, absl::StrCat("a moment with its offset is wanted, as in "
                                    "2026-12-24T18:00:00+01:00, not ",
                                    config::ShownValue(text)));
  return std::nullopt;
}

void CompileOnce(const resource::v1::Once& once, WindowTimes* times, config::Problems* problems) {
  const auto begin = MomentOf(once.begin(), "spec.once.begin", problems);
  const auto end = MomentOf(once.end(), "spec.once.end", problems);
  if (begin.has_value() && end.has_value()) times->once = Span{*begin, *end};
}

void CompileRecurring(const resource::v1::Recurring& recurring, DeclaredWindow* declared,
                      config::Problems* problems) {
  WindowTimes* times = &declared->window.times;
  auto cron = CronExpression::Parse(recurring.cron());
  problems->Note("spec.recurring.cron", cron.status());
  if (cron.ok()) times->recurring = *std::move(cron);
  declared->time_zone = recurring.time_zone().empty() ? "UTC" : recurring.time_zone();
  auto zone = LoadZone(declared->time_zone);
  problems->Note("spec.recurring.time_zone", zone.status());
  if (zone.ok()) times->zone = *zone;
  if (!recurring.has_duration()) {
    problems->Add("spec.recurring.duration", "is needed: how long it stays open, as in 4h");
  }
  times->duration = FromProto(recurring.duration());
  if (!recurring.not_before().empty()) {
    times->not_before = MomentOf(recurring.not_before(), "spec.recurring.not_before", problems)
                            .value_or(absl::InfinitePast());
  }
  if (!recurring.not_after().empty()) {
    times->not_after = MomentOf(recurring.not_after(), "spec.recurring.not_after", problems)
                           .value_or(absl::InfiniteFuture());
  }
}

void CompileParallel(const MaintenanceWindowSpec& spec, DeclaredWindow* declared,
                     config::Problems* problems) {
  constexpr int kMostParallel = 1000;
  if (!spec.has_parallel()) return;
  if (declared->window.effect == WindowEffect::kDeny) {
    problems->Add("spec.parallel", "a freeze carries no work; leave it out");
  } else if (spec.parallel() < 1 || spec.parallel() > kMostParallel) {
    problems->Add("spec.parallel", absl::StrCat("is from 1 to ", kMostParallel));
  } else {
    declared->parallel = spec.parallel();
  }
}

}  // namespace

void FillWindow(resource::v1::MaintenanceWindow* manifest) {
  MaintenanceWindowSpec& spec = *manifest->mutable_spec();
  if (spec.effect().empty()) spec.set_effect("allow");
  if (spec.overrun().empty()) spec.set_overrun("finish");
  if (spec.has_recurring() && spec.recurring().time_zone().empty()) {
    spec.mutable_recurring()->set_time_zone("UTC");
  }
}

DeclaredWindow CompileWindow(const resource::v1::MaintenanceWindow& manifest,
                             config::Problems* problems) {
  const MaintenanceWindowSpec& spec = manifest.spec();
  DeclaredWindow declared;
  declared.window.name = manifest.metadata().name();
  declared.time_zone = "UTC";
  declared.environments.assign(spec.selector().environments().begin(),
                               spec.selector().environments().end());
  declared.labels.insert(spec.selector().labels().begin(), spec.selector().labels().end());
  if (spec.effect() == "deny") {
    declared.window.effect = WindowEffect::kDeny;
  } else if (!spec.effect().empty() && spec.effect() != "allow") {
    problems->Add("spec.effect",
                  absl::StrCat("allow or deny is wanted, not ", config::ShownValue(spec.effect())));
  }
  if (!spec.overrun().empty()) {
    const auto overrun = FromName<Overrun>(spec.overrun());
    if (!overrun.has_value()) {
      problems->Add("spec.overrun", absl::StrCat("finish, pause or cancel is wanted, not ",
                                                 config::ShownValue(spec.overrun())));
    }
    declared.window.overrun = overrun.value_or(Overrun::kFinish);
  }
  CompileParallel(spec, &declared, problems);
  if (spec.has_once() == spec.has_recurring()) {
    problems->Add("spec",
                  "exactly one of once (begin, end) and recurring (cron, time_zone, "
                  "duration) is needed");
    return declared;
  }
  if (spec.has_once()) CompileOnce(spec.once(), &declared.window.times, problems);
  if (spec.has_recurring()) CompileRecurring(spec.recurring(), &declared, problems);
  return declared;
}

}  // namespace dbfleet::controller
