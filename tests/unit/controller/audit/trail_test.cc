#include "controller/audit/trail.h"

#include <sys/stat.h>

#include <sstream>

#include "gmock/gmock.h"

#include "common/audit/export.h"
#include "common/audit/export_evidence.h"
#include "common/audit/key_change.h"
#include "common/audit/verify.h"
#include "common/audit/witness.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "controller/audit/recovery.h"
#include "controller/audit/trail_export.h"
#include "tests/unit/controller/audit/trail_test_util.h"

namespace dbfleet::controller {
namespace {

std::string Export(Store& store) {
  const AuditHead head = ReadAuditHead(store).value();
  TrailReader reader(store, 1, head);
  std::string text;
  for (;;) {
    const auto item = reader.Next().value();
    if (!item.has_value()) return text;
    if (const auto* row = std::get_if<AuditRow>(&*item)) {
      audit::ExportedRecord out;
      out.record = {row->seq,           row->record_time,    row->entry.actor,
                    row->entry.action,  row->entry.resource, row->entry.environment,
                    row->entry.details, row->previous_hash};
      out.canonical = row->canonical;
      out.hash = row->hash;
      text += audit::WriteJsonLine(out) + "\n";
    } else if (const auto* checkpoint = std::get_if<AuditCheckpoint>(&*item)) {
      text += audit::WriteCheckpointLine(checkpoint->text) + "\n";
    } else if (const auto* adoption = std::get_if<TrailReader::Adoption>(&*item)) {
      text += audit::WriteAdoptionLine(adoption->text) + "\n";
    }
  }
}

audit::VerifyReport Verify(const std::string& text, const AuditKeys& keys,
                           std::vector<std::string> checkpoints = {}) {
  std::istringstream in(text);
  audit::VerifyOptions options;
  options.keys = keys.trusted();
  options.checkpoints = std::move(checkpoints);
  return audit::VerifyExport(in, options).value();
}

class CheckpointTest : public TrailTest {
 protected:
  uint64_t Size() { return ReadFrom(store_, TrailSize).value(); }
  void Minute() {
    clock_.Advance(absl::Seconds(61));
    executor_->RunAll();
  }
};

TEST_F(CheckpointTest, SignsAtStartAndStopAndWhenTheTimeOrTheRecordsCallForIt) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  EXPECT_EQ(checkpointer_->Latest()->checkpoint.size, Size());
  const auto first = checkpointer_->Latest();
  Minute();
  EXPECT_EQ(checkpointer_->Latest(), first) << "nothing new was there to sign";
  Append(2);
  Minute();
  EXPECT_EQ(checkpointer_->Latest()->checkpoint.size, Size());
  Append(1001);
  checkpointer_->OnHead(Size());
  executor_->RunAll();
  EXPECT_EQ(checkpointer_->Latest()->checkpoint.size, Size());
  Append(1);
  checkpointer_->Stop();
  EXPECT_EQ(checkpointer_->Latest()->checkpoint.size, Size());
  const auto verified = audit::VerifyCheckpoint(checkpointer_->Latest()->text, keys_->trusted());
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->log_id, first->checkpoint.log_id);
}

TEST_F(CheckpointTest, ACheckpointIsNoRecordSoThatItCallsForNoOther) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  const uint64_t before = Size();
  Append(1);
  for (int i = 0; i < 5; ++i) Minute();
  EXPECT_EQ(Size(), before + 1);
}

TEST_F(CheckpointTest, TheListenerHearsOfItOnlyOnceItIsStored) {
  OpenCheckpointer();
  int heard = 0;
  checkpointer_->SetListener([&](std::shared_ptr<const IssuedCheckpoint>) { ++heard; });
  store_.FailCommits(1, absl::UnavailableError("no"));
  EXPECT_FALSE(checkpointer_->Start().ok());
  EXPECT_EQ(heard, 0);
  EXPECT_EQ(checkpointer_->Latest(), nullptr);
  ASSERT_TRUE(checkpointer_->Start().ok());
  EXPECT_EQ(heard, 1);
}

TEST_F(CheckpointTest, AStartWithoutNewRecordsTellsOfTheLastCheckpoint) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  const std::string text = checkpointer_->Latest()->text;
  OpenCheckpointer();
  std::string heard;
  checkpointer_->SetListener(
      [&](std::shared_ptr<const IssuedCheckpoint> checkpoint) { heard = checkpoint->text; });
  ASSERT_TRUE(checkpointer_->Start().ok());
  EXPECT_EQ(heard, text);
}

TEST_F(CheckpointTest, CloseCheckpointsAreThinnedAndTheFirstAndLastStay) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  const std::string log = checkpointer_->Latest()->checkpoint.log_id;
  const uint64_t first = checkpointer_->Latest()->checkpoint.size;
  for (int i = 0; i < 30; ++i) {
    Append(1);
    Minute();
  }
  std::vector<AuditCheckpoint> kept;
  ASSERT_TRUE(store_
                  .Read([&](ReadTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(kept, tx.LastCheckpoints(log, 100));
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_LE(kept.size(), 3u);
  EXPECT_EQ(kept.front().size, Size());
  EXPECT_EQ(kept.back().size, first);
}

TEST_F(CheckpointTest, TheExportVerifiesAndSaysHowFarItIsCovered) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  Append(20);
  Minute();
  const uint64_t covered = Size();
  Append(3);
  const audit::VerifyReport report = Verify(Export(store_), *keys_);
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.checkpoints, 2u);
  EXPECT_EQ(report.covered_seq, covered);
  EXPECT_EQ(report.last_seq, covered + 3);
}

TEST_F(CheckpointTest, WhatIsSignedByAClockBeforeTheKeysTimeVerifiesAllTheSame) {
  clock_.JumpWallClock(-absl::Hours(24 * 400));
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  Append(3);
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) {
                    return DemandRecovery(tx, MemoryVerdict(), "db1", "system/dispatch",
                                          clock_.Now(), 0);
                  })
                  .ok());
  ASSERT_TRUE(Recover(store_, *keys_, clock_.Now(), "host/x", "why").ok());
  const audit::VerifyReport report = Verify(Export(store_), *keys_);
  EXPECT_TRUE(report.ok()) << report.problem;
}

TEST_F(CheckpointTest, ARotatedKeyIsVouchedForAndSignsOn) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  checkpointer_.reset();
  const std::string before = keys_->trusted_text();
  const std::string old_id = keys_->key_id();
  clock_.Advance(absl::Hours(48));
  ASSERT_TRUE(AuditKeys::Rotate(folder_.path(), clock_.Now()).ok());
  keys_ = AuditKeys::Open(folder_.path(), "x/audit", false, clock_.Now()).value();
  EXPECT_NE(keys_->key_id(), old_id);
  EXPECT_EQ(audit::FollowKeyChanges(before, keys_->changes(), clock_.Now()), keys_->trusted_text());
  EXPECT_TRUE(absl::IsNotFound(
      ReadFile(absl::StrCat(folder_.path(), "/audit-key/key-", old_id, ".pem")).status()));
  clock_.Advance(absl::Seconds(5));
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  const audit::VerifyReport report = Verify(Export(store_), *keys_);
  EXPECT_TRUE(report.ok()) << report.problem;
  EXPECT_EQ(report.checkpoints, 2u);
}

TEST_F(CheckpointTest, TheKeyIsTheOwnersOnlyAndAMissingOneIsNotReplaced) {
  struct stat info;
  const std::string folder = folder_.path() + "/audit-key";
  ASSERT_EQ(stat(folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(stat(absl::StrCat(folder, "/key-", keys_->key_id(), ".pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  std::filesystem::remove_all(folder);
  EXPECT_EQ(ReasonOf(AuditKeys::Open(folder_.path(), "x/audit", false, clock_.Now()).status()),
            "AUDIT_KEY_MISSING");
}

class RecoveryTest : public CheckpointTest {
 protected:
  MemoryVerdict Judge(uint64_t epoch, std::optional<audit::Checkpoint> witnessed = {},
                      const std::string& life = "") {
    MemoryVerdict verdict;
    EXPECT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      AgentMemory memory{epoch, life, witnessed, ""};
                      if (witnessed.has_value()) memory.witnessed_text = Sign(*witnessed);
                      ASSIGN_OR_RETURN(verdict, JudgeMemory(tx, memory, store_.epoch()));
                      return absl::OkStatus();
                    })
                    .ok());
    return verdict;
  }
  bool Demanded() { return ReadFrom(store_, InRecovery).value(); }
  std::string Sign(const audit::Checkpoint& checkpoint) {
    return audit::SignCheckpoint(checkpoint, keys_->signing_key()).value();
  }
  absl::Status Demand(const MemoryVerdict& verdict) {
    return store_.MutateAndWait([&](WriteTx& tx) {
      return DemandRecovery(tx, verdict, "db1", "system/dispatch", clock_.Now(), 7);
    });
  }
  absl::Status Demand(std::optional<uint64_t> shared_size) {
    MemoryVerdict verdict;
    verdict.why = "because";
    verdict.shared_size = shared_size;
    return Demand(verdict);
  }
  // As `dbfleet-controller restore` leaves it.
  void MarkRestored(uint64_t size) {
    const RecoveryDemand restored{"restored", clock_.Now(), size, true};
    ASSERT_TRUE(store_
                    .MutateAndWait([&](WriteTx& tx) {
                      return tx.PutSetting(RecoverySetting(), RecoverySettingValue(restored));
                    })
                    .ok());
  }
  // A person recovers, and the controller starts again.
  Recovered RecoverAndStart() {
    executor_->RunAll();  // What the former life had still to do, it has done.
    Recovered done = Recover(store_, *keys_, clock_.Now(), "host/x", "restored").value();
    OpenCheckpointer();
    EXPECT_TRUE(checkpointer_->Start().ok());
    return done;
  }
  // The log as it went on in a life that this store lost.
  audit::Checkpoint Lost(std::string log_id, std::optional<audit::Predecessor> former) {
    audit::Checkpoint lost = checkpointer_->Latest()->checkpoint;
    lost.size = Size() + 50;
    lost.root = std::string(32, 'x');
    lost.log_id = std::move(log_id);
    lost.predecessor = std::move(former);
    return lost;
  }
  template <typename F>
  auto FromTiles(F get) {
    return ReadFrom(store_,
                    [&](ReadTx& tx) {
                      StoredTiles tiles(&tx);
                      return get(tiles);
                    })
        .value();
  }
  audit::Predecessor Begun(uint64_t size) {
    const std::string root =
        FromTiles([&](StoredTiles& tiles) { return audit::TreeRoot(tiles, size); });
    return {checkpointer_->Latest()->checkpoint.log_id, size, root, {}};
  }
  // What a witness that has seen this checkpoint says to the latest one, when it is sent what it
  // asks for.
  audit::WitnessOutcome Follow(const std::string& seen) {
    audit::WitnessState witness;
    const auto show = [&](const audit::CheckpointPush& push) {
      return audit::UpdateWitness(witness, push, keys_->trusted(), clock_.Now());
    };
    EXPECT_EQ(show({seen, 0, {}, {}}).outcome, audit::WitnessOutcome::kAccepted);
    const IssuedCheckpoint latest = *checkpointer_->Latest();
    audit::CheckpointPush push{latest.text, 0, {}, {}};
    for (LostLog& log : LostBefore(ReadFrom(store_, ReadLostLogs).value(),
                                   latest.checkpoint.predecessor->LogIds())) {
      push.former_logs.push_back(std::move(log.text));
    }
    audit::WitnessAnswer answer = show(push);
    if (answer.outcome == audit::WitnessOutcome::kNeedsProof) {
      push.proof_from = answer.prove_from;
      push.proof = FromTiles([&](StoredTiles& tiles) {
        return audit::ConsistencyProof(tiles, push.proof_from, latest.checkpoint.size);
      });
      answer = show(push);
    }
    EXPECT_EQ(answer.alarm.sentence, "");
    return answer.outcome;
  }
  void ExpectVerifies(std::vector<std::string> checkpoints, const std::string& log_id) {
    const audit::VerifyReport report = Verify(Export(store_), *keys_, std::move(checkpoints));
    EXPECT_TRUE(report.ok()) << report.problem << " line " << report.bad_line;
    EXPECT_EQ(report.log_id, log_id);
  }
};

TEST_F(RecoveryTest, EpochsThatTheStoreGaveAreNoLostLifeAndOthersAre) {
  store_.AddStart(50, 1);
  store_.AddStart(70, 12);
  EXPECT_FALSE(Judge(0).lost_life);
  EXPECT_FALSE(Judge(100).lost_life);
  EXPECT_FALSE(Judge(70).lost_life);
  EXPECT_FALSE(Judge(20).lost_life) << "before the store's memory";
  EXPECT_TRUE(Judge(60).lost_life);
  EXPECT_EQ(Judge(60).shared_size, 12u) << "the records before the start that followed it";
  EXPECT_TRUE(Judge(200).lost_life);
}

TEST_F(RecoveryTest, AnEpochThatTwoLivesGaveIsALostLifeToThatOfTheOther) {
  store_.AddStart(50, 1);
  store_.AddStart(70, 12, "ours");
  EXPECT_FALSE(Judge(70, {}, "ours").lost_life);
  EXPECT_FALSE(Judge(70).lost_life) << "the agent knows of no lives";
  EXPECT_FALSE(Judge(50, {}, "theirs").lost_life) << "the store's start was of a former version";
  EXPECT_TRUE(Judge(70, {}, "theirs").lost_life);
  EXPECT_TRUE(Judge(100, {}, "theirs").lost_life) << "that of the present start";
  EXPECT_EQ(Judge(70, {}, "theirs").shared_size, std::nullopt);
  EXPECT_FALSE(Judge(70, {}, "theirs").acknowledged);
  ASSERT_TRUE(store_
                  .MutateAndWait([](WriteTx& tx) {
                    return tx.PutSetting("recovery.acknowledged_epoch", "70");
                  })
                  .ok());
  EXPECT_TRUE(Judge(70, {}, "theirs").acknowledged) << "it was lost before the recovery";
  EXPECT_TRUE(Judge(70, {}, "theirs").reconcile);
}

TEST_F(RecoveryTest, AWitnessOfMoreOrOtherRecordsIsALostLife) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  audit::Checkpoint seen = checkpointer_->Latest()->checkpoint;
  EXPECT_FALSE(Judge(100, seen).lost_life);
  seen.size += 1;
  EXPECT_TRUE(Judge(100, seen).lost_life);
  seen.size -= 1;
  seen.root[0] ^= 1;
  EXPECT_TRUE(Judge(100, seen).lost_life);
  seen.log_id = "another";
  EXPECT_TRUE(Judge(100, seen).lost_life);
  EXPECT_EQ(Judge(100, seen).lost_log->checkpoint.log_id, "another");
}

TEST_F(RecoveryTest, WhatIsSharedWithAWitnessOfMoreRecordsIsKnownFromTheLifeThatItSaw) {
  Append(30);
  store_.AddStart(50, 12);
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  audit::Checkpoint seen = checkpointer_->Latest()->checkpoint;
  seen.size += 1;
  EXPECT_EQ(Judge(50, seen).shared_size, 12u);
  EXPECT_EQ(Judge(0, seen).shared_size, std::nullopt) << "it names no life";
  EXPECT_EQ(Judge(100, seen).shared_size, std::nullopt) << "the present one may be a restored one";
}

TEST_F(RecoveryTest, RecoveringBeginsALogThatWitnessesOfTheLostOneFollow) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  const uint64_t shared = Size();
  // The lost life: a copy of the store goes on and shows a witness more.
  audit::WitnessState witness;
  audit::Checkpoint lost = checkpointer_->Latest()->checkpoint;
  lost.size = shared + 50;
  lost.root = std::string(32, 'x');
  const std::string lost_text = audit::SignCheckpoint(lost, keys_->signing_key()).value();
  ASSERT_EQ(
      audit::UpdateWitness(witness, {lost_text, 0, {}}, keys_->trusted(), clock_.Now()).outcome,
      audit::WitnessOutcome::kAccepted);
  // The restored one writes other records and signs them.
  Append(5);
  Minute();
  EXPECT_EQ(audit::UpdateWitness(witness, {checkpointer_->Latest()->text, 0, {}}, keys_->trusted(),
                                 clock_.Now())
                .alarm.kind,
            audit::AlarmKind::kSmaller);
  EXPECT_EQ(ReasonOf(Recover(store_, *keys_, clock_.Now(), "host/x", "why").status()),
            "NO_RECOVERY");
  ASSERT_TRUE(Demand(shared).ok());
  EXPECT_TRUE(Demanded());
  const auto done = Recover(store_, *keys_, clock_.Now(), "host/x", "restored on purpose");
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->adopted, shared);
  EXPECT_FALSE(Demanded());
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  const auto latest = checkpointer_->Latest();
  EXPECT_EQ(latest->checkpoint.log_id, done->log);
  std::vector<std::string> proof;
  ASSERT_TRUE(store_
                  .Read([&](ReadTx& tx) -> absl::Status {
                    StoredTiles tiles(&tx);
                    ASSIGN_OR_RETURN(
                        proof, audit::ConsistencyProof(tiles, shared, latest->checkpoint.size));
                    return absl::OkStatus();
                  })
                  .ok());
  const audit::WitnessAnswer answer =
      audit::UpdateWitness(witness, {latest->text, shared, proof}, keys_->trusted(), clock_.Now());
  EXPECT_EQ(answer.outcome, audit::WitnessOutcome::kAccepted) << answer.alarm.sentence;
  EXPECT_TRUE(answer.adopted);
  const audit::VerifyReport report = Verify(Export(store_), *keys_);
  EXPECT_TRUE(report.ok()) << report.problem << " line " << report.bad_line;
  EXPECT_EQ(report.log_id, done->log);
}

TEST_F(RecoveryTest, WhereOneAgentKnowsOfNothingSharedNothingIsUnlessTheCopysSizeIsKnown) {
  const auto shared = [this] { return ReadFrom(store_, ReadRecovery).value()->shared_size; };
  ASSERT_TRUE(Demand(9).ok());
  ASSERT_TRUE(Demand(std::nullopt).ok());
  EXPECT_EQ(shared(), std::nullopt);
  ASSERT_TRUE(Demand(9).ok());
  EXPECT_EQ(shared(), std::nullopt);
  MarkRestored(9);
  ASSERT_TRUE(Demand(std::nullopt).ok());
  EXPECT_EQ(shared(), 9u);
  MemoryVerdict saw_more;  // Of the copy's own life, which began with 2 records.
  saw_more.shared_size = 2;
  saw_more.at_least = true;
  ASSERT_TRUE(Demand(saw_more).ok());
  EXPECT_EQ(shared(), 9u);
  ASSERT_TRUE(Demand(7).ok());
  EXPECT_EQ(shared(), 7u);
  EXPECT_EQ(ReadFrom(store_, ReadRecovery).value()->why, "restored");
}

TEST_F(RecoveryTest, OfSeveralDemandsTheSmallestSharedSizeCountsAndOneIsAudited) {
  ASSERT_TRUE(Demand(9).ok());
  ASSERT_TRUE(Demand(4).ok());
  ASSERT_TRUE(Demand(6).ok());
  ASSERT_TRUE(store_
                  .Read([&](ReadTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(const auto stored, ReadRecovery(tx));
                    EXPECT_EQ(stored->shared_size, 4u);
                    EXPECT_EQ(stored->why, "agents/db1: because");
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(Size(), 1u);
}

// Several logs may begin with the same record, and those between them have no place in the export.
TEST_F(RecoveryTest, TheExportVerifiesWhateverTheRestoresAdopted) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  Append(20);
  Minute();
  const std::string first = checkpointer_->Latest()->text;
  std::string last_log;
  for (const std::optional<uint64_t> shared :
       {std::optional<uint64_t>(), std::optional<uint64_t>(20), std::optional<uint64_t>(25),
        std::optional<uint64_t>(), std::optional<uint64_t>(3), std::optional<uint64_t>(3)}) {
    clock_.Advance(absl::Hours(1));
    ASSERT_TRUE(Demand(shared).ok());
    last_log = RecoverAndStart().log;
    Append(10);
    Minute();
    const audit::VerifyReport report = Verify(Export(store_), *keys_, {first});
    EXPECT_TRUE(report.ok()) << report.problem << " line " << report.bad_line;
    EXPECT_EQ(report.log_id, last_log);
    EXPECT_EQ(report.covered_seq, Size());
  }
  std::string text = Export(store_);
  while (text.starts_with("{\"type\":\"adoption\"")) text.erase(0, text.find('\n') + 1);
  EXPECT_THAT(Verify(text, *keys_, {first}).problem,
              testing::HasSubstr("no signed adoption joins them"))
      << "adoptions are needed";
}

// The copy is older than the logs that were begun after it, so the store never knew them.
TEST_F(RecoveryTest, ACopyThatIsRestoredAgainGoesOnAfterTheLogsThatWereLost) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  Append(20);
  Minute();
  const IssuedCheckpoint own = *checkpointer_->Latest();
  const audit::Checkpoint u = Lost("U", Begun(15));
  audit::Checkpoint v = Lost("V", audit::Predecessor{"U", u.size - 7, std::string(32, 'x'), {}});
  v.time += absl::Hours(1);
  clock_.Advance(absl::Hours(2));

  MarkRestored(18);
  const MemoryVerdict verdict = Judge(100, v);
  ASSERT_TRUE(verdict.lost_life);
  ASSERT_TRUE(Demand(verdict).ok());
  EXPECT_TRUE(Verify(Export(store_), *keys_).ok()) << "nobody has decided yet";
  const Recovered done = RecoverAndStart();
  EXPECT_EQ(done.former_log, "V");
  EXPECT_EQ(done.adopted, 18u);
  ExpectVerifies({Sign(v)}, done.log);
  EXPECT_EQ(Follow(own.text), audit::WitnessOutcome::kAccepted) << "an agent that missed them";
  EXPECT_EQ(Follow(Sign(v)), audit::WitnessOutcome::kAccepted);
  EXPECT_FALSE(Judge(100, v).lost_life);

  // One that had seen the first of them only comes later.
  EXPECT_FALSE(Judge(100, u).lost_life);
  EXPECT_EQ(Follow(Sign(u)), audit::WitnessOutcome::kAccepted);
  ExpectVerifies({Sign(v), Sign(u)}, done.log);
}

// The first recovery did not hear of the lost log, so both follow the one that the copy knew.
TEST_F(RecoveryTest, ALostLogThatIsHeardOfAfterTheNextOneBeganIsReplacedTogetherWithIt) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  Append(20);
  Minute();
  const audit::Checkpoint u = Lost("U", Begun(21));
  clock_.Advance(absl::Hours(1));
  MarkRestored(21);
  RecoverAndStart();
  Append(5);
  Minute();
  const IssuedCheckpoint own = *checkpointer_->Latest();
  ASSERT_TRUE(Demand(Judge(100, u)).ok());
  MarkRestored(21);
  const Recovered done = RecoverAndStart();
  ExpectVerifies({Sign(u), own.text}, done.log);
  EXPECT_EQ(Follow(own.text), audit::WitnessOutcome::kAccepted);
  EXPECT_EQ(Follow(Sign(u)), audit::WitnessOutcome::kAccepted);
  for (const audit::Checkpoint& seen : {u, own.checkpoint}) {
    EXPECT_FALSE(Judge(100, seen).lost_life);
  }
}

// The disk of a controller is put back while a copy of it, made at 20 records, had lived elsewhere.
TEST_F(RecoveryTest, NoMoreIsAdoptedOfALostLogThanItsOwnBeginningLeaves) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  Append(50);
  Minute();
  store_.AddStart(50, 1);
  store_.AddStart(70, Size());
  const audit::Checkpoint u = Lost("U", Begun(20));
  MemoryVerdict verdict = Judge(60, u);
  ASSERT_TRUE(verdict.lost_life);
  EXPECT_EQ(verdict.shared_size, Size()) << "as far as the epoch tells";
  ASSERT_TRUE(Demand(verdict).ok());
  const Recovered done = RecoverAndStart();
  EXPECT_EQ(done.adopted, 20u);
  ExpectVerifies({Sign(u)}, done.log);
}

TEST_F(RecoveryTest, OfARewrittenTrailNothingIsAdopted) {
  OpenCheckpointer();
  ASSERT_TRUE(checkpointer_->Start().ok());
  Append(50);
  Minute();
  store_.AddStart(50, 1);
  store_.AddStart(70, 12);
  audit::Checkpoint seen = checkpointer_->Latest()->checkpoint;
  seen.size = 10;
  seen.root = std::string(32, 'x');
  EXPECT_EQ(Judge(60, seen).shared_size, 0u);
  EXPECT_EQ(Judge(50, seen).shared_size, 0u);
}

}  // namespace
}  // namespace dbfleet::controller
