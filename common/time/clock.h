#pragma once

#include <functional>
#include <memory>

#include "absl/time/time.h"

namespace dbfleet {

// The only door to real time: everything that needs "now" or a delay takes a Clock, so that tests
// move time instead of sleeping. Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // The wall clock. It can jump; use it for records and for deadlines that people set.
  virtual absl::Time Now() const = 0;

  // Time since an arbitrary start that never goes back and counts suspended time
  // (CLOCK_BOOTTIME). Use it for leases, time-outs and intervals.
  virtual absl::Duration Monotonic() const = 0;

  // Runs `fn` on the timer thread once `delay` has passed. `fn` must not block: hand over to an
  // Executor. The timer is cancelled when the returned handle dies; the destructor waits for a
  // running `fn` (unless called from it), so captured objects may be destroyed after the handle.
  class Timer {
   public:
    virtual ~Timer() = default;
  };
  virtual std::unique_ptr<Timer> After(absl::Duration delay, std::function<void()> fn) = 0;
};

// The system's clock with one timer thread, started on first use.
std::unique_ptr<Clock> MakeSystemClock();

}  // namespace dbfleet
