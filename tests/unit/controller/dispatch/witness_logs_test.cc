// Agents follow the trail from log to log, whichever they have seen.
#include "tests/unit/controller/dispatch/witnesses_fixture.h"

namespace dbfleet::controller {
namespace {

class WitnessLogsTest : public WitnessesTest {
 protected:
  void GoOnInASuccessorLog() {
    clock_.Advance(absl::Hours(1));
    Append(5);
    BeginSuccessorLog();
    Restart();
    Checkpoint(2);
  }
  void GoOnWithANewKey() {
    checkpointer_->Stop();
    checkpointer_.reset();
    clock_.Advance(absl::Hours(1));
    RotateKey();
    clock_.Advance(absl::Hours(1));
    Restart();
  }
};

TEST_F(WitnessLogsTest, AnAgentThatMissedLogsIsLedThroughEachOfThem) {
  StartSigning();
  Join(a_);
  ASSERT_TRUE(Follow(a_));
  Leave(a_);
  for (int i = 0; i < 3; ++i) GoOnInASuccessorLog();
  Join(a_);
  EXPECT_TRUE(Follow(a_));
  EXPECT_EQ(a_.state.retired.size(), 3u);
  EXPECT_EQ(a_.state.alarm_count, 0u);
}

// The last checkpoint of the log in between bears the old key's signature, which no witness takes
// any more.
TEST_F(WitnessLogsTest, AnAgentThatMissedALogAndTheRotationOfItsKeyFollows) {
  StartSigning();
  Join(a_);
  ASSERT_TRUE(Follow(a_));
  Leave(a_);
  for (int i = 0; i < 2; ++i) {
    GoOnInASuccessorLog();
    GoOnWithANewKey();
  }
  Join(a_);
  EXPECT_TRUE(Follow(a_)) << (a_.state.alarms.empty() ? "" : a_.state.alarms.back().sentence);
  EXPECT_EQ(a_.state.retired.size(), 2u);
  EXPECT_EQ(a_.state.alarm_count, 0u);
  EXPECT_EQ(Audited("audit.witness_alarm"), 0);
}

// Of two agents that saw a lost log one is away while the controller is recovered, twice, and its
// key replaced.
TEST_F(WitnessLogsTest, AnAgentThatStandsInALostLogFollowsWheneverItComes) {
  StartSigning();
  Checkpoint(5);
  audit::Checkpoint lost = Latest();
  lost.predecessor = audit::Predecessor{lost.log_id, lost.size, lost.root, {}};
  lost.log_id = "LOST";
  lost.size += 20;
  lost.root = std::string(32, 'x');
  MemoryVerdict verdict;
  verdict.shared_size = Latest().size;
  verdict.lost_log = LostLog{lost, audit::SignCheckpoint(lost, keys_->signing_key()).value()};
  CheckpointPush push;
  push.set_text(verdict.lost_log->text);
  push.set_trusted_keys(keys_->trusted_text());
  for (WitnessAgent* agent : {&a_, &b_}) {
    ASSERT_EQ(agent->Judge(push).outcome(), CheckpointAnswer::OUTCOME_ACCEPTED);
  }
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) {
                    return DemandRecovery(tx, verdict, "db1", "users/ada", clock_.Now(), 0);
                  })
                  .ok());
  ASSERT_TRUE(Recover(store_, *keys_, clock_.Now(), "host/x", "on purpose").ok());
  Restart();
  Join(a_);
  EXPECT_TRUE(Follow(a_));
  for (int i = 0; i < 2; ++i) {
    GoOnInASuccessorLog();
    GoOnWithANewKey();
  }
  Join(b_);
  EXPECT_TRUE(Follow(b_)) << (b_.state.alarms.empty() ? "" : b_.state.alarms.back().sentence);
  EXPECT_EQ(Audited("audit.witness_alarm"), 0);
}

TEST_F(WitnessLogsTest, AReceiptForTheFormerLogIsKeptBesideTheOneForTheLatest) {
  StartSigning();
  Join(a_);
  const CheckpointAnswer late = a_.Judge(a_.connection->pushes.at(0));
  const std::string former = Latest().log_id;
  clock_.Advance(absl::Hours(1));
  BeginSuccessorLog();
  Restart();
  Join(a_);
  Say(a_, late);
  taken_.clear();
  ASSERT_TRUE(Follow(a_));
  const std::vector<AuditReceipt> receipts = Receipts();
  ASSERT_EQ(receipts.size(), 2u);
  EXPECT_EQ(receipts[0].log_id, former);
  EXPECT_EQ(receipts[1].log_id, Latest().log_id);
}

}  // namespace
}  // namespace dbfleet::controller
