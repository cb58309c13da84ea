#include "controller/notify/health_watch.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HealthWatchTest : public StoreTest {
 protected:
  HealthWatchTest() {
    Open();
    Instance instance;
    instance.id = "db1";
    instance.agent_id = "a";
    instance.environment = "qa";
    EXPECT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertInstance(&instance); }).ok());
  }
  // Of the records: action and this detail.
  std::vector<std::string> Told(const std::string& detail) {
    EXPECT_TRUE(Mutate([](WriteTx&) { return absl::OkStatus(); }).ok());  // Behind what waits.
    std::vector<std::string> told;
    for (const AuditRow& row : Trail()) {
      if (row.entry.details.count(detail) == 0) continue;
      last_ = row.entry;
      told.push_back(absl::StrCat(row.entry.action, " ", row.entry.details.at(detail)));
    }
    return told;
  }
  AuditEntry last_;  // That Told saw.
  static work::v1::InstanceHealth Health(work::v1::HealthStatus status) {
    work::v1::InstanceHealth health;
    health.set_instance("db1");
    health.set_status(status);
    health.add_reasons("because\nof this");
    return health;
  }
};

constexpr auto kOk = work::v1::HEALTH_STATUS_OK;
constexpr auto kBad = work::v1::HEALTH_STATUS_CRITICAL;

TEST_F(HealthWatchTest, AChangeOfHealthIsToldOnceTwoReportsAgree) {
  HealthWatch watch(*store_, clock_);
  const auto report = [&](work::v1::HealthStatus status) { watch.Report("a", Health(status)); };
  report(kOk);
  report(kOk);
  report(kBad);
  report(kOk);
  report(kBad);
  EXPECT_THAT(Told("status"), IsEmpty());
  clock_.Advance(HealthWatch::kQuiet);
  report(kBad);
  report(kBad);
  EXPECT_THAT(Told("status"), ElementsAre("instance.health critical"));
  // Flapping fills no disk.
  for (int i = 0; i < 20; ++i) {
    report(kOk);
    report(kOk);
    report(kBad);
    report(kBad);
  }
  EXPECT_THAT(Told("status"), ElementsAre("instance.health critical"));
  clock_.Advance(HealthWatch::kQuiet);
  report(kOk);
  report(kOk);
  EXPECT_THAT(Told("status"), ElementsAre("instance.health critical", "instance.health ok"));
  EXPECT_EQ(last_.environment, "qa");
  EXPECT_EQ(last_.details.at("reasons"), "because\\x0aof this");
}

TEST_F(HealthWatchTest, ARestartTellsNothingTwice) {
  for (int i = 0; i < 2; ++i) {
    HealthWatch watch(*store_, clock_);
    watch.Report("a", Health(kBad));
    watch.Report("a", Health(kBad));
    EXPECT_THAT(Told("status"), ElementsAre("instance.health critical"));
  }
  HealthWatch watch(*store_, clock_);
  watch.Report("a", Health(kOk));
  watch.Report("a", Health(kOk));
  EXPECT_EQ(Told("status").size(), 2u);
}

TEST_F(HealthWatchTest, AnAgentSpeaksForItsOwnInstances) {
  HealthWatch watch(*store_, clock_);
  watch.Report("b", Health(kBad));
  watch.Report("b", Health(kBad));
  EXPECT_THAT(Told("status"), IsEmpty());
}

}  // namespace
}  // namespace dbfleet::controller
