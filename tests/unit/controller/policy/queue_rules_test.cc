// The rule "window-queue": what was queued for a window begins there, in its turn.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"

#include "common/base/status.h"
#include "controller/policy/policy.h"

namespace dbfleet::controller {
namespace {

class QueueRulesTest : public ::testing::Test {
 protected:
  QueueRulesTest() {
    input_.policy = {0, absl::ZeroDuration(), absl::Hours(24), false, WindowFor::kNone};
    input_.now = open_;
    input_.job.id = "mine";
    input_.job.kind = JobKind::kBackup;
    input_.job.state = JobState::kReady;
    input_.job.safety = SafetyClass::kSafe;
    input_.job.create_time = open_ - absl::Hours(1);
    input_.job.queue = {"nightly", 50, absl::Minutes(40), EstimateSource::kLearned, 3};
    input_.targets.push_back({"instances/a", "a", "", std::nullopt, -1, nullptr});
    DeclaredWindow nightly;
    nightly.window.name = "nightly";
    nightly.window.overrun = Overrun::kPause;
    nightly.window.times.recurring = *CronExpression::Parse("0 2 * * *");
    nightly.window.times.zone = *LoadZone("Europe/Berlin");
    nightly.window.times.duration = absl::Hours(2);
    nightly.time_zone = "Europe/Berlin";
    input_.queue.window = nightly;
    input_.queue.needs = absl::Minutes(40);
  }
  std::string Words() { return Evaluate(input_).Words(); }
  void Queue(const std::string& job, int priority, QueueEntry::State state) {
    input_.queue.others.push_back({job, priority, open_, absl::Minutes(10), state});
  }

  // Half past two in Berlin.
  const absl::Time open_ =
      absl::FromCivil(absl::CivilSecond(2026, 11, 22, 1, 30, 0), absl::UTCTimeZone());
  PolicyInput input_;
};

TEST_F(QueueRulesTest, InItsTurnItBeginsUnderItsWindowsTerms) {
  const PolicyDecision decision = Evaluate(input_);
  EXPECT_TRUE(decision.allowed()) << decision.Words();
  EXPECT_EQ(decision.window, "nightly");
  EXPECT_EQ(decision.overrun, Overrun::kPause);
  EXPECT_EQ(decision.closes, open_ + absl::Minutes(90));
  EXPECT_EQ(decision.window_closes, decision.closes);
}

TEST_F(QueueRulesTest, WhatWasNotQueuedIsNotTouched) {
  input_.job.queue = {};
  EXPECT_TRUE(Evaluate(input_).allowed());
  EXPECT_EQ(Evaluate(input_).window, "");
}

TEST_F(QueueRulesTest, OutsideItWaitsAndSaysForWhen) {
  input_.now = open_ + absl::Hours(2);
  Queue("other", 80, QueueEntry::State::kWaits);
  EXPECT_EQ(Words(),
            "window-queue: the window nightly is closed; next 2026-11-23 02:00 Europe/Berlin; "
            "2nd of 2 for the window nightly");
  const PolicyDecision decision = Evaluate(input_);
  EXPECT_TRUE(decision.Closed());
  EXPECT_FALSE(decision.closing);
  EXPECT_EQ(decision.opens, open_ + absl::Minutes(23 * 60 + 30));
}

TEST_F(QueueRulesTest, BehindOthersItSaysWho) {
  Queue("x", 80, QueueEntry::State::kReady);
  Queue("y", 20, QueueEntry::State::kReady);
  Queue("z", 90, QueueEntry::State::kWaits);
  EXPECT_EQ(Words(),
            "window-queue: 3rd of 4 for the window nightly: jobs/x (priority 80) is before it");
  const PolicyDecision decision = Evaluate(input_);
  EXPECT_FALSE(decision.Closed());
  EXPECT_TRUE(decision.out_of_turn);
  EXPECT_TRUE(decision.BlockedByTime());
  EXPECT_TRUE(WaitsForTimeAndBackup(decision));
}

TEST_F(QueueRulesTest, WhereAllPlacesAreTakenItSaysByWhom) {
  Queue("x", 10, QueueEntry::State::kRuns);
  EXPECT_EQ(Words(),
            "window-queue: 2nd of 2 for the window nightly: jobs/x (priority 10) runs in it, and "
            "no more than 1 may at a time");
  input_.queue.window->parallel = 2;
  EXPECT_EQ(Words(), "");
}

TEST_F(QueueRulesTest, WhereTooLittleIsLeftItSaysWhatItNeedsAndWhenNext) {
  input_.now = open_ + absl::Minutes(65);
  EXPECT_EQ(Words(),
            "window-queue: needs 40m (the longest of its last 3 runs), and nightly closes at "
            "2026-11-22 04:00 Europe/Berlin; next 2026-11-23 02:00 Europe/Berlin; 1st of 1 for the "
            "window nightly");
  EXPECT_TRUE(Evaluate(input_).out_of_turn);
  EXPECT_EQ(Evaluate(input_).opens, open_ + absl::Minutes(23 * 60 + 30));
  input_.job.queue.source = EstimateSource::kDeclared;
  EXPECT_TRUE(absl::StrContains(Words(), "needs 40m (as declared)")) << Words();
  input_.job.queue.source = EstimateSource::kAssumed;
  EXPECT_TRUE(absl::StrContains(Words(), "needs 40m (assumed, as nothing is known of it)"));
}

TEST_F(QueueRulesTest, AFreezeWinsAndTheOneThatComesCutsTheOccurrenceShort) {
  Window freeze;
  freeze.name = "holidays";
  freeze.effect = WindowEffect::kDeny;
  freeze.times.once = Span{open_ - absl::Hours(1), open_ + absl::Hours(1)};
  input_.targets[0].windows =
      std::make_shared<const std::vector<Window>>(std::vector<Window>{freeze});
  EXPECT_TRUE(Evaluate(input_).BlockedBy("freeze")) << Words();
  freeze.times.once = Span{open_ + absl::Minutes(30), open_ + absl::Hours(1)};
  input_.targets[0].windows =
      std::make_shared<const std::vector<Window>>(std::vector<Window>{freeze});
  EXPECT_TRUE(absl::StrContains(Words(), "its targets close at 2026-11-22 03:00 Europe/Berlin"))
      << Words();
  input_.queue.needs = absl::Minutes(20);
  EXPECT_EQ(Words(), "");
}

TEST_F(QueueRulesTest, WithoutItsWindowNothingBegins) {
  PolicyInput gone = input_;
  gone.queue.window.reset();
  EXPECT_TRUE(absl::StrContains(Evaluate(gone).Words(), "there is no window nightly any more"));
  EXPECT_EQ(Evaluate(gone).opens, absl::InfiniteFuture());
  PolicyInput freeze = input_;
  freeze.queue.window->window.effect = WindowEffect::kDeny;
  EXPECT_TRUE(absl::StrContains(Evaluate(freeze).Words(), "has become a freeze"));
  PolicyInput uncovered = input_;
  uncovered.queue.uncovered = {"instances/a"};
  EXPECT_TRUE(absl::StrContains(Evaluate(uncovered).Words(), "does not select instances/a"));
  PolicyInput unreadable = input_;
  unreadable.windows_unreadable = "it is broken";
  EXPECT_EQ(Evaluate(unreadable).Words(), "windows-unreadable: it is broken");
  // A rollback that mends a failure waits for no other window, but for the one that it was queued
  // for.
  unreadable.job.kind = JobKind::kMigrate;
  unreadable.mends_failure = true;
  EXPECT_TRUE(Evaluate(unreadable).BlockedBy("windows-unreadable"));
}

TEST_F(QueueRulesTest, WhatIsUnderWayIsNotMeasuredAgainButEndsWithTheOccurrence) {
  input_.queue.under_way = true;
  Queue("x", 80, QueueEntry::State::kReady);
  input_.now = open_ + absl::Minutes(80);
  EXPECT_EQ(Words(), "");
  input_.now = open_ + absl::Minutes(90) - kLeastOpen / 2;
  EXPECT_TRUE(Evaluate(input_).closing) << Words();
  EXPECT_TRUE(Evaluate(input_).Closed());
  input_.now = open_ + absl::Minutes(90);
  EXPECT_TRUE(Evaluate(input_).Closed()) << Words();
  EXPECT_FALSE(Evaluate(input_).closing);
  input_.goes_on = true;
  EXPECT_EQ(Words(), "");
}

TEST_F(QueueRulesTest, BrokenGlassLetsItBeginAtOnce) {
  input_.now = open_ + absl::Hours(2);
  input_.job.digest = "d";
  Waiver waiver;
  waiver.digest = "d";
  waiver.rules = {"window", "freeze"};
  waiver.create_time = open_;
  waiver.expire_time = open_ + absl::Hours(9);
  input_.waiver = waiver;
  EXPECT_TRUE(Evaluate(input_).BlockedBy("window-queue"));
  input_.waiver->rules = {"window-queue"};
  const PolicyDecision decision = Evaluate(input_);
  EXPECT_TRUE(decision.allowed()) << decision.Words();
  EXPECT_EQ(decision.waived, std::vector<std::string>{"window-queue"});
}

}  // namespace
}  // namespace dbfleet::controller
