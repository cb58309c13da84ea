#include "controller/windows/opening.h"

#include <algorithm>

namespace dbfleet::controller {
namespace {

// The first moment from `from` on that no window of this effect covers, and the moment from which
// on one covers again, at the latest the horizon.
struct Coverage {
  absl::Time covered_until;  // `from` itself if nothing covers it.
  absl::Time next_begin = absl::InfiniteFuture();
};

Coverage CoverageFrom(absl::Span<const Window> windows, WindowEffect effect, absl::Time from,
                      int* looks) {
  Coverage coverage{from};
  const absl::Time horizon = from + kWindowHorizon;
  // One window may end inside of another one: go round until none reaches further.
  for (bool longer = true; longer && coverage.covered_until < horizon;) {
    longer = false;
    coverage.next_begin = absl::InfiniteFuture();
    for (const Window& window : windows) {
      if (window.effect != effect) continue;
      ++*looks;
      const std::optional<Span> span = NextCoverage(window.times, coverage.covered_until);
      if (!span.has_value()) continue;
      if (span->Contains(coverage.covered_until)) {
        coverage.covered_until = span->end;
        longer = true;
      } else {
        coverage.next_begin = std::min(coverage.next_begin, span->begin);
      }
    }
  }
  return coverage;
}

int Strictness(Overrun overrun) {
  switch (overrun) {
    case Overrun::kFinish:
      return 0;
    case Overrun::kPause:
      return 1;
    case Overrun::kCancel:
      return 2;
  }
  return 2;
}

// The window that is open at `now` and reaches furthest; of several, the strictest.
void NameWindow(absl::Span<const Window> windows, absl::Time now, Opening* opening) {
  absl::Time furthest = absl::InfinitePast();
  for (const Window& window : windows) {
    if (window.effect != WindowEffect::kAllow) continue;
    const std::optional<Span> span = NextCoverage(window.times, now);
    if (!span.has_value() || !span->Contains(now) || span->end < furthest) continue;
    const bool stricter = IsStricter(window.overrun, opening->overrun);
    if (span->end > furthest || stricter) {
      opening->window = window.name;
      opening->overrun = window.overrun;
    }
    furthest = span->end;
  }
}

}  // namespace

bool IsStricter(Overrun one, Overrun other) { return Strictness(one) > Strictness(other); }

Opening OpeningAt(absl::Span<const Window> windows, bool window_needed, absl::Time now) {
  Opening opening;
  for (const Window& window : windows) {
    if (window.effect != WindowEffect::kDeny) continue;
    const std::optional<Span> span = NextCoverage(window.times, now);
    if (!span.has_value()) continue;
    if (span->Contains(now)) {
      opening.frozen_by.push_back({window.name, span->end, window.times.once.has_value()});
    } else {
      opening.closes = std::min(opening.closes, span->begin);
    }
  }
  int looks = 0;
  const Coverage allowed = CoverageFrom(windows, WindowEffect::kAllow, now, &looks);
  const bool inside = allowed.covered_until > now;
  opening.open = opening.frozen_by.empty() && (inside || !window_needed);
  if (!opening.open) {
    opening.closes = absl::InfiniteFuture();
  } else if (window_needed) {
    opening.window_closes = allowed.covered_until;
    opening.closes = std::min(opening.closes, opening.window_closes);
    NameWindow(windows, now, &opening);
  }
  return opening;
}

std::optional<Span> NextOpening(absl::Span<const Window> windows, bool window_needed,
                                absl::Time after, absl::Duration at_least) {
  const absl::Time horizon = after + kWindowHorizon;
  int looks = 0;
  for (absl::Time time = after; time < horizon && looks < kMostLooks;) {
    const Coverage frozen = CoverageFrom(windows, WindowEffect::kDeny, time, &looks);
    if (frozen.covered_until > time) {
      time = frozen.covered_until;
      continue;
    }
    absl::Time end = frozen.next_begin;
    if (window_needed) {
      const Coverage allowed = CoverageFrom(windows, WindowEffect::kAllow, time, &looks);
      if (allowed.covered_until == time) {
        time = allowed.next_begin;
        continue;
      }
      end = std::min(end, allowed.covered_until);
    }
    if (end - time >= at_least) return Span{time, end};
    time = end;
  }
  return std::nullopt;
}

}  // namespace dbfleet::controller
