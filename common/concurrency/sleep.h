#pragma once

#include "absl/time/time.h"

#include "common/time/clock.h"

namespace dbfleet {

// Blocks for `duration` of the clock's time. Not on a timer's thread, which would wait for itself.
void SleepFor(Clock& clock, absl::Duration duration);

}  // namespace dbfleet
