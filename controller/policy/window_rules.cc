// The rules "window", "freeze" and "windows-unreadable" (policy.h).
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "controller/policy/rules.h"
#include "controller/windows/opening.h"

namespace dbfleet::controller {
namespace {

bool NeedsWindow(const PolicyInput& input) {
  const Job& job = input.job;
  if (input.goes_on || job.kind != JobKind::kMigrate) return false;
  switch (input.policy.window_for) {
    case WindowFor::kNone:
      return false;
    case WindowFor::kSchemaChanges:
      return job.schema_change;
    case WindowFor::kDestructive:
      return IsDestructive(job);
    case WindowFor::kAll:
      break;
  }
  return true;
}

// Targets of a fleet share their windows, which are looked at once.
struct WindowGroup {
  WindowBook::Windows windows;
  std::vector<std::string> targets;
};

std::vector<WindowGroup> GroupByWindows(const PolicyInput& input) {
  static const auto* const none =
      new WindowBook::Windows(std::make_shared<const std::vector<Window>>());
  std::vector<WindowGroup> groups;
  for (const PolicyInput::Target& target : input.targets) {
    const WindowBook::Windows& windows = target.windows == nullptr ? *none : target.windows;
    auto found = std::find_if(groups.begin(), groups.end(),
                              [&](const WindowGroup& group) { return group.windows == windows; });
    if (found == groups.end()) found = groups.insert(groups.end(), {windows, {}});
    // A backup and its verification are about the same target.
    std::vector<std::string>& names = found->targets;
    if (std::find(names.begin(), names.end(), target.name) == names.end()) {
      names.push_back(target.name);
    }
  }
  return groups;
}

WindowBook::Windows WithoutFreezes(const std::vector<Window>& windows) {
  auto rest = std::make_shared<std::vector<Window>>(windows);
  std::erase_if(*rest, [](const Window& window) { return window.effect == WindowEffect::kDeny; });
  return rest;
}

// The next opening of targets that are open by `waived` until the waiver ends and by what is
// declared from then on. What is declared open is so under a waiver, too: an opening that the
// waiver's end cuts may go on.
std::optional<Span> NextWhileWaived(const WindowBook::Windows& declared, bool needed,
                                    const std::optional<Span>& waived, absl::Time until,
                                    absl::Duration least) {
  if (waived.has_value() && waived->begin < until) {
    Span open{waived->begin, std::min(waived->end, until)};
    if (waived->end > until) {
      const std::optional<Span> rest = NextOpening(*declared, needed, until, absl::ZeroDuration());
      if (rest.has_value() && rest->begin == until) open.end = rest->end;
    }
    if (open.end - open.begin >= least) return open;
  }
  return NextOpening(*declared, needed, until, least);
}

// When what carried the job is over, if that is so: its first target began in it, and the job ends
// with it. What is open now may be the next occurrence, and a freeze may lie over the close. By
// what is declared now, so that an opening that was extended goes on.
std::optional<absl::Time> OverSince(const PolicyInput& input, const std::vector<Window>& windows) {
  if (!BeganInOneThatCancels(input.job)) return std::nullopt;
  const Opening opening = OpeningAt(*WithoutFreezes(windows), true, input.job.window_entered);
  if (!opening.open || input.now < opening.window_closes) return std::nullopt;
  return opening.window_closes;
}

std::string WhenItOpens(const std::optional<Span>& next, absl::Time now) {
  if (next.has_value()) {
    return absl::StrCat("the next opening is from ", Moment(next->begin),
                        next->end - now < kWindowHorizon
                            ? absl::StrCat(" until ", Moment(next->end))
                            : std::string(" on"));
  }
  return "no opening is declared for the next year; a policy_admin can add one: dbfleet window add";
}

// The window that carries work and its end, also where work may not begin now.
void TakeWindow(const Opening& opening, PolicyDecision* decision) {
  if (!opening.window.empty() &&
      (decision->window.empty() || IsStricter(opening.overrun, decision->overrun))) {
    decision->window = opening.window;
    decision->overrun = opening.overrun;
  }
  decision->window_closes = std::min(decision->window_closes, opening.window_closes);
}

// Why work cannot begin on the group's targets now; the freezes' words and the windows'.
void ExplainClosed(const WindowGroup& group, const Opening& opening, const std::string& opens,
                   std::vector<std::string>* freezes, std::vector<std::string>* windows) {
  const std::string targets = Some(group.targets);
  if (opening.open) {
    const bool by_window = opening.window_closes <= opening.closes;
    (by_window ? windows : freezes)
        ->push_back(absl::StrCat(by_window ? absl::StrCat("the window ", opening.window, " closes")
                                           : std::string("a freeze begins"),
                                 " for ", targets, " at ", Moment(opening.closes),
                                 ", which is too soon to begin; ", opens));
    return;
  }
  for (const Opening::Freeze& freeze : opening.frozen_by) {
    freezes->push_back(absl::StrCat("the freeze ", freeze.name, " covers ", targets, " until ",
                                    Moment(freeze.until),
                                    freeze.once ? absl::StrCat(" (to end it before: dbfleet window "
                                                               "end ",
                                                               freeze.name, ")")
                                                : std::string()));
  }
  if (opening.frozen_by.empty()) {
    windows->push_back(absl::StrCat("no maintenance window is open for ", targets, "; ", opens));
  } else {
    absl::StrAppend(&freezes->back(), "; ", opens);
  }
}

}  // namespace

bool BeganInOneThatCancels(const Job& job) {
  const bool begun = job.state == JobState::kRolling || job.state == JobState::kPaused;
  return begun && !job.window.empty() && job.overrun == Overrun::kCancel &&
         job.window_entered != absl::InfinitePast();
}

std::string WhatIsOver(const Job& job, absl::string_view where, absl::string_view when) {
  return absl::StrCat("the window ", job.window, ", in which it began, closed ", where, when);
}

void CheckWindows(const PolicyInput& input, const WithoutTimes& without, PolicyDecision* decision) {
  constexpr absl::Duration kLeast = absl::Minutes(1);
  static_assert(kLeast > kLeastOpen);
  if (!WindowsCount(input.job) || input.mends_failure) return;
  if (!input.windows_unreadable.empty()) {
    decision->blockers.push_back({"windows-unreadable", input.windows_unreadable, false});
    return;
  }
  const bool needed = !without.window && NeedsWindow(input);
  std::vector<std::string> freezes, windows;
  bool all_closing = true;
  std::vector<WindowGroup> groups = GroupByWindows(input);
  for (WindowGroup& group : groups) {
    const WindowBook::Windows declared = group.windows;
    const std::optional<absl::Time> over =
        needed && input.job.queue.window.empty() ? OverSince(input, *declared) : std::nullopt;
    if (over.has_value()) {
      windows.push_back(
          WhatIsOver(input.job, absl::StrCat("for ", Some(group.targets), " at "), Moment(*over)));
      decision->opens = absl::InfiniteFuture();
      all_closing = false;
      continue;
    }
    if (without.freeze) group.windows = WithoutFreezes(*group.windows);
    const Opening opening = OpeningAt(*group.windows, needed, input.now);
    if (opening.open && opening.closes - input.now >= kLeastOpen) {
      TakeWindow(opening, decision);
      decision->closes = std::min(decision->closes, opening.closes);
      continue;
    }
    // A freeze lets go on what runs, until the end of the window that carries it.
    const Opening carrying =
        opening.open ? opening : OpeningAt(*WithoutFreezes(*group.windows), needed, input.now);
    if (carrying.open) TakeWindow(carrying, decision);
    all_closing &= opening.open;
    std::optional<Span> next = NextOpening(*group.windows, needed, input.now, kLeast);
    if (without.window || without.freeze) {
      next = NextWhileWaived(declared, NeedsWindow(input), next, without.until, kLeast);
    }
    decision->opens =
        std::max(decision->opens, next.has_value() ? next->begin : absl::InfiniteFuture());
    ExplainClosed(group, opening, WhenItOpens(next, input.now), &freezes, &windows);
  }
  decision->closing = all_closing && !(freezes.empty() && windows.empty());
  if (!freezes.empty()) {
    decision->blockers.push_back({"freeze", absl::StrJoin(freezes, "; "), false});
  }
  if (!windows.empty()) {
    decision->blockers.push_back({"window", absl::StrJoin(windows, "; "), false});
  }
}

}  // namespace dbfleet::controller
