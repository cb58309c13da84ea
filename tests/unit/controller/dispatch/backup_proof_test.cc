// A verification counts only for the very backup that was taken.
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "tests/unit/controller/dispatch/fleet_fixture.h"

namespace dbfleet::controller {
namespace {

class BackupProofTest : public FleetFixture {
 protected:
  BackupProofTest() { agent_.Connect(); }

  void End(const agent::v1::Offer& offer, agent::v1::Outcome outcome,
           const work::v1::TaskResult& result, const std::string& reason = "") {
    agent_.Accept(offer);
    agent_.Start(offer);
    agent_.Finish(offer, outcome, result, reason);
  }
  // A backup whose result reported `manifest_`; the offer that is to verify it.
  agent::v1::Offer TakeBackup() {
    Must(jobs_.SubmitBackup({"users/ada", ""}, "orders-db", {"shop"}, true, ""));
    const agent::v1::Offer offer = agent_.Offers().back();
    id_ = offer.spec().backup().backup_id();
    work::v1::TaskResult result;
    result.mutable_backup()->set_backup_id(id_);
    result.mutable_backup()->add_databases("shop");
    result.mutable_backup()->set_manifest_sha256(manifest_);
    End(offer, agent::v1::OUTCOME_SUCCEEDED, result);
    EXPECT_TRUE(agent_.Offers().back().spec().has_verify());
    return agent_.Offers().back();
  }
  work::v1::TaskResult Verified(const std::string& manifest) const {
    work::v1::TaskResult result;
    result.mutable_verify()->set_backup_id(id_);
    result.mutable_verify()->set_level(work::v1::VERIFICATION_LEVEL_L1);
    result.mutable_verify()->set_manifest_sha256(manifest);
    return result;
  }
  void VerifyAgain(agent::v1::Outcome outcome, const work::v1::TaskResult& result,
                   const std::string& reason = "") {
    Must(jobs_.SubmitVerify({"users/ada", ""}, id_));
    End(agent_.Offers().back(), outcome, result, reason);
  }
  Backup Stored() {
    Backup backup;
    EXPECT_TRUE(store_
                    .Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(backup, tx.GetBackup(id_));
                      return absl::OkStatus();
                    })
                    .ok());
    return backup;
  }

  std::string manifest_ = std::string(64, 'a');
  const std::string other_ = std::string(64, 'b');
  std::string id_;
};

TEST_F(BackupProofTest, AVerificationNamesTheManifestThatTheBackupReported) {
  const agent::v1::Offer offer = TakeBackup();
  EXPECT_EQ(offer.spec().verify().manifest_sha256(), manifest_);
  End(offer, agent::v1::OUTCOME_SUCCEEDED, Verified(manifest_));
  EXPECT_EQ(Stored().verified_level, 1);
  Must(jobs_.SubmitVerify({"users/ada", ""}, id_));
  EXPECT_EQ(agent_.Offers().back().spec().verify().manifest_sha256(), manifest_);
}

TEST_F(BackupProofTest, ASuccessAboutAnotherManifestNeverCounts) {
  const agent::v1::Offer offer = TakeBackup();
  End(offer, agent::v1::OUTCOME_SUCCEEDED, Verified(other_));
  EXPECT_EQ(Stored().verified_level, 0);
  EXPECT_EQ(Stored().state, Backup::State::kSuspect);
}

TEST_F(BackupProofTest, ASuccessThatNamesNoManifestNeverCountsNorHarms) {
  const agent::v1::Offer offer = TakeBackup();
  End(offer, agent::v1::OUTCOME_SUCCEEDED, Verified(""));
  EXPECT_EQ(Stored().verified_level, 0);
  EXPECT_EQ(Stored().state, Backup::State::kComplete);
  VerifyAgain(agent::v1::OUTCOME_SUCCEEDED, Verified(manifest_));
  EXPECT_EQ(Stored().verified_level, 1) << "a newer agent verifies it all the same";
  VerifyAgain(agent::v1::OUTCOME_SUCCEEDED, Verified(""));
  EXPECT_EQ(Stored().verified_level, 1);
}

TEST_F(BackupProofTest, ABackupWhoseManifestIsNotKnownIsNeverVerifiedNorSuspected) {
  manifest_.clear();
  const agent::v1::Offer offer = TakeBackup();
  End(offer, agent::v1::OUTCOME_SUCCEEDED, Verified(""));
  EXPECT_EQ(Stored().verified_level, 0);
  VerifyAgain(agent::v1::OUTCOME_SUCCEEDED, Verified(other_));
  EXPECT_EQ(Stored().verified_level, 0);
  EXPECT_EQ(Stored().state, Backup::State::kComplete);
}

TEST_F(BackupProofTest, ABackupWhoseManifestIsGoneIsNotVerifiedUntilItIsFoundAgain) {
  const agent::v1::Offer offer = TakeBackup();
  End(offer, agent::v1::OUTCOME_SUCCEEDED, Verified(manifest_));
  ASSERT_EQ(Stored().verified_level, 1);
  VerifyAgain(agent::v1::OUTCOME_FAILED, {}, "NO_MANIFEST");
  EXPECT_EQ(Stored().verified_level, 0);
  EXPECT_EQ(Stored().state, Backup::State::kComplete) << "it may only not be mounted";
  EXPECT_EQ(Detail("backup.verification", "state"), "gone") << "nobody is told that it is sound";
  VerifyAgain(agent::v1::OUTCOME_SUCCEEDED, Verified(manifest_));
  EXPECT_EQ(Stored().verified_level, 1);
}

// The state in a record is news, of which people are told.
TEST_F(BackupProofTest, AVerificationThatDidNotLookTellsNobodyAgainHowTheBackupIs) {
  const auto told = [&] {
    std::vector<std::string> states;
    for (const AuditRow& row : store_.Audit()) {
      if (row.entry.action != "backup.verification") continue;
      const auto found = row.entry.details.find("state");
      states.push_back(found == row.entry.details.end() ? "" : found->second);
    }
    return states;
  };
  const agent::v1::Offer offer = TakeBackup();
  End(offer, agent::v1::OUTCOME_SUCCEEDED, Verified(manifest_));
  VerifyAgain(agent::v1::OUTCOME_CANCELLED, {}, "CANCELLED");
  VerifyAgain(agent::v1::OUTCOME_FAILED, {}, "NO_MANIFEST");
  VerifyAgain(agent::v1::OUTCOME_CANCELLED, {}, "CANCELLED");
  VerifyAgain(agent::v1::OUTCOME_FAILED, {}, "TOOL_MISSING");
  VerifyAgain(agent::v1::OUTCOME_SUCCEEDED, Verified(""));  // Which one, it does not say.
  VerifyAgain(agent::v1::OUTCOME_SUCCEEDED, Verified(other_));
  VerifyAgain(agent::v1::OUTCOME_CANCELLED, {}, "CANCELLED");
  EXPECT_EQ(told(), (std::vector<std::string>{"complete", "", "gone", "", "", "", "suspect", ""}));
}

TEST_F(BackupProofTest, AFailureToLookTakesNothing) {
  const agent::v1::Offer offer = TakeBackup();
  End(offer, agent::v1::OUTCOME_SUCCEEDED, Verified(manifest_));
  for (const char* reason : {"TOOL_MISSING", "NO_REPOSITORY"}) {
    VerifyAgain(agent::v1::OUTCOME_FAILED, {}, reason);
    EXPECT_EQ(Stored().verified_level, 1) << reason;
    EXPECT_EQ(Stored().state, Backup::State::kComplete) << reason;
  }
}

TEST_F(BackupProofTest, AVerifiedBackupThatIsExchangedLaterIsNotVerifiedAnyMore) {
  for (const char* reason : {"MANIFEST_MISMATCH", "BAD_MANIFEST"}) {
    const agent::v1::Offer offer = TakeBackup();
    End(offer, agent::v1::OUTCOME_SUCCEEDED, Verified(manifest_));
    ASSERT_EQ(Stored().verified_level, 1);
    Must(jobs_.SubmitVerify({"users/ada", ""}, id_));
    End(agent_.Offers().back(), agent::v1::OUTCOME_FAILED, {}, reason);
    EXPECT_EQ(Stored().state, Backup::State::kSuspect) << reason;
    EXPECT_EQ(Stored().verified_level, 0) << reason;
  }
}

}  // namespace
}  // namespace dbfleet::controller
