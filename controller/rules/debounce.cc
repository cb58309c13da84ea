#include "controller/rules/debounce.h"

#include <cstdint>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace dbfleet::controller {

bool CountHit(const Threshold& threshold, absl::Time time, std::string* hits) {
  std::vector<int64_t> times;
  const int64_t now = absl::ToUnixMicros(time);
  for (const absl::string_view text : absl::StrSplit(*hits, ',', absl::SkipEmpty())) {
    int64_t at = 0;
    if (!absl::SimpleAtoi(text, &at)) continue;
    if (absl::AbsDuration(absl::Microseconds(now - at)) < threshold.within) times.push_back(at);
  }
  times.push_back(now);
  if (static_cast<int>(times.size()) >= threshold.count) {
    hits->clear();
    return true;
  }
  *hits = absl::StrJoin(times, ",");
  return false;
}

Held HeldBack(const RuleLimits& limits, const LimitFacts& facts, absl::Time time) {
  if (facts.open >= limits.max_open) return Held::kMaxOpen;
  if (facts.last_event != absl::InfinitePast() &&
      absl::AbsDuration(time - facts.last_event) < limits.cooldown) {
    return Held::kCooldown;
  }
  return facts.last_day >= limits.max_per_day ? Held::kMaxPerDay : Held::kNo;
}

absl::string_view ReasonFor(Held held) {
  switch (held) {
    case Held::kMaxOpen:
      return "MAX_OPEN";
    case Held::kCooldown:
      return "COOLDOWN";
    case Held::kMaxPerDay:
      return "MAX_PER_DAY";
    case Held::kNo:
      break;
  }
  return "";
}

absl::string_view WordsFor(Held held) {
  switch (held) {
    case Held::kMaxOpen:
      return "an earlier proposal waits, or its job has not ended";
    case Held::kCooldown:
      return "the rule proposed something for this instance not long ago";
    case Held::kMaxPerDay:
      return "the rule has proposed as much as it may in 24 hours";
    case Held::kNo:
      break;
  }
  return "";
}

}  // namespace dbfleet::controller
