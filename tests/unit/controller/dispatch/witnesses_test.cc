#include "controller/dispatch/witnesses.h"

#include "tests/unit/controller/dispatch/witnesses_fixture.h"

namespace dbfleet::controller {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(WitnessesTest, EachCheckpointGoesToEveryAgentWithAProofFromItsOwnLastSize) {
  StartSigning();
  Join(a_);
  ASSERT_TRUE(Follow(a_));
  const uint64_t first = Latest().size;
  Checkpoint(40);
  ASSERT_TRUE(Follow(a_));
  const uint64_t second = Latest().size;
  Join(b_);
  ASSERT_TRUE(Follow(b_));
  b_.connection->pushes.clear();
  taken_.clear();
  a_.connection->pushes.clear();
  Checkpoint(7);
  ASSERT_EQ(a_.connection->pushes.size(), 1u);
  ASSERT_EQ(b_.connection->pushes.size(), 1u);
  EXPECT_EQ(a_.connection->pushes[0].proof_from(), second);
  EXPECT_TRUE(Follow(a_));
  EXPECT_TRUE(Follow(b_));
  EXPECT_EQ(a_.state.proofs_asked, 0u);
  EXPECT_EQ(a_.state.alarm_count + b_.state.alarm_count, 0u);
  EXPECT_LT(first, second);
}

TEST_F(WitnessesTest, AgentsThatAreNotEquallyFarGetDifferentProofs) {
  StartSigning();
  Join(a_);
  Join(b_);
  ASSERT_TRUE(Follow(a_) && Follow(b_));
  const uint64_t first = Latest().size;
  Checkpoint(10);
  ASSERT_TRUE(Follow(a_));  // db2 does not answer to this one.
  const uint64_t second = Latest().size;
  Checkpoint(10);
  EXPECT_EQ(a_.connection->pushes.back().proof_from(), second);
  EXPECT_EQ(b_.connection->pushes.back().proof_from(), first);
  EXPECT_NE(std::vector<std::string>(a_.connection->pushes.back().proof().begin(),
                                     a_.connection->pushes.back().proof().end()),
            std::vector<std::string>(b_.connection->pushes.back().proof().begin(),
                                     b_.connection->pushes.back().proof().end()));
  EXPECT_TRUE(Follow(a_));
  // Both pushes wait for db2; the first one's proof holds, the second one's is asked for anew.
  EXPECT_TRUE(Follow(b_));
  EXPECT_EQ(b_.state.alarm_count, 0u);
}

TEST_F(WitnessesTest, AnAgentWithoutMemoryGetsTheKeysOnceAndNoProof) {
  Join(a_);
  EXPECT_TRUE(a_.connection->pushes.empty()) << "there is no checkpoint yet";
  StartSigning();
  ASSERT_EQ(a_.connection->pushes.size(), 1u);
  EXPECT_EQ(a_.connection->pushes[0].proof_from(), 0u);
  EXPECT_EQ(a_.connection->pushes[0].trusted_keys(), keys_->trusted_text());
  ASSERT_TRUE(Follow(a_));
  Checkpoint(1);
  ASSERT_EQ(a_.connection->pushes.size(), 2u);
  EXPECT_EQ(a_.connection->pushes[1].trusted_keys(), "");
}

TEST_F(WitnessesTest, AReceiptIsStoredOnceItVerifies) {
  StartSigning();
  Join(a_);
  ASSERT_TRUE(Follow(a_));
  const std::vector<AuditReceipt> receipts = Receipts();
  ASSERT_EQ(receipts.size(), 1u);
  EXPECT_EQ(receipts[0].agent_id, "db1");
  EXPECT_EQ(receipts[0].log_id, Latest().log_id);
  EXPECT_EQ(receipts[0].size, Latest().size);
  EXPECT_THAT(metrics_.Expose(), HasSubstr("dbfleet_audit_receipts_total 1\n"));
  EXPECT_THAT(metrics_.Expose(), HasSubstr("dbfleet_audit_receipts_refused_total 0\n"));
}

class RefusedReceiptTest : public WitnessesTest {
 protected:
  // The agent has the latest checkpoint, and answers with this receipt.
  void Give(const agent::v1::AuditReceipt& receipt) {
    CheckpointAnswer answer;
    answer.set_outcome(CheckpointAnswer::OUTCOME_ACCEPTED);
    answer.set_highest_checkpoint(a_.state.text);
    *answer.mutable_receipt() = receipt;
    Say(a_, answer);
  }
  void SetUp() override {
    StartSigning();
    Join(a_);
    ASSERT_EQ(a_.Judge(a_.connection->pushes.at(0)).outcome(), CheckpointAnswer::OUTCOME_ACCEPTED);
  }
  void ExpectRefused() {
    EXPECT_TRUE(Receipts().empty());
    EXPECT_THAT(metrics_.Expose(), HasSubstr("dbfleet_audit_receipts_refused_total 1\n"));
    EXPECT_THAT(metrics_.Expose(), HasSubstr("dbfleet_audit_receipts_total 0\n"));
  }
};

TEST_F(RefusedReceiptTest, WithAnAlteredSignature) {
  agent::v1::AuditReceipt receipt = a_.Sign(a_.Seen());
  receipt.mutable_signature()->back() ^= 1;
  Give(receipt);
  ExpectRefused();
}

TEST_F(RefusedReceiptTest, OfAnotherAgent) {
  b_.state = a_.state;
  Give(b_.Sign(b_.Seen()));
  ExpectRefused();
}

TEST_F(RefusedReceiptTest, WithACertificateOfAnotherAuthority) {
  WitnessAgent stranger("db1", rpc::MakeCa("test", clock_.Now(), absl::Hours(24 * 400)).value(),
                        clock_);
  stranger.state = a_.state;
  Give(stranger.Sign(stranger.Seen()));
  ExpectRefused();
}

TEST_F(RefusedReceiptTest, ForOtherRecords) {
  audit::Receipt receipt = a_.Seen();
  receipt.root[0] ^= 1;
  Give(a_.Sign(receipt));
  ExpectRefused();
}

TEST_F(RefusedReceiptTest, ForRecordsThatAreNotThere) {
  audit::Receipt receipt = a_.Seen();
  receipt.size += 100;
  Give(a_.Sign(receipt));
  ExpectRefused();
}

TEST_F(RefusedReceiptTest, ForALogThatThisTrailNeverWas) {
  audit::Receipt receipt = a_.Seen();
  receipt.log_id = "invented";
  Give(a_.Sign(receipt));
  ExpectRefused();
}

TEST_F(RefusedReceiptTest, AndAGoodOneAfterItCounts) {
  audit::Receipt receipt = a_.Seen();
  receipt.size += 1;
  Give(a_.Sign(receipt));
  ExpectRefused();
  Give(a_.Sign(a_.Seen()));
  EXPECT_EQ(Receipts().size(), 1u);
}

TEST_F(WitnessesTest, AnAgentThatHasSeenMorePutsTheControllerIntoRecovery) {
  StartSigning();
  ShowMore(a_, 50);
  Join(a_);
  ASSERT_EQ(a_.connection->pushes.size(), 1u);
  EXPECT_EQ(a_.connection->pushes[0].proof_from(), 0u) << "there is nothing to prove it from";
  Follow(a_);
  EXPECT_EQ(a_.state.alarms.back().kind, audit::AlarmKind::kSmaller);
  EXPECT_TRUE(Demanded());
  EXPECT_EQ(Audited("audit.witness_alarm"), 1);
  EXPECT_THAT(metrics_.Expose(),
              HasSubstr("dbfleet_audit_witness_alarms_total{kind=\"SMALLER\"} 1\n"));
}

TEST_F(WitnessesTest, AnAgentWithAnAlarmIsSentNothingMoreAndTheOthersAre) {
  StartSigning();
  ShowMore(a_, 50);
  Join(a_);
  Join(b_);
  ASSERT_TRUE(Follow(b_));
  Follow(a_);
  const size_t sent = a_.connection->pushes.size();
  for (int i = 0; i < 3; ++i) Checkpoint(1);
  EXPECT_EQ(a_.connection->pushes.size(), sent);
  EXPECT_TRUE(Follow(b_));
}

TEST_F(WitnessesTest, OneAlarmOfAnAgentIsAuditedOnceHoweverOftenItComesBack) {
  StartSigning();
  ShowMore(a_, 50);
  for (int i = 0; i < 3; ++i) {
    Join(a_);
    Follow(a_);
    Checkpoint(1);
  }
  EXPECT_EQ(a_.state.alarm_count, 3u) << "a new stream is a new chance";
  EXPECT_EQ(Audited("audit.witness_alarm"), 1);
  ShowMore(b_, 50);
  Join(b_);
  Follow(b_);
  EXPECT_EQ(Audited("audit.witness_alarm"), 2) << "another agent's is another one";
}

TEST_F(WitnessesTest, AnAlarmWithoutWhatOurKeySignedIsAuditedAndStopsNothing) {
  StartSigning();
  Join(a_);
  audit::Checkpoint forged = Latest();
  forged.size += 50;
  const audit::SigningKey other = audit::SigningKey::Generate("x/audit").value();
  CheckpointAnswer answer;
  answer.set_outcome(CheckpointAnswer::OUTCOME_ALARM);
  answer.set_alarm_kind("SMALLER");
  answer.set_message("line one\nline two");
  answer.set_highest_checkpoint(audit::SignCheckpoint(forged, other).value());
  Say(a_, answer);
  EXPECT_EQ(Audited("audit.witness_alarm"), 1);
  EXPECT_FALSE(Demanded());
  EXPECT_THAT(store_.Audit().back().entry.details.at("message"), Not(HasSubstr("\n")));
}

TEST_F(WitnessesTest, AnAgentDoesNotChooseTheWordsOfAMetric) {
  StartSigning();
  Join(a_);
  CheckpointAnswer answer;
  answer.set_outcome(CheckpointAnswer::OUTCOME_ALARM);
  answer.set_alarm_kind("ANYTHING\"} 1\n");
  Say(a_, answer);
  EXPECT_THAT(metrics_.Expose(),
              HasSubstr("dbfleet_audit_witness_alarms_total{kind=\"OTHER\"} 1\n"));
  EXPECT_THAT(metrics_.Expose(), Not(HasSubstr("ANYTHING")));
}

TEST_F(WitnessesTest, AReconnectionIsSentTheLatestWithAProofFromWhatTheHelloTold) {
  StartSigning();
  Join(a_);
  ASSERT_TRUE(Follow(a_));
  const uint64_t seen = Latest().size;
  Leave(a_);
  Checkpoint(5);
  Join(a_);
  ASSERT_EQ(a_.connection->pushes.size(), 1u);
  EXPECT_EQ(a_.connection->pushes[0].text(), checkpointer_->Latest()->text);
  EXPECT_EQ(a_.connection->pushes[0].proof_from(), seen);
  EXPECT_TRUE(Follow(a_));
  // What was lost on the way comes again on the next stream.
  Join(a_);
  Join(a_);
  EXPECT_EQ(a_.connection->pushes.size(), 1u);
  EXPECT_TRUE(Follow(a_));
  EXPECT_EQ(a_.state.alarm_count, 0u);
}

TEST_F(WitnessesTest, AnAgentThatIsUpToDateIsToldTheKeysAndThenNothing) {
  StartSigning();
  Join(a_);
  ASSERT_TRUE(Follow(a_));
  EXPECT_EQ(a_.connection->pushes.size(), 1u);
  Join(a_);
  ASSERT_EQ(a_.connection->pushes.size(), 1u);
  EXPECT_NE(a_.connection->pushes[0].trusted_keys(), "");
  ASSERT_TRUE(Follow(a_));
  EXPECT_EQ(a_.connection->pushes.size(), 1u);
}

TEST_F(WitnessesTest, AnAgentWhoseStreamEndedIsSentNothing) {
  StartSigning();
  Join(a_);
  Join(b_);
  EXPECT_THAT(metrics_.Expose(), HasSubstr("dbfleet_audit_witnesses 2\n"));
  Leave(a_);
  const size_t sent = a_.connection->pushes.size();
  Checkpoint(1);
  EXPECT_EQ(a_.connection->pushes.size(), sent);
  EXPECT_THAT(metrics_.Expose(), HasSubstr("dbfleet_audit_witnesses 1\n"));
  // What it still said before is no business of anybody.
  Say(a_, a_.Judge(a_.connection->pushes.back()));
  EXPECT_TRUE(Receipts().empty());
}

TEST_F(WitnessesTest, AnAgentThatDoesNotKnowCheckpointsIsLeftAlone) {
  StartSigning();
  Join(a_);
  Join(b_);
  ASSERT_TRUE(Follow(b_));
  witnesses_->Unsupported(a_.connection);
  Checkpoint(1);
  EXPECT_EQ(a_.connection->pushes.size(), 1u);
  EXPECT_TRUE(Follow(b_));
}

TEST_F(WitnessesTest, AFrozenAgentHoldsNothingUp) {
  StartSigning();
  Join(a_);
  Join(b_);
  ASSERT_TRUE(Follow(b_));
  a_.connection->full = true;  // It reads nothing and answers nothing.
  for (int i = 0; i < 5; ++i) {
    Checkpoint(3);
    ASSERT_TRUE(Follow(b_)) << i;
  }
  EXPECT_EQ(Receipts().at(0).size, Latest().size);
  EXPECT_LE(a_.connection->pushes.size(), 6u) << "one a checkpoint";
  // On a new stream it catches up at once.
  Join(a_);
  EXPECT_TRUE(Follow(a_));
}

TEST_F(WitnessesTest, AProofIsMadeAgainFromWhereTheAgentAsks) {
  StartSigning();
  Checkpoint(30);
  Join(a_);
  ASSERT_TRUE(Follow(a_));
  CheckpointAnswer answer;
  answer.set_outcome(CheckpointAnswer::OUTCOME_NEEDS_PROOF);
  answer.set_highest_checkpoint(a_.state.text);
  answer.set_prove_from(9);
  Say(a_, answer);
  const CheckpointPush& again = a_.connection->pushes.back();
  EXPECT_EQ(a_.connection->pushes.size(), 2u);
  EXPECT_EQ(again.proof_from(), 9u);
  EXPECT_GT(again.proof_size(), 0);
  // More than there is cannot be proven.
  answer.set_prove_from(Latest().size + 1);
  Say(a_, answer);
  EXPECT_EQ(a_.connection->pushes.back().proof_from(), 0u);
  EXPECT_EQ(a_.connection->pushes.back().proof_size(), 0);
}

TEST_F(WitnessesTest, AnAgentThatAsksOnAndOnIsAnsweredSoOftenUntilTheNextCheckpoint) {
  StartSigning();
  Join(a_);
  CheckpointAnswer answer;
  answer.set_outcome(CheckpointAnswer::OUTCOME_NEEDS_PROOF);
  answer.set_prove_from(1);
  for (int i = 0; i < 1000; ++i) Say(a_, answer);
  EXPECT_EQ(a_.connection->pushes.size(), 32u);
  Checkpoint(1);
  EXPECT_EQ(a_.connection->pushes.size(), 33u);
}

TEST_F(WitnessesTest, OnlyWhatThisControllersKeysSignedIsRead) {
  StartSigning();
  EXPECT_EQ(witnesses_->Read(checkpointer_->Latest()->text), Latest());
  EXPECT_EQ(witnesses_->Read(""), std::nullopt);
  EXPECT_EQ(witnesses_->Read("nonsense"), std::nullopt);
  const audit::SigningKey other = audit::SigningKey::Generate("x/audit").value();
  EXPECT_EQ(witnesses_->Read(audit::SignCheckpoint(Latest(), other).value()), std::nullopt);
}

// A large fleet: connections alone, for nothing of theirs is judged here.
TEST_F(WitnessesTest, ABusyTrailsPushesArePacedAndReachEveryAgentInTurn) {
  StartSigning();
  const int agents = 2 * Witnesses::kPushesPerSecond + 50;
  std::vector<std::shared_ptr<WitnessConnection>> fleet;
  for (int i = 0; i < agents; ++i) {
    fleet.push_back(std::make_shared<WitnessConnection>(absl::StrCat("agent-", i)));
    witnesses_->Join(fleet.back(), "");
  }
  executor_->RunAll();
  const auto reached = [&] {
    return std::count_if(fleet.begin(), fleet.end(),
                         [](const auto& agent) { return !agent->pushes.empty(); });
  };
  EXPECT_EQ(reached(), Witnesses::kPushesPerSecond) << "as many as there may be at once";
  for (int i = 0; i < 20; ++i) {
    clock_.Advance(absl::Milliseconds(50));
    executor_->RunAll();
  }
  EXPECT_NEAR(reached(), 2 * Witnesses::kPushesPerSecond, 2) << "a second's share later";
  // A new checkpoint does not send those to the end of the queue that have waited longest.
  Append(1);
  witnesses_->Publish(checkpointer_->Latest());
  for (int i = 0; i < 10; ++i) {
    clock_.Advance(absl::Milliseconds(50));
    executor_->RunAll();
  }
  EXPECT_EQ(reached(), agents);
}

TEST_F(WitnessesTest, AnAgentThatLeftWhileItWaitedIsPassedOver) {
  StartSigning();
  std::vector<std::shared_ptr<WitnessConnection>> fleet;
  for (int i = 0; i < Witnesses::kPushesPerSecond + 2; ++i) {
    fleet.push_back(std::make_shared<WitnessConnection>(absl::StrCat("agent-", i)));
    witnesses_->Join(fleet.back(), "");
  }
  executor_->RunAll();
  const auto last = fleet.back();
  const auto before_last = fleet[fleet.size() - 2];
  ASSERT_TRUE(last->pushes.empty() && before_last->pushes.empty());
  witnesses_->Leave(before_last);
  clock_.Advance(absl::Seconds(1));
  executor_->RunAll();
  EXPECT_TRUE(before_last->pushes.empty());
  EXPECT_FALSE(last->pushes.empty());
}

}  // namespace
}  // namespace dbfleet::controller
