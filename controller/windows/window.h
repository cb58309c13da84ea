#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/cron/cron_expression.h"
#include "controller/domain/types.h"

// Maintenance windows (requirement P5) as pure values and functions: no clock, no store.
namespace dbfleet::controller {

enum class WindowEffect { kAllow, kDeny };

// A stretch of time: `begin` belongs to it, `end` does not.
struct Span {
  absl::Time begin;
  absl::Time end;
  bool Contains(absl::Time time) const { return begin <= time && time < end; }
  bool operator==(const Span&) const = default;
};

// When a window is there: once, or each time that a cron expression names in its zone, each time
// for `duration` of elapsed time (a night in which the clock changes makes it neither longer nor
// shorter).
struct WindowTimes {
  std::optional<Span> once;  // Then nothing below counts.
  std::optional<CronExpression> recurring;
  absl::TimeZone zone;
  absl::Duration duration;
  // Occurrences that begin outside of these do not exist.
  absl::Time not_before = absl::InfinitePast();
  absl::Time not_after = absl::InfiniteFuture();
};

struct Window {
  std::string name;
  WindowEffect effect = WindowEffect::kAllow;
  Overrun overrun = Overrun::kFinish;
  WindowTimes times;
};

// Nothing begins in the last of what is open, so that an agent whose clock is a little ahead is not
// given what it has to refuse.
inline constexpr absl::Duration kLeastOpen = absl::Seconds(30);

inline constexpr absl::Duration kShortestWindow = absl::Minutes(1);
inline constexpr absl::Duration kLongestRecurring = absl::Hours(24 * 31);
inline constexpr absl::Duration kLongestCoverage = absl::Hours(24 * 62);
// Occurrences that may follow one another without a break: each look goes through them.
inline constexpr int kMostInARow = 1500;
// How far ahead is looked for occurrences and openings.
inline constexpr absl::Duration kWindowHorizon = absl::Hours(24 * 400);

// INVALID_ARGUMENT (BAD_WINDOW): ends before it begins, shorter or longer than the limits above, or
// occurrences that follow one another without a break for longer than kLongestCoverage, which is no
// window, or more than kMostInARow of them. Everything below takes only times that passed this.
absl::Status CheckTimes(const WindowTimes& times, absl::Time now);

// The first occurrence that ends after `after`, on its own, though the next one may overlap it.
// nullopt: none begins within the horizon.
std::optional<Span> NextOccurrence(const WindowTimes& times, absl::Time after);

// The same with occurrences that overlap or touch it counted as one. Its end is never further than
// the horizon from `after`.
std::optional<Span> NextCoverage(const WindowTimes& times, absl::Time after);

}  // namespace dbfleet::controller
