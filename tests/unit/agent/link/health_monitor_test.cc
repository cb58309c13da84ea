#include "agent/link/health_monitor.h"

#include <atomic>

#include "gtest/gtest.h"

#include "tests/fakes/fake_clock.h"
#include "tests/unit/agent/runner/runner_test_util.h"

namespace dbfleet::agent {
namespace {

class CheckedEngine : public StubEngine {
 public:
  using StubEngine::StubEngine;
  work::v1::InstanceHealth Check(absl::Duration) override {
    ++checks;
    if (gate != nullptr) gate->Pass();
    work::v1::InstanceHealth health;
    health.set_status(status.load());
    return health;
  }
  std::atomic<work::v1::HealthStatus> status{work::v1::HEALTH_STATUS_OK};
  std::atomic<int> checks{0};
  Gate* gate = nullptr;
};

TEST(HealthMonitorTest, ChecksOnItsIntervalAndTellsOnlyOfChanges) {
  FakeClock clock;
  CheckedEngine orders("orders");
  std::atomic<int> changes{0};
  HealthMonitor monitor({absl::Seconds(60), absl::Seconds(10)}, clock, {&orders});
  monitor.Start([&] { ++changes; });
  ASSERT_TRUE(Await([&] { return changes == 1; }));
  EXPECT_EQ(monitor.Latest().instances(0).instance(), "orders");
  clock.Advance(absl::Seconds(60));
  ASSERT_TRUE(Await([&] { return orders.checks == 2; }));
  orders.status = work::v1::HEALTH_STATUS_CRITICAL;
  clock.Advance(absl::Seconds(60));
  ASSERT_TRUE(Await([&] { return changes == 2; }));
  EXPECT_EQ(monitor.Latest().instances(0).status(), work::v1::HEALTH_STATUS_CRITICAL);
}

TEST(HealthMonitorTest, ACheckThatHangsIsUnknownAndDelaysNoOther) {
  FakeClock clock;
  CheckedEngine orders("orders");
  CheckedEngine hung("hung");
  Gate gate;
  hung.gate = &gate;
  std::atomic<int> changes{0};
  HealthMonitor monitor({absl::Seconds(60), absl::Seconds(10)}, clock, {&hung, &orders});
  monitor.Start([&] { ++changes; });
  ASSERT_TRUE(Await([&] { return orders.checks == 1 && gate.waiting() == 1; }));
  clock.Advance(absl::Seconds(60));
  ASSERT_TRUE(Await([&] { return orders.checks == 2 && monitor.Latest().instances_size() == 2; }));
  EXPECT_EQ(monitor.Latest().instances(0).status(), work::v1::HEALTH_STATUS_UNKNOWN);
  EXPECT_EQ(hung.checks, 1) << "not asked again while it hangs";
  gate.Open();
  EXPECT_TRUE(
      Await([&] { return monitor.Latest().instances(0).status() == work::v1::HEALTH_STATUS_OK; }));
}

}  // namespace
}  // namespace dbfleet::agent
