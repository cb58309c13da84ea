#include "agent/link/link.h"

#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "tests/fakes/fake_clock.h"
#include "tests/unit/agent/journal/journal_test_util.h"
#include "tests/unit/agent/link/scripted_controller.h"

namespace dbfleet::agent {
namespace {

using ::testing::ElementsAre;

class RecordingRunner : public Runner {
 public:
  absl::Status Recover() override { return absl::OkStatus(); }
  void HandleOffer(const v1::Offer& offer) override { Note("offer " + offer.attempt_id()); }
  void HandleGrant(const v1::Grant& grant) override { Note("grant " + grant.attempt_id()); }
  void HandleWithdraw(const std::string& id) override { Note("withdraw " + id); }
  void HandleCancel(const std::string& id, const std::string& reason) override {
    Note("cancel " + id + " " + reason);
  }
  void HandleLeaseRenewal(const v1::LeaseRenewal& renewal) override {
    Note("lease " + renewal.attempt_ids(0));
  }
  void Drain(absl::Duration) override {}
  int running() const override { return 0; }

  std::vector<std::string> calls() {
    MutexLock lock(&mutex_);
    return calls_;
  }

 private:
  void Note(std::string call) {
    MutexLock lock(&mutex_);
    calls_.push_back(std::move(call));
  }
  Mutex mutex_;
  std::vector<std::string> calls_;
};

class FixedFacts : public AgentFacts {
 public:
  std::vector<std::string> Capabilities() override { return {"backup.mysql"}; }
  std::vector<v1::InstanceInfo> Instances() override {
    v1::InstanceInfo info;
    info.set_name("orders");
    return {info};
  }
  v1::HealthReport Health() override {
    v1::HealthReport report;
    report.add_instances()->set_instance("orders");
    return report;
  }
};

class LinkTest : public ::testing::Test {
 protected:
  LinkTest() {
    journal_ = *Journal::Open(folder_.path() + "/journal", 64 << 20, clock_);
    Link::Options options;
    options.agent_id = "db1";
    options.version = "0.1.0";
    options.log_buffer_bytes = 64 << 10;
    options.health_heartbeat = absl::Seconds(10);
    link_ = Link::Create(options, clock_, *journal_, dialer_, facts_);
  }
  ~LinkTest() override { link_->Stop(); }

  // Lets gRPC's threads work; with `step`, the clock moves on meanwhile.
  bool Await(const std::function<bool()>& condition, absl::Duration step = absl::ZeroDuration()) {
    Mutex mutex;
    CondVar never;
    for (int i = 0; i < 10000 && !condition(); ++i) {
      if (step > absl::ZeroDuration()) clock_.Advance(step);
      MutexLock lock(&mutex);
      never.WaitWithTimeout(&mutex, absl::Milliseconds(1));
    }
    return condition();
  }
  // The session with this number, welcomed.
  std::shared_ptr<ControllerSession> Welcomed(int number, uint64_t acked = 0,
                                              std::vector<std::string> features = {}) {
    EXPECT_TRUE(Await([&] { return controller_.sessions() > number; }, absl::Milliseconds(100)));
    auto session = controller_.session(number);
    EXPECT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kHello) == 1; }));
    session->features = std::move(features);
    session->Welcome(1, acked);
    EXPECT_TRUE(Await([&] { return link_->stats().connected; }));
    return session;
  }
  void AcceptOne(int number) {
    ASSERT_TRUE(
        journal_->Accept(MakeOffer(absl::StrCat("a", number), number), absl::ZeroDuration(), "boot")
            .ok());
  }

  // That a session has while nothing else is waited for: pings, health.
  static constexpr int kTimers = 2;

  TempFolder folder_;
  FakeClock clock_;
  ScriptedController controller_;
  InProcessDialer dialer_{controller_};
  RecordingRunner runner_;
  FixedFacts facts_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Link> link_;
};

TEST_F(LinkTest, HelloTellsTheTruth) {
  ASSERT_TRUE(journal_->NoteEpoch(1, "").ok());
  AcceptOne(1);
  AcceptOne(2);
  ASSERT_TRUE(journal_->Grant(MakeGrant(MakeOffer("a2", 2))).ok());
  ASSERT_TRUE(journal_->Finish("a2", MakeFinished(v1::OUTCOME_FAILED)).ok());
  ASSERT_TRUE(journal_->Acknowledge(1).ok());
  link_->Start(runner_);
  auto session = Welcomed(0);
  const v1::Hello hello = session->messages()[0].hello();
  EXPECT_EQ(hello.agent_id(), "db1");
  EXPECT_EQ(hello.journal_id(), journal_->journal_id());
  EXPECT_EQ(hello.boot_sequence(), 1u);
  EXPECT_EQ(hello.highest_epoch(), 1u);
  EXPECT_EQ(hello.lowest_event_seq(), 2u);
  EXPECT_EQ(hello.last_event_seq(), 3u);
  EXPECT_EQ(hello.protocol(), 1);
  EXPECT_EQ(hello.session_nonce().size(), 32u);
  ASSERT_EQ(hello.attempts_size(), 2);
  EXPECT_EQ(hello.attempts(0).phase(), v1::ATTEMPT_PHASE_ACCEPTED);
  EXPECT_EQ(hello.attempts(1).outcome(), v1::OUTCOME_FAILED);
  EXPECT_EQ(hello.instances(0).highest_fence(), 2u);
  EXPECT_EQ(hello.capabilities(0), "backup.mysql");
}

TEST_F(LinkTest, EventsAreSentAgainUntilTheyAreAcknowledged) {
  AcceptOne(1);
  link_->Start(runner_);
  auto first = Welcomed(0);
  AcceptOne(2);
  ASSERT_TRUE(Await([&] { return first->EventSeqs().size() == 2; }));
  EXPECT_THAT(first->EventSeqs(), ElementsAre(1u, 2u));
  first->Ack(1);
  ASSERT_TRUE(Await([&] { return journal_->LowestEventSeq() == 2; }));
  first->Close(absl::UnavailableError("restart"));
  AcceptOne(3);
  auto second = Welcomed(1);
  ASSERT_TRUE(Await([&] { return second->EventSeqs().size() == 2; }));
  EXPECT_THAT(second->EventSeqs(), ElementsAre(2u, 3u));
  EXPECT_NE(first->messages()[0].hello().session_nonce(),
            second->messages()[0].hello().session_nonce());
}

TEST_F(LinkTest, WelcomeAcknowledgesAndResendGoesBack) {
  for (int i = 1; i <= 4; ++i) AcceptOne(i);
  link_->Start(runner_);
  auto session = Welcomed(0, /*acked=*/2);
  ASSERT_TRUE(Await([&] { return session->EventSeqs().size() == 2; }));
  v1::ControllerMsg resend;
  resend.mutable_resend()->set_from_seq(1);
  session->Send(resend);
  ASSERT_TRUE(Await([&] { return session->EventSeqs().size() == 4; }));
  EXPECT_THAT(session->EventSeqs(), ElementsAre(3u, 4u, 3u, 4u));
}

TEST_F(LinkTest, ManyEventsArriveInOrder) {
  for (int i = 1; i <= 300; ++i) AcceptOne(i);
  link_->Start(runner_);
  auto session = Welcomed(0);
  ASSERT_TRUE(Await([&] { return session->EventSeqs().size() == 300; }));
  const auto seqs = session->EventSeqs();
  for (size_t i = 0; i < seqs.size(); ++i) ASSERT_EQ(seqs[i], i + 1);
}

TEST_F(LinkTest, ABatchMeansTheSameAsItsMessagesOneAfterTheOther) {
  AcceptOne(1);
  link_->Start(runner_);
  auto session = Welcomed(0);
  v1::ControllerMsg message;
  auto& batch = *message.mutable_batch();
  batch.add_messages()->mutable_event_ack()->set_up_to_seq(1);
  batch.add_messages()->mutable_grant()->set_attempt_id("a1");
  batch.add_messages()->mutable_offer()->set_attempt_id("a2");
  batch.add_messages()->mutable_batch()->add_messages()->mutable_withdraw()->set_attempt_id("a2");
  session->Send(message);
  ASSERT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kUnimplemented) == 1; }))
      << "a batch within a batch is no message";
  EXPECT_THAT(runner_.calls(), ElementsAre("grant a1", "offer a2"));
  EXPECT_EQ(journal_->LowestEventSeq(), 0u);
  EXPECT_THAT(session->messages()[0].hello().features(), ElementsAre("batch"));
}

TEST_F(LinkTest, TheStartWaitsForTheEndThatComesAtOnceAndTravelsWithIt) {
  link_->Start(runner_);
  auto session = Welcomed(0, 0, {"batch"});
  AcceptOne(1);
  ASSERT_TRUE(Await([&] { return session->EventSeqs().size() == 1; }))
      << "an acceptance never waits";
  ASSERT_TRUE(journal_->Grant(MakeGrant(MakeOffer("a1", 1))).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  ASSERT_TRUE(Await([&] { return clock_.pending_timers() == kTimers + 1; }));
  EXPECT_EQ(session->EventSeqs().size(), 1u);
  ASSERT_TRUE(journal_->Finish("a1", MakeFinished()).ok());
  ASSERT_TRUE(Await([&] { return session->EventSeqs().size() == 3; })) << "no time has passed";
  EXPECT_THAT(session->EventSeqs(), ElementsAre(1u, 2u, 3u));
  EXPECT_EQ(session->batches(), 1);
}

TEST_F(LinkTest, TheStartOfWhatTakesLongerIsToldSoon) {
  link_->Start(runner_);
  auto session = Welcomed(0, 0, {"batch"});
  AcceptOne(1);
  ASSERT_TRUE(Await([&] { return session->EventSeqs().size() == 1; }));
  ASSERT_TRUE(journal_->Grant(MakeGrant(MakeOffer("a1", 1))).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  ASSERT_TRUE(Await([&] { return clock_.pending_timers() == kTimers + 1; }));
  EXPECT_EQ(session->EventSeqs().size(), 1u);
  clock_.Advance(Link::Options().event_hold);
  EXPECT_TRUE(Await([&] { return session->EventSeqs().size() == 2; }));
}

TEST_F(LinkTest, WhatIsHeldWhenTheStreamEndsComesOnTheNext) {
  link_->Start(runner_);
  auto first = Welcomed(0, 0, {"batch"});
  AcceptOne(1);
  ASSERT_TRUE(journal_->Grant(MakeGrant(MakeOffer("a1", 1))).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  first->Close(absl::UnavailableError("restart"));
  auto second = Welcomed(1, 0, {"batch"});
  ASSERT_TRUE(Await([&] { return second->EventSeqs().size() == 2; }));
  EXPECT_THAT(second->EventSeqs(), ElementsAre(1u, 2u));
}

TEST_F(LinkTest, AControllerThatTakesNoBatchesGetsEachEventAtOnce) {
  link_->Start(runner_);
  auto session = Welcomed(0, 0, {"future"});
  AcceptOne(1);
  ASSERT_TRUE(journal_->Grant(MakeGrant(MakeOffer("a1", 1))).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  ASSERT_TRUE(Await([&] { return session->EventSeqs().size() == 2; })) << "no time has passed";
  ASSERT_TRUE(journal_->Finish("a1", MakeFinished()).ok());
  ASSERT_TRUE(Await([&] { return session->EventSeqs().size() == 3; }));
  EXPECT_EQ(session->batches(), 0);
}

TEST_F(LinkTest, MessagesReachTheRunnerInOrder) {
  link_->Start(runner_);
  auto session = Welcomed(0);
  v1::ControllerMsg message;
  message.mutable_offer()->set_attempt_id("a1");
  session->Send(message);
  session->Send(message);
  message.mutable_grant()->set_attempt_id("a1");
  session->Send(message);
  message.mutable_lease_renewal()->add_attempt_ids("a1");
  session->Send(message);
  message.mutable_cancel()->set_attempt_id("a1");
  message.mutable_cancel()->set_reason("r");
  session->Send(message);
  message.mutable_withdraw()->set_attempt_id("a2");
  session->Send(message);
  ASSERT_TRUE(Await([&] { return runner_.calls().size() == 6; }));
  EXPECT_THAT(runner_.calls(), ElementsAre("offer a1", "offer a1", "grant a1", "lease a1",
                                           "cancel a1 r", "withdraw a2"));
}

TEST_F(LinkTest, ForgetReachesTheJournal) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  ASSERT_TRUE(journal_->Finish("a1", MakeFinished()).ok());
  link_->Start(runner_);
  auto session = Welcomed(0);
  v1::ControllerMsg message;
  message.mutable_forget()->add_attempt_ids("a1");
  session->Send(message);
  EXPECT_TRUE(Await([&] { return (*journal_->Find("a1"))->acknowledged; }));
}

TEST_F(LinkTest, AnUnknownMessageIsNamedAndAnUnimplementedNeverAnswered) {
  link_->Start(runner_);
  auto session = Welcomed(0);
  v1::ControllerMsg unknown;
  unknown.GetReflection()->MutableUnknownFields(&unknown)->AddLengthDelimited(777, "new");
  session->Send(unknown);
  ASSERT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kUnimplemented) == 1; }));
  v1::ControllerMsg unimplemented;
  unimplemented.mutable_unimplemented()->set_what("AgentMsg.9");
  session->Send(unimplemented);
  v1::ControllerMsg ping;
  ping.mutable_ping()->set_nonce(5);
  session->Send(ping);
  ASSERT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kPong) == 1; }));
  EXPECT_EQ(session->Count(v1::AgentMsg::kUnimplemented), 1);
  for (const auto& message : session->messages()) {
    if (message.has_unimplemented()) {
      EXPECT_EQ(message.unimplemented().what(), "ControllerMsg.777");
    }
    if (message.has_pong()) {
      EXPECT_EQ(message.pong().nonce(), 5u);
    }
  }
}

TEST_F(LinkTest, AControllerWithALowerEpochGetsNothing) {
  ASSERT_TRUE(journal_->NoteEpoch(9, "").ok());
  AcceptOne(1);
  link_->Start(runner_);
  ASSERT_TRUE(Await([&] { return controller_.sessions() == 1; }));
  auto session = controller_.session(0);
  session->Welcome(8);
  v1::ControllerMsg offer;
  offer.mutable_offer()->set_attempt_id("a9");
  session->Send(offer);
  ASSERT_TRUE(Await([&] { return session->over(); }));
  EXPECT_TRUE(session->EventSeqs().empty());
  EXPECT_TRUE(runner_.calls().empty());
  ASSERT_TRUE(
      Await([&] { return !link_->stats().last_error.empty() && clock_.pending_timers() == 1; }));
  clock_.Advance(absl::Seconds(10));
  ASSERT_TRUE(Await([&] { return controller_.sessions() == 2; }));
  controller_.session(1)->Welcome(9);
  EXPECT_TRUE(Await([&] { return link_->stats().connected; }));
}

TEST_F(LinkTest, NothingIsTakenBeforeTheWelcome) {
  link_->Start(runner_);
  ASSERT_TRUE(Await([&] { return controller_.sessions() == 1; }));
  v1::ControllerMsg offer;
  offer.mutable_offer()->set_attempt_id("a1");
  controller_.session(0)->Send(offer);
  ASSERT_TRUE(Await([&] { return controller_.session(0)->over(); }));
  EXPECT_TRUE(runner_.calls().empty());
}

TEST_F(LinkTest, AControllerThatNeverWelcomesIsLeft) {
  link_->Start(runner_);
  ASSERT_TRUE(Await([&] { return controller_.sessions() == 1 && clock_.pending_timers() == 1; }));
  clock_.Advance(absl::Seconds(20));
  EXPECT_TRUE(Await([&] { return controller_.session(0)->over(); }));
  EXPECT_TRUE(Await([&] { return controller_.sessions() == 2; }, absl::Milliseconds(100)));
}

TEST_F(LinkTest, PingsAndLeavesASilentController) {
  link_->Start(runner_);
  auto session = Welcomed(0);
  for (int i = 1; i <= 3; ++i) {
    clock_.Advance(absl::Seconds(15));
    ASSERT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kPing) == i; }));
  }
  EXPECT_TRUE(link_->stats().connected);
  clock_.Advance(absl::Seconds(15));
  EXPECT_TRUE(Await([&] { return session->over(); }));
  EXPECT_TRUE(Await([&] { return controller_.sessions() == 2; }, absl::Milliseconds(100)));
}

TEST_F(LinkTest, APongKeepsTheSessionAlive) {
  link_->Start(runner_);
  auto session = Welcomed(0);
  for (int i = 1; i <= 8; ++i) {
    clock_.Advance(absl::Seconds(15));
    ASSERT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kPing) == i; }));
    v1::ControllerMsg pong;
    pong.mutable_pong()->set_nonce(i);
    session->Send(pong);
    v1::ControllerMsg ping;
    ping.mutable_ping()->set_nonce(i);
    session->Send(ping);
    ASSERT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kPong) == i; }));
  }
  EXPECT_EQ(controller_.sessions(), 1);
}

TEST_F(LinkTest, HealthComesAtConnectOnChangeAndAsAHeartbeat) {
  link_->Start(runner_);
  auto session = Welcomed(0);
  ASSERT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kHealth) == 1; }));
  link_->HealthChanged();
  ASSERT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kHealth) == 2; }));
  clock_.Advance(absl::Seconds(10));
  EXPECT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kHealth) == 3; }));
}

TEST_F(LinkTest, ARevokedAgentSaysSoAndRetriesSlowly) {
  controller_.Refuse(Error(absl::StatusCode::kUnauthenticated, "AGENT_REVOKED", "revoked"));
  link_->Start(runner_);
  ASSERT_TRUE(Await([&] { return dialer_.revoked == 1 && clock_.pending_timers() == 1; }));
  EXPECT_EQ(link_->stats().last_error, "revoked");
  clock_.Advance(absl::Seconds(100));
  EXPECT_EQ(dialer_.dials, 1);
  controller_.Refuse(absl::OkStatus());
  clock_.Advance(absl::Seconds(21));
  Welcomed(0);
}

TEST_F(LinkTest, AControllerWithAnOlderEpochIsAskedAgainSoonAndThenEachMinute) {
  ASSERT_TRUE(journal_->NoteEpoch(100, "").ok());
  link_->Start(runner_);
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(Await([&] { return controller_.sessions() == i + 1; }));
    auto session = controller_.session(i);
    ASSERT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kHello) == 1; }));
    EXPECT_EQ(session->messages()[0].hello().highest_epoch(), 100u) << "so that it can rise above";
    session->Welcome(10 + i);
    // This very answer was refused, and only the next try is waited for.
    const std::string refused = absl::StrCat("epoch ", 10 + i, ",");
    ASSERT_TRUE(Await([&] {
      return absl::StrContains(link_->stats().last_error, refused) && clock_.pending_timers() == 1;
    }));
    EXPECT_FALSE(link_->stats().connected);
    const absl::Duration longest = std::min(absl::Seconds(10) * (1 << i), absl::Minutes(1));
    clock_.Advance(longest / 2 - absl::Milliseconds(1));
    EXPECT_EQ(dialer_.dials, i + 1);
    // In steps, so that the next try does not run out of its own time within one.
    absl::Duration waited = longest / 2;
    for (; dialer_.dials == i + 1 && clock_.pending_timers() == 1; waited += absl::Seconds(1)) {
      ASSERT_LE(waited, longest);
      clock_.Advance(absl::Seconds(1));
    }
  }
  ASSERT_TRUE(Await([&] { return controller_.sessions() == 9; }));
  controller_.session(8)->Welcome(101);  // It was recovered.
  EXPECT_TRUE(Await([&] { return link_->stats().connected; }));
}

TEST_F(LinkTest, ARevokedAgentWithANewTokenComesBackSoon) {
  dialer_.let_in_again = true;
  controller_.Refuse(Error(absl::StatusCode::kUnauthenticated, "AGENT_REVOKED", "revoked"));
  link_->Start(runner_);
  ASSERT_TRUE(Await([&] { return dialer_.revoked == 1 && clock_.pending_timers() == 1; }));
  controller_.Refuse(absl::OkStatus());
  clock_.Advance(absl::Seconds(1));
  Welcomed(0);
}

TEST_F(LinkTest, ARenewedCertificateMeansANewStreamAtOnce) {
  dialer_.renewal = clock_.Now() + absl::Seconds(30);
  link_->Start(runner_);
  auto session = Welcomed(0);
  dialer_.renewed = true;
  clock_.Advance(absl::Seconds(30));
  EXPECT_TRUE(Await([&] { return controller_.sessions() == 2; }, absl::Milliseconds(1)));
}

TEST_F(LinkTest, UnacknowledgedLogBatchesComeAgainUnderTheirNumbers) {
  controller_.AcknowledgeLogs(false);
  link_->Start(runner_);
  auto session = Welcomed(0);
  v1::LogLine line;
  line.set_attempt_id("a1");
  line.set_text("one");
  link_->PushLog(line);
  ASSERT_TRUE(Await([&] { return controller_.log_batches().size() == 1; }));
  controller_.AcknowledgeLogs(true);
  session->Close(absl::UnavailableError("restart"));
  Welcomed(1);
  ASSERT_TRUE(Await([&] { return controller_.log_batches().size() == 2; }, absl::Seconds(1)));
  const auto batches = controller_.log_batches();
  EXPECT_EQ(batches[0].batch_seq(), batches[1].batch_seq());
  EXPECT_EQ(batches[1].lines(0).text(), "one");
  EXPECT_GT(batches[0].batch_seq(), uint64_t{1} << 32) << "above those of earlier lives";
  line.set_text("two");
  link_->PushLog(line);
  ASSERT_TRUE(Await([&] { return controller_.log_batches().size() == 3; }));
  EXPECT_EQ(controller_.log_batches()[2].batch_seq(), batches[0].batch_seq() + 1);
}

TEST_F(LinkTest, MetricsGoOutWhileConnectedOnly) {
  v1::MetricsBatch batch;
  batch.set_instance("orders");
  link_->PushMetrics(batch);
  link_->Start(runner_);
  Welcomed(0);
  batch.set_instance("payments");
  link_->PushMetrics(batch);
  ASSERT_TRUE(Await([&] { return !controller_.metrics().empty(); }));
  EXPECT_EQ(controller_.metrics()[0].instance(), "payments");
}

TEST_F(LinkTest, ContentIsFetchedInChunksAndBounded) {
  const std::string content(100'000, 'c');
  controller_.SetContent("abc", content);
  EXPECT_EQ(link_->FetchContent("a1", "abc", 100'000).status().code(),
            absl::StatusCode::kUnavailable)
      << "not connected yet";
  link_->Start(runner_);
  Welcomed(0);
  EXPECT_EQ(link_->FetchContent("a1", "abc", 100'000).value_or(""), content);
  EXPECT_EQ(ReasonOf(link_->FetchContent("a1", "abc", 5000).status()), "CONTENT_MISMATCH");
  EXPECT_EQ(link_->FetchContent("a1", "none", 1).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(LinkTest, FlushWaitsForAcknowledgements) {
  AcceptOne(1);
  link_->Start(runner_);
  auto session = Welcomed(0);
  ASSERT_TRUE(Await([&] { return session->EventSeqs().size() == 1; }));
  session->Ack(1);
  EXPECT_TRUE(link_->Flush(absl::Seconds(30)));
}

TEST_F(LinkTest, FlushAsksForAcknowledgementsThatWaitForCompany) {
  AcceptOne(1);
  link_->Start(runner_);
  auto session = Welcomed(0);
  ASSERT_TRUE(Await([&] { return session->EventSeqs().size() == 1; }));
  std::thread flush([&] { EXPECT_TRUE(link_->Flush(absl::Seconds(30))); });
  EXPECT_TRUE(Await([&] { return session->Count(v1::AgentMsg::kPing) > 0; }));
  session->Ack(1);
  flush.join();
}

TEST_F(LinkTest, StopsWhileNobodyAnswers) {
  controller_.Refuse(absl::UnavailableError("down"));
  link_->Start(runner_);
  ASSERT_TRUE(Await([&] { return dialer_.dials >= 3; }, absl::Seconds(1)));
  link_->Stop();
  link_->Stop();
}

}  // namespace
}  // namespace dbfleet::agent
