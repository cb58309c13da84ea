#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "absl/time/time.h"

#include "common/concurrency/mutex.h"
#include "common/time/clock.h"

namespace dbfleet {

// A clock that stands still until told. Timers fire on the caller of Advance, in order of their
// times, and at once when made with a delay of zero or less (on the next Advance). Thread-safe.
class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1'800'000'000));
  ~FakeClock() override;

  absl::Time Now() const override;
  absl::Duration Monotonic() const override;
  std::unique_ptr<Timer> After(absl::Duration delay, std::function<void()> fn) override;

  // Moves both clocks and fires what became due, one after the other, each at its own time.
  void Advance(absl::Duration d);
  // Moves only the wall clock, as an administrator or NTP would; fires nothing.
  void JumpWallClock(absl::Duration d);
  int pending_timers() const;

 private:
  struct State;
  class FakeTimer;
  std::shared_ptr<State> state_;
};

}  // namespace dbfleet
