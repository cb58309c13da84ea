#include "agent/metrics/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "tests/fakes/fake_clock.h"
#include "tests/unit/agent/actions/scripted_engine.h"

namespace dbfleet::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

// Runs what was added when the test says so, on the test's thread.
class ManualExecutor : public Executor {
 public:
  bool Add(std::function<void()> fn) override {
    queue_.push_back(std::move(fn));
    return true;
  }
  void Shutdown() override {}
  void RunAll() {
    while (!queue_.empty()) {
      auto fn = std::move(queue_.front());
      queue_.pop_front();
      fn();
    }
  }
  size_t waiting() const { return queue_.size(); }
  std::function<void()> TakeFirst() {
    auto fn = std::move(queue_.front());
    queue_.pop_front();
    return fn;
  }

 private:
  std::deque<std::function<void()>> queue_;
};

class CollectorTest : public testing::Test {
 protected:
  CollectorTest() {
    a_.collect = [](absl::Duration) {
      return std::vector<Sample>{{"mysql_up", "Up.", false, {}, 1}};
    };
    b_.collect = [](absl::Duration) {
      return std::vector<Sample>{{"mysql_up", "Up.", false, {}, 0}};
    };
  }
  std::unique_ptr<MetricsCollector> Make() {
    return std::make_unique<MetricsCollector>(
        MetricsCollector::Options{}, clock_, executor_,
        std::map<std::string, Engine*>{{"a", &a_}, {"b", &b_}},
        [this](v1::MetricsBatch batch) { pushed_.push_back(batch.instance()); });
  }
  FakeClock clock_;
  ManualExecutor executor_;
  ScriptedEngine a_, b_;
  std::vector<std::string> pushed_;
};

TEST_F(CollectorTest, CollectsAtOnceAndOnTheInterval) {
  auto collector = Make();
  collector->Start();
  executor_.RunAll();
  EXPECT_THAT(pushed_, UnorderedElementsAre("a", "b"));
  clock_.Advance(absl::Seconds(14));
  EXPECT_EQ(executor_.waiting(), 0u);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(executor_.waiting(), 2u);
  executor_.RunAll();
  EXPECT_EQ(pushed_.size(), 4u);
}

TEST_F(CollectorTest, AnInstanceThatHangsIsPassedOverAndDelaysNobody) {
  auto collector = Make();
  collector->Start();
  const auto hanging = executor_.TakeFirst();  // "a" has started and does not end.
  executor_.RunAll();
  clock_.Advance(absl::Seconds(15));
  EXPECT_EQ(executor_.waiting(), 1u);
  executor_.RunAll();
  EXPECT_THAT(pushed_, ElementsAre("b", "b"));
  hanging();
  clock_.Advance(absl::Seconds(15));
  EXPECT_EQ(executor_.waiting(), 2u);
  executor_.RunAll();
}

TEST_F(CollectorTest, StaleSamplesAreNotExposed) {
  auto collector = Make();
  collector->Start();
  executor_.RunAll();
  EXPECT_THAT(collector->Expose(), HasSubstr("mysql_up{instance=\"a\"} 1"));
  clock_.Advance(absl::Seconds(46));  // Three intervals; nothing was run meanwhile.
  EXPECT_EQ(collector->Expose(), "");
  EXPECT_TRUE(collector->Latest().empty());
  executor_.RunAll();
  EXPECT_THAT(collector->Expose(), HasSubstr("mysql_up{instance=\"b\"} 0"));
}

TEST_F(CollectorTest, GivesTheEngineItsDeadline) {
  absl::Duration seen;
  a_.collect = [&seen](absl::Duration deadline) {
    seen = deadline;
    return std::vector<Sample>();
  };
  auto collector = Make();
  collector->Start();
  executor_.RunAll();
  EXPECT_EQ(seen, absl::Seconds(10));
}

TEST_F(CollectorTest, AfterItsEndNothingFires) {
  auto collector = Make();
  collector->Start();
  executor_.RunAll();
  collector.reset();
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(executor_.waiting(), 0u);
  EXPECT_EQ(clock_.pending_timers(), 0);
}

TEST(MakeBatchTest, PutsEachFamilyTogetherWithItsType) {
  const auto batch = MakeBatch("i", absl::FromUnixSeconds(5),
                               {{"a_total", "A.", true, {{"x", "1"}}, 1},
                                {"b", "B.", false, {}, 2},
                                {"a_total", "A.", true, {{"x", "2"}}, 3},
                                {"c", "C.", false, {}, 4, /*untyped=*/true}});
  ASSERT_EQ(batch.families_size(), 3);
  EXPECT_EQ(batch.families(0).samples_size(), 2);
  EXPECT_EQ(batch.families(0).type(), v1::METRIC_TYPE_COUNTER);
  EXPECT_EQ(batch.families(1).type(), v1::METRIC_TYPE_GAUGE);
  EXPECT_EQ(batch.families(2).type(), v1::METRIC_TYPE_UNSPECIFIED);
  EXPECT_EQ(batch.sample_time().seconds(), 5);
}

TEST(MakeBatchTest, LeavesOutWhatPrometheusWouldRefuse) {
  const auto batch = MakeBatch("i", absl::UnixEpoch(),
                               {{"bad name", "", false, {}, 1},
                                {"x", "", false, {{"bad-label", "v"}}, 1},
                                {"y", "", false, {{"a", "1"}, {"b", "2"}}, 1},
                                {"y", "", false, {{"b", "2"}, {"a", "1"}}, 9}});
  ASSERT_EQ(batch.families_size(), 1);
  ASSERT_EQ(batch.families(0).samples_size(), 1);
  EXPECT_EQ(batch.families(0).samples(0).value(), 1);
}

TEST(ExposeBatchesTest, FamiliesOfSeveralInstancesStandTogether) {
  const auto one =
      MakeBatch("one", absl::UnixEpoch(), {{"up", "Up.", false, {}, 1}, {"z", "Z.", false, {}, 5}});
  const auto two = MakeBatch("two", absl::UnixEpoch(), {{"up", "Up.", false, {{"k", "v\"\n"}}, 0}});
  EXPECT_EQ(ExposeBatches({one, two}),
            "# HELP up Up.\n# TYPE up gauge\nup{instance=\"one\"} 1\n"
            "up{k=\"v\\\"\\n\",instance=\"two\"} 0\n"
            "# HELP z Z.\n# TYPE z gauge\nz{instance=\"one\"} 5\n");
}

}  // namespace
}  // namespace dbfleet::agent
