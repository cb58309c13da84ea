// A change's life with maintenance windows and freezes: what waits for them, what their ends mean.
#include <gtest/gtest.h>

#include "absl/strings/match.h"

#include "controller/dispatch/wire.h"
#include "controller/domain/transitions.h"
#include "tests/unit/controller/dispatch/window_fixture.h"

namespace dbfleet::controller {
namespace {

using WindowLifeTest = WindowFixture;

TEST_F(WindowLifeTest, WhatIsApprovedNowStartsWhenTheWindowOpens) {
  Declare({Once("tonight", absl::Hours(2), absl::Hours(1))});
  const Job job = Approved();
  EXPECT_EQ(job.state, JobState::kReady);
  Pass(absl::Minutes(1));
  EXPECT_FALSE(IsOffered());
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id),
                                "window: no maintenance window is open for "
                                "instances/orders-db/databases/shop; the next "
                                "opening is from "))
      << WhyOf(job.id);
  clock_.Advance(absl::Hours(2));
  Pass(absl::Seconds(2));
  ASSERT_TRUE(IsOffered());
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
  EXPECT_EQ(JobOf(job.id).window, "tonight");
}

TEST_F(WindowLifeTest, WithoutAnyWindowItWaitsAndSaysWhatCanBeDone) {
  const Job job = Approved();
  Pass(absl::Minutes(1));
  EXPECT_FALSE(IsOffered());
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "dbfleet window add")) << WhyOf(job.id);
  Declare({Once("now", absl::ZeroDuration(), absl::Hours(1))});
  Pass(absl::Seconds(2));
  EXPECT_TRUE(IsOffered());
}

TEST_F(WindowLifeTest, AWindowOfAnotherEnvironmentOrOfOtherLabelsOpensNothing) {
  DeclaredWindow elsewhere = Once("qa-only", absl::ZeroDuration(), absl::Hours(1));
  elsewhere.environments = {"qa"};
  DeclaredWindow labelled = Once("tier-1", absl::ZeroDuration(), absl::Hours(1));
  labelled.labels = {{"tier", "1"}};
  Declare({elsewhere, labelled});
  Approved();
  Pass(absl::Minutes(1));
  EXPECT_FALSE(IsOffered());
}

TEST_F(WindowLifeTest, TheAgentIsToldWhenTheWindowCloses) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1))});
  const absl::Time closes = clock_.Now() + absl::Hours(1);
  Approved();
  agent_.Accept(Unanswered());
  EXPECT_EQ(FromProto(LastGrant().start_before()), closes);
  EXPECT_GT(FromProto(LastGrant().not_after()), closes) << "what has begun may finish";
}

// Else it would not hear of a freeze, a pause or a revoked token while its workers are busy.
TEST_F(WindowLifeTest, TheAgentMayNotLetAGrantedChangeWaitForLong) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1))});
  Approved();
  EXPECT_FALSE(LastGrant().has_begin_within()) << "a plan changes nothing";
  agent_.Accept(Unanswered());
  EXPECT_EQ(FromProto(LastGrant().begin_within()), kBeginWithin);
}

TEST_F(WindowLifeTest, TheAgentIsToldWhenAnApprovalExpiresBeforeTheWindowCloses) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(100))});
  const Job job = Approved();
  agent_.Accept(Unanswered());
  ASSERT_FALSE(JobOf(job.id).approvals.empty());
  const absl::Time expires = JobOf(job.id).approvals[0].expire_time;
  ASSERT_LT(expires, clock_.Now() + absl::Hours(100));
  EXPECT_EQ(FromProto(LastGrant().start_before()), expires);
}

TEST_F(WindowLifeTest, AWindowThatCancelsBoundsTheWorkItself) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel)});
  const absl::Time closes = clock_.Now() + absl::Hours(1);
  Approved();
  agent_.Accept(Unanswered());
  EXPECT_LE(FromProto(LastGrant().not_after()), closes);
}

TEST_F(WindowLifeTest, WhatWasOfferedInTheWindowIsNotGrantedBehindIt) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Minutes(10))});
  const Job job = Approved();
  const agent::v1::Offer offer = Unanswered();
  const int grants = agent_.Grants();
  clock_.JumpWallClock(absl::Minutes(10));
  agent_.Accept(offer);
  EXPECT_EQ(agent_.Grants(), grants);
  EXPECT_EQ(StateOf(job.id), "ready") << "it waits for the next window";
}

TEST_F(WindowLifeTest, WhatBeganGoesOnWithAllItsTargetsWhereTheWindowLetsItFinish) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1))});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  ASSERT_TRUE(IsOffered());
  const agent::v1::Offer second = Begun();
  EXPECT_EQ(FromProto(LastGrant().start_before()), JobOf(job.id).approvals[0].expire_time);
  agent_.Finish(second, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

TEST_F(WindowLifeTest, AWindowThatPausesHoldsTheOtherTargetsUntilItOpensAgain) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause),
           Once("tomorrow", absl::Hours(12), absl::Hours(1), Overrun::kPause)});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  ExpectPaused(job.id);
  EXPECT_EQ(JobOf(job.id).error_reason, "WINDOW_CLOSED");
  EXPECT_TRUE(absl::StrContains(JobOf(job.id).error_message, "window: "))
      << JobOf(job.id).error_message;
  Pass(absl::Minutes(1));
  EXPECT_EQ(StateOf(job.id), "paused");

  clock_.JumpWallClock(absl::Hours(11));
  Pass(absl::Seconds(5));
  EXPECT_EQ(StateOf(job.id), "rolling") << "nobody has to resume it";
  EXPECT_EQ(JobOf(job.id).error_reason, "");
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(JobOf(job.id).window, "tomorrow");
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

TEST_F(WindowLifeTest, WhatAPersonPausedIsNotResumedByAWindow) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(5))});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  Must(jobs_.Pause({"users/ada", ""}, job.id, "high load"));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  Pass(absl::Minutes(1));
  EXPECT_EQ(StateOf(job.id), "paused");
  EXPECT_FALSE(IsOffered());
}

TEST_F(WindowLifeTest, APersonsPauseTakesThePlaceOfTheWindows) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause),
           Once("later", absl::Hours(2), absl::Hours(5), Overrun::kPause)});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  ExpectPaused(job.id);
  Must(jobs_.Pause({"users/ada", ""}, job.id, "we look at the first one"));
  EXPECT_EQ(JobOf(job.id).error_reason, "PAUSED");
  clock_.JumpWallClock(absl::Hours(1));
  Pass(absl::Seconds(5));
  EXPECT_EQ(StateOf(job.id), "paused");
  Must(jobs_.Resume({"users/ada", ""}, job.id));
  Run(Unanswered(), MakeMigrated());
  EXPECT_EQ(StateOf(job.id), "succeeded");
}

// Whoever resumes a job outside of its window does not open it.
TEST_F(WindowLifeTest, ResumingByHandDoesNotOpenTheWindow) {
  Declare({Once("today", absl::ZeroDuration(), absl::Hours(1), Overrun::kPause)});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  ExpectPaused(job.id);
  Must(jobs_.Resume({"users/ada", ""}, job.id));
  ExpectPaused(job.id);
  EXPECT_EQ(JobOf(job.id).error_reason, "WINDOW_CLOSED");
  Must(jobs_.Cancel({"users/ada", ""}, job.id, "not today"));
  Pass(absl::Seconds(2));
  EXPECT_TRUE(IsTerminal(JobOf(job.id).state)) << StateOf(job.id);
}

// Between two waves, or paused by a person, nothing of it runs; the rest is cancelled all the same.
TEST_F(WindowLifeTest, AWindowThatCancelsEndsAlsoAJobThatIsPausedWhenItCloses) {
  for (const bool by_person : {false, true}) {
    Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(24), Overrun::kCancel)});
    ChangeRequest request = MakeChange();
    request.instances = {"orders-db", "users-db"};
    request.rollout.waves = {"1", "2"};
    request.rollout.health_check = false;
    request.rollout.pause_between = absl::Hours(30);
    const Job job = ApprovedOf(request);
    Run(Unanswered(), MakeMigrated());
    EXPECT_EQ(JobOf(job.id).error_reason, kBetweenWaves);
    if (by_person) Must(jobs_.Pause({"users/ada", ""}, job.id, "let me look"));
    Declare({Once("tonight", -absl::Hours(2), absl::Hours(1), Overrun::kCancel),
             Once("tomorrow", absl::Hours(24), absl::Hours(9))});
    Pass(kLookInterval);
    EXPECT_EQ(StateOf(job.id), "partial") << by_person;
    EXPECT_EQ(JobOf(job.id).error_message, "the window tonight has closed");
    clock_.Advance(absl::Hours(31));
    Pass(absl::Seconds(3));
    EXPECT_FALSE(IsOffered()) << "no further target begins";
  }
}

TEST_F(WindowLifeTest, AWindowThatCancelsEndsTheJobWhenItCloses) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel)});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  clock_.JumpWallClock(absl::Hours(1));
  Pass(absl::Seconds(3));
  EXPECT_EQ(StateOf(job.id), "cancelling");
  EXPECT_FALSE(agent_.Sent(agent::v1::ControllerMsg::kCancel).empty());
  agent_.Finish(first, agent::v1::OUTCOME_CANCELLED);
  Pass(absl::Seconds(3));
  EXPECT_EQ(StateOf(job.id), "cancelled");
  EXPECT_FALSE(IsOffered()) << "no further target begins";
}

// What a person, its budget or its check keeps is cancelled at the close, and nothing else before.
TEST_F(WindowLifeTest, WhatIsPausedInAWindowThatCancelsCostsTheWriterNothingUntilItCloses) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel)});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  Must(jobs_.Pause({"users/ada", ""}, job.id, "the shop is busy"));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  ASSERT_EQ(StateOf(job.id), "paused");
  Pass(absl::Seconds(10));
  const int before = store_.commits();
  Pass(absl::Minutes(1));
  EXPECT_EQ(store_.commits(), before);
  clock_.JumpWallClock(absl::Hours(1));
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(job.id), "partial");
  EXPECT_EQ(JobOf(job.id).error_message, "the window tonight has closed");
}

TEST_F(WindowLifeTest, WhatAClosingWindowWillCancelSaysThatNothingMoreBegins) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(1), Overrun::kCancel)});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  EXPECT_EQ(Explained(job.id), "");
  clock_.JumpWallClock(absl::Hours(1) - absl::Seconds(20));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  Pass(absl::Seconds(3));
  EXPECT_EQ(StateOf(job.id), "rolling") << "until the window closes";
  const std::string why = Explained(job.id);
  EXPECT_TRUE(absl::StrContains(why, "window: the window tonight closes for ")) << why;
  EXPECT_TRUE(absl::StrContains(why, "too soon to begin")) << why;
  EXPECT_TRUE(absl::StrContains(why,
                                "the end of the window tonight cancels what has not begun by "
                                "then (overrun: cancel)"))
      << why;
}

TEST_F(WindowLifeTest, AFreezeStopsChangesAlsoWhereNoWindowIsNeeded) {
  ChangePolicy([](EnvironmentPolicy* policy) { policy->window_for = WindowFor::kNone; });
  Declare({Freeze("holidays", absl::ZeroDuration(), absl::Hours(3))});
  const Job job = Approved();
  Pass(absl::Minutes(1));
  EXPECT_FALSE(IsOffered());
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "freeze: the freeze holidays covers "))
      << WhyOf(job.id);
  clock_.Advance(absl::Hours(3));
  Pass(absl::Seconds(2));
  EXPECT_TRUE(IsOffered());
}

TEST_F(WindowLifeTest, AFreezeWinsOverAnOpenWindowAndPausesWhatHasBegun) {
  Declare({Once("tonight", absl::ZeroDuration(), absl::Hours(10)),
           Freeze("incident", absl::Hours(1), absl::Hours(2))});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  clock_.JumpWallClock(absl::Hours(1));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  ExpectPaused(job.id);
  clock_.JumpWallClock(absl::Hours(2));
  Pass(absl::Seconds(5));
  EXPECT_EQ(StateOf(job.id), "rolling");
}

TEST_F(WindowLifeTest, AFreezeHoldsUpNeitherChecksNorBackups) {
  Declare({Freeze("holidays", absl::ZeroDuration(), absl::Hours(3))});
  Must(jobs_.SubmitCheck({"users/ada", ""}, "orders-db"));
  const agent::v1::Offer check = Unanswered();
  const int grants = agent_.Grants();
  agent_.Accept(check);
  EXPECT_EQ(agent_.Grants(), grants + 1);
}

TEST_F(WindowLifeTest, TheDemandedBackupIsTakenShortlyBeforeTheWindowAndNotDaysBefore) {
  ChangePolicy([](EnvironmentPolicy* policy) { policy->approval_ttl = absl::Hours(100); });
  Declare({Once("weekend", absl::Hours(60), absl::Hours(4))});
  const Job job = PlannedChange();
  answered_ = agent_.Offers().size();
  Must(jobs_.Approve({"users/bob", ""}, job.id, job.digest, "ok"));
  Pass(absl::Minutes(1));
  EXPECT_EQ(StateOf(job.id), "ready");
  EXPECT_FALSE(IsOffered()) << "the policy wants a backup younger than a day";
  clock_.Advance(absl::Hours(53));
  Pass(absl::Seconds(3));
  EXPECT_FALSE(IsOffered());
  clock_.Advance(absl::Hours(1));
  Pass(absl::Seconds(3));
  ASSERT_TRUE(IsOffered());
  EXPECT_TRUE(Unanswered().spec().has_backup());
}

}  // namespace
}  // namespace dbfleet::controller
