#pragma once

#include <functional>
#include <memory>

#include "absl/time/time.h"

#include "common/time/clock.h"

namespace dbfleet::controller {

// Moves by hand; its timers never fire.
class HandClock : public Clock {
 public:
  absl::Time Now() const override { return absl::UnixEpoch() + passed_; }
  absl::Duration Monotonic() const override { return passed_; }
  std::unique_ptr<Timer> After(absl::Duration, std::function<void()>) override {
    return std::make_unique<Timer>();
  }
  void Advance(absl::Duration by) { passed_ += by; }

 private:
  absl::Duration passed_ = absl::Seconds(1'800'000'000);
};

}  // namespace dbfleet::controller
