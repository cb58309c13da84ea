// Work that a maintenance window carries: what begins in it, in which order, and what waits on.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"

#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/queue_fixture.h"

namespace dbfleet::controller {
namespace {

using WindowQueueTest = QueueFixture;

constexpr absl::Duration kSoon = absl::Hours(2);

TEST_F(WindowQueueTest, JobsBeginInTheOrderOfTheirPriorityAsLongAsTheyFit) {
  Declare({Once("tonight", kSoon, absl::Hours(1)), Once("later", kSoon * 12, absl::Hours(1))});
  const Job low = Backup("orders-db", For("tonight", 20, absl::Minutes(20)));
  const Job high = Backup("users-db", For("tonight", 80, absl::Minutes(20)));
  const Job large = Backup("a-db", For("tonight", 50, absl::Minutes(40)));
  Pass(absl::Seconds(20));
  EXPECT_FALSE(IsOffered()) << "the window is closed";
  Jump(kSoon);
  EXPECT_EQ(BeginNext(), high.id);
  Pass(absl::Seconds(10));
  EXPECT_FALSE(IsOffered()) << "one at a time";
  clock_.JumpWallClock(absl::Minutes(25));
  EndIt();
  EXPECT_EQ(BeginNext(), low.id) << "at once; the one before it needs more than is left";
  EXPECT_TRUE(absl::StrContains(WhyOf(large.id),
                                "window-queue: needs 40m (as declared), and "
                                "tonight closes at "))
      << WhyOf(large.id);
  EndIt();
  Pass(absl::Seconds(10));
  EXPECT_FALSE(IsOffered());
  EXPECT_EQ(StateOf(large.id), "ready");
  EXPECT_EQ(StateOf(high.id), "succeeded");
  EXPECT_EQ(JobOf(high.id).window, "tonight");
}

TEST_F(WindowQueueTest, WhatIsLeftOverBeginsInTheNextOccurrence) {
  DeclaredWindow nightly = Once("nightly", kSoon, absl::Hours(1));
  Declare({nightly});
  const Job large = Backup("a-db", For("nightly", 50, absl::Minutes(40)));
  Jump(kSoon + absl::Minutes(30));
  EXPECT_FALSE(IsOffered());
  Declare({Once("nightly", kSoon, absl::Hours(1))});
  Jump(kSoon);
  EXPECT_EQ(BeginNext(), large.id);
}

TEST_F(WindowQueueTest, WhatWaitsForSomethingElseHoldsUpNobody) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(4))});
  const Job unapproved = Change(For("now", 90, absl::Minutes(10)), /*approved=*/false);
  const Job backup = Backup("users-db", For("now", 10, absl::Minutes(10)));
  EXPECT_EQ(BeginNext(), backup.id);
  EndIt();
  Must(jobs_.Approve({"users/bob", ""}, unapproved.id, unapproved.digest, "fine"));
  EXPECT_EQ(BeginNext(), unapproved.id);
}

TEST_F(WindowQueueTest, WhatSeveralPoliciesAskForIsSaidOnce) {
  Declare({Once("tonight", kSoon, absl::Hours(4))});
  ApprovalPolicy policy;
  policy.name = "auditor";
  policy.requirements = {{"auditor", 1, {Role::kAuditor}, {}}};
  approvals_ = std::make_shared<const ApprovalBook>(ApprovalBook{{policy}, ""});
  (void)Change(For("tonight", 90, absl::Minutes(10)), /*approved=*/false);
  const QueuePicture picture = QueueOf("tonight");
  ASSERT_EQ(picture.rows.size(), 1u);
  EXPECT_EQ(picture.rows[0].waits_for, std::vector<std::string>{"approvals"});
}

TEST_F(WindowQueueTest, AnAgentThatIsAwayHoldsUpNobody) {
  AddAgent("db2", "production");
  ScriptedAgent other(dispatcher_, executor_, clock_, "db2");
  other.instance_name = "far-db";
  other.Connect();
  Declare({Once("tonight", kSoon, absl::Hours(4))});
  const Job far = Backup("far-db", For("tonight", 90, absl::Minutes(10)));
  const Job near = Backup("users-db", For("tonight", 10, absl::Minutes(10)));
  other.Disconnect();
  Jump(kSoon);
  EXPECT_EQ(BeginNext(), near.id);
  EXPECT_EQ(StateOf(far.id), "ready");
  other.Connect();
  Pass(absl::Seconds(10));
  EXPECT_TRUE(other.Offers().empty()) << "there is one place";
  EndIt();
  EXPECT_EQ(other.Offers().size(), 1u);
}

TEST_F(WindowQueueTest, AnInstanceThatOthersHoldHoldsUpNobody) {
  Declare({Once("tonight", kSoon, absl::Hours(4))});
  Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {}, false, ""));
  const agent::v1::Offer unqueued = Begun();
  const Job busy = Backup("orders-db", For("tonight", 90, absl::Minutes(10)));
  const Job free = Backup("users-db", For("tonight", 10, absl::Minutes(10)));
  Jump(kSoon);
  EXPECT_EQ(BeginNext(), free.id);
  agent_.Finish(unqueued, agent::v1::OUTCOME_SUCCEEDED, ResultOf(unqueued));
  EndIt();
  EXPECT_EQ(BeginNext(), busy.id);
}

TEST_F(WindowQueueTest, TheGrantDecidesWhoseTurnItIs) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(4))});
  const Job low = Backup("orders-db", For("now", 10, absl::Minutes(10)));
  const agent::v1::Offer offered = Unanswered();
  ASSERT_EQ(offered.job_id(), low.id);
  const Job high = Backup("users-db", For("now", 90, absl::Minutes(10)));
  const agent::v1::Offer better = Unanswered();
  ASSERT_EQ(better.job_id(), high.id) << "nothing of the other one has begun";
  agent_.Accept(offered);
  EXPECT_EQ(agent_.Grants(), 0) << "a higher one is ready by now";
  EXPECT_EQ(StateOf(low.id), "ready");
  agent_.Accept(better);
  EXPECT_EQ(agent_.Grants(), 1);
  EXPECT_EQ(StateOf(high.id), "rolling");
}

TEST_F(WindowQueueTest, TwoOffersAtATimeBecomeOneGrant) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(4))});
  const Job first = Backup("orders-db", For("now", 10, absl::Minutes(10)));
  const agent::v1::Offer one = Unanswered();
  const Job second = Backup("users-db", For("now", 90, absl::Minutes(10)));
  const agent::v1::Offer two = Unanswered();
  agent_.Accept(two);
  agent_.Accept(one);
  EXPECT_EQ(agent_.Grants(), 1);
  EXPECT_EQ(StateOf(second.id), "rolling");
  EXPECT_EQ(StateOf(first.id), "ready");
}

// Its second target's agent was away when the first had ended, so that another began.
TEST_F(WindowQueueTest, WhoLostItsPlaceToAnotherWaitsForOne) {
  AddAgent("db2", "production");
  ScriptedAgent other(dispatcher_, executor_, clock_, "db2");
  other.instance_name = "far-db";
  other.Connect();
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(9))});
  ChangePolicy(
      [](EnvironmentPolicy* policy) { policy->verified_backup_max_age = absl::ZeroDuration(); });
  ChangeRequest request = MakeChange();
  request.instances = {"orders-db", "far-db"};
  request.queue = For("now", 90, absl::Minutes(20));
  const Job change = Must(jobs_.SubmitChange({"users/ada", ""}, request));
  WindowFixture::Run(Unanswered(), MakePlan());
  ASSERT_EQ(other.Offers().size(), 1u);
  other.Accept(other.Offers()[0]);
  other.Start(other.Offers()[0]);
  other.Finish(other.Offers()[0], agent::v1::OUTCOME_SUCCEEDED, MakePlan());
  Must(jobs_.Approve({"users/bob", ""}, change.id, JobOf(change.id).digest, "fine"));
  ASSERT_EQ(BeginNext(), change.id);
  const agent::v1::Offer first = *running_;
  other.Disconnect();
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  const Job backup = Backup("a-db", For("now", 10, absl::Minutes(10)));
  Pass(absl::Seconds(10));
  ASSERT_EQ(BeginNext(), backup.id) << "nobody knows when the other's agent is back";
  const auto answer = [&] {
    if (!other.Offers().empty()) other.Accept(other.Offers().back());
    Pass(absl::Seconds(10));
  };
  other.Connect();
  Pass(absl::Seconds(10));
  answer();
  EXPECT_EQ(other.Grants(), 0) << "never two in one place";
  EXPECT_TRUE(absl::StrContains(WhyOf(change.id), "runs in it")) << WhyOf(change.id);
  EndIt();
  Pass(absl::Seconds(10));
  answer();
  EXPECT_EQ(other.Grants(), 1);
}

TEST_F(WindowQueueTest, AsManyRunAtATimeAsTheWindowLets) {
  DeclaredWindow window = Once("now", absl::ZeroDuration(), absl::Hours(4));
  window.parallel = 2;
  Declare({window});
  const Job a = Backup("a-db", For("now", 50, absl::Minutes(10)));
  Pass(absl::Seconds(1));  // Of the same priority the older comes first.
  const Job b = Backup("b-db", For("now", 50, absl::Minutes(10)));
  Pass(absl::Seconds(1));
  const Job c = Backup("users-db", For("now", 50, absl::Minutes(10)));
  EXPECT_EQ(BeginNext(), a.id);
  EXPECT_EQ(BeginNext(), b.id);
  Pass(absl::Seconds(10));
  EXPECT_FALSE(IsOffered());
  EndIt();
  EXPECT_EQ(BeginNext(), c.id);
}

TEST_F(WindowQueueTest, WhatIsNotThereOrDoesNotFitIsRefusedAtSubmission) {
  DeclaredWindow labelled = Once("tier-1", kSoon, absl::Hours(1));
  labelled.labels = {{"tier", "1"}};
  Declare({Once("tonight", kSoon, absl::Hours(1)), Freeze("holidays", kSoon, absl::Hours(1)),
           labelled, Once("over", -kSoon, absl::Hours(1))});
  const auto refusal = [&](const std::string& window, std::optional<int> priority = {},
                           std::optional<absl::Duration> estimate = {}) {
    return Refusal("users-db", {window, priority, estimate});
  };
  EXPECT_TRUE(absl::StartsWith(refusal("nightly"), "NO_SUCH_WINDOW")) << refusal("nightly");
  EXPECT_TRUE(absl::StartsWith(refusal("holidays"), "NOT_A_WINDOW")) << refusal("holidays");
  EXPECT_TRUE(absl::StartsWith(refusal("tier-1"),
                               "WINDOW_NOT_FOR_TARGET: the window tier-1 does not select "
                               "instances/users-db in production"))
      << refusal("tier-1");
  EXPECT_TRUE(absl::StartsWith(refusal("over"), "EXPIRES_BEFORE_WINDOW")) << refusal("over");
  EXPECT_TRUE(absl::StartsWith(refusal("tonight", 0), "BAD_PRIORITY"));
  EXPECT_TRUE(absl::StartsWith(refusal("tonight", 101), "BAD_PRIORITY"));
  EXPECT_TRUE(absl::StartsWith(refusal("", 50), "PRIORITY_WITHOUT_WINDOW"));
  EXPECT_TRUE(absl::StartsWith(refusal("tonight", 50, absl::ZeroDuration()), "BAD_ESTIMATE"));
  EXPECT_TRUE(absl::StartsWith(refusal("tonight", 50, absl::Hours(1)), "WINDOW_TOO_SHORT"))
      << refusal("tonight", 50, absl::Hours(1));
  ChangeRequest request = MakeChange();
  request.queue = For("tonight", 50, absl::Minutes(10));
  request.expire_after = kSoon - absl::Minutes(1);
  EXPECT_EQ(ReasonOf(jobs_.SubmitChange({"users/ada", ""}, request).status()),
            "EXPIRES_BEFORE_WINDOW");
  request.expire_after = absl::Hours(24);
  request.validate_only = true;
  EXPECT_TRUE(jobs_.SubmitChange({"users/ada", ""}, request).ok());
  request.queue.window = "nightly";
  EXPECT_EQ(ReasonOf(jobs_.SubmitChange({"users/ada", ""}, request).status()), "NO_SUCH_WINDOW");
  EXPECT_TRUE(QueueOf("tonight").rows.empty());
}

TEST_F(WindowQueueTest, WhatIsToldLaterHasToFitAsWell) {
  Declare({Once("tonight", kSoon, absl::Hours(1))});
  const Job job = Backup("users-db", For("tonight", 50, absl::Minutes(10)));
  const auto told = [&](absl::Duration estimate) {
    return ReasonOf(
        jobs_.Reprioritize({"users/ada", "", ""}, job.id, {}, estimate, "larger now").status());
  };
  EXPECT_EQ(told(absl::Hours(48)), "WINDOW_TOO_SHORT");
  EXPECT_EQ(told(absl::Minutes(20)), "");
}

TEST_F(WindowQueueTest, APlanIsForNoWindowAndARequestForOne) {
  Declare({Once("tonight", kSoon, absl::Hours(1)), Once("tomorrow", kSoon, absl::Hours(1))});
  ChangeRequest request = MakeChange();
  request.queue = For("tonight", 50, absl::Minutes(10));
  request.plan_only = true;
  EXPECT_EQ(ReasonOf(jobs_.SubmitChange({"users/ada", ""}, request).status()), "WINDOW_FOR_PLAN");
  request.plan_only = false;
  const absl::StatusOr<Job> first = jobs_.SubmitChange({"users/ada", "once"}, request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(jobs_.SubmitChange({"users/ada", "once"}, request)->id, first->id);
  request.queue.window = "maintenancewindows/tonight";
  EXPECT_EQ(jobs_.SubmitChange({"users/ada", "once"}, request)->id, first->id);
  request.queue.window = "tomorrow";
  EXPECT_EQ(ReasonOf(jobs_.SubmitChange({"users/ada", "once"}, request).status()),
            "REQUEST_ID_REUSED");
}

TEST_F(WindowQueueTest, AQueuedBackupOutlivesTheNextOccurrences) {
  Declare({Once("far", absl::Hours(24 * 30), absl::Hours(1))});
  const Job job = Backup("users-db", For("far", 50, absl::Minutes(10)));
  Jump(absl::Hours(24 * 30));
  EXPECT_EQ(BeginNext(), job.id);
}

TEST_F(WindowQueueTest, WhereItsWindowIsDeletedOrChangedNothingBeginsOutside) {
  Declare({Once("tonight", kSoon, absl::Hours(4))});
  const Job job = Backup("users-db", For("tonight", 50, absl::Minutes(10)));
  Declare({Once("other", absl::ZeroDuration(), absl::Hours(9))});
  Jump(kSoon);
  EXPECT_FALSE(IsOffered());
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "there is no window tonight any more"));
  DeclaredWindow elsewhere = Once("tonight", absl::ZeroDuration(), absl::Hours(4));
  elsewhere.environments = {"qa"};
  Declare({elsewhere});
  Pass(absl::Seconds(10));
  EXPECT_FALSE(IsOffered());
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "does not select instances/users-db"))
      << WhyOf(job.id);
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(4))});
  Pass(absl::Seconds(10));
  EXPECT_EQ(BeginNext(), job.id);
}

TEST_F(WindowQueueTest, AFreezeWinsOverTheWindow) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(4)),
           Freeze("holidays", absl::ZeroDuration(), absl::Hours(1))});
  const Job job = Backup("users-db", For("now", 50, absl::Minutes(10)));
  Pass(absl::Seconds(10));
  EXPECT_FALSE(IsOffered());
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "freeze: the freeze holidays covers"));
  Jump(absl::Hours(1));
  EXPECT_EQ(BeginNext(), job.id);
}

TEST_F(WindowQueueTest, AnotherPriorityIsAnotherTurnAndTouchesNoApproval) {
  Declare({Once("tonight", kSoon, absl::Hours(4))});
  const Job change = Change(For("tonight", 50, absl::Minutes(10)));
  const Job backup = Backup("users-db", For("tonight", 60, absl::Minutes(10)));
  const Job raised = Must(
      jobs_.Reprioritize({"users/eve", ""}, change.id, 70, std::nullopt, "the customer waits"));
  EXPECT_EQ(raised.queue.priority, 70);
  EXPECT_EQ(raised.digest, change.digest);
  EXPECT_EQ(raised.state, JobState::kReady) << "its approval counts on";
  EXPECT_TRUE(Audited("job.reprioritize"));
  Jump(kSoon);
  EXPECT_EQ(BeginNext(), change.id);
  EndIt();
  EXPECT_EQ(BeginNext(), backup.id);
  EndIt();
  EXPECT_EQ(
      ReasonOf(jobs_.Reprioritize({"users/eve", ""}, change.id, 10, std::nullopt, "").status()),
      "BAD_STATE");
}

TEST_F(WindowQueueTest, WhatIsRaisedWhileAnotherIsOfferedTakesItsPlace) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(4))});
  const Job first = Backup("orders-db", For("now", 50, absl::Minutes(10)));
  const agent::v1::Offer offered = Unanswered();
  const Job second = Backup("users-db", For("now", 40, absl::Minutes(10)));
  EXPECT_FALSE(IsOffered());
  Must(jobs_.Reprioritize({"users/eve", ""}, second.id, 60, std::nullopt, ""));
  agent_.Accept(offered);
  EXPECT_EQ(StateOf(first.id), "ready");
  EXPECT_EQ(BeginNext(), second.id);
}

TEST_F(WindowQueueTest, AShorterEstimateLetsItBegin) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(4))});
  const Job job = Backup("users-db", For("now", 50, absl::Hours(2)));
  const agent::v1::Offer offered = Unanswered();
  EXPECT_EQ(
      ReasonOf(jobs_.Reprioritize({"users/eve", ""}, job.id, std::nullopt, absl::Hours(10), "")
                   .status()),
      "WINDOW_TOO_SHORT");
  // What is left of the window is too short when it is to begin.
  clock_.JumpWallClock(absl::Minutes(150));
  agent_.Accept(offered);
  EXPECT_EQ(agent_.Grants(), 0);
  Must(jobs_.Reprioritize({"users/eve", ""}, job.id, std::nullopt, absl::Hours(1), ""));
  EXPECT_EQ(BeginNext(), job.id);
}

TEST_F(WindowQueueTest, WhatIsNotQueuedHasNoPriority) {
  const Job job = Must(jobs_.SubmitBackup({"users/ada", ""}, "users-db", {}, false, ""));
  EXPECT_EQ(ReasonOf(jobs_.Reprioritize({"users/eve", ""}, job.id, 10, std::nullopt, "").status()),
            "NOT_QUEUED");
}

TEST_F(WindowQueueTest, TheWindowIsPartOfWhatIsApprovedAndThePriorityIsNot) {
  Declare({Once("a", kSoon, absl::Hours(4)), Once("b", kSoon, absl::Hours(4))});
  const std::string digest = Change(For("a", 50, absl::Minutes(10)), false).digest;
  EXPECT_EQ(Change(For("a", 70, absl::Minutes(20)), false).digest, digest);
  EXPECT_NE(Change(For("b", 50, absl::Minutes(10)), false).digest, digest);
  EXPECT_NE(Change({}, false).digest, digest);
}

TEST_F(WindowQueueTest, WhoIsPausedLeavesItsPlaceAndWaitsForOneWhenResumed) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(9))});
  const Job change = Change(For("now", 90, absl::Minutes(20)), true, {"orders-db", "users-db"});
  EXPECT_EQ(BeginNext(), change.id);
  const agent::v1::Offer first = *running_;
  const Job backup = Backup("a-db", For("now", 10, absl::Minutes(10)));
  Must(jobs_.Pause({"users/eve", ""}, change.id, "a moment"));
  EXPECT_FALSE(IsOffered()) << "its first target runs on";
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  Pass(absl::Seconds(10));
  EXPECT_EQ(BeginNext(), backup.id);
  Must(jobs_.Resume({"users/eve", ""}, change.id));
  Pass(absl::Seconds(10));
  EXPECT_FALSE(IsOffered()) << "never two in one place";
  EXPECT_EQ(StateOf(change.id), "paused");
  EXPECT_TRUE(absl::StrContains(WhyOf(change.id), "runs in it")) << WhyOf(change.id);
  EndIt();
  Pass(absl::Seconds(10));
  EXPECT_EQ(BeginNext(), change.id);
  EndIt();
  EXPECT_EQ(StateOf(change.id), "succeeded");
}

// Both had begun in this occurrence, so that a grant would ask neither whose turn it is.
TEST_F(WindowQueueTest, OfTwoThatAFreezePausedNoMoreGoOnAtOnceThanThereArePlaces) {
  const DeclaredWindow nightly = Once("nightly", absl::ZeroDuration(), absl::Hours(4));
  Declare({nightly});
  const Job older = Change(For("nightly", 50, absl::Hours(2)), false, {"orders-db", "users-db"});
  Pass(absl::Seconds(1));
  const Job newer = Change(For("nightly", 50, absl::Hours(2)), true, {"a-db", "b-db"});
  EXPECT_EQ(BeginNext(), newer.id);
  Must(jobs_.Pause({"users/eve", ""}, newer.id, "a moment"));
  EndIt();
  Must(jobs_.Approve({"users/bob", ""}, older.id, JobOf(older.id).digest, "fine"));
  EXPECT_EQ(BeginNext(), older.id);
  DeclaredWindow freeze = Freeze("busy", absl::ZeroDuration(), absl::Minutes(150));
  Declare({nightly, freeze});
  EndIt();
  Must(jobs_.Resume({"users/eve", ""}, newer.id));
  Pass(absl::Seconds(10));
  ExpectPaused(older.id);
  ExpectPaused(newer.id);
  // There is no time left for a whole change, but for the half that is left of one.
  Jump(absl::Minutes(150));
  EXPECT_EQ(StateOf(older.id), "rolling");
  EXPECT_EQ(StateOf(newer.id), "paused");
  EXPECT_EQ(BeginNext(), older.id);
  Pass(absl::Seconds(10));
  EXPECT_FALSE(IsOffered());
}

TEST_F(WindowQueueTest, WhatItsWindowInterruptedNeedsOnlyTheRestInTheNext) {
  Declare({Once("nightly", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause)});
  const Job change = Change(For("nightly", 50, absl::Minutes(50)), true, {"orders-db", "users-db"});
  EXPECT_EQ(BeginNext(), change.id);
  clock_.JumpWallClock(absl::Hours(1));
  EndIt();
  ExpectPaused(change.id);
  // Thirty minutes are enough for the half that is left.
  Declare({Once("nightly", kSoon, absl::Minutes(30), Overrun::kPause)});
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(change.id), "paused");
  Jump(kSoon);
  EXPECT_EQ(BeginNext(), change.id);
  EndIt();
  EXPECT_EQ(StateOf(change.id), "succeeded");
}

TEST_F(WindowQueueTest, ARestartInTheMiddleChangesNothing) {
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(4))});
  const Job lowest = Backup("orders-db", For("now", 10, absl::Minutes(10)));
  const Job high = Backup("users-db", For("now", 90, absl::Minutes(10)));
  const Job low = Backup("a-db", For("now", 20, absl::Minutes(10)));
  // The offer of the first lost its turn to the second.
  std::string begun;
  while (begun.empty() && IsOffered()) {
    const agent::v1::Offer offer = Unanswered();
    agent_.Accept(offer);
    if (agent_.Grants() == 0) continue;
    agent_.Start(offer);
    begun = offer.job_id();
    running_ = offer;
  }
  ASSERT_EQ(begun, high.id);
  dispatcher_.Stop();
  executor_.RunAll();
  metrics::Registry metrics;
  JobManager jobs(store_, flow_, hub_, clock_);
  Dispatcher again(DispatchOptions(), store_, flow_, jobs, hub_, clock_, executor_, metrics, {});
  takes_work_ = [&](const std::string& id) { return !again.WhyNoWork(id).has_value(); };
  again.Start();
  ScriptedAgent agent(again, executor_, clock_, "db1");
  agent.more_instances = agent_.more_instances;
  agent.last_seq = agent_.last_seq;
  agent::v1::AttemptState held;
  held.set_attempt_id(running_->attempt_id());
  held.set_fence(running_->fence());
  held.set_phase(agent::v1::ATTEMPT_PHASE_RUNNING);
  agent.Connect({held});
  Pass(absl::Seconds(20));
  EXPECT_TRUE(agent.Offers().empty()) << "its place is taken still";
  agent.Finish(*running_, agent::v1::OUTCOME_SUCCEEDED, ResultOf(*running_));
  ASSERT_EQ(agent.Offers().size(), 1u);
  EXPECT_EQ(agent.Offers()[0].job_id(), low.id);
  EXPECT_EQ(StateOf(lowest.id), "ready");
  again.Stop();
}

TEST_F(WindowQueueTest, TheQueueShowsOrderStateAndWhenEachIsExpected) {
  Declare({Once("tonight", kSoon, absl::Hours(1))});
  const absl::Time opens = clock_.Now() + kSoon;
  const Job change = Change(For("tonight", 90, absl::Minutes(20)), false);
  const Job backup = Backup("users-db", For("tonight", 50, absl::Minutes(30)));
  const Job large = Backup("a-db", For("tonight", 40, absl::Minutes(30)));
  const QueuePicture queue = QueueOf("tonight");
  ASSERT_EQ(queue.rows.size(), 3u);
  EXPECT_EQ(queue.rows[0].job.id, change.id);
  EXPECT_EQ(queue.rows[0].state, QueueEntry::State::kWaits);
  EXPECT_EQ(queue.rows[1].job.id, backup.id);
  EXPECT_EQ(queue.rows[1].state, QueueEntry::State::kReady);
  EXPECT_EQ(queue.rows[0].expected.begin, opens);
  EXPECT_EQ(queue.rows[1].expected.begin, opens + absl::Minutes(20));
  EXPECT_EQ(queue.rows[2].job.id, large.id);
  EXPECT_EQ(queue.rows[2].expected.begin, absl::InfiniteFuture()) << "it does not fit tonight";
  const absl::Status none = store_.Read([&](ReadTx& tx) {
    return jobs_.ShowQueue(tx, "none", [](const std::string&) { return std::nullopt; }).status();
  });
  EXPECT_EQ(ReasonOf(none), "NO_SUCH_WINDOW");
}

TEST_F(WindowQueueTest, WhatLostItsWindowIsListedWithAllOthers) {
  Declare({Once("tonight", kSoon, absl::Hours(1)), Once("weekend", kSoon, absl::Hours(1))});
  const Job lost = Backup("users-db", For("tonight", 50, absl::Minutes(10)));
  const Job other = Backup("a-db", For("weekend", 50, absl::Minutes(10)));
  Declare({Once("weekend", kSoon, absl::Hours(1))});
  const QueuePicture all = QueueOf("");
  ASSERT_EQ(all.rows.size(), 2u);
  EXPECT_EQ(all.rows[0].job.id, lost.id);
  EXPECT_TRUE(all.rows[0].window_gone);
  EXPECT_EQ(all.rows[0].state, QueueEntry::State::kWaits) << "it is no window's turn";
  EXPECT_EQ(all.rows[0].expected.begin, absl::InfiniteFuture());
  EXPECT_EQ(all.rows[1].job.id, other.id);
  EXPECT_FALSE(all.rows[1].window_gone);
  ASSERT_EQ(QueueOf("tonight").rows.size(), 1u);
  EXPECT_TRUE(QueueOf("tonight").rows[0].window_gone);
}

TEST_F(WindowQueueTest, TheSameRequestIsQueuedOnce) {
  Declare({Once("tonight", kSoon, absl::Hours(1))});
  const QueueAsk ask = For("tonight", 50, absl::Minutes(10));
  const RequestMeta meta{"users/ada", "r-1"};
  const Job first = Must(jobs_.SubmitBackup(meta, "users-db", {}, false, "", ask));
  EXPECT_EQ(Must(jobs_.SubmitBackup(meta, "users-db", {}, false, "", ask)).id, first.id);
  EXPECT_EQ(QueueOf("tonight").rows.size(), 1u);
}

}  // namespace
}  // namespace dbfleet::controller
