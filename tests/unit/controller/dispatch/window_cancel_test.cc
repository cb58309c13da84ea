// Windows whose end cancels what has begun in them, also when nobody sees them closed.
#include <gtest/gtest.h>

#include "absl/strings/match.h"

#include "tests/unit/controller/dispatch/window_fixture.h"

namespace dbfleet::controller {
namespace {

class WindowCancelTest : public WindowFixture {
 protected:
  WindowCancelTest() {
    // What else has an end lasts until the next night.
    ChangePolicy([](EnvironmentPolicy* policy) {
      policy->verified_backup_max_age = absl::Hours(72);
      policy->approval_ttl = absl::Hours(72);
    });
  }

  DeclaredWindow Tonight(absl::Duration length = absl::Hours(1)) {
    DeclaredWindow tonight = Once("tonight", absl::ZeroDuration(), length, Overrun::kCancel);
    tonight.window.times.once->begin = first_;
    tonight.window.times.once->end = first_ + length;
    return tonight;
  }
  DeclaredWindow Tomorrow() {
    DeclaredWindow tomorrow = Tonight();
    tomorrow.window.name = "tomorrow";
    tomorrow.window.times.once = Span{first_ + absl::Hours(24), first_ + absl::Hours(26)};
    return tomorrow;
  }
  void To(absl::Duration behind_first) {
    clock_.JumpWallClock(first_ + behind_first - clock_.Now());
    Pass(absl::Seconds(10));
  }
  // Once, where it was stopped.
  void Look() {
    jobs_.Tick();
    executor_.RunAll();
  }
  void ExpectCancelled(const std::string& job) {
    EXPECT_EQ(StateOf(job), "partial");
    EXPECT_TRUE(absl::StrContains(JobOf(job).error_message, "the window tonight has closed"))
        << JobOf(job).error_message;
  }

  const absl::Time first_ = clock_.Now();
};

TEST_F(WindowCancelTest, AFreezeOverTheCloseDoesNotKeepItFromBeingCancelled) {
  Declare({Tonight(), Tomorrow(), Freeze("incident", absl::Minutes(30), absl::Hours(24))});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  To(absl::Minutes(40));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  ExpectPaused(job.id);
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(job.id), "paused") << "the window is open below the freeze";
  To(absl::Minutes(61));
  ExpectCancelled(job.id);
}

TEST_F(WindowCancelTest, ACloseThatNobodyLookedAtStillCancels) {
  Declare({Tonight(), Tomorrow()});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  job_looks_.Stop();
  clock_.JumpWallClock(absl::Hours(24) + absl::Minutes(10));
  const int grants = agent_.Grants();
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  if (IsOffered()) agent_.Accept(Unanswered());
  EXPECT_EQ(agent_.Grants(), grants) << "the next night's window is not its own";
  EXPECT_TRUE(absl::StrContains(WhyOf(job.id), "the window tonight, in which it began, closed"))
      << WhyOf(job.id);
  Look();
  ExpectCancelled(job.id);
}

TEST_F(WindowCancelTest, PausedOverTheCloseItIsCancelledAsWell) {
  Declare({Tonight(), Tomorrow()});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  Must(jobs_.Pause({"users/ada", ""}, job.id, "the disk is full"));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  job_looks_.Stop();
  clock_.JumpWallClock(absl::Hours(24) + absl::Minutes(10));
  Look();
  ExpectCancelled(job.id);
}

// Whoever extends the window under it means what runs in it.
TEST_F(WindowCancelTest, AWindowThatIsExtendedCarriesItOn) {
  Declare({Tonight()});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  EXPECT_EQ(agent_.NotAfter(first), first_ + absl::Hours(1));
  Declare({Tonight(absl::Hours(3))});
  To(absl::Minutes(50));
  EXPECT_EQ(agent_.NotAfter(first), first_ + absl::Hours(3)) << "its steps go on as well";
  EXPECT_EQ(Detail("attempt.bound", "attempt"), first.attempt_id());
  To(absl::Minutes(90));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(job.id), "rolling");
  Begun();
  To(absl::Hours(3));
  EXPECT_EQ(StateOf(job.id), "cancelling");
}

TEST_F(WindowCancelTest, AWindowThatIsEndedEarlierCancelsThen) {
  Declare({Tonight()});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  Declare({Tonight(absl::Minutes(20)), Tomorrow()});
  To(absl::Minutes(10));
  EXPECT_EQ(agent_.NotAfter(first), first_ + absl::Minutes(20));
  To(absl::Hours(24) + absl::Minutes(10));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  Pass(absl::Seconds(10));
  ExpectCancelled(job.id);
}

// The window that it began in is not there any more; what is open now carries it on.
TEST_F(WindowCancelTest, AnotherWindowInPlaceOfTheOneThatIsGoneCarriesItOn) {
  Declare({Tonight()});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  Declare({Once("later", absl::Minutes(10), absl::Hours(4), Overrun::kCancel)});
  job_looks_.Stop();
  clock_.JumpWallClock(absl::Minutes(30));
  Look();
  EXPECT_EQ(agent_.NotAfter(first), first_ + absl::Minutes(10) + absl::Hours(4));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(job.id), "rolling");
}

// What was queued goes by the window that carries it alone, whose next occurrence is not its own.
TEST_F(WindowCancelTest, WhatWasQueuedEndsWithTheOccurrenceInWhichItBegan) {
  DeclaredWindow nightly;
  nightly.window.name = "tonight";
  nightly.window.overrun = Overrun::kCancel;
  nightly.window.times.recurring =
      *CronExpression::Parse(absl::FormatTime("%M %H * * *", first_, absl::UTCTimeZone()));
  nightly.window.times.duration = absl::Hours(1);
  Declare({nightly});
  ChangeRequest request = MakeChange();
  request.instances = {"orders-db", "users-db"};
  request.queue = {"tonight", 50, absl::Minutes(10)};
  const Job job = ApprovedOf(request);
  const agent::v1::Offer first = Begun();
  job_looks_.Stop();
  clock_.JumpWallClock(absl::Hours(24) + absl::Minutes(10));
  const int grants = agent_.Grants();
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  if (IsOffered()) agent_.Accept(Unanswered());
  EXPECT_EQ(agent_.Grants(), grants);
  Look();
  ExpectCancelled(job.id);
}

TEST_F(WindowCancelTest, WhoBrokeTheGlassForTheWindowGoesOnBehindIt) {
  Declare({Tonight(), Tomorrow()});
  const Job job = Approved({"orders-db", "users-db"});
  const agent::v1::Offer first = Begun();
  waiver_.emplace();
  waiver_->digest = JobOf(job.id).digest;
  waiver_->rules = {"window"};
  waiver_->principal = "users/ada";
  waiver_->create_time = clock_.Now();
  waiver_->expire_time = clock_.Now() + absl::Hours(4);
  To(absl::Minutes(50));
  EXPECT_GT(agent_.NotAfter(first), first_ + absl::Minutes(70));
  To(absl::Minutes(70));
  agent_.Finish(first, agent::v1::OUTCOME_SUCCEEDED, MakeMigrated());
  Pass(absl::Seconds(10));
  EXPECT_EQ(StateOf(job.id), "rolling");
  Begun();
}

}  // namespace
}  // namespace dbfleet::controller
