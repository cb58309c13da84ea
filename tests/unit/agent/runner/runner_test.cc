#include "agent/runner/runner.h"

#include <filesystem>

#include "absl/strings/str_cat.h"

#include "common/base/hash.h"
#include "tests/unit/agent/runner/runner_test_util.h"

namespace dbfleet::agent {
namespace {

class RunnerTest : public RunnerFixture {
 protected:
  RunnerTest() { MakeRunner(); }
};

TEST_F(RunnerTest, RunsAGrantedAttemptOnceAndReportsIt) {
  OfferAndGrant(Offer("a1", 1));
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(backup_.runs, 1);
  EXPECT_EQ(CountEvents("a1", v1::Event::kAccepted), 1);
  EXPECT_EQ(CountEvents("a1", v1::Event::kStarted), 1);
  EXPECT_EQ(CountEvents("a1", v1::Event::kFinished), 1);
}

TEST_F(RunnerTest, NothingStartsWithoutAGrant) {
  runner_->HandleOffer(Offer("a1", 1));
  runner_->HandleOffer(Offer("a2", 2, "backup", "payments"));
  runner_->HandleGrant(MakeGrant(Offer("a2", 2)));
  OutcomeOf("a2");
  EXPECT_EQ(PhaseOf("a1"), v1::ATTEMPT_PHASE_ACCEPTED);
  EXPECT_EQ(backup_.runs, 1);
}

TEST_F(RunnerTest, RepeatedOffersAndGrantsRunOnce) {
  Gate gate;
  backup_.run = [&](ActionContext&, const work::v1::JobSpec&) {
    gate.Pass();
    return ScriptedAction::Done();
  };
  const v1::Offer offer = Offer("a1", 1);
  for (int i = 0; i < 3; ++i) OfferAndGrant(offer);
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  for (int i = 0; i < 3; ++i) OfferAndGrant(offer);
  gate.Open();
  OutcomeOf("a1");
  for (int i = 0; i < 3; ++i) OfferAndGrant(offer);
  ASSERT_TRUE(Await([&] { return runner_->running() == 0; }));
  EXPECT_EQ(backup_.runs, 1);
  EXPECT_EQ(CountEvents("a1", v1::Event::kFinished), 1);
}

TEST_F(RunnerTest, DeclinesWhatItCannotOrMayNotDo) {
  forbidden_action_ = "migrate";
  inspect_.supports = Error(absl::StatusCode::kFailedPrecondition, "NO_ACCOUNT", "none");
  runner_->HandleOffer(Offer("a1", 1, "backup", "elsewhere"));
  runner_->HandleOffer(Offer("a2", 2, "migrate"));
  runner_->HandleOffer(Offer("a3", 3, "inspect"));
  v1::Offer nothing = Offer("a4", 4);
  nothing.clear_spec();
  runner_->HandleOffer(nothing);
  v1::Offer no_purpose = Offer("a5", 5);
  no_purpose.set_purpose(v1::PURPOSE_UNSPECIFIED);
  runner_->HandleOffer(no_purpose);
  EXPECT_EQ(DeclineOf("a1"), "INSTANCE_UNKNOWN");
  EXPECT_EQ(DeclineOf("a2"), "ACTION_FORBIDDEN");
  EXPECT_EQ(DeclineOf("a3"), "NO_ACCOUNT");
  EXPECT_EQ(DeclineOf("a4"), "ACTION_UNKNOWN");
  EXPECT_EQ(DeclineOf("a5"), "ACTION_UNKNOWN");
  EXPECT_TRUE(journal_->Attempts()->empty());
}

TEST_F(RunnerTest, DeclinesStaleFencesEpochsAndAFullJournal) {
  runner_->HandleOffer(Offer("a1", 5));
  runner_->HandleOffer(Offer("a2", 4));
  EXPECT_EQ(DeclineOf("a2"), "STALE_FENCE");
  ASSERT_TRUE(journal_->NoteEpoch(9, "").ok());
  v1::Offer old = Offer("a3", 6);
  old.set_epoch(8);
  runner_->HandleOffer(old);
  EXPECT_EQ(DeclineOf("a3"), "STALE_EPOCH");
  journal_->FailAccept(
      [] { return Error(absl::StatusCode::kResourceExhausted, "JOURNAL_FULL", "full"); });
  v1::Offer current = Offer("a4", 7);
  current.set_epoch(9);
  runner_->HandleOffer(current);
  EXPECT_EQ(DeclineOf("a4"), "JOURNAL_FULL");
}

TEST_F(RunnerTest, AnAttemptIdThatIsAPathIsRefused) {
  runner_->HandleOffer(Offer("../../etc", 1));
  runner_->HandleOffer(Offer("", 2));
  EXPECT_EQ(journal_->LastEventSeq(), 0u);
}

TEST_F(RunnerTest, AGrantThatComesTooLateStartsNothing) {
  v1::Offer offer = Offer("a1", 1);
  offer.mutable_start_within()->set_seconds(30);
  runner_->HandleOffer(offer);
  clock_.Advance(absl::Seconds(31));
  runner_->HandleGrant(MakeGrant(offer));
  const v1::Finished outcome = OutcomeOf("a1");
  EXPECT_EQ(outcome.outcome(), v1::OUTCOME_FAILED);
  EXPECT_EQ(outcome.error_reason(), "START_TOO_LATE");
  EXPECT_EQ(backup_.runs, 0);
  EXPECT_EQ(CountEvents("a1", v1::Event::kStarted), 0);
}

TEST_F(RunnerTest, NothingStartsOnceItsWindowHasClosed) {
  const v1::Offer offer = Offer("a1", 1);
  v1::Grant grant = MakeGrant(offer);
  grant.mutable_start_before()->set_seconds(absl::ToUnixSeconds(clock_.Now()));
  OfferAndGrant(offer, grant);
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "START_TOO_LATE");
  EXPECT_EQ(backup_.runs, 0);
  EXPECT_EQ(CountEvents("a1", v1::Event::kStarted), 0);

  const v1::Offer in_time = Offer("a2", 2);
  grant = MakeGrant(in_time);
  grant.mutable_start_before()->set_seconds(absl::ToUnixSeconds(clock_.Now()) + 1);
  OfferAndGrant(in_time, grant);
  EXPECT_EQ(OutcomeOf("a2").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(RunnerTest, WhatPreparesForLongMayBeTooLateAndWhatHasBegunMayGoOn) {
  absl::Status early, begins, goes_on;
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    early = context.MayBegin();
    clock_.Advance(absl::Seconds(10));
    begins = context.MayBegin();
    goes_on = context.MayGoOn();
    return ScriptedAction::Done();
  };
  const v1::Offer offer = Offer("a1", 1);
  v1::Grant grant = MakeGrant(offer);
  grant.mutable_start_before()->set_seconds(absl::ToUnixSeconds(clock_.Now()) + 5);
  OfferAndGrant(offer, grant);
  OutcomeOf("a1");
  EXPECT_TRUE(early.ok()) << early;
  EXPECT_EQ(ReasonOf(begins), "START_TOO_LATE");
  EXPECT_TRUE(goes_on.ok()) << goes_on;
}

// A freeze, a pause or a revoked token may have come while it waited.
TEST_F(RunnerTest, WhatWaitedInTheQueueForLongIsGrantedAnew) {
  Gate gate;
  backup_.run = [&](ActionContext&, const work::v1::JobSpec&) {
    gate.Pass();
    return ScriptedAction::Done();
  };
  OfferAndGrant(Offer("running", 1));
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  const v1::Offer waits = Offer("waits", 2);
  v1::Grant grant = MakeGrant(waits);
  grant.mutable_begin_within()->set_seconds(5);
  OfferAndGrant(waits, grant);
  clock_.Advance(absl::Seconds(6));
  gate.Open();
  const v1::Finished outcome = OutcomeOf("waits");
  EXPECT_EQ(outcome.error_reason(), "START_TOO_LATE") << outcome.error_message();
  EXPECT_EQ(CountEvents("waits", v1::Event::kStarted), 0);
  EXPECT_EQ(backup_.runs, 1);

  const v1::Offer free = Offer("free", 3);
  grant = MakeGrant(free);
  grant.mutable_begin_within()->set_seconds(5);
  OfferAndGrant(free, grant);
  EXPECT_EQ(OutcomeOf("free").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(RunnerTest, AWallClockJumpDoesNotChangeStartWithin) {
  v1::Offer offer = Offer("a1", 1);
  offer.mutable_start_within()->set_seconds(30);
  runner_->HandleOffer(offer);
  clock_.JumpWallClock(absl::Hours(3));
  runner_->HandleGrant(MakeGrant(offer));
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(RunnerTest, NothingStartsAfterNotAfter) {
  const v1::Offer offer = Offer("a1", 1);
  v1::Grant grant = MakeGrant(offer);
  grant.mutable_not_after()->set_seconds(absl::ToUnixSeconds(clock_.Now()) - 1);
  OfferAndGrant(offer, grant);
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "NOT_AFTER_PASSED");
  EXPECT_EQ(backup_.runs, 0);
}

TEST_F(RunnerTest, AGrantWithoutALeaseStartsNothing) {
  const v1::Offer offer = Offer("a1", 1);
  v1::Grant grant = MakeGrant(offer);
  grant.clear_lease();
  OfferAndGrant(offer, grant);
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "LEASE_LOST");
  EXPECT_EQ(backup_.runs, 0);
}

TEST_F(RunnerTest, AGrantWithAnotherFenceOrAnOldEpochIsIgnored) {
  const v1::Offer offer = Offer("a1", 5);
  runner_->HandleOffer(offer);
  v1::Grant grant = MakeGrant(offer);
  grant.set_fence(6);
  runner_->HandleGrant(grant);
  ASSERT_TRUE(journal_->NoteEpoch(2, "").ok());
  grant = MakeGrant(offer);
  grant.set_epoch(1);
  runner_->HandleGrant(grant);
  EXPECT_EQ(PhaseOf("a1"), v1::ATTEMPT_PHASE_ACCEPTED);
  grant.set_epoch(2);
  runner_->HandleGrant(grant);
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(RunnerTest, ALowerFenceDoesNotStartOnceAHigherOneWasGranted) {
  Gate gate;
  backup_.run = [&](ActionContext&, const work::v1::JobSpec&) {
    gate.Pass();
    return ScriptedAction::Done();
  };
  const v1::Offer old = Offer("a1", 1);
  const v1::Offer fresh = Offer("a2", 2);
  runner_->HandleOffer(old);
  OfferAndGrant(fresh);
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  runner_->HandleGrant(MakeGrant(old));
  gate.Open();
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "STALE_FENCE");
  EXPECT_EQ(OutcomeOf("a2").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(backup_.runs, 1);
}

TEST_F(RunnerTest, OneExclusiveAttemptPerInstanceAndChecksBesideIt) {
  Gate gate;
  std::atomic<int> at_once{0};
  std::atomic<int> most{0};
  backup_.run = [&](ActionContext&, const work::v1::JobSpec&) {
    most = std::max<int>(most, ++at_once);
    gate.Pass();
    --at_once;
    return ScriptedAction::Done();
  };
  OfferAndGrant(Offer("a1", 1));
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  OfferAndGrant(Offer("a2", 2));
  OfferAndGrant(Offer("c1", 3, "check"));
  EXPECT_EQ(OutcomeOf("c1").outcome(), v1::OUTCOME_SUCCEEDED) << "a check does not wait";
  EXPECT_EQ(PhaseOf("a2"), v1::ATTEMPT_PHASE_GRANTED);
  OfferAndGrant(Offer("p1", 1, "backup", "payments"));
  ASSERT_TRUE(Await([&] { return gate.waiting() == 2; })) << "another instance does not wait";
  gate.Open();
  OutcomeOf("a2");
  OutcomeOf("p1");
  EXPECT_EQ(most, 2);
  EXPECT_EQ(backup_.runs, 3);
}

TEST_F(RunnerTest, AnExclusiveAttemptThatWaitedTooLongForItsInstanceDoesNotStart) {
  Gate gate;
  backup_.run = [&](ActionContext&, const work::v1::JobSpec&) {
    gate.Pass();
    return ScriptedAction::Done();
  };
  OfferAndGrant(Offer("a1", 1));
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  OfferAndGrant(Offer("a2", 2));
  clock_.Advance(absl::Seconds(61));
  gate.Open();
  EXPECT_EQ(OutcomeOf("a2").error_reason(), "LEASE_LOST");
}

TEST_F(RunnerTest, ALostLeaseStopsForwardStepsAndStaysLost) {
  Gate first;
  Gate second;
  absl::Status before, after, renewed;
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    before = context.MayGoOn();
    first.Pass();
    after = context.MayGoOn();
    second.Pass();
    renewed = context.MayGoOn();
    return ActionResult::FromStatus(renewed);
  };
  OfferAndGrant(Offer("a1", 1));
  ASSERT_TRUE(Await([&] { return first.waiting() == 1; }));
  clock_.Advance(absl::Seconds(60));
  first.Open();
  ASSERT_TRUE(Await([&] { return second.waiting() == 1; }));
  v1::LeaseRenewal renewal;
  renewal.add_attempt_ids("a1");
  renewal.mutable_lease()->set_seconds(60);
  runner_->HandleLeaseRenewal(renewal);
  second.Open();
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "LEASE_LOST");
  EXPECT_TRUE(before.ok());
  EXPECT_EQ(after.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(renewed.code(), absl::StatusCode::kAborted);
}

TEST_F(RunnerTest, ARenewedLeaseGoesOn) {
  Gate gate;
  absl::Status after;
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    gate.Pass();
    after = context.MayGoOn();
    return ScriptedAction::Done();
  };
  OfferAndGrant(Offer("a1", 1));
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  clock_.Advance(absl::Seconds(50));
  v1::LeaseRenewal renewal;
  renewal.add_attempt_ids("a1");
  renewal.add_attempt_ids("unknown");
  renewal.mutable_lease()->set_seconds(60);
  runner_->HandleLeaseRenewal(renewal);
  clock_.Advance(absl::Seconds(50));
  gate.Open();
  OutcomeOf("a1");
  EXPECT_TRUE(after.ok()) << after;
}

TEST_F(RunnerTest, CancelReachesTheActionBeforeAndAfterItAsks) {
  Gate gate;
  std::atomic<int> called{0};
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    context.OnCancel([&] { ++called; });
    gate.Pass();
    context.OnCancel([&] { called += 10; });
    const absl::Status status = context.MayGoOn();
    context.OnCancel(nullptr);
    return ActionResult::FromStatus(status);
  };
  OfferAndGrant(Offer("a1", 1));
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  runner_->HandleCancel("a1", "a person");
  ASSERT_TRUE(Await([&] { return called == 1; }));
  gate.Open();
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_CANCELLED);
  EXPECT_EQ(called, 11);
}

// To interrupt may take as long as the server that hangs.
TEST_F(RunnerTest, CancellationsDoNotWaitForEachOther) {
  Gate work, hangs;
  std::atomic<int> called{0};
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    context.OnCancel([&] { hangs.Pass(); });
    work.Pass();
    context.OnCancel(nullptr);
    return ScriptedAction::Done();
  };
  check_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    context.OnCancel([&] { ++called; });
    work.Pass();
    context.OnCancel(nullptr);
    return ScriptedAction::Done();
  };
  OfferAndGrant(Offer("a1", 1));
  OfferAndGrant(Offer("c1", 2, "check"));
  ASSERT_TRUE(Await([&] { return work.waiting() == 2; }));
  runner_->HandleCancel("a1", "a person");
  ASSERT_TRUE(Await([&] { return hangs.waiting() == 1; }));
  runner_->HandleCancel("c1", "a person");
  EXPECT_TRUE(Await([&] { return called == 1; }));
  hangs.Open();
  work.Open();
  OutcomeOf("a1");
  OutcomeOf("c1");
}

TEST_F(RunnerTest, ACancelledAttemptThatWaitsForItsInstanceEndsAtOnce) {
  Gate gate;
  backup_.run = [&](ActionContext&, const work::v1::JobSpec&) {
    gate.Pass();
    return ScriptedAction::Done();
  };
  OfferAndGrant(Offer("a1", 1));
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  OfferAndGrant(Offer("a2", 2));
  runner_->HandleCancel("a2", "not needed");
  EXPECT_EQ(OutcomeOf("a2").outcome(), v1::OUTCOME_CANCELLED);
  EXPECT_EQ(PhaseOf("a1"), v1::ATTEMPT_PHASE_RUNNING);
  gate.Open();
  OutcomeOf("a1");
  EXPECT_EQ(backup_.runs, 1);
}

TEST_F(RunnerTest, AnAttemptCancelledBeforeItsGrantDoesNotRun) {
  const v1::Offer offer = Offer("a1", 1);
  runner_->HandleOffer(offer);
  runner_->HandleCancel("a1", "changed our mind");
  runner_->HandleGrant(MakeGrant(offer));
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_CANCELLED);
  EXPECT_EQ(backup_.runs, 0);
}

TEST_F(RunnerTest, AWithdrawnAttemptIsGoneAndAGrantedOneIsNot) {
  const v1::Offer offer = Offer("a1", 1);
  runner_->HandleOffer(offer);
  runner_->HandleWithdraw("a1");
  runner_->HandleGrant(MakeGrant(offer));
  EXPECT_EQ(PhaseOf("a1"), v1::ATTEMPT_PHASE_UNSPECIFIED);
  OfferAndGrant(Offer("a2", 2));
  runner_->HandleWithdraw("a2");
  EXPECT_EQ(OutcomeOf("a2").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(backup_.runs, 1);
}

TEST_F(RunnerTest, WithoutANotedStartNothingRuns) {
  journal_->FailStart(
      [] { return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL", "full"); });
  OfferAndGrant(Offer("a1", 1));
  const v1::Finished outcome = OutcomeOf("a1");
  EXPECT_EQ(outcome.outcome(), v1::OUTCOME_FAILED);
  EXPECT_EQ(outcome.error_reason(), "DISK_FULL");
  EXPECT_EQ(backup_.runs, 0);
}

TEST_F(RunnerTest, AStepThatCannotBeNotedIsTheLastForwardStep) {
  absl::Status report, next;
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    report = context.ReportStep(work::v1::StepReport());
    journal_->FailStep(nullptr);
    next = context.MayGoOn();
    return ActionResult::FromStatus(next);
  };
  journal_->FailStep(
      [] { return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL", "full"); });
  OfferAndGrant(Offer("a1", 1));
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_FAILED);
  EXPECT_FALSE(report.ok());
  EXPECT_EQ(ReasonOf(next), "DISK_FULL");
}

TEST_F(RunnerTest, AnOutcomeThatCannotBeWrittenIsTriedAgainAndHoldsTheInstance) {
  std::atomic<int> tries{0};
  journal_->FailFinish([&]() -> absl::Status {
    return ++tries <= 2 ? Error(absl::StatusCode::kInternal, "IO_ERROR", "bad sector")
                        : absl::OkStatus();
  });
  OfferAndGrant(Offer("a1", 1));
  ASSERT_TRUE(Await([&] { return tries == 1 && clock_.pending_timers() == 1; }));
  OfferAndGrant(Offer("a2", 2));
  EXPECT_EQ(PhaseOf("a2"), v1::ATTEMPT_PHASE_GRANTED);
  clock_.Advance(absl::Seconds(5));
  ASSERT_TRUE(Await([&] { return tries == 2 && clock_.pending_timers() == 1; }));
  EXPECT_EQ(backup_.runs, 1);
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(OutcomeOf("a2").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(RunnerTest, AnActionThatSaysNothingIsNotCalledASuccess) {
  backup_.run = [](ActionContext&, const work::v1::JobSpec&) { return ActionResult(); };
  OfferAndGrant(Offer("a1", 1));
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_INTERRUPTED);
}

TEST_F(RunnerTest, AHugeInspectionIsCutToFitIntoAMessage) {
  inspect_.run = [](ActionContext&, const work::v1::JobSpec&) {
    ActionResult result = ScriptedAction::Done();
    for (int i = 0; i < 8; ++i) {
      result.result.mutable_inspect()->add_rows()->add_values()->set_text(
          std::string(1 << 20, 'x'));
    }
    return result;
  };
  OfferAndGrant(Offer("a1", 1, "inspect"));
  const v1::Finished outcome = OutcomeOf("a1");
  EXPECT_EQ(outcome.outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_TRUE(outcome.result().inspect().truncated());
  EXPECT_EQ(outcome.result().inspect().rows_size(), 2);
  EXPECT_LE(outcome.ByteSizeLong(), 3u << 20);
}

TEST_F(RunnerTest, ContentIsCheckedByItsHashAndFetchedOnce) {
  const std::string text = "ALTER TABLE t ADD c INT;";
  link_.content = text;
  absl::StatusOr<std::string> first, again, inlined, wrong, not_a_hash;
  std::string scratch;
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    work::v1::ContentRef ref;
    ref.set_sha256(Sha256Hex(text));
    ref.set_size_bytes(static_cast<int64_t>(text.size()));
    first = context.Content(ref);
    again = context.Content(ref);
    ref.set_inline_("something else");
    inlined = context.Content(ref);
    ref.clear_inline_();
    ref.set_sha256(Sha256Hex("another"));
    wrong = context.Content(ref);
    ref.set_sha256("../../../etc/passwd");
    not_a_hash = context.Content(ref);
    scratch = *context.ScratchFolder();
    return ScriptedAction::Done();
  };
  OfferAndGrant(Offer("a1", 1));
  OutcomeOf("a1");
  EXPECT_EQ(first.value_or(""), text);
  EXPECT_EQ(again.value_or(""), text);
  EXPECT_EQ(link_.fetches, 2) << "once for the good one, once for the wrong one";
  for (const auto& bad : {inlined, wrong, not_a_hash}) {
    EXPECT_EQ(ReasonOf(bad.status()), "CONTENT_MISMATCH");
  }
  ASSERT_FALSE(scratch.empty());
  EXPECT_TRUE(Await([&] { return !std::filesystem::exists(scratch); }));
}

TEST_F(RunnerTest, DrainWaitsForWhatRunsAndTakesNothingNew) {
  Gate gate;
  absl::Status asked;
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    gate.Pass();
    asked = context.MayGoOn();
    return ActionResult::FromStatus(asked);
  };
  OfferAndGrant(Offer("a1", 1));
  // A higher fence that is granted before the first one starts would supersede it.
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  OfferAndGrant(Offer("a2", 2));
  std::atomic<bool> drained{false};
  auto helper = MakeThreadPool("drain", 1);
  ASSERT_TRUE(helper->Add([&] {
    runner_->Drain(absl::Seconds(30));
    drained = true;
  }));
  ASSERT_TRUE(Await([&] { return clock_.pending_timers() == 2; }));
  runner_->HandleOffer(Offer("a3", 3));
  EXPECT_EQ(DeclineOf("a3"), "AGENT_STOPPING");
  clock_.Advance(absl::Seconds(20));
  EXPECT_FALSE(drained);
  gate.Open();
  EXPECT_TRUE(Await([&] { return drained.load(); }));
  EXPECT_EQ(ReasonOf(asked), "AGENT_STOPPING") << "after two thirds of the time";
  EXPECT_EQ(PhaseOf("a2"), v1::ATTEMPT_PHASE_GRANTED) << "the next life starts it";
}

TEST_F(RunnerTest, WhatWaitsForAWorkerDoesNotStartWhileTheAgentStops) {
  Gate gate;
  inspect_.run = [&](ActionContext&, const work::v1::JobSpec&) {
    gate.Pass();
    return ScriptedAction::Done();
  };
  for (int i = 1; i <= workers_; ++i) {
    const std::string instance = i % 2 == 0 ? "orders" : "payments";
    OfferAndGrant(Offer(absl::StrCat("a", i), i, "inspect", instance));
  }
  ASSERT_TRUE(Await([&] { return gate.waiting() == workers_; }));
  OfferAndGrant(Offer("waits", workers_ + 1));
  auto helper = MakeThreadPool("drain", 1);
  std::atomic<bool> drained{false};
  ASSERT_TRUE(helper->Add([&] {
    runner_->Drain(absl::Seconds(30));
    drained = true;
  }));
  ASSERT_TRUE(Await([&] { return clock_.pending_timers() == 2; }));
  gate.Open();
  EXPECT_TRUE(Await([&] { return drained.load(); }));
  EXPECT_EQ(inspect_.runs, workers_);
  EXPECT_EQ(backup_.runs, 0);
  EXPECT_EQ(PhaseOf("waits"), v1::ATTEMPT_PHASE_GRANTED);
  EXPECT_EQ(runner_->running(), 0);
}

TEST_F(RunnerTest, DrainGivesUpAfterItsGrace) {
  Gate gate;
  backup_.run = [&](ActionContext&, const work::v1::JobSpec&) {
    gate.Pass();
    return ScriptedAction::Done();
  };
  OfferAndGrant(Offer("a1", 1));
  ASSERT_TRUE(Await([&] { return gate.waiting() == 1; }));
  std::atomic<bool> drained{false};
  auto helper = MakeThreadPool("drain", 1);
  ASSERT_TRUE(helper->Add([&] {
    runner_->Drain(absl::Seconds(30));
    drained = true;
  }));
  ASSERT_TRUE(Await([&] { return clock_.pending_timers() == 2; }));
  clock_.Advance(absl::Seconds(30));
  EXPECT_TRUE(Await([&] { return drained.load(); }));
  EXPECT_EQ(runner_->running(), 1);
  gate.Open();
  OutcomeOf("a1");
}

}  // namespace
}  // namespace dbfleet::agent
