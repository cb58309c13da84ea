#include "controller/notify/collector.h"

#include <sqlite3.h>

#include <map>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"

#include "common/base/status.h"
#include "controller/notify/texts.h"
#include "dbfleet/resource/v1/proposal.pb.h"
#include "dbfleet/resource/v1/resource.pb.h"
#include "tests/unit/controller/notify/notify_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class CollectorTest : public NotifyTest {
 protected:
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const Notification& row : Rows())
      told.push_back(row.route + " " + row.trigger + " " + row.subject);
    return told;
  }
  // With the store closed; the collector begins anew.
  void Damage(const std::string& sql) {
    store_.reset();
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open((folder_ + "/controller.db").c_str(), &db), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(db);
    Open();
    Restart();
  }
  void Insert(const std::string& name, const resource::v1::Proposal& proposal) {
    Resource row;
    row.id = name;
    row.kind = "Proposal";
    row.blob = proposal.SerializeAsString();
    ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertResource(&row); }).ok());
  }
};

TEST_F(CollectorTest, WhatWasThereBeforeTheFirstStartIsHistory) {
  Declare("r", Hook("failed"));
  Record("job.end", "jobs/OLD", {{"state", "failed"}});
  Collect();
  Record("job.end", "jobs/NEW", {{"state", "failed"}});
  Collect();
  EXPECT_THAT(Told(), ElementsAre("r failed jobs/NEW"));
}

TEST_F(CollectorTest, WhatCannotBeReadIsToldWithoutAndHoldsNothingUp) {
  Declare("r", absl::StrCat(Hook("failed, succeeded, health-change"),
                            ", selector: {labels: {tier: one}}"));
  Declare("all", Hook("failed, succeeded, health-change"));
  Instance instance;
  instance.id = "db1";
  instance.agent_id = "a";
  instance.environment = "qa";
  Job bad = MakeJob("BAD");
  Job good = MakeJob("GOOD");
  good.kind = JobKind::kBackup;
  Task task;
  task.id = "T";
  task.job_id = "GOOD";
  task.instance_id = "db1";
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.InsertInstance(&instance));
                RETURN_IF_ERROR(tx.InsertJob(&bad));
                RETURN_IF_ERROR(tx.InsertJob(&good));
                return tx.InsertTask(&task);
              }).ok());
  Collect();
  Damage(
      "UPDATE jobs SET window_overrun = 'bogus' WHERE id = 'BAD'; "
      "UPDATE tasks SET state = 'bogus'; UPDATE instances SET labels = 'bogus';");
  Record("job.end", "jobs/BAD", {{"state", "failed"}});
  Record("job.end", "jobs/GOOD", {{"state", "succeeded"}});
  Record("job.end", "jobs/GOOD", {{"state", "failed"}, {"target", "instances/db1"}});
  Record("job.end", "jobs/GONE", {{"state", "failed"}});
  Collect();
  EXPECT_THAT(Told(), ElementsAre("all failed jobs/BAD", "all succeeded jobs/GOOD",
                                  "all failed jobs/GOOD", "all failed jobs/GONE"));
}

TEST_F(CollectorTest, EachRecordIsToldOnceWhateverRestartsAndClocksDo) {
  Declare("r", Hook("failed"));
  Collect();
  for (int i = 0; i < 5; ++i) {
    Record("job.end", absl::StrCat("jobs/J", i), {{"state", "failed"}});
    if (i == 1) Collect();
    if (i == 2) clock_.JumpWallClock(-absl::Hours(30));
    if (i == 3) Restart();
  }
  Collect();
  Restart();
  Collect();
  EXPECT_THAT(Told(), ElementsAre("r failed jobs/J0", "r failed jobs/J1", "r failed jobs/J2",
                                  "r failed jobs/J3", "r failed jobs/J4"));
}

TEST_F(CollectorTest, LongTrailsAreReadInBatchesAndLeaveNothingOut) {
  Declare("r", Hook("failed"));
  Collect();
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                for (int i = 0; i < 2 * Collector::kBatch; ++i) {
                  RETURN_IF_ERROR(tx.AppendAudit({"a", "step.report", "jobs/J", "qa", {}}));
                }
                return tx.AppendAudit({"a", "job.end", "jobs/J", "qa", {{"state", "failed"}}});
              }).ok());
  Collect();
  EXPECT_THAT(Told(), ElementsAre("r failed jobs/J"));
}

TEST_F(CollectorTest, RoutesGetWhatTheyAskForFromWhereTheySelect) {
  Declare("all", Hook("failed, succeeded"));
  Declare("off", Hook("failed") + ", disabled: true");
  Declare("prod", Hook("failed") + ", selector: {environments: [production]}");
  Collect();
  Record("job.end", "jobs/A", {{"state", "failed"}});
  Record("job.end", "jobs/B", {{"state", "failed"}}, "production");
  Record("job.end", "jobs/C", {{"state", "succeeded"}}, "production");
  Record("job.pause", "jobs/D", {}, "production");
  Collect();
  EXPECT_THAT(Told(),
              ::testing::UnorderedElementsAre("all failed jobs/A", "all failed jobs/B",
                                              "prod failed jobs/B", "all succeeded jobs/C"));
}

TEST_F(CollectorTest, WhatIsAboutSeveralEnvironmentsIsToldInEachOfThem) {
  Declare("prod", Hook("rules-changed") + ", selector: {environments: [production]}");
  Declare("qa", Hook("rules-changed") + ", selector: {environments: [qa]}");
  Collect();
  Record("resource.update", "maintenancewindows/A", {{"environments", "production,staging"}}, "");
  Record("resource.delete", "maintenancewindows/B", {{"environments", "staging, qa"}}, "");
  Record("resource.create", "maintenancewindows/C", {{"environments", "*"}}, "");
  Collect();
  EXPECT_THAT(Told(), ::testing::UnorderedElementsAre("prod rules-changed maintenancewindows/A",
                                                      "qa rules-changed maintenancewindows/B",
                                                      "prod rules-changed maintenancewindows/C",
                                                      "qa rules-changed maintenancewindows/C"));
}

TEST_F(CollectorTest, InstancesAreSelectedByNameAndLabel) {
  Instance instance;
  instance.id = "db1";
  instance.agent_id = "a";
  instance.environment = "qa";
  instance.labels = {{"tier", "gold"}};
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertInstance(&instance); }).ok());
  Declare("gold", Hook("needs-person") + ", selector: {labels: {tier: gold}}");
  Declare("other", Hook("needs-person") + ", selector: {instances: [db2]}");
  Collect();
  Record("job.needs_person", "jobs/A", {{"target", "instances/db1/databases/x"}});
  Record("job.needs_person", "jobs/B", {{"target", "instances/db2"}});
  Collect();
  EXPECT_THAT(Told(), ElementsAre("gold needs-person jobs/A", "other needs-person jobs/B"));
}

TEST_F(CollectorTest, WhatPeopleWroteIsOneLine) {
  Declare("r", Hook("paused"));
  Collect();
  Record("job.pause", "jobs/A", {{"reason", "x\nDone by: users/root"}});
  Collect();
  EXPECT_EQ(Rows()[0].fields.at("reason"), "x\\x0aDone by: users/root");
}

TEST_F(CollectorTest, AProposalSaysWhatIsProposedAndHowToDecide) {
  Declare("r", Hook("rules-proposed, job-proposed"));
  Collect();
  resource::v1::Proposal proposal;
  proposal.set_digest("3f1c90aa12bd77");
  auto* change = proposal.add_changes();
  change->set_name("environments/production");
  change->set_yaml("x");
  change->set_etag("1");
  change->add_diff("-    destructive_approvals: 2");
  change->add_diff("+    destructive_approvals: 1\nRequested by: users/root");
  Insert("proposals/P1", proposal);
  resource::v1::ScheduledJob job;
  job.mutable_inspect()->set_statement("SELECT 1");
  JobProposal proposed;
  proposed.id = "Q1";
  proposed.rule = "slow";
  proposed.uid = "u";
  proposed.instance = "db1";
  proposed.job_blob = job.SerializeAsString();
  ASSERT_TRUE(
      Mutate([&](WriteTx& tx) -> absl::Status { return tx.rules().Insert(&proposed); }).ok());
  Record("proposal.create", "proposals/P1");
  Record("rule.proposed", "jobproposals/Q1", {{"mode", "ask"}});
  Record("proposal.create", "proposals/GONE");
  Collect();
  ASSERT_EQ(Rows().size(), 3u);
  const std::map<std::string, std::string> rules = Rows()[0].fields;
  EXPECT_EQ(rules.at("proposed"),
            "\n| environments/production would be updated"
            "\n|   -    destructive_approvals: 2"
            "\n|   +    destructive_approvals: 1\n| Requested by: users/root");
  EXPECT_EQ(rules.at("command"),
            "dbfleet proposal approve P1 --digest 3f1c90aa12bd --reason REASON, or: dbfleet "
            "proposal reject P1 --reason REASON");
  const std::string body = TextsFor(Route(), Rows()[0], AsItIs).body;
  EXPECT_LT(body.find("proposal approve"), body.find("would be updated"))
      << "what a receiver cuts away is not the command";
  const std::map<std::string, std::string> jobs = Rows()[1].fields;
  EXPECT_THAT(jobs.at("proposed"), HasSubstr("SELECT 1"));
  EXPECT_THAT(jobs.at("command"), HasSubstr("dbfleet rule decline Q1 --reason REASON"));
  EXPECT_EQ(Rows()[2].fields.count("proposed"), 0u) << "what is gone is told without";
}

// A route is for people who may not see what else is changed in the same breath.
TEST_F(CollectorTest, OfAProposalARouteIsToldWhatItsEnvironmentsAreAboutAndTheRestIsCounted) {
  Declare("all", Hook("rules-proposed"));
  Declare("prod", Hook("rules-proposed") + ", selector: {environments: [production]}");
  Collect();
  resource::v1::Proposal proposal;
  proposal.set_digest("3f1c90aa12bd77");
  for (const char* name : {"environments/production", "environments/staging", "rolebindings/boss",
                           "maintenancewindows/nightly"}) {
    auto* change = proposal.add_changes();
    change->set_name(name);
    change->set_yaml("x");
    change->add_diff(absl::StrCat("+ of ", name));
  }
  Insert("proposals/P1", proposal);
  Record("proposal.create", "proposals/P1", {{"environments", "production,staging"}}, "");
  Collect();
  ASSERT_EQ(Rows().size(), 2u);
  for (const Notification& row : Rows()) {
    const std::string& text = row.fields.at("proposed");
    EXPECT_THAT(text, HasSubstr("+ of environments/production"));
    EXPECT_EQ(absl::StrContains(text, "staging"), row.route == "all") << row.route;
    EXPECT_THAT(text, Not(HasSubstr("boss"))) << "that takes the right to audit";
    EXPECT_THAT(text,
                HasSubstr(row.route == "all" ? "and 2 other changes" : "and 3 other changes"));
    EXPECT_EQ(row.fields.at("command"), "dbfleet proposal show P1")
        << "nobody decides about what was not shown";
  }
}

TEST_F(CollectorTest, WhatIsTooLongToTellIsNotDecidedAboutByTheMessage) {
  Declare("r", Hook("rules-proposed"));
  Collect();
  resource::v1::Proposal proposal;
  proposal.set_digest("3f1c90aa12bd77");
  auto* change = proposal.add_changes();
  change->set_name("environments/production");
  for (int i = 0; i < 99; ++i) change->add_diff("+ some harmless line of text");
  change->add_diff("+ destructive_approvals: 0");
  Insert("proposals/P1", proposal);
  Record("proposal.create", "proposals/P1");
  Collect();
  ASSERT_EQ(Rows().size(), 1u);
  EXPECT_THAT(Rows()[0].fields.at("proposed"), HasSubstr(" of 101 lines)"));
  EXPECT_EQ(Rows()[0].fields.at("command"), "dbfleet proposal show P1");
}

TEST_F(CollectorTest, AlertsAreTakenBackThoughTheirEndWasNotAskedFor) {
  Declare("pager", "triggers: [paused], pagerduty: {routing_key_secret: token}");
  Declare("hook", Hook("paused"));
  Collect();
  Record("job.resume", "jobs/A");
  Record("job.pause", "jobs/A");
  Record("job.resume", "jobs/A");
  Record("job.resume", "jobs/A");
  Record("job.pause", "jobs/B");
  Collect();
  EXPECT_THAT(Told(), ::testing::UnorderedElementsAre("pager paused jobs/A", "pager over jobs/A",
                                                      "pager paused jobs/B", "hook paused jobs/A",
                                                      "hook paused jobs/B"));
}

TEST_F(CollectorTest, EachRecipientOfMailHasARowOfItsOwn) {
  Declare("m",
          "triggers: [failed], smtp: {host: m.example, from: a@b.example, to: [x@y.example, "
          "z@y.example]}");
  Collect();
  Happen(1);
  ASSERT_EQ(Rows().size(), 2u);
  EXPECT_NE(Rows()[0].id, Rows()[1].id);
}

TEST_F(CollectorTest, ARouteIsNotToldOfItsOwnFailures) {
  Declare("a", Hook("notification-failed"));
  Declare("b", Hook("notification-failed"));
  Collect();
  Record("notification.failed", "notificationroutes/a");
  Collect();
  EXPECT_THAT(Told(), ElementsAre("b notification-failed notificationroutes/a"));
}

TEST_F(CollectorTest, ARouteThatCannotBeReadHarmsNoOther) {
  Declare("good", Hook("failed"));
  Resource bad;
  bad.id = "notificationroutes/bad";
  bad.kind = std::string(kRouteKind);
  bad.blob = "\xff\xff";
  ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.InsertResource(&bad); }).ok());
  Collect();
  Happen(1);
  EXPECT_THAT(Told(), ElementsAre("good failed jobs/J0"));
}

TEST(UsualTime, IsTheMedianOfTheLastOnes) {
  std::string setting;
  EXPECT_EQ(UsualTime::Median(UsualTime::Read(setting)), absl::ZeroDuration());
  for (int minutes : {10, 11, 9, 10}) {
    setting = UsualTime::Write(UsualTime::Read(setting), absl::Minutes(minutes));
  }
  EXPECT_EQ(UsualTime::Median(UsualTime::Read(setting)), absl::ZeroDuration());
  setting = UsualTime::Write(UsualTime::Read(setting), absl::Minutes(90));
  EXPECT_EQ(UsualTime::Median(UsualTime::Read(setting)), absl::Minutes(10));
  for (int i = 0; i < 100; ++i) {
    setting = UsualTime::Write(UsualTime::Read(setting), absl::Minutes(5));
  }
  EXPECT_EQ(UsualTime::Read(setting).size(), UsualTime::kSamples);
  EXPECT_TRUE(UsualTime::IsSlow(absl::Minutes(21), absl::Minutes(10)));
  EXPECT_FALSE(UsualTime::IsSlow(absl::Minutes(19), absl::Minutes(10)));
  EXPECT_FALSE(UsualTime::IsSlow(absl::Seconds(5), absl::Seconds(1)));
  EXPECT_FALSE(UsualTime::IsSlow(absl::Hours(1), absl::ZeroDuration()));
}

}  // namespace
}  // namespace dbfleet::controller
