#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// When events come to a proposal, and what keeps it back. Pure: times are those of the events'
// audit records, so that the same trail gives the same proposals whenever it is looked at.
namespace dbfleet::controller {

struct Threshold {
  int count = 1;
  absl::Duration within = absl::Minutes(10);
};

struct RuleLimits {
  absl::Duration cooldown = absl::Hours(1);
  int max_per_day = 20;
  int max_open = 1;
};

// Bounds of what can be declared.
inline constexpr int kMostCounted = 100;
inline constexpr absl::Duration kLongestWithin = absl::Hours(24 * 7);
inline constexpr absl::Duration kShortestCooldown = absl::Minutes(1);
inline constexpr absl::Duration kLongestLimit = absl::Hours(24 * 31);
inline constexpr int kMostPerDay = 1000;
inline constexpr int kMostOpen = 10;
inline constexpr int kMostFollowed = 3;

// Notes an event at this time in `hits`, a text that only this function reads and writes. True if
// there are as many as the threshold asks for; then counting begins again. An event counts as long
// as it lies within the time before another, by whatever way the clock went in between; at most
// `count` are kept.
bool CountHit(const Threshold& threshold, absl::Time time, std::string* hits);

// What there is of one rule and instance.
struct LimitFacts {
  int open = 0;                                  // Proposals that have not come to an end.
  absl::Time last_event = absl::InfinitePast();  // That came to a proposal.
  int last_day = 0;                              // Proposals of the rule, for whatever instance.
};

enum class Held { kNo, kMaxOpen, kCooldown, kMaxPerDay };

// May an event at this time come to a proposal? A clock that was set back by more than the cooldown
// does not make it longer.
Held HeldBack(const RuleLimits& limits, const LimitFacts& facts, absl::Time time);

// "COOLDOWN", and what it means.
absl::string_view ReasonFor(Held held);
absl::string_view WordsFor(Held held);

}  // namespace dbfleet::controller
