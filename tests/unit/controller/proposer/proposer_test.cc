#include "absl/strings/match.h"

#include "tests/unit/controller/proposer/proposer_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ProposerTest : public ProposerFixture {};

TEST_F(ProposerTest, AnEventBecomesAProposalThatWaitsForAPerson) {
  Declare("look");
  Trouble();
  ASSERT_THAT(Told(), ElementsAre("orders-db pending"));
  const JobProposal proposal = Newest();
  EXPECT_EQ(proposal.environment, "production");
  EXPECT_EQ(proposal.expire_time, clock_.Now() + absl::Hours(24));
  EXPECT_THAT(proposal.cause, HasSubstr("instances/orders-db: is in trouble: does not answer"));
  EXPECT_THAT(proposal.cause, HasSubstr(absl::StrCat("audit record ", proposal.seq)));
  EXPECT_THAT(JobsOf("look"), IsEmpty());
  const auto records = Records("rule.proposed");
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].entry.actor, "eventrules/look");
  EXPECT_EQ(records[0].entry.environment, "production");
  EXPECT_EQ(records[0].entry.details.at("cause"), proposal.cause);
  EXPECT_EQ(records[0].entry.details.at("event"), absl::StrCat(proposal.seq));
}

TEST_F(ProposerTest, WhoAcceptsMakesAJobOfTheRules) {
  Declare("look");
  Trouble();
  const auto accepted = proposals_.Accept({"users/olga", "", ""}, Newest().id, "go on");
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  ASSERT_THAT(JobsOf("look"), SizeIs(1));
  const Job job = JobsOf("look")[0];
  EXPECT_EQ(job.id, accepted->proposal.job);
  EXPECT_EQ(job.requester, "eventrules/look");
  EXPECT_EQ(job.reason, accepted->proposal.cause) << "the job says what it comes from";
  EXPECT_EQ(accepted->proposal.decider, "users/olga");
  EXPECT_THAT(Records("rule.accepted"), SizeIs(1));
  // A repetition, and another who wants it, too.
  EXPECT_EQ(proposals_.Accept({"users/olga", "", ""}, job.request_key.substr(16), "")->proposal.job,
            job.id);
  EXPECT_EQ(ReasonOf(proposals_.Accept({"users/polly", "", ""}, Newest().id, "").status()),
            "PROPOSAL_ENDED");
  EXPECT_EQ(ReasonOf(proposals_.Decline({"users/polly", "", ""}, Newest().id, "no").status()),
            "PROPOSAL_ENDED");
  EXPECT_THAT(JobsOf("look"), SizeIs(1));
}

TEST_F(ProposerTest, WhoDeclinesSaysWhyAndThereIsNoJob) {
  Declare("look");
  Trouble();
  const std::string id = Newest().id;
  EXPECT_EQ(ReasonOf(proposals_.Decline({"users/olga", "", ""}, id, "").status()),
            "REASON_MISSING");
  const auto declined = proposals_.Decline({"users/olga", "", ""}, id, "known");
  ASSERT_TRUE(declined.ok()) << declined.status();
  EXPECT_EQ(declined->proposal.message, "known");
  EXPECT_TRUE(proposals_.Decline({"users/olga", "", ""}, id, "known").ok()) << "a repetition";
  EXPECT_EQ(ReasonOf(proposals_.Accept({"users/olga", "", ""}, id, "").status()), "PROPOSAL_ENDED");
  EXPECT_THAT(Told(), ElementsAre("orders-db declined DECLINED"));
  EXPECT_THAT(JobsOf("look"), IsEmpty());
  EXPECT_THAT(Records("rule.declined"), SizeIs(1));
}

TEST_F(ProposerTest, WhatNobodyLooksAtExpires) {
  Declare("look", "", "job: {check: {}}, expires_after: 10m");
  Trouble();
  Pass(absl::Minutes(9));
  EXPECT_THAT(Told(), ElementsAre("orders-db pending"));
  clock_.JumpWallClock(absl::Minutes(1));
  EXPECT_EQ(ReasonOf(proposals_.Accept({"users/olga", "", ""}, Newest().id, "").status()),
            "PROPOSAL_ENDED")
      << "before it was put down";
  Pass(absl::Seconds(6));
  EXPECT_THAT(Told(), ElementsAre("orders-db expired EXPIRED"));
  EXPECT_THAT(Records("rule.expired"), SizeIs(1));
}

TEST_F(ProposerTest, ARuleThatAsksNobodySubmitsAtOnce) {
  Declare("look", "", "job: {check: {}}, mode: run");
  Trouble();
  EXPECT_THAT(Told(), ElementsAre("orders-db submitted"));
  ASSERT_THAT(JobsOf("look"), SizeIs(1));
  EXPECT_EQ(JobsOf("look")[0].requester, "eventrules/look");
  const auto records = Records("rule.submitted");
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0].entry.details.at("job"), "jobs/" + JobsOf("look")[0].id);
}

TEST_F(ProposerTest, ThreeFailedChecksWithinTenMinutesMakeOneProposal) {
  Declare("look", "after: {count: 3, within: 10m}", "job: {check: {}}",
          "triggers: [check-failed], observations: [unreachable]");
  const auto check = [&] {
    Must(jobs_.SubmitCheck({"users/olga", "", ""}, "orders-db"));
    FinishCheck(work::v1::HEALTH_STATUS_CRITICAL, false);
    Look();
  };
  check();
  check();
  EXPECT_THAT(Told(), IsEmpty());
  check();
  ASSERT_THAT(Told(), ElementsAre("orders-db pending"));
  EXPECT_THAT(Newest().cause, HasSubstr("found trouble: as found (3 such events within 10m)"));
  for (int i = 0; i < 3; ++i) check();
  EXPECT_THAT(Told(), ElementsAre("orders-db pending")) << "one is open";
}

TEST_F(ProposerTest, AFailedCheckIsARecordWithItsCausesAndAGoodOneIsNone) {
  const auto check = [&](work::v1::HealthStatus status, bool reachable) {
    Must(jobs_.SubmitCheck({"users/olga", "", ""}, "orders-db"));
    FinishCheck(status, reachable);
  };
  check(work::v1::HEALTH_STATUS_OK, true);
  check(work::v1::HEALTH_STATUS_WARN, true);
  EXPECT_THAT(Records("check.failed"), IsEmpty());
  check(work::v1::HEALTH_STATUS_CRITICAL, true);
  check(work::v1::HEALTH_STATUS_CRITICAL, false);
  check(work::v1::HEALTH_STATUS_UNKNOWN, true);
  const auto records = Records("check.failed");
  ASSERT_THAT(records, SizeIs(3));
  EXPECT_EQ(records[0].entry.details.at("observations"), "replication_lag_seconds");
  EXPECT_EQ(records[1].entry.details.at("observations"), "unreachable");
  EXPECT_EQ(records[2].entry.details.at("status"), "unknown");
  EXPECT_EQ(records[2].entry.details.at("target"), "instances/orders-db");
}

TEST_F(ProposerTest, CooldownHoldsForEachInstanceByItself) {
  AddInstance("billing-db");
  Declare("look", "limits: {cooldown: 30m}");
  Trouble();
  (void)proposals_.Decline({"users/olga", "", ""}, Newest().id, "known");
  clock_.JumpWallClock(absl::Minutes(29));
  Trouble();
  Trouble("billing-db");
  EXPECT_THAT(Told(), ElementsAre("orders-db declined DECLINED", "billing-db pending"));
  clock_.JumpWallClock(absl::Minutes(1));
  Trouble();
  EXPECT_THAT(Told(), ElementsAre("orders-db declined DECLINED", "billing-db pending",
                                  "orders-db pending"));
}

TEST_F(ProposerTest, CooldownHoldsForAClockThatWasSetBack) {
  AddInstance("billing-db");
  Declare("look", "limits: {cooldown: 30m, max_open: 10}",
          "job: {check: {}}, targets: {instances: [orders-db]}",
          "triggers: [health-change, agent-lost]");
  clock_.JumpWallClock(absl::Hours(24));
  Trouble();
  clock_.JumpWallClock(-absl::Hours(24));
  // One record about two instances, whose job is the same one's.
  Append({"system/dispatch", "agent.disconnect", "agents/db1", "production", {}});
  Look();
  EXPECT_THAT(Told(), SizeIs(2)) << "the one from the time that is still to come, and this";
  Trouble();
  clock_.JumpWallClock(absl::Minutes(29));
  Trouble();
  EXPECT_THAT(Told(), SizeIs(2));
  clock_.JumpWallClock(absl::Minutes(1));
  Trouble();
  EXPECT_THAT(Told(), SizeIs(3));
}

TEST_F(ProposerTest, NoSecondOneWhileTheFirstIsOpenUntilItsJobEnds) {
  Declare("look", "limits: {cooldown: 1m}", "job: {check: {}}, mode: run");
  Trouble();
  clock_.JumpWallClock(absl::Minutes(2));
  Trouble();
  EXPECT_THAT(JobsOf("look"), SizeIs(1));
  FinishCheck(work::v1::HEALTH_STATUS_OK);
  Trouble();
  EXPECT_THAT(JobsOf("look"), SizeIs(2));
}

TEST_F(ProposerTest, AClockThatWasSetBackGivesNoOtherDaysJobs) {
  for (const char* id : {"a", "b", "c"}) AddInstance(id);
  Declare("look", "limits: {max_per_day: 1}");
  Trouble("a");
  clock_.JumpWallClock(-absl::Hours(2));
  Trouble("b");
  EXPECT_THAT(Told(), ElementsAre("a pending"));
  // What it had called the future for long does not hold it up for as long.
  clock_.JumpWallClock(-absl::Hours(48));
  Trouble("c");
  EXPECT_THAT(Told(), ElementsAre("a pending", "c pending"));
}

TEST_F(ProposerTest, WhoReadsOneEnvironmentIsToldOfWhatIsThere) {
  AddInstance("billing-db");
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    Instance instance;
                    instance.id = "qa-db";
                    instance.agent_id = "db1";
                    instance.environment = "qa";
                    instance.engine = "postgresql";
                    return tx.InsertInstance(&instance);
                  })
                  .ok());
  ASSERT_TRUE(Apply("apiVersion: dbfleet/v1\nkind: EventRule\nmetadata: {name: look}\nspec: {on: "
                    "{triggers: [health-change]}, propose: {job: {check: {}}}}\n")
                  .ok());
  Trouble("orders-db");
  Trouble("billing-db");
  Append({"agents/db1", "instance.health", "instances/qa-db", "qa", {{"status", "critical"}}});
  Look();
  const auto seen = [&](const Rights& rights) {
    const auto view = proposals_.Rule("look", rights);
    EXPECT_TRUE(view.ok()) << view.status();
    return std::pair(view->waiting, view->last_day);
  };
  EXPECT_EQ(seen(Rights::All()), std::pair(3, 3));
  User olga;
  olga.id = "olga";
  EXPECT_EQ(seen(Rights::Of(olga, {{Role::kViewer, EnvironmentFilter("qa"), "rolebindings/r"}})),
            std::pair(1, 1));
}

TEST_F(ProposerTest, NoMoreThanSoManyInADay) {
  for (const char* id : {"a", "b", "c"}) AddInstance(id);
  Declare("look", "limits: {max_per_day: 2}");
  for (const char* id : {"a", "b", "c"}) Trouble(id);
  EXPECT_THAT(Told(), ElementsAre("a pending", "b pending"));
  clock_.JumpWallClock(absl::Hours(24));
  Trouble("c");
  EXPECT_THAT(History(), SizeIs(3));
}

TEST_F(ProposerTest, WhatIsKeptBackIsToldOnceInAnHour) {
  Declare("look");
  Trouble();
  for (int i = 0; i < 50; ++i) Trouble();
  ASSERT_THAT(Records("rule.suppressed"), SizeIs(1));
  EXPECT_EQ(Records("rule.suppressed")[0].entry.details.at("reason"), "MAX_OPEN");
  clock_.JumpWallClock(absl::Minutes(61));
  Trouble();
  ASSERT_THAT(Records("rule.suppressed"), SizeIs(2));
  EXPECT_EQ(Records("rule.suppressed")[1].entry.details.at("since_last"), "51");
}

TEST_F(ProposerTest, AnotherInstanceCanGetTheJob) {
  AddInstance("replica", "postgresql", {{"role", "replica"}});
  Declare("look", "", "job: {check: {}}, targets: {labels: {role: replica}}");
  Trouble();
  EXPECT_THAT(Told(), ElementsAre("replica pending"));
  EXPECT_THAT(Newest().cause, HasSubstr("instances/orders-db"));
}

TEST_F(ProposerTest, AnEventOfNoInstanceGoesToThoseThatAreNamed) {
  Declare("after-window", "", "job: {check: {}}, targets: {instances: [orders-db]}",
          "triggers: [window-closed]");
  Append(
      {"system/controller", "window.close", "maintenancewindows/w", "", {{"environments", "*"}}});
  Look();
  EXPECT_THAT(Told(), ElementsAre("orders-db pending"));
}

TEST_F(ProposerTest, ANewRuleBeginsNowAndNotWithHistory) {
  for (int i = 0; i < 5; ++i) AppendTrouble();
  Declare("look");
  EXPECT_THAT(Told(), IsEmpty());
  Trouble();
  EXPECT_THAT(History(), SizeIs(1));
  // What happens while it is suspended is not made up for either.
  ASSERT_TRUE(Apply(Yaml("look", "suspended: true")).ok());
  AddInstance("billing-db");
  AppendTrouble("billing-db");
  Crash();
  ASSERT_TRUE(
      resources_.Apply({"users/polly", "", ""}, {{{"f.yaml", Yaml("look")}}}, false, "").ok());
  Boot();
  EXPECT_THAT(History(), SizeIs(1));
}

TEST_F(ProposerTest, NothingIsLostAndNothingTwiceWhateverIsKilledWhen) {
  Declare("look", "after: {count: 3, within: 1h}, limits: {cooldown: 1m}",
          "job: {check: {}}, mode: run");
  AppendTrouble();
  AppendTrouble();
  Crash();
  AppendTrouble();
  // The transaction that would have written it all does not commit.
  store_.FailCommits(1, absl::UnavailableError("killed"));
  Boot();
  EXPECT_THAT(Told(), IsEmpty());
  Reboot();
  EXPECT_THAT(Told(), ElementsAre("orders-db submitted"));
  for (int i = 0; i < 3; ++i) Reboot();
  EXPECT_THAT(JobsOf("look"), SizeIs(1));
  EXPECT_THAT(Records("rule.proposed"), SizeIs(1));
}

TEST_F(ProposerTest, AKilledSubmissionIsMadeUpForOnce) {
  Declare("look", "", "job: {check: {}}, mode: run");
  // Killed between the proposal and its job: each commit after the first fails.
  class : public Store {
   public:
    void Mutate(Mutation mutation, Done done) override {
      if (commits-- <= 0) return done(absl::UnavailableError("killed"));
      store->Mutate(std::move(mutation), std::move(done));
    }
    absl::Status Read(const std::function<absl::Status(ReadTx&)>& fn) override {
      return store->Read(fn);
    }
    uint64_t epoch() const override { return store->epoch(); }
    const std::string& life() const override { return store->life(); }
    Store* store = nullptr;
    int commits = 1;
  } killed;
  killed.store = &store_;
  Crash();
  AppendTrouble();
  {
    Proposer dying(options_, killed, jobs_, hub_, source_, clock_, executor_, metrics_);
    dying.Tick();
  }
  EXPECT_THAT(Told(), ElementsAre("orders-db accepted"));
  EXPECT_THAT(JobsOf("look"), IsEmpty());
  for (int i = 0; i < 3; ++i) Reboot();
  EXPECT_THAT(Told(), ElementsAre("orders-db submitted"));
  EXPECT_THAT(JobsOf("look"), SizeIs(1));
}

TEST_F(ProposerTest, ASecondProposerOfAStoreMakesNothingTwice) {
  Declare("look", "limits: {cooldown: 1m, max_open: 10}", "job: {check: {}}, mode: run");
  Proposer second(options_, store_, jobs_, hub_, source_, clock_, executor_, metrics_);
  second.Tick();
  for (int i = 0; i < 5; ++i) {
    AppendTrouble();
    second.Tick();
    proposer_->Tick();
    second.Tick();
    clock_.JumpWallClock(absl::Minutes(2));
  }
  EXPECT_THAT(Records("rule.proposed"), SizeIs(5));
  EXPECT_THAT(JobsOf("look"), SizeIs(5));
}

TEST_F(ProposerTest, ARuleThatCannotBeReadHoldsUpNoOther) {
  Declare("a-broken");
  Declare("look");
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(Resource resource, tx.GetResource("eventrules/a-broken"));
                    resource.blob = "\xff\xff";
                    RETURN_IF_ERROR(tx.UpdateResource(&resource));
                    return tx.PutSetting("event_rules.generation", "another");
                  })
                  .ok());
  Trouble();
  EXPECT_THAT(Told("look"), ElementsAre("orders-db pending"));
  EXPECT_THAT(Told("a-broken"), IsEmpty());
  const auto rule = proposals_.Rule("a-broken", Rights::All());
  ASSERT_TRUE(rule.ok()) << rule.status();
  EXPECT_THAT(rule->problem, HasSubstr("cannot be read"));
}

TEST_F(ProposerTest, ManyEventsAreLookedAtPieceByPiece) {
  options_.batch = 7;
  options_.most_matches = 3;
  Reboot();
  Declare("look", "limits: {cooldown: 1m}");
  std::vector<std::string> expected;
  for (int i = 0; i < 15; ++i) {
    AddInstance(absl::StrCat("i", i));
    AppendTrouble(absl::StrCat("i", i));
    expected.push_back(absl::StrCat("i", i, " pending"));
  }
  Look();
  EXPECT_THAT(Told(), ::testing::UnorderedElementsAreArray(expected));
}

TEST_F(ProposerTest, WithItsRuleAProposalIsVoid) {
  Declare("look");
  Trouble();
  const std::string id = Newest().id;
  Delete("look");
  EXPECT_EQ(ReasonOf(proposals_.Accept({"users/olga", "", ""}, id, "").status()), "PROPOSAL_ENDED");
  Pass(absl::Seconds(6));
  EXPECT_THAT(Told(), ElementsAre("orders-db cancelled RULE_DELETED"));
  Declare("look");
  Trouble();
  EXPECT_THAT(Told(), ElementsAre("orders-db cancelled RULE_DELETED", "orders-db pending"))
      << "another rule, with limits of its own";
}

TEST_F(ProposerTest, WhatCannotBeDoneIsRefusedAndSaysWhy) {
  Declare("verify", "", "job: {verify: {}}, mode: run");
  Trouble();
  EXPECT_THAT(Told(), ElementsAre("orders-db refused NO_BACKUP"));
  EXPECT_THAT(Records("rule.refused"), SizeIs(1));
  // A person is told so, and can try again later.
  ASSERT_TRUE(Apply(Yaml("ask", "", "job: {verify: {}}")).ok());
  Trouble();
  const std::string id = History("ask")[0].proposal.id;
  EXPECT_EQ(ReasonOf(proposals_.Accept({"users/olga", "", ""}, id, "").status()), "NO_BACKUP");
  AddVerifiedBackup();
  EXPECT_TRUE(proposals_.Accept({"users/olga", "", ""}, id, "").ok());
}

TEST_F(ProposerTest, ItRehearsesWhatItWouldDo) {
  for (int i = 0; i < 4; ++i) {
    AppendTrouble();
    clock_.JumpWallClock(absl::Minutes(20));
  }
  const auto rehearsed = [&](const std::string& more, absl::Duration window,
                             const Rights& rights = Rights::All()) {
    const auto found = proposals_.Rehearse("f.yaml", Yaml("look", more), window, rights);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : RuleRehearsal();
  };
  const RuleRehearsal all = rehearsed("limits: {cooldown: 30m}", absl::Hours(24));
  EXPECT_EQ(all.events, 4);
  EXPECT_THAT(all.proposals, SizeIs(2)) << "at 0 and 40 minutes";
  EXPECT_EQ(all.suppressed.at("COOLDOWN"), 2);
  EXPECT_THAT(rehearsed("", absl::Minutes(50)).proposals, SizeIs(1));
  EXPECT_EQ(rehearsed("", absl::Minutes(50)).events, 2);
  EXPECT_THAT(Told(), IsEmpty()) << "nothing was changed";
  const absl::Status two =
      proposals_.Rehearse("f.yaml", Yaml("a") + "---\n" + Yaml("b"), absl::Hours(1), Rights::All())
          .status();
  EXPECT_EQ(ReasonOf(two), "BAD_MANIFEST");
  EXPECT_THAT(std::string(two.message()), testing::HasSubstr("not 2 resources; test one rule at a time"));
}

}  // namespace
}  // namespace dbfleet::controller
