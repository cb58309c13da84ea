#include "controller/audit/recovery_report.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"

#include "common/base/status.h"
#include "tests/unit/controller/audit/trail_test_util.h"

namespace dbfleet::controller {
namespace {

class RecoveryReportTest : public TrailTest {
 protected:
  void AddAgent(const std::string& id, bool revoked = false) {
    Agent agent;
    agent.id = id;
    agent.environment = "qa";
    agent.last_seen_time = clock_.Now();
    agent.revoked = revoked;
    Change([&](WriteTx& tx) { return tx.InsertAgent(&agent); });
  }
  void Hear(const std::string& id) {
    Change([&](WriteTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(Agent agent, tx.GetAgent(id));
      agent.last_seen_time = clock_.Now();
      return tx.UpdateAgent(&agent);
    });
  }
  void Tell(const std::string& action, const std::string& resource,
            const std::map<std::string, std::string>& details) {
    Change([&](WriteTx& tx) {
      return tx.AppendAudit({"system/dispatch", action, resource, "qa", details});
    });
  }
  void Change(const Store::Mutation& mutation) { ASSERT_TRUE(store_.MutateAndWait(mutation).ok()); }
  RecoveryDemand DemandNow() {
    RecoveryDemand demand;
    demand.since = clock_.Now();
    return demand;
  }
};

TEST_F(RecoveryReportTest, WhoWasNotHeardSinceTheDemandIsNamed) {
  for (const char* id : {"db1", "db2", "db3"}) AddAgent(id);
  AddAgent("gone", /*revoked=*/true);
  clock_.Advance(absl::Hours(1));
  const RecoveryDemand demand = DemandNow();
  const auto agents = [&] {
    return ReadFrom(store_, [&](ReadTx& tx) { return ReportingAgents(tx, demand); }).value();
  };
  EXPECT_EQ(agents().unheard, (std::vector<std::string>{"db1", "db2", "db3"}));
  clock_.Advance(absl::Seconds(1));
  Hear("db2");
  EXPECT_EQ(agents().unheard, (std::vector<std::string>{"db1", "db3"}));
  EXPECT_EQ(agents().heard, std::vector<std::string>{"db2"});
}

TEST_F(RecoveryReportTest, WhatAgentsToldSinceTheDemandIsListedWithItsJobs) {
  Tell("attempt.unknown", "agents/db1", {{"attempt", "EARLIER"}, {"phase", "x"}});
  clock_.Advance(absl::Hours(1));
  const RecoveryDemand demand = DemandNow();
  clock_.Advance(absl::Seconds(1));
  Tell("attempt.unknown", "agents/db1",
       {{"attempt", "A1"},
        {"phase", "ATTEMPT_PHASE_FINISHED"},
        {"outcome", "OUTCOME_SUCCEEDED"},
        {"job", "jobs/J1"},
        {"target", "instances/orders"},
        {"action", "migrate"}});
  Append(1500);  // More than a page.
  Tell("attempt.reclaim", "jobs/J2",
       {{"attempt", "A2"},
        {"phase", "ATTEMPT_PHASE_RUNNING"},
        {"outcome", "OUTCOME_UNSPECIFIED"},
        {"target", "instances/stock"},
        {"agent", "db2"}});
  Tell("attempt.unknown", "agents/db3", {{"attempt", "A3"}, {"phase", "ATTEMPT_PHASE_GRANTED"}});
  const auto work = ReadFrom(store_, [&](ReadTx& tx) { return ReadLostWork(tx, demand); }).value();
  ASSERT_EQ(work.size(), 3u);
  EXPECT_EQ(Describe(work[0]),
            "instances/orders: migrate of jobs/J1, which this store does not have, by agents/db1, "
            "succeeded (attempt A1, record 2)");
  EXPECT_EQ(Describe(work[1]),
            "instances/stock: work of jobs/J2, by agents/db2, running (attempt A2, record 1503)");
  EXPECT_TRUE(absl::StrContains(Describe(work[2]), "of an unknown job")) << Describe(work[2]);
}

TEST_F(RecoveryReportTest, WhatWasToldByAClockThatWasSetBackSinceTheRestoreIsListed) {
  Tell("attempt.unknown", "agents/db1", {{"attempt", "EARLIER"}, {"phase", "x"}});
  RecoveryDemand demand = DemandNow();
  demand.by_restore = true;
  demand.shared_size = 1;
  demand.since += absl::Hours(1);
  Tell("attempt.unknown", "agents/db1", {{"attempt", "A1"}, {"phase", "ATTEMPT_PHASE_GRANTED"}});
  const auto work = ReadFrom(store_, [&](ReadTx& tx) { return ReadLostWork(tx, demand); }).value();
  ASSERT_EQ(work.size(), 1u);
  EXPECT_EQ(work[0].details.at("attempt"), "A1");
}

TEST_F(RecoveryReportTest, OfMoreLostWorkThanAPersonReadsTheNewestIsListed) {
  const RecoveryDemand demand = DemandNow();
  for (size_t i = 0; i < kMaxLostWork + 2; ++i) {
    Tell("attempt.unknown", "agents/db1", {{"attempt", std::to_string(i)}});
  }
  const auto work = ReadFrom(store_, [&](ReadTx& tx) { return ReadLostWork(tx, demand); }).value();
  ASSERT_EQ(work.size(), kMaxLostWork);
  EXPECT_EQ(work[0].details.at("attempt"), "2");
}

}  // namespace
}  // namespace dbfleet::controller
