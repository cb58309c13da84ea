#include "controller/notify/spans.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/notify/window_watch.h"
#include "controller/routes/text_template.h"

namespace dbfleet::controller {
namespace {

bool AnyFollows(const RouteBook& book, absl::string_view what) {
  return std::any_of(book.routes().begin(), book.routes().end(), [&](const auto& entry) {
    const Route& route = *entry.second;
    return route.follows() && !route.spec.disabled() && route.Follows(what);
  });
}

bool Selects(const Route& route, const SilenceTarget& target) {
  EventPlace place;
  place.environments = {target.environment};
  place.instances = {{target.instance, target.labels}};
  return route.Selects(place);
}

DeclaredWindow SelectorOf(const ToldWindow& window) {
  DeclaredWindow selector;
  selector.environments = window.environments;
  selector.labels = window.labels;
  return selector;
}

// Freezes that are in force.
using Freezes = std::vector<DeclaredWindow>;

Freezes FreezesOf(const std::vector<ToldWindow>& told, absl::Time now) {
  Freezes freezes;
  for (const ToldWindow& window : told) {
    if (window.open && window.effect == WindowEffect::kDeny && now < window.span.end) {
      freezes.push_back(SelectorOf(window));
    }
  }
  return freezes;
}

// A window opens nothing there: an alert is about something else than its maintenance.
bool IsFrozen(const Freezes& freezes, const SilenceTarget& target) {
  return std::any_of(freezes.begin(), freezes.end(), [&](const DeclaredWindow& freeze) {
    return freeze.Selects(target.environment, target.labels);
  });
}

// `span` for each route that follows it, with those of the targets that the route selects. No
// silence of it covers what is frozen.
void AddFor(const RouteBook& book, absl::string_view what, const WantedSpan& span,
            const std::vector<SilenceTarget>& targets, const Freezes& freezes,
            std::vector<WantedSpan>* spans) {
  for (const auto& [name, route] : book.routes()) {
    if (!route->follows() || route->spec.disabled() || !route->Follows(what)) continue;
    WantedSpan wanted = span;
    wanted.route = name;
    for (const SilenceTarget& target : targets) {
      if (!Selects(*route, target)) continue;
      if (!route->spec.has_silences() || !IsFrozen(freezes, target)) {
        wanted.targets.push_back(target);
      }
    }
    if (!wanted.targets.empty()) spans->push_back(std::move(wanted));
  }
}

// Something is wrong with what was asked for, not with the store: nothing else has to wait for it.
bool OfOneRow(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsDataLoss(status);
}

}  // namespace

absl::StatusOr<const std::vector<SilenceTarget>*> SpanSource::TargetsOf(ReadTx& tx,
                                                                        const ToldWindow& window,
                                                                        absl::Time now) {
  Targets& known = targets_[window.name];
  const bool fresh = known.time <= now && now - known.time < kTargetsAge;
  if (known.window == window && fresh) return &known.targets;
  known = {window, now, {}};
  const DeclaredWindow selector = SelectorOf(window);
  const EnvironmentFilter where =
      window.environments.empty()
          ? EnvironmentFilter()
          : EnvironmentFilter::Only({window.environments.begin(), window.environments.end()});
  PageRequest page{1000, ""};
  do {
    ASSIGN_OR_RETURN(const Page<Instance> found, tx.ListInstances(where, page));
    for (const Instance& instance : found.items) {
      if (instance.removed || !selector.Selects(instance.environment, instance.labels)) continue;
      known.targets.push_back({instance.id, instance.environment, instance.labels});
    }
    page.token = found.next_token;
  } while (!page.token.empty());
  return &known.targets;
}

absl::Status SpanSource::AddWindows(ReadTx& tx, const RouteBook& book, absl::Time now,
                                    std::vector<WantedSpan>* spans) {
  ASSIGN_OR_RETURN(const std::vector<ToldWindow> told, ToldWindows(tx));
  const Freezes freezes = FreezesOf(told, now);
  std::set<std::string> open;
  for (const ToldWindow& window : told) {
    const bool freeze = window.effect == WindowEffect::kDeny;
    const char* const what = freeze ? "freezes" : "windows";
    if (!window.open || window.span.end <= now || !AnyFollows(book, what)) continue;
    open.insert(window.name);
    ASSIGN_OR_RETURN(const std::vector<SilenceTarget>* const targets, TargetsOf(tx, window, now));
    WantedSpan span;
    span.subject = absl::StrCat("maintenancewindows/", window.name);
    span.kind = freeze ? "freeze" : "window";
    span.text = absl::StrCat("the ", freeze ? "freeze " : "maintenance window ", window.name);
    span.begin = window.span.begin;
    span.end = window.span.end;
    AddFor(book, what, span, *targets, freeze ? Freezes() : freezes, spans);
  }
  std::erase_if(targets_, [&](const auto& entry) { return open.count(entry.first) == 0; });
  return absl::OkStatus();
}

absl::Status SpanSource::AddChanges(ReadTx& tx, const RouteBook& book, absl::Time now,
                                    std::vector<WantedSpan>* spans) {
  ASSIGN_OR_RETURN(const std::vector<Attempt> attempts, tx.OpenAttempts());
  std::map<std::pair<std::string, std::string>, absl::Time> running;  // With the begin.
  for (const Attempt& attempt : attempts) {
    if (attempt.purpose != Purpose::kExecute) continue;
    if (attempt.state != AttemptState::kGranted && attempt.state != AttemptState::kRunning) {
      continue;
    }
    absl::Time& begin =
        running.emplace(std::pair(attempt.job_id, attempt.instance_id), now).first->second;
    if (attempt.start_time != absl::InfinitePast()) begin = std::min(begin, attempt.start_time);
  }
  std::set<std::string> left_out;
  for (const auto& [where, begin] : running) {
    WantedSpan span;
    span.subject = absl::StrCat("jobs/", where.first, "/instances/", where.second);
    const absl::StatusOr<Job> found_job = tx.GetJob(where.first);
    const absl::StatusOr<Instance> found_instance = tx.GetInstance(where.second);
    const absl::Status status = found_job.ok() ? found_instance.status() : found_job.status();
    if (!status.ok()) {
      if (!OfOneRow(status)) return status;
      left_out.insert(span.subject);
      if (left_out_.count(span.subject) > 0) continue;
      log::Error("a running change is not followed",
                 {{"subject", span.subject}, {"error", std::string(status.message())}});
      continue;
    }
    const Job& job = *found_job;
    const Instance& instance = *found_instance;
    if (job.kind != JobKind::kMigrate) continue;
    span.kind = "change";
    span.text =
        FieldText(absl::StrCat("the change jobs/", job.id, " on ", instance.id, ": ", job.title));
    span.begin = begin;
    AddFor(book, "changes", span, {{instance.id, instance.environment, instance.labels}}, {},
           spans);
  }
  left_out_ = std::move(left_out);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<WantedSpan>> SpanSource::Find(ReadTx& tx, const RouteBook& book,
                                                         absl::Time now) {
  std::vector<WantedSpan> spans;
  if (AnyFollows(book, "windows") || AnyFollows(book, "freezes")) {
    RETURN_IF_ERROR(AddWindows(tx, book, now, &spans));
  }
  if (AnyFollows(book, "changes")) RETURN_IF_ERROR(AddChanges(tx, book, now, &spans));
  return spans;
}

}  // namespace dbfleet::controller
