#pragma once

#include "absl/time/time.h"

#include "common/time/clock.h"

namespace dbfleet::controller {

// The wall clock as it was at the start, and the time that passed since: a clock that is set back
// or forward changes no delay of this life. What a former life wrote is bounded by whoever reads
// it.
class SteadyTime {
 public:
  explicit SteadyTime(const Clock& clock)
      : clock_(clock), wall_(clock.Now()), begin_(clock.Monotonic()) {}

  absl::Time Now() const { return wall_ + (clock_.Monotonic() - begin_); }
  absl::Duration Passed() const { return clock_.Monotonic() - begin_; }

 private:
  const Clock& clock_;
  const absl::Time wall_;
  const absl::Duration begin_;
};

}  // namespace dbfleet::controller
