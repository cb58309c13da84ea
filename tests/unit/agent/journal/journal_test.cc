#include "agent/journal/journal.h"

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/journal/database.h"
#include "agent/journal/journal_rows.h"
#include "agent/journal/shrink.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "tests/fakes/fake_clock.h"
#include "tests/unit/agent/journal/journal_test_util.h"

namespace dbfleet::agent {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen(int64_t max_bytes = 64 << 20) {
    journal_.reset();
    auto journal = Journal::Open(folder_.path() + "/journal", max_bytes, clock_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }
  v1::AttemptPhase PhaseOf(const std::string& id) {
    auto attempt = journal_->Find(id);
    return attempt.ok() && attempt->has_value() ? (*attempt)->phase : v1::ATTEMPT_PHASE_UNSPECIFIED;
  }

  TempFolder folder_;
  FakeClock clock_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(JournalTest, KeepsEverythingAcrossAReopen) {
  const v1::Offer offer = MakeOffer("a1", 7);
  ASSERT_TRUE(AcceptAndGrant(*journal_, offer).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  work::v1::StepReport step;
  step.set_index(3);
  ASSERT_TRUE(journal_->Step("a1", step).ok());
  ASSERT_TRUE(journal_->Checkpoint("a1", std::string("c\0d", 3)).ok());
  ASSERT_TRUE(journal_->RequestCancel("a1").ok());
  ASSERT_TRUE(journal_->NoteEpoch(41, "life").ok());
  const std::string id = journal_->journal_id();
  Reopen();
  EXPECT_EQ(journal_->journal_id(), id);
  EXPECT_EQ(journal_->boot_sequence(), 2u);
  EXPECT_EQ(journal_->HighestEpoch(), 41u);
  EXPECT_EQ(journal_->LifeOfHighestEpoch(), "life");
  EXPECT_EQ(journal_->HighestFence("orders"), 7u);
  auto attempt = journal_->Find("a1");
  ASSERT_TRUE(attempt.ok() && attempt->has_value());
  EXPECT_EQ((*attempt)->phase, v1::ATTEMPT_PHASE_RUNNING);
  EXPECT_EQ((*attempt)->checkpoint, std::string("c\0d", 3));
  EXPECT_EQ((*attempt)->accepted_boottime, absl::Seconds(5));
  EXPECT_EQ((*attempt)->boot_id, "boot");
  EXPECT_TRUE((*attempt)->cancel_requested);
  EXPECT_EQ((*attempt)->grant->lease().seconds(), 60);
  auto events = journal_->EventsFrom(1, 100);
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), 3u);
  EXPECT_TRUE((*events)[0].has_accepted());
  EXPECT_TRUE((*events)[1].has_started());
  EXPECT_EQ((*events)[2].step().index(), 3);
  EXPECT_EQ((*events)[2].seq(), 3u);
  EXPECT_EQ((*events)[2].fence(), 7u);
}

TEST_F(JournalTest, AnAttemptStartsAtMostOnce) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  EXPECT_EQ(journal_->Start("a1").code(), absl::StatusCode::kFailedPrecondition);
  Reopen();
  EXPECT_EQ(journal_->Start("a1").code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(journal_->Grant(MakeGrant(MakeOffer("a1", 1))).ok());
  EXPECT_EQ(PhaseOf("a1"), v1::ATTEMPT_PHASE_RUNNING) << "a repeated grant set it back";
  EXPECT_EQ(journal_->Start("a1").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(JournalTest, AnAttemptWithoutGrantDoesNotStart) {
  ASSERT_TRUE(journal_->Accept(MakeOffer("a1", 1), absl::ZeroDuration(), "b").ok());
  EXPECT_EQ(journal_->Start("a1").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(journal_->Start("unknown").code(), absl::StatusCode::kNotFound);
}

TEST_F(JournalTest, FinishesOnce) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  ASSERT_TRUE(journal_->Finish("a1", MakeFinished()).ok());
  const uint64_t last = journal_->LastEventSeq();
  EXPECT_EQ(journal_->Finish("a1", MakeFinished(v1::OUTCOME_FAILED)).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(journal_->LastEventSeq(), last);
  EXPECT_EQ((*journal_->Find("a1"))->finished->outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(JournalTest, RefusesFencesThatAreNotAboveTheHighest) {
  ASSERT_TRUE(journal_->Accept(MakeOffer("a1", 5), absl::ZeroDuration(), "b").ok());
  for (uint64_t fence : {4u, 5u}) {
    const absl::Status status = journal_->Accept(MakeOffer("a2", fence), absl::ZeroDuration(), "b");
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
    EXPECT_EQ(ReasonOf(status), "STALE_FENCE");
  }
  EXPECT_TRUE(journal_->Accept(MakeOffer("a3", 4, "other"), absl::ZeroDuration(), "b").ok());
  v1::Grant grant = MakeGrant(MakeOffer("a1", 5));
  grant.set_fence(6);
  EXPECT_EQ(ReasonOf(journal_->Grant(grant)), "STALE_FENCE");
  EXPECT_EQ(PhaseOf("a1"), v1::ATTEMPT_PHASE_ACCEPTED);
}

TEST_F(JournalTest, ADroppedAttemptCannotComeBack) {
  const v1::Offer offer = MakeOffer("a1", 5);
  ASSERT_TRUE(journal_->Accept(offer, absl::ZeroDuration(), "b").ok());
  ASSERT_TRUE(journal_->Drop("a1").ok());
  EXPECT_EQ(ReasonOf(journal_->Accept(offer, absl::ZeroDuration(), "b")), "STALE_FENCE");
  EXPECT_TRUE(journal_->Drop("a1").ok()) << "withdrawing twice is no error";
  EXPECT_EQ(journal_->Grant(MakeGrant(offer)).code(), absl::StatusCode::kNotFound);
}

TEST_F(JournalTest, AGrantedAttemptIsNotDropped) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 5)).ok());
  EXPECT_EQ(journal_->Drop("a1").code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(JournalTest, TheSameOfferAgainWritesNothing) {
  ASSERT_TRUE(journal_->Accept(MakeOffer("a1", 5), absl::Seconds(1), "b").ok());
  ASSERT_TRUE(journal_->Accept(MakeOffer("a1", 5), absl::Seconds(2), "b").ok());
  EXPECT_EQ(journal_->LastEventSeq(), 1u);
  EXPECT_EQ((*journal_->Find("a1"))->accepted_boottime, absl::Seconds(1));
}

TEST_F(JournalTest, EpochsNeverFall) {
  ASSERT_TRUE(journal_->NoteEpoch(10, "").ok());
  EXPECT_TRUE(journal_->NoteEpoch(10, "").ok());
  EXPECT_EQ(ReasonOf(journal_->NoteEpoch(9, "")), "STALE_EPOCH");
  EXPECT_EQ(journal_->HighestEpoch(), 10u);
}

TEST_F(JournalTest, ALifeThatAFormerVersionLeftBehindIsNotThatOfTheEpochWhichItNoted) {
  ASSERT_TRUE(journal_->NoteEpoch(10, "one").ok());
  journal_.reset();
  auto db = Database::Open(folder_.path() + "/journal/journal.db");
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE((*db)->Execute("UPDATE meta SET value = '20' WHERE key = 'highest_epoch'").ok());
  db->reset();
  Reopen();
  EXPECT_EQ(journal_->HighestEpoch(), 20u);
  EXPECT_EQ(journal_->LifeOfHighestEpoch(), "");
}

TEST_F(JournalTest, TheLifeOfTheHighestEpochIsKept) {
  ASSERT_TRUE(journal_->NoteEpoch(10, "one").ok());
  ASSERT_TRUE(journal_->NoteEpoch(10, "").ok()) << "an offer names the epoch only";
  EXPECT_EQ(journal_->LifeOfHighestEpoch(), "one");
  EXPECT_EQ(ReasonOf(journal_->NoteEpoch(9, "two")), "STALE_EPOCH");
  EXPECT_EQ(journal_->LifeOfHighestEpoch(), "one");
  ASSERT_TRUE(journal_->NoteEpoch(10, "two").ok());
  EXPECT_EQ(journal_->LifeOfHighestEpoch(), "two");
  ASSERT_TRUE(journal_->NoteEpoch(11, "").ok());
  EXPECT_EQ(journal_->LifeOfHighestEpoch(), "");
  EXPECT_EQ(ReasonOf(journal_->NoteEpoch(12, std::string(65, 'x'))), "BAD_LIFE");
  EXPECT_EQ(journal_->HighestEpoch(), 11u);
}

TEST_F(JournalTest, EventNumbersAreNeverReused) {
  ASSERT_TRUE(journal_->Accept(MakeOffer("a1", 1), absl::ZeroDuration(), "b").ok());
  ASSERT_TRUE(journal_->Accept(MakeOffer("a2", 2), absl::ZeroDuration(), "b").ok());
  ASSERT_TRUE(journal_->Acknowledge(2).ok());
  EXPECT_EQ(journal_->LowestEventSeq(), 0u);
  Reopen();
  EXPECT_EQ(journal_->LastEventSeq(), 2u);
  ASSERT_TRUE(journal_->Accept(MakeOffer("a3", 3), absl::ZeroDuration(), "b").ok());
  EXPECT_EQ(journal_->LastEventSeq(), 3u);
  EXPECT_EQ(journal_->LowestEventSeq(), 3u);
}

TEST_F(JournalTest, AnAcknowledgementOfEventsNeverMadeDeletesNothing) {
  ASSERT_TRUE(journal_->Accept(MakeOffer("a1", 1), absl::ZeroDuration(), "b").ok());
  EXPECT_EQ(journal_->Acknowledge(2).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(journal_->LowestEventSeq(), 1u);
}

TEST_F(JournalTest, TheResultStaysUntilItsEventIsAcknowledged) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  v1::Finished finished = MakeFinished();
  finished.mutable_result()->mutable_backup()->set_backup_id("b1");
  ASSERT_TRUE(journal_->Finish("a1", finished).ok());
  EXPECT_EQ((*journal_->Find("a1"))->finished->result().backup().backup_id(), "b1");
  ASSERT_TRUE(journal_->Acknowledge(journal_->LastEventSeq()).ok());
  EXPECT_FALSE((*journal_->Find("a1"))->finished->has_result());
  EXPECT_EQ((*journal_->Find("a1"))->finished->outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(JournalTest, ForgottenAttemptsAreKeptThirtyDays) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  EXPECT_EQ(journal_->Forget("a1").code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(journal_->Finish("a1", MakeFinished()).ok());
  ASSERT_TRUE(journal_->Forget("a1").ok());
  EXPECT_TRUE(journal_->Forget("unknown").ok());
  clock_.Advance(absl::Hours(29 * 24));
  Reopen();
  EXPECT_TRUE((*journal_->Find("a1"))->acknowledged);
  EXPECT_EQ(journal_->AttemptStates()->size(), 1u);
  clock_.Advance(absl::Hours(2 * 24));
  Reopen();
  EXPECT_FALSE(journal_->Find("a1")->has_value());
  EXPECT_EQ(journal_->HighestFence("orders"), 1u) << "fences stay";
}

TEST_F(JournalTest, WhatMayRunAgainIsGoneWhenForgotten) {
  v1::Offer check = MakeOffer("a1", 1);
  check.set_safe_to_rerun(true);
  v1::Offer plan = MakeOffer("a2", 2);
  plan.set_purpose(v1::PURPOSE_PLAN);
  for (const v1::Offer& offer : {check, plan, MakeOffer("a3", 3)}) {
    ASSERT_TRUE(AcceptAndGrant(*journal_, offer).ok());
    ASSERT_TRUE(journal_->Finish(offer.attempt_id(), MakeFinished()).ok());
    EXPECT_TRUE(journal_->Find(offer.attempt_id())->has_value());
    ASSERT_TRUE(journal_->Forget(offer.attempt_id()).ok());
  }
  const auto states = journal_->AttemptStates();
  ASSERT_EQ(states->size(), 1u);
  EXPECT_EQ((*states)[0].attempt_id(), "a3");
  EXPECT_EQ(ReasonOf(journal_->Accept(check, absl::Seconds(5), "boot")), "STALE_FENCE")
      << "the fence keeps it from running again";
}

// For a controller that lost its memory: a person is to learn what was done.
TEST_F(JournalTest, AttemptsStillTellWhatTheyWereWhenTheyHaveEnded) {
  v1::Offer change = MakeOffer("a1", 1);
  change.set_job_id("J1");
  change.mutable_spec()->mutable_migrate()->set_database("shop");
  change.mutable_spec()->mutable_migrate()->add_versions("1");
  v1::Grant grant = MakeGrant(change);
  grant.set_digest("abcdef");
  ASSERT_TRUE(journal_->Accept(change, absl::Seconds(5), "boot").ok());
  ASSERT_TRUE(journal_->Grant(grant).ok());
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a2", 2)).ok());
  const auto tell = [this] {
    const auto states = journal_->AttemptStates().value();
    ASSERT_EQ(states.size(), 2u);
    EXPECT_EQ(states[0].job_id(), "J1");
    EXPECT_EQ(states[0].target(), "instances/orders/databases/shop");
    EXPECT_EQ(states[0].action(), "migrate");
    EXPECT_EQ(states[0].digest(), "abcdef");
    EXPECT_EQ(states[1].target(), "instances/orders");
    EXPECT_EQ(states[1].action(), "check");
    EXPECT_EQ(states[1].digest(), "");
  };
  tell();
  for (const char* id : {"a1", "a2"}) ASSERT_TRUE(journal_->Finish(id, MakeFinished()).ok());
  tell();
  EXPECT_EQ((*journal_->Find("a1"))->offer.spec().migrate().versions_size(), 0) << "is not kept";
}

TEST_F(JournalTest, TheEarlierBoundIsToldAsItWasMovedLast) {
  const auto at = [](int64_t seconds) { return ToProto(absl::FromUnixSeconds(seconds)); };
  const auto told = [this] {
    return absl::ToUnixSeconds(FromProto(journal_->AttemptStates().value().at(0).not_after()));
  };
  v1::Offer change = MakeOffer("a1", 1);
  *change.mutable_not_after() = at(5000);
  v1::Grant grant = MakeGrant(change);
  *grant.mutable_not_after() = at(3000);
  ASSERT_TRUE(journal_->Accept(change, absl::Seconds(5), "boot").ok());
  EXPECT_EQ(told(), 5000);
  ASSERT_TRUE(journal_->MoveNotAfter("a1", at(1)).ok());
  EXPECT_EQ(told(), 5000) << "nothing was granted";
  ASSERT_TRUE(journal_->Grant(grant).ok());
  EXPECT_EQ(told(), 3000);
  ASSERT_TRUE(journal_->MoveNotAfter("a1", at(4000)).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  EXPECT_EQ(told(), 4000);
  *grant.mutable_not_after() = at(9000);
  ASSERT_TRUE(journal_->Grant(grant).ok()) << "sent again, with another bound";
  EXPECT_EQ(told(), 5000) << "the offer's still counts";
  ASSERT_TRUE(journal_->MoveNotAfter("a1", at(2000)).ok());
  Reopen();
  EXPECT_EQ(told(), 2000);
  EXPECT_EQ((*journal_->Find("a1"))->phase, v1::ATTEMPT_PHASE_RUNNING);
  EXPECT_TRUE(journal_->MoveNotAfter("unknown", at(1)).ok());
}

TEST_F(JournalTest, OldAttemptsGoWithoutNewWork) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  ASSERT_TRUE(journal_->Finish("a1", MakeFinished()).ok());
  ASSERT_TRUE(journal_->Forget("a1").ok());
  clock_.Advance(absl::Hours(31 * 24));
  EXPECT_TRUE(journal_->AttemptStates()->empty());
}

TEST_F(JournalTest, OnlyTheNewestForgottenAttemptsAreKept) {
  const std::string path = folder_.path() + "/rows.db";
  auto db = Database::Open(path);
  ASSERT_TRUE(db.ok()) << db.status();
  ASSERT_TRUE(PrepareSchema(**db).ok());
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(
        InsertAttempt(**db, MakeOffer(absl::StrCat("a", i), i), absl::Seconds(1), "boot").ok());
  }
  ASSERT_TRUE((*db)->Execute("UPDATE attempts SET forgotten_at = 100 WHERE id <> 'a1'").ok());
  ASSERT_TRUE(PurgeForgotten(**db, absl::FromUnixSeconds(50), 2).ok());
  const auto states = LoadAttemptStates(**db);
  ASSERT_EQ(states->size(), 3u);
  EXPECT_EQ((*states)[0].attempt_id(), "a1") << "not forgotten, so never dropped";
  EXPECT_EQ((*states)[1].attempt_id(), "a4");
  EXPECT_EQ((*states)[2].attempt_id(), "a5");
}

TEST_F(JournalTest, AFullJournalAcceptsNothingMoreAndFinishesWhatItHas) {
  Reopen(400 << 10);
  int accepted = 0;
  absl::Status status;
  while (accepted < 1000) {
    v1::Offer offer = MakeOffer(absl::StrCat("a", accepted), accepted + 1);
    offer.mutable_spec()->mutable_inspect()->set_statement(std::string(20000, 'x'));
    status = AcceptAndGrant(*journal_, offer);
    if (!status.ok()) break;
    ++accepted;
  }
  EXPECT_EQ(ReasonOf(status), "JOURNAL_FULL");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  ASSERT_GT(accepted, 3);
  EXPECT_FALSE(journal_->Find(absl::StrCat("a", accepted))->has_value());
  for (int i = 0; i < accepted; ++i) {
    ASSERT_TRUE(journal_->Start(absl::StrCat("a", i)).ok());
    ASSERT_TRUE(journal_->Finish(absl::StrCat("a", i), MakeFinished()).ok());
  }
  EXPECT_TRUE(journal_->Accept(MakeOffer("next", 5000), absl::ZeroDuration(), "b").ok())
      << "finished attempts give their room back";
}

TEST_F(JournalTest, ASecondProcessIsRefused) {
  auto second = Journal::Open(folder_.path() + "/journal", 1 << 20, clock_);
  EXPECT_EQ(ReasonOf(second.status()), "JOURNAL_LOCKED");
}

TEST_F(JournalTest, AJournalThatIsRemovedUnderItsOwnerTakesNoMoreWrites) {
  ASSERT_TRUE(journal_->Accept(MakeOffer("a1", 1), absl::ZeroDuration(), "b").ok());
  std::filesystem::remove(folder_.path() + "/journal/journal.db");
  EXPECT_EQ(ReasonOf(journal_->Accept(MakeOffer("a2", 2), absl::ZeroDuration(), "b")),
            "JOURNAL_REPLACED");
}

TEST_F(JournalTest, AnOlderCopyGetsANewId) {
  const std::string id = journal_->journal_id();
  const std::string path = folder_.path() + "/journal/";
  journal_.reset();
  std::filesystem::copy(path + "journal.db", folder_.path() + "/db");
  std::filesystem::copy(path + "journal.db-wal", folder_.path() + "/wal");
  Reopen();
  EXPECT_EQ(journal_->journal_id(), id);
  journal_.reset();
  const auto overwrite = std::filesystem::copy_options::overwrite_existing;
  std::filesystem::copy(folder_.path() + "/db", path + "journal.db", overwrite);
  std::filesystem::copy(folder_.path() + "/wal", path + "journal.db-wal", overwrite);
  Reopen();
  EXPECT_NE(journal_->journal_id(), id);
}

TEST_F(JournalTest, ADamagedFileIsAnErrorNotAnEmptyJournal) {
  journal_.reset();
  const std::string path = folder_.path() + "/journal/journal.db";
  std::filesystem::remove(path + "-wal");
  FILE* file = fopen(path.c_str(), "w");
  fputs(std::string(8192, 'z').c_str(), file);
  fclose(file);
  auto journal = Journal::Open(folder_.path() + "/journal", 1 << 20, clock_);
  EXPECT_EQ(journal.status().code(), absl::StatusCode::kDataLoss) << journal.status();
}

// Each is what one damaged place of the disk can make of a journal in which a1 finished, a2 runs
// and a3 was accepted.
class DamagedJournalTest : public JournalTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(DamagedJournalTest, IsRefused) {
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  ASSERT_TRUE(journal_->Finish("a1", MakeFinished()).ok());
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a2", 2)).ok());
  ASSERT_TRUE(journal_->Start("a2").ok());
  ASSERT_TRUE(journal_->Accept(MakeOffer("a3", 3), absl::ZeroDuration(), "b").ok());
  Reopen();
  journal_.reset();
  {
    auto db = Database::Open(folder_.path() + "/journal/journal.db");
    ASSERT_TRUE(db.ok()) << db.status();
    ASSERT_TRUE((*db)->Execute("PRAGMA writable_schema=ON").ok());
    ASSERT_TRUE((*db)->Execute(GetParam()).ok());
    ASSERT_EQ((*db)->changes(), 1);
  }
  auto journal = Journal::Open(folder_.path() + "/journal", 64 << 20, clock_);
  EXPECT_EQ(journal.status().code(), absl::StatusCode::kDataLoss) << journal.status();
  EXPECT_EQ(ReasonOf(journal.status()), "JOURNAL_CORRUPT");
}

INSTANTIATE_TEST_SUITE_P(
    Places, DamagedJournalTest,
    ::testing::Values(
        "UPDATE attempts SET id = 'b2' WHERE id = 'a2'",
        "UPDATE attempts SET fence = 7 WHERE id = 'a2'",
        "UPDATE attempts SET phase = 0 WHERE id = 'a2'",
        "UPDATE attempts SET phase = 1 WHERE id = 'a2'",
        "UPDATE attempts SET phase = 2 WHERE id = 'a1'",
        "UPDATE attempts SET phase = 2 WHERE id = 'a3'",
        "UPDATE attempts SET phase = 4 WHERE id = 'a2'",
        "UPDATE attempts SET phase = 77 WHERE id = 'a2'",
        "UPDATE attempts SET outcome = 2 WHERE id = 'a1'",
        "UPDATE attempts SET finish_seq = 1 WHERE id = 'a1'",
        "UPDATE attempts SET finish_seq = 99 WHERE id = 'a1'",
        "UPDATE attempts SET grant_blob = x'0a016e' WHERE id = 'a2'",
        "UPDATE attempts SET offer_blob = x'0a016e' WHERE id = 'a3'",
        "UPDATE attempts SET offer_blob = x'ff' WHERE id = 'a3'",
        "UPDATE events SET seq = 99 WHERE seq = 1", "UPDATE events SET event = x'ff' WHERE seq = 5",
        "UPDATE fences SET fence = 2", "UPDATE meta SET value = '1' WHERE key = 'last_event_seq'",
        "UPDATE meta SET value = '18446744073709551615' WHERE key = 'last_event_seq'",
        "UPDATE meta SET value = '18446744073709551615' WHERE key = 'boot_sequence'",
        "UPDATE meta SET value = 'x' WHERE key = 'highest_epoch' OR key = 'journal_id'",
        "UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'events'"));

TEST_F(JournalTest, TheListenerHearsOfEachNewEvent) {
  int calls = 0;
  journal_->SetListener([&] {
    ++calls;
    EXPECT_TRUE(journal_->EventsFrom(1, 1).ok()) << "called without the journal's lock";
  });
  ASSERT_TRUE(AcceptAndGrant(*journal_, MakeOffer("a1", 1)).ok());
  ASSERT_TRUE(journal_->Start("a1").ok());
  EXPECT_FALSE(journal_->Start("a1").ok());
  ASSERT_TRUE(journal_->Decline(MakeOffer("a2", 2), v1::Declined()).ok());
  EXPECT_EQ(calls, 3);
}

TEST(ShrinkToFitTest, NeverTouchesWhatTookEffect) {
  v1::Finished finished = MakeFinished();
  auto* backup = finished.mutable_result()->mutable_backup();
  backup->set_backup_id("b1");
  for (int i = 0; i < 5000; ++i) backup->add_files()->set_name(absl::StrCat("file", i));
  const v1::Finished small = ShrinkToFit(finished, 10000);
  EXPECT_LE(small.ByteSizeLong(), 10000u);
  EXPECT_EQ(small.outcome(), v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(small.result().backup().backup_id(), "b1");
}

TEST(ShrinkToFitTest, LostRowsAreNoSuccess) {
  v1::Finished finished = MakeFinished();
  auto* inspect = finished.mutable_result()->mutable_inspect();
  for (int i = 0; i < 5000; ++i) inspect->add_rows()->add_values()->set_text("some value");
  const v1::Finished small = ShrinkToFit(finished, 10000);
  EXPECT_EQ(small.outcome(), v1::OUTCOME_FAILED);
  EXPECT_EQ(small.error_reason(), "RESULT_DROPPED");
}

}  // namespace
}  // namespace dbfleet::agent
