#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/windows/window.h"

namespace dbfleet::controller {

// Whether work may begin now, by all windows that select it.
struct Opening {
  bool open = false;
  absl::Time closes = absl::InfiniteFuture();  // While open: when it closes, or a freeze begins.
  // The window that it runs in, and what happens at `closes`; "" when none was needed. Where
  // several end together the strictest of them counts: cancel, pause, finish.
  std::string window;
  Overrun overrun = Overrun::kFinish;
  // When that window closes, whatever freezes begin earlier.
  absl::Time window_closes = absl::InfiniteFuture();
  // While closed: the freezes that cover now (with the end of each), none if only a window is
  // missing.
  struct Freeze {
    std::string name;
    absl::Time until;
    bool once = false;  // It does not recur, so it can be ended before.
  };
  std::vector<Freeze> frozen_by;
};

inline constexpr int kMostLooks = 10000;

// Deny wins over allow. Without any allowing window work is closed if `window_needed`, and
// otherwise open until the next freeze. Pure; about 2 us for each recurring window.
Opening OpeningAt(absl::Span<const Window> windows, bool window_needed, absl::Time now);

// cancel is stricter than pause, and pause than finish.
bool IsStricter(Overrun one, Overrun other);

// The next stretch, from `after` on, that is open without a break for at least `at_least`. nullopt:
// none within the horizon, or none that is found by looking at windows kMostLooks times, which only
// windows that come and go every few minutes need.
std::optional<Span> NextOpening(absl::Span<const Window> windows, bool window_needed,
                                absl::Time after, absl::Duration at_least);

}  // namespace dbfleet::controller
