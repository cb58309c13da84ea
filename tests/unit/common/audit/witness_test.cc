#include "common/audit/witness.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/hash.h"
#include "common/base/status.h"
#include "tests/unit/common/audit/keys_fixture.h"
#include "tests/unit/common/audit/tree_fixture.h"

namespace dbfleet::audit {
namespace {

using ::testing::HasSubstr;

// A controller with a tree of its own.
struct Log {
  std::string id;
  std::vector<std::string> leaves;
  std::optional<Predecessor> predecessor;
  MemoryTiles tiles;

  Log(std::string log_id, std::vector<std::string> hashes)
      : id(std::move(log_id)), leaves(std::move(hashes)) {
    FillTiles(leaves, &tiles);
  }
  std::string Root(uint64_t size) { return TreeRoot(tiles, size).value(); }
  Checkpoint At(uint64_t size, absl::Time time) {
    Checkpoint checkpoint;
    checkpoint.size = size;
    checkpoint.root = Root(size);
    checkpoint.log_id = id;
    checkpoint.time = time;
    checkpoint.head = size == 0 ? std::string(32, '\0') : Sha256(leaves[size - 1]);
    checkpoint.predecessor = predecessor;
    return checkpoint;
  }
};

class WitnessTest : public ::testing::Test {
 protected:
  CheckpointPush Push(Log& log, uint64_t from, uint64_t size, absl::Time time = Noon(5)) {
    CheckpointPush push;
    push.text = SignCheckpoint(log.At(size, time), keys_.key).value();
    push.proof_from = from;
    if (from <= size) push.proof = ConsistencyProof(log.tiles, from, size).value();
    return push;
  }
  WitnessAnswer Update(const CheckpointPush& push, absl::Time now = Noon(5)) {
    return UpdateWitness(state_, push, keys_.trusted, now);
  }
  void ExpectAlarm(const CheckpointPush& push, AlarmKind kind, absl::Time now = Noon(5)) {
    const auto before = state_.highest;
    const uint64_t count = state_.alarm_count;
    const WitnessAnswer answer = Update(push, now);
    ASSERT_EQ(answer.outcome, WitnessOutcome::kAlarm);
    EXPECT_EQ(AlarmName(answer.alarm.kind), AlarmName(kind)) << answer.alarm.sentence;
    EXPECT_FALSE(answer.alarm.sentence.empty());
    EXPECT_EQ(state_.highest, before) << "an alarm must not move the witness";
    EXPECT_EQ(state_.alarm_count, count + 1);
  }

  const KeyAndTrust keys_;
  Log log_{"A", MakeLeaves(200)};
  WitnessState state_;
};

TEST_F(WitnessTest, GrowthIsAcceptedStepByStep) {
  uint64_t size = 0;
  for (const uint64_t next : {0u, 1u, 7u, 64u, 65u, 200u}) {
    const auto answer = Update(Push(log_, size, next, Noon(5) + absl::Seconds(next)));
    EXPECT_EQ(answer.outcome, WitnessOutcome::kAccepted) << next;
    EXPECT_EQ(state_.highest->size, next);
    size = next;
  }
  EXPECT_EQ(Update(Push(log_, 200, 200, Noon(6)), Noon(6)).outcome, WitnessOutcome::kSame);
  EXPECT_EQ(state_.highest->time, Noon(6));
  EXPECT_EQ(state_.alarm_count, 0u);
}

TEST_F(WitnessTest, RandomGrowthWithDuplicatesDropsAndLateMessagesRaisesNoAlarm) {
  std::mt19937 random(5);
  for (int run = 0; run < 20; ++run) {
    state_ = WitnessState();
    std::vector<CheckpointPush> sent;
    uint64_t size = 0;
    uint64_t acknowledged = 0;
    for (int step = 0; step < 60; ++step) {
      if (!sent.empty() && random() % 3 == 0) {
        ASSERT_NE(Update(sent[random() % sent.size()]).outcome, WitnessOutcome::kAlarm);
        continue;
      }
      size = std::min<uint64_t>(200, size + random() % 10);
      CheckpointPush push = Push(log_, acknowledged, size, Noon(5) + absl::Seconds(step));
      WitnessAnswer answer = Update(push);
      if (answer.outcome == WitnessOutcome::kNeedsProof) {
        push = Push(log_, answer.prove_from, size, Noon(5) + absl::Seconds(step));
        answer = Update(push);
      }
      ASSERT_TRUE(answer.outcome == WitnessOutcome::kAccepted ||
                  answer.outcome == WitnessOutcome::kSame);
      sent.push_back(push);
      if (random() % 2 == 0) acknowledged = size;  // Else the receipt was lost.
    }
    EXPECT_EQ(state_.alarm_count, 0u);
  }
}

TEST_F(WitnessTest, ASmallerTrailIsAnAlarmAndAnEarlierTextIsNot) {
  const CheckpointPush early = Push(log_, 0, 50, Noon(4));
  Update(early);
  Update(Push(log_, 50, 100, Noon(5)));
  EXPECT_EQ(Update(early).outcome, WitnessOutcome::kRepeat);
  EXPECT_EQ(Update(Push(log_, 70, 100, Noon(5))).outcome, WitnessOutcome::kSame);
  ExpectAlarm(Push(log_, 0, 50, Noon(6)), AlarmKind::kSmaller);
  ExpectAlarm(Push(log_, 0, 99, Noon(4)), AlarmKind::kSmaller);
  CheckpointPush late;
  late.text = SignCheckpoint(log_.At(70, Noon(4)), keys_.key).value();
  late.proof_from = 70;
  late.proof = ConsistencyProof(log_.tiles, 70, 100).value();
  EXPECT_EQ(Update(late).outcome, WitnessOutcome::kRepeat);
  late.text = SignCheckpoint(log_.At(70, Noon(6)), keys_.key).value();
  ExpectAlarm(late, AlarmKind::kSmaller);
}

TEST_F(WitnessTest, ARewrittenTrailIsInconsistentAndAForkIsOne) {
  std::mt19937 random(6);
  for (int round = 0; round < 300; ++round) {
    state_ = WitnessState();
    const uint64_t seen = 1 + random() % 198;
    const uint64_t next = seen + 1 + random() % (199 - seen);
    Update(Push(log_, 0, seen));
    auto leaves = log_.leaves;
    leaves[random() % seen] = LeafHash("forged");
    Log forged("A", leaves);
    ExpectAlarm(Push(forged, seen, next), AlarmKind::kInconsistent);
    Checkpoint fork = forged.At(seen, Noon(5));
    ExpectAlarm({SignCheckpoint(fork, keys_.key).value(), seen, {}}, AlarmKind::kForked);
  }
  Checkpoint other_head = log_.At(state_.highest->size, Noon(5));
  other_head.head = Sha256("other");
  ExpectAlarm({SignCheckpoint(other_head, keys_.key).value(), 0, {}}, AlarmKind::kForked);
}

TEST_F(WitnessTest, AProofThatNeverComesIsAnAlarm) {
  Update(Push(log_, 0, 50));
  for (uint64_t i = 0; i < kMaxProofsAsked; ++i) {
    const auto answer = Update(Push(log_, 40, 100));
    ASSERT_EQ(answer.outcome, WitnessOutcome::kNeedsProof);
    EXPECT_EQ(answer.prove_from, 50u);
  }
  ExpectAlarm(Push(log_, 40, 100), AlarmKind::kInconsistent);
  EXPECT_EQ(Update(Push(log_, 50, 100)).outcome, WitnessOutcome::kAccepted);
  EXPECT_EQ(state_.proofs_asked, 0u);
}

TEST_F(WitnessTest, BadSignaturesAndKeysAreAlarms) {
  Update(Push(log_, 0, 50));
  const KeyAndTrust foreign;
  ExpectAlarm({SignCheckpoint(log_.At(60, Noon(5)), foreign.key).value(), 50, {}},
              AlarmKind::kUnknownKey);
  ExpectAlarm(Push(log_, 50, 60, Noon(5)), AlarmKind::kUnknownKey, Noon(31));
  CheckpointPush altered = Push(log_, 50, 60);
  altered.text[altered.text.find("60")] = '7';
  ExpectAlarm(altered, AlarmKind::kBadSignature);
  ExpectAlarm({"\xFF\n", 0, {}}, AlarmKind::kBadSignature);
  EXPECT_THAT(state_.alarms.back().sentence, HasSubstr("line 1"));
}

TEST_F(WitnessTest, AForeignLogIsAnAlarm) {
  Update(Push(log_, 0, 50));
  Log other("B", log_.leaves);
  ExpectAlarm(Push(other, 50, 60), AlarmKind::kForeignLog);
  other.predecessor = Predecessor{"C", 50, log_.Root(50)};
  ExpectAlarm(Push(other, 50, 60), AlarmKind::kForeignLog);
}

TEST_F(WitnessTest, ASuccessorLogIsAcceptedAndTheAlarmsStay) {
  Update(Push(log_, 0, 100));
  ExpectAlarm(Push(log_, 0, 60, Noon(6)), AlarmKind::kSmaller);
  auto leaves = log_.leaves;
  for (size_t i = 60; i < leaves.size(); ++i) leaves[i] = LeafHash(absl::StrCat("new ", i));
  Log next("B", leaves);
  next.predecessor = Predecessor{"A", 60, log_.Root(60)};
  EXPECT_EQ(ProofStart(state_.highest, next.At(80, Noon(6))), 60u);
  EXPECT_EQ(Update(Push(next, 100, 120, Noon(6))).prove_from, 60u);
  const auto answer = Update(Push(next, 60, 80, Noon(6)));
  EXPECT_EQ(answer.outcome, WitnessOutcome::kAccepted);
  EXPECT_TRUE(answer.adopted);
  EXPECT_EQ(state_.alarm_count, 1u);
  EXPECT_EQ(state_.retired, (std::vector<RetiredLog>{{"A", 100, 60}}));
  ExpectAlarm(Push(log_, 100, 150, Noon(7)), AlarmKind::kForeignLog);
  EXPECT_EQ(Update(Push(next, 80, 90, Noon(7))).outcome, WitnessOutcome::kAccepted);
  next.predecessor = Predecessor{"A", 61, log_.Root(60)};
  ExpectAlarm(Push(next, 90, 95, Noon(7)), AlarmKind::kInconsistent);
}

TEST_F(WitnessTest, ASuccessorOfLogsThatWereMissedIsAcceptedWhenTheyLeadBack) {
  Update(Push(log_, 0, 100));
  const auto lost = [&](const std::string& id, Predecessor former) {
    Log log(id, MakeLeaves(150));
    log.predecessor = std::move(former);
    return SignCheckpoint(log.At(150, Noon(5)), keys_.key).value();
  };
  const std::string b = lost("B", {"A", 60, log_.Root(60), {}});
  const std::string c = lost("C", {"Z", 80, std::string(32, 'c'), {"B", "Y"}});
  Log next("D", log_.leaves);
  next.predecessor = Predecessor{"C", 70, log_.Root(70), {}};
  const WitnessState before = state_;
  const auto push = [&](std::vector<std::string> former_logs, uint64_t from) {
    state_ = before;
    CheckpointPush message = Push(next, from, 120);
    message.former_logs = std::move(former_logs);
    return Update(message);
  };
  for (const std::vector<std::string>& some : {std::vector<std::string>{}, {b}, {c}, {c, c}}) {
    EXPECT_EQ(push(some, 60).alarm.kind, AlarmKind::kForeignLog);
  }
  const KeyAndTrust foreign;
  const std::string forged =
      SignCheckpoint(ParseCheckpoint(b).value().checkpoint, foreign.key).value();
  EXPECT_EQ(push({c, forged}, 60).alarm.kind, AlarmKind::kForeignLog);
  EXPECT_EQ(push({b, c}, 70).prove_from, 60u) << "the smallest adoption counts";
  EXPECT_TRUE(push({b, c}, 60).adopted);
  EXPECT_EQ(state_.retired,
            (std::vector<RetiredLog>{{"A", 100, 60}, {"B", 150, 70}, {"C", 150, 70}}));
}

TEST_F(WitnessTest, ASuccessorOfSeveralLogsIsFollowedFromEach) {
  Log next("D", log_.leaves);
  next.predecessor = Predecessor{"C", 60, log_.Root(60), {"A", "B"}};
  for (const char* id : {"A", "B", "C"}) {
    state_ = WitnessState();
    Log seen(id, log_.leaves);
    Update(Push(seen, 0, 100));
    EXPECT_TRUE(Update(Push(next, 60, 120)).adopted) << id;
  }
  state_ = WitnessState();
  Update(Push(log_, 0, 100));
  next.predecessor->others = {"B"};
  ExpectAlarm(Push(next, 60, 120), AlarmKind::kForeignLog);
}

TEST_F(WitnessTest, ASuccessorMustContainWhatItSaysItAdopted) {
  Update(Push(log_, 0, 40));
  auto leaves = log_.leaves;
  leaves[10] = LeafHash("forged");
  Log next("B", leaves);
  next.predecessor = Predecessor{"A", 60, log_.Root(60)};  // More than the witness has seen.
  ExpectAlarm(Push(next, 40, 80), AlarmKind::kInconsistent);
  next.predecessor = Predecessor{"A", 30, log_.Root(30)};
  ExpectAlarm(Push(next, 30, 80), AlarmKind::kInconsistent);
  next.predecessor = Predecessor{"A", 40, next.Root(40)};
  ExpectAlarm(Push(next, 40, 80), AlarmKind::kForked);
  const KeyAndTrust foreign;
  Log good("B", log_.leaves);
  good.predecessor = Predecessor{"A", 30, log_.Root(30)};
  CheckpointPush push = Push(good, 30, 80);
  const std::string honest = push.text;
  push.text = SignCheckpoint(good.At(80, Noon(5)), foreign.key).value();
  ExpectAlarm(push, AlarmKind::kUnknownKey);
  push.text = honest;
  EXPECT_TRUE(Update(push).adopted);
}

TEST_F(WitnessTest, TheStateSurvivesItsFileAndDamageIsNoticed) {
  EXPECT_EQ(ReadWitnessState(WriteWitnessState(state_)).value(), state_);
  Update(Push(log_, 0, 50));
  ExpectAlarm({"\xFF\xFE", 0, {}}, AlarmKind::kBadSignature);
  Log next("B", log_.leaves);
  next.predecessor = Predecessor{"A", 50, log_.Root(50)};
  Update(Push(next, 50, 60));
  Update(Push(next, 3, 70));
  const std::string text = WriteWitnessState(state_);
  EXPECT_EQ(ReadWitnessState(text).value(), state_);
  for (size_t size = 0; size < text.size(); size += 7) {
    EXPECT_EQ(ReasonOf(ReadWitnessState(text.substr(0, size)).status()), "BAD_WITNESS_STATE");
  }
}

TEST_F(WitnessTest, AFloodOfAlarmsKeepsTheFirstAndTheLast) {
  Update(Push(log_, 0, 50));
  for (int i = 0; i < 500; ++i) Update({absl::StrCat("alarm ", i), 0, {}});
  EXPECT_EQ(state_.alarms.size(), kMaxAlarms);
  EXPECT_EQ(state_.alarm_count, 500u);
  EXPECT_EQ(state_.alarms.front().text, "alarm 0");
  EXPECT_EQ(state_.alarms.back().text, "alarm 499");
  for (int i = 0; i < 9; ++i) Update({"alarm 499", 0, {}});
  EXPECT_EQ(state_.alarms.back().times, 10u);
}

}  // namespace
}  // namespace dbfleet::audit
