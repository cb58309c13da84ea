// The rule "window-queue" (policy.h).
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/duration_text.h"
#include "controller/policy/rules.h"

namespace dbfleet::controller {
namespace {

// In the window's own zone: by its times people know when their window is.
std::string LocalMoment(absl::Time time, const DeclaredWindow& declared) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!absl::LoadTimeZone(declared.time_zone, &zone)) zone = absl::UTCTimeZone();
  return absl::StrCat(absl::FormatTime("%Y-%m-%d %H:%M", time, zone), " ",
                      declared.time_zone.empty() ? "UTC" : declared.time_zone);
}

std::string Ordinal(size_t number) {
  const bool teen = number % 100 >= 11 && number % 100 <= 13;
  const size_t last = teen ? 0 : number % 10;
  return absl::StrCat(number, last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th");
}

// "3rd of 4 for the window nightly".
std::string Place(const PolicyInput& input, const QueueEntry& mine) {
  const std::vector<QueueEntry>& others = input.queue.others;
  const auto before = std::count_if(others.begin(), others.end(), [&](const QueueEntry& other) {
    return other.state == QueueEntry::State::kRuns || ComesBefore(other, mine);
  });
  return absl::StrCat(Ordinal(static_cast<size_t>(before) + 1), " of ", others.size() + 1,
                      " for the window ", input.job.queue.window);
}

std::string Next(const DeclaredWindow& declared, const std::optional<Span>& next) {
  return next.has_value() ? absl::StrCat("next ", LocalMoment(next->begin, declared))
                          : std::string("no further occurrence is declared for the next year");
}

// "40m (the longest of its last 3 runs)".
std::string Needs(const PolicyInput& input) {
  const QueuePlace& place = input.job.queue;
  std::string source = "as declared";
  if (place.source == EstimateSource::kAssumed) source = "assumed, as nothing is known of it";
  if (place.source == EstimateSource::kLearned) {
    source = place.runs == 1 ? std::string("as its last run")
                             : absl::StrCat("the longest of its last ", place.runs, " runs");
  }
  if (input.queue.needs < place.estimate) absl::StrAppend(&source, "; what is left of it");
  return absl::StrCat(DurationText(input.queue.needs), " (", source, ")");
}

std::string Names(const std::vector<const QueueEntry*>& others) {
  std::vector<std::string> names;
  for (const QueueEntry* other : others) {
    names.push_back(absl::StrCat("jobs/", other->job, " (priority ", other->priority, ")"));
  }
  return Some(names);
}

// Why nothing of it may begin, whatever the time; "" if something may.
std::string WhyNowhere(const PolicyInput& input) {
  const std::string& name = input.job.queue.window;
  const std::string advice = "; declare it so again, or cancel the job and submit it anew";
  if (!input.queue.window.has_value()) {
    return absl::StrCat("there is no window ", name, " any more", advice);
  }
  if (input.queue.window->window.effect == WindowEffect::kDeny) {
    return absl::StrCat("the window ", name, " has become a freeze", advice);
  }
  if (!input.queue.uncovered.empty()) {
    return absl::StrCat("the window ", name, " does not select ", Some(input.queue.uncovered),
                        advice);
  }
  return "";
}

// `until`: of the open occurrence, as far as nothing else closes earlier.
std::string WhyNotNow(const PolicyInput& input, const QueueEntry& mine, const Span& occurrence,
                      bool* not_in_this_one) {
  const DeclaredWindow& declared = *input.queue.window;
  const QueueTurn turn =
      TurnOf(mine, input.queue.others, occurrence.end, declared.parallel, input.now);
  *not_in_this_one = turn.kind == QueueTurn::Kind::kTooLong;
  switch (turn.kind) {
    case QueueTurn::Kind::kNow:
      return "";
    case QueueTurn::Kind::kTooLong:
      return absl::StrCat(
          "needs ", Needs(input), ", and ",
          mine.closes < occurrence.end
              ? absl::StrCat("its targets close at ", LocalMoment(mine.closes, declared))
              : absl::StrCat(declared.window.name, " closes at ",
                             LocalMoment(occurrence.end, declared)),
          "; ", Next(declared, NextCoverage(declared.window.times, occurrence.end)), "; ",
          Place(input, mine));
    case QueueTurn::Kind::kTaken:
      return absl::StrCat(Place(input, mine), ": ", Names(turn.others),
                          turn.others.size() == 1 ? " runs" : " run", " in it, and no more than ",
                          declared.parallel, " may at a time");
    case QueueTurn::Kind::kBehind:
      break;
  }
  return absl::StrCat(Place(input, mine), ": ", Names(turn.others),
                      turn.others.size() == 1 ? " is" : " are", " before it");
}

}  // namespace

void CheckQueue(const PolicyInput& input, PolicyDecision* decision) {
  if (!input.windows_unreadable.empty()) {
    // Of a rollback that mends a failure nobody has said so yet.
    if (!decision->BlockedBy("windows-unreadable")) {
      decision->blockers.push_back({"windows-unreadable", input.windows_unreadable, false});
    }
    return;
  }
  if (input.goes_on) return;
  const bool closing_else = decision->closing || !decision->BlockedByTime();
  const auto block = [&](std::string why, absl::Time opens, bool closing) {
    decision->blockers.push_back({"window-queue", std::move(why), false});
    decision->opens = std::max(decision->opens, opens);
    decision->closing = closing_else && closing;
  };
  if (std::string why = WhyNowhere(input); !why.empty()) {
    block(std::move(why), absl::InfiniteFuture(), false);
    return;
  }
  const DeclaredWindow& declared = *input.queue.window;
  const QueuePlace& place = input.job.queue;
  QueueEntry mine{input.job.id,
                  place.priority,
                  input.job.create_time,
                  input.queue.needs,
                  QueueEntry::State::kReady,
                  decision->closes};
  if (BeganInOneThatCancels(input.job)) {
    const auto began = NextCoverage(declared.window.times, input.job.window_entered);
    if (began.has_value() && began->Contains(input.job.window_entered) && began->end <= input.now) {
      block(WhatIsOver(input.job, "at ", LocalMoment(began->end, declared)), absl::InfiniteFuture(),
            false);
      return;
    }
  }
  const std::optional<Span> occurrence = NextCoverage(declared.window.times, input.now);
  if (!occurrence.has_value() || input.now < occurrence->begin) {
    block(absl::StrCat("the window ", place.window, " is closed; ", Next(declared, occurrence),
                       "; ", Place(input, mine)),
          occurrence.has_value() ? occurrence->begin : absl::InfiniteFuture(), false);
    return;
  }
  if (occurrence->end - input.now < kLeastOpen) {
    const auto next = NextCoverage(declared.window.times, occurrence->end);
    block(absl::StrCat("the window ", place.window, " closes at ",
                       LocalMoment(occurrence->end, declared), ", which is too soon to begin; ",
                       Next(declared, next), "; ", Place(input, mine)),
          next.has_value() ? next->begin : absl::InfiniteFuture(), true);
    return;
  }
  bool not_in_this_one = false;
  std::string why =
      input.queue.under_way ? std::string() : WhyNotNow(input, mine, *occurrence, &not_in_this_one);
  if (!why.empty()) {
    absl::Time opens = input.now;
    if (not_in_this_one) {
      const auto next = NextCoverage(declared.window.times, occurrence->end);
      opens = next.has_value() ? next->begin : absl::InfiniteFuture();
    }
    decision->out_of_turn = true;
    block(std::move(why), opens, false);
    return;
  }
  decision->window = place.window;
  decision->overrun = declared.window.overrun;
  decision->window_closes = occurrence->end;
  decision->closes = std::min(decision->closes, occurrence->end);
}

}  // namespace dbfleet::controller
