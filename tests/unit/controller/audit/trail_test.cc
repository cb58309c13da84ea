#include "controller/audit/trail.h"

#include <sys/stat.h>

#include <sstream>

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
    }
  }
}

audit::VerifyReport Verify(const std::string& text, const AuditKeys& keys) {
  std::istringstream in(text);
  audit::VerifyOptions options;
  options.keys = keys.trusted();
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
  MemoryVerdict Judge(uint64_t epoch, std::optional<audit::Checkpoint> witnessed = {}) {
    MemoryVerdict verdict;
    EXPECT_TRUE(
        store_
            .Read([&](ReadTx& tx) -> absl::Status {
              ASSIGN_OR_RETURN(verdict, JudgeMemory(tx, {epoch, witnessed}, store_.epoch()));
              return absl::OkStatus();
            })
            .ok());
    return verdict;
  }
  bool Demanded() { return ReadFrom(store_, InRecovery).value(); }
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
  EXPECT_EQ(Judge(100, seen).log_id, "another");
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
  ASSERT_TRUE(store_
                  .MutateAndWait([&](WriteTx& tx) {
                    return DemandRecovery(tx, {"agents/a: more words", clock_.Now(), shared, ""},
                                          "system/dispatch", 0);
                  })
                  .ok());
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

TEST_F(RecoveryTest, OfSeveralDemandsTheSmallestSharedSizeCountsAndOneIsAudited) {
  const auto demand = [&](uint64_t shared) {
    return store_.MutateAndWait([&](WriteTx& tx) {
      return DemandRecovery(tx, {"because", clock_.Now(), shared, ""}, "system/dispatch", 7);
    });
  };
  ASSERT_TRUE(demand(9).ok());
  ASSERT_TRUE(demand(4).ok());
  ASSERT_TRUE(demand(6).ok());
  ASSERT_TRUE(store_
                  .Read([&](ReadTx& tx) -> absl::Status {
                    ASSIGN_OR_RETURN(const auto stored, ReadRecovery(tx));
                    EXPECT_EQ(stored->shared_size, 4u);
                    EXPECT_EQ(stored->why, "because");
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(Size(), 1u);
}

}  // namespace
}  // namespace dbfleet::controller
