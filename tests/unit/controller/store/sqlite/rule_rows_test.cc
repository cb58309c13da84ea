#include "gmock/gmock.h"

#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using State = JobProposal::State;

class RuleRowsTest : public StoreTest {
 protected:
  void SetUp() override { Open(); }

  static absl::Time T(int n) { return absl::FromUnixSeconds(1'800'000'000 + n); }
  static JobProposal Make(int n, const std::string& instance = "a") {
    JobProposal proposal;
    proposal.id = absl::StrCat("P", n);
    proposal.rule = "look";
    proposal.seq = static_cast<uint64_t>(n);
    proposal.instance = instance;
    proposal.uid = "U";
    proposal.environment = "qa";
    proposal.trigger = "check-failed";
    proposal.cause = "it failed";
    proposal.event_time = proposal.create_time = T(n);
    return proposal;
  }
  absl::Status Insert(JobProposal proposal) {
    return Mutate([&](WriteTx& tx) { return tx.rules().Insert(&proposal); });
  }
  template <typename Fn>
  auto Look(const Fn& fn) {
    return Read([&](ReadTx& tx) { return fn(tx.rules_reader()); }).value();
  }
  static std::vector<std::string> Ids(const std::vector<JobProposal>& proposals) {
    std::vector<std::string> ids;
    for (const JobProposal& proposal : proposals) ids.push_back(proposal.id);
    return ids;
  }
};

TEST_F(RuleRowsTest, WhatIsWrittenIsReadBack) {
  EventRuleState state{"look", "U", 7, {"users/ada"}, false, 0};
  EventRuleCount count{"U/a", "look", "1,2", 3, T(1), T(2), 0};
  JobProposal proposal = Make(1);
  proposal.depth = 2;
  proposal.ask = false;
  proposal.job_blob = std::string("\0\xff", 2);
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.rules().Insert(&state));
                RETURN_IF_ERROR(tx.rules().Insert(&count));
                return tx.rules().Insert(&proposal);
              }).ok());
  state.since_seq = 9;
  state.deleted = true;
  count.hits = "";
  count.told_time = absl::InfinitePast();
  proposal.state = State::kRefused;
  proposal.reason = "NOT_ENTITLED";
  proposal.message = "m";
  proposal.decider = "users/ada";
  proposal.job = "J";
  proposal.expire_time = proposal.end_time = T(5);
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                RETURN_IF_ERROR(tx.rules().Update(&state));
                RETURN_IF_ERROR(tx.rules().Update(&count));
                return tx.rules().Update(&proposal);
              }).ok());
  Open();
  EXPECT_EQ(Look([](const RuleReader& r) { return r.GetState("look"); }), state);
  EXPECT_EQ(Look([](const RuleReader& r) { return r.GetCount("U/a"); }), count);
  EXPECT_EQ(Look([](const RuleReader& r) { return r.GetProposal("P1"); }), proposal);
  const auto reason = [&](auto get) {
    return ReasonOf(Read([&](ReadTx& tx) { return get(tx.rules_reader()); }).status());
  };
  EXPECT_EQ(reason([](const RuleReader& r) { return r.GetState("x"); }), "EVENT_RULE_NOT_FOUND");
  EXPECT_EQ(reason([](const RuleReader& r) { return r.GetProposal("x"); }),
            "JOB_PROPOSAL_NOT_FOUND");
}

TEST_F(RuleRowsTest, ARuleMakesOfARecordAndAnInstanceOneProposal) {
  ASSERT_TRUE(Insert(Make(1)).ok());
  JobProposal again = Make(1);
  again.id = "another";
  EXPECT_EQ(ReasonOf(Insert(again)), "JOB_PROPOSAL_EXISTS");
  again.instance = "b";
  EXPECT_TRUE(Insert(again).ok());
  again.id = "third";
  again.rule = "other";
  EXPECT_TRUE(Insert(again).ok());
}

TEST_F(RuleRowsTest, OpenOnesAreFoundUntilTheyEnd) {
  for (int n : {1, 2, 3}) ASSERT_TRUE(Insert(Make(n, n == 3 ? "b" : "a")).ok());
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                ASSIGN_OR_RETURN(JobProposal first, tx.rules().GetProposal("P1"));
                first.end_time = T(9);
                return tx.rules().Update(&first);
              }).ok());
  const auto open_for = [&](const char* instance) {
    return Ids(Look([&](const RuleReader& r) { return r.OpenFor("U", instance); }));
  };
  EXPECT_THAT(open_for("a"), ElementsAre("P2"));
  EXPECT_THAT(open_for("b"), ElementsAre("P3"));
  EXPECT_THAT(open_for("c"), IsEmpty());
  EXPECT_THAT(Ids(Look([](const RuleReader& r) { return r.OpenIn(State::kPending, "", 10); })),
              ElementsAre("P2", "P3"));
  EXPECT_THAT(Ids(Look([](const RuleReader& r) { return r.OpenIn(State::kPending, "P2", 10); })),
              ElementsAre("P3"));
  EXPECT_THAT(Ids(Look([](const RuleReader& r) { return r.OpenIn(State::kAccepted, "", 10); })),
              IsEmpty());
}

TEST_F(RuleRowsTest, LimitsAreMeasuredByTheTimesOfEvents) {
  for (int n : {1, 2, 3}) ASSERT_TRUE(Insert(Make(n, n == 3 ? "b" : "a")).ok());
  const auto nearest = [&](const char* instance, int time) {
    return Look([&](const RuleReader& r) { return r.NearestEvent("U", instance, T(time)); });
  };
  EXPECT_EQ(nearest("a", 9), T(2));
  EXPECT_EQ(nearest("a", 1), T(1));
  EXPECT_EQ(nearest("a", 0), T(1)) << "a clock that was set back";
  EXPECT_EQ(nearest("b", 0), T(3));
  EXPECT_EQ(nearest("c", 9), absl::InfinitePast());
  const auto count = [&](int from, int until, int limit) {
    return Look(
        [&](const RuleReader& r) { return r.CountProposals("U", T(from), T(until), limit); });
  };
  EXPECT_EQ(count(0, 3, 10), 3);
  EXPECT_EQ(count(1, 2, 10), 1);
  EXPECT_EQ(count(0, 3, 2), 2);
}

TEST_F(RuleRowsTest, RulesAreKnownByTheirNamesAlsoWhenTheyAreGone) {
  for (const char* name : {"b", "a"}) {
    EventRuleState state;
    state.name = name;
    state.uid = name;
    state.deleted = state.name == "a";
    ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.rules().Insert(&state); }).ok());
  }
  EXPECT_THAT(Look([](const RuleReader& r) { return r.RuleNames(); }), ElementsAre("a", "b"));
}

TEST_F(RuleRowsTest, ListingsAreNarrowedAndNewestFirst) {
  for (int n : {1, 2, 3}) {
    JobProposal proposal = Make(n);
    if (n == 2) proposal.environment = "production";
    if (n == 3) proposal.rule = "other";
    ASSERT_TRUE(Insert(proposal).ok());
  }
  const auto list = [&](JobProposalFilter filter) {
    return Ids(Look([&](const RuleReader& r) { return r.ListProposals(filter, {}); }).items);
  };
  EXPECT_THAT(list({}), ElementsAre("P3", "P2", "P1"));
  EXPECT_THAT(list({"look", {}, {}}), ElementsAre("P2", "P1"));
  EXPECT_THAT(list({"", "qa", {}}), ElementsAre("P3", "P1"));
  EXPECT_THAT(list({"", {}, State::kDeclined}), IsEmpty());
}

TEST_F(RuleRowsTest, OldOnesAreTakenAwayBehindTheNewest) {
  for (int n = 1; n <= 5; ++n) {
    JobProposal proposal = Make(n);
    if (n != 1) proposal.end_time = T(n);
    ASSERT_TRUE(Insert(proposal).ok());
    EventRuleCount count{absl::StrCat("U/", n), "look", "", 0, T(0), T(n), 0};
    ASSERT_TRUE(Mutate([&](WriteTx& tx) { return tx.rules().Insert(&count); }).ok());
  }
  int pruned = 0;
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                ASSIGN_OR_RETURN(pruned, tx.rules().Prune("look", 2, T(1), T(0), 10));
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(pruned, 0) << "by these a cooldown may still be measured";
  ASSERT_TRUE(Mutate([&](WriteTx& tx) -> absl::Status {
                ASSIGN_OR_RETURN(pruned, tx.rules().Prune("look", 2, T(4), T(3), 10));
                return absl::OkStatus();
              }).ok());
  EXPECT_EQ(pruned, 4) << "two proposals and two counts";
  EXPECT_THAT(Ids(Look([](const RuleReader& r) { return r.ListProposals({}, {}); }).items),
              ElementsAre("P5", "P4", "P1"))
      << "an open one stays";
}

}  // namespace
}  // namespace dbfleet::controller
