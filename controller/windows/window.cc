#include "controller/windows/window.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/duration_text.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

// The first beginning of a recurring window after `after`.
std::optional<absl::Time> NextBegin(const WindowTimes& times, absl::Time after) {
  // Cron's occurrences lie after the given moment; not_before itself counts.
  const absl::Time from = std::max(after, times.not_before - absl::Nanoseconds(1));
  const absl::Time begin = times.recurring->Next(from, times.zone);
  if (begin > times.not_after || begin - after > kWindowHorizon) return std::nullopt;
  return begin;
}

absl::Status Bad(absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_WINDOW",
               absl::StrCat("bad window: ", what));
}

}  // namespace

absl::Status CheckTimes(const WindowTimes& times, absl::Time now) {
  if (times.once.has_value() == times.recurring.has_value()) {
    return Bad("give either its begin and end, or a cron expression with a duration");
  }
  if (times.once.has_value()) {
    if (times.once->end - times.once->begin >= kShortestWindow) return absl::OkStatus();
    return Bad("its end has to lie at least a minute after its begin");
  }
  if (times.duration < kShortestWindow || times.duration > kLongestRecurring) {
    return Bad(absl::StrCat("a duration from ", DurationText(kShortestWindow), " to ",
                            DurationText(kLongestRecurring), " is needed, not ",
                            DurationText(times.duration)));
  }
  if (times.not_after < times.not_before) return Bad("it is over before it begins");
  const std::optional<absl::Time> first = NextBegin(times, now);
  if (!first.has_value()) return absl::OkStatus();
  // Each run of occurrences without a break, as far as some thousand looks reach.
  constexpr int kMostSteps = 20'000;
  absl::Time run = *first, begin = *first;
  int in_a_row = 1;
  for (int step = 0; step < kMostSteps; ++step, ++in_a_row) {
    if (in_a_row > kMostInARow) {
      return Bad(absl::StrCat("more than ", kMostInARow, " times of \"", times.recurring->text(),
                              "\" follow one another without a break; let it come less often, "
                              "with a longer duration"));
    }
    if (begin - run > kLongestCoverage) {
      return Bad(absl::StrCat("\"", times.recurring->text(), "\" comes again before ",
                              DurationText(times.duration),
                              " are over, so that it never closes; make the duration shorter, or "
                              "give a begin and an end"));
    }
    const std::optional<absl::Time> next = NextBegin(times, begin);
    if (!next.has_value() || *next - now > kWindowHorizon) return absl::OkStatus();
    if (*next - begin > times.duration) {
      run = *next;
      in_a_row = 0;
    }
    begin = *next;
  }
  return absl::OkStatus();
}

std::optional<Span> NextOccurrence(const WindowTimes& times, absl::Time after) {
  if (times.once.has_value()) {
    if (times.once->end <= after || times.once->begin - after > kWindowHorizon) return std::nullopt;
    return times.once;
  }
  const std::optional<absl::Time> begin = NextBegin(times, after - times.duration);
  if (!begin.has_value()) return std::nullopt;
  return Span{*begin, *begin + times.duration};
}

std::optional<Span> NextCoverage(const WindowTimes& times, absl::Time after) {
  std::optional<Span> span = NextOccurrence(times, after);
  if (!span.has_value() || times.once.has_value()) return span;
  const absl::Time horizon = after + kWindowHorizon;
  absl::Time begin = span->begin;
  // What began earlier and overlaps ends before the first, by the same length, so only later ones
  // can make it longer.
  while (span->end < horizon) {
    const std::optional<absl::Time> next = NextBegin(times, begin);
    if (!next.has_value() || *next > span->end) break;
    begin = *next;
    span->end = begin + times.duration;
  }
  span->end = std::min(span->end, horizon);
  return span;
}

}  // namespace dbfleet::controller
