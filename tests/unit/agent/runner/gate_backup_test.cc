// The backup on which a grant rests has to be there when the work begins.
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/match.h"

#include "agent/actions/backup/repository.h"
#include "agent/actions/backup/repository_mark.h"
#include "common/base/files.h"
#include "tests/unit/agent/runner/runner_test_util.h"

namespace dbfleet::agent {
namespace {

class GateBackupTest : public RunnerFixture {
 protected:
  GateBackupTest() { MakeRunner(); }

  // A backup of "orders" of one file; the grant that rests on it.
  v1::Grant TakeBackup(const v1::Offer& offer) {
    EXPECT_TRUE(PrepareBackupFolder(path_).ok());
    Manifest manifest;
    manifest.instance = "orders";
    manifest.engine = work::v1::ENGINE_MYSQL;
    manifest.backup.set_backup_id("B1");
    ManifestFile& file = manifest.files.emplace_back();
    file.facts.set_name("app.sql.zst");
    file.facts.set_size_bytes(4);
    file.facts.set_compressor("zstd");
    EXPECT_TRUE(WriteFileAtomically(path_ + "/app.sql.zst", "dump", 0600).ok());
    EXPECT_TRUE(WriteManifest(path_, &manifest).ok());
    v1::Grant grant = MakeGrant(offer);
    grant.mutable_backup()->set_backup_id("B1");
    grant.mutable_backup()->set_manifest_sha256(manifest.backup.manifest_sha256());
    return grant;
  }
  void RemoveBackup() { std::filesystem::remove_all(path_); }
  void ExpectNotBegun(const std::string& id) {
    const v1::Finished outcome = OutcomeOf(id);
    EXPECT_EQ(outcome.outcome(), v1::OUTCOME_FAILED);
    EXPECT_EQ(outcome.error_reason(), "BACKUP_GONE");
    EXPECT_TRUE(absl::StrContains(outcome.error_message(), path_)) << outcome.error_message();
    EXPECT_TRUE(absl::StrContains(outcome.error_message(), "B1")) << outcome.error_message();
    EXPECT_EQ(CountEvents(id, v1::Event::kStarted), 0);
  }

  const std::string path_ = folder_.path() + "/backups/orders/B1";
};

TEST_F(GateBackupTest, WhatRestsOnABackupThatIsThereBegins) {
  const v1::Offer offer = Offer("a1", 1);
  OfferAndGrant(offer, TakeBackup(offer));
  EXPECT_EQ(OutcomeOf("a1").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(GateBackupTest, WhatRestsOnABackupThatWasRemovedDoesNotBegin) {
  const v1::Offer offer = Offer("a1", 1);
  const v1::Grant grant = TakeBackup(offer);
  RemoveBackup();
  OfferAndGrant(offer, grant);
  ExpectNotBegun("a1");
  EXPECT_EQ(backup_.runs, 0);
}

// It may be whole, where it is.
TEST_F(GateBackupTest, ABackupInARepositoryThatIsNotMountedIsNotSaidToBeGone) {
  const std::string repository = folder_.path() + "/backups";
  const auto id = KnowRepository(repository, folder_.path() + "/repository");
  ASSERT_TRUE(id.ok()) << id.status();
  repository_id_ = *id;
  MakeRunner();
  const v1::Offer offer = Offer("a1", 1);
  const v1::Grant grant = TakeBackup(offer);
  std::filesystem::rename(repository, folder_.path() + "/disk");
  std::filesystem::create_directory(repository);
  OfferAndGrant(offer, grant);
  const v1::Finished outcome = OutcomeOf("a1");
  EXPECT_EQ(outcome.error_reason(), "BACKUP_UNREADABLE");
  EXPECT_TRUE(absl::StrContains(outcome.error_message(), "not mounted"));
  EXPECT_EQ(CountEvents("a1", v1::Event::kStarted), 0);

  std::filesystem::remove_all(repository);
  std::filesystem::rename(folder_.path() + "/disk", repository);
  const v1::Offer second = Offer("a2", 2);
  v1::Grant again = MakeGrant(second);
  *again.mutable_backup() = grant.backup();
  OfferAndGrant(second, again);
  EXPECT_EQ(OutcomeOf("a2").outcome(), v1::OUTCOME_SUCCEEDED);
}

TEST_F(GateBackupTest, AnAgentWithoutARepositoryCannotLookForTheBackup) {
  has_backup_dir_ = false;
  MakeRunner();
  const v1::Offer offer = Offer("a1", 1);
  OfferAndGrant(offer, TakeBackup(offer));
  const v1::Finished outcome = OutcomeOf("a1");
  EXPECT_EQ(outcome.error_reason(), "BACKUP_UNREADABLE");
  EXPECT_TRUE(absl::StrContains(outcome.error_message(), "set backup_dir"));
  EXPECT_EQ(CountEvents("a1", v1::Event::kStarted), 0);
}

TEST_F(GateBackupTest, AnIdThatIsAPathFindsNoBackup) {
  const v1::Offer offer = Offer("a1", 1);
  v1::Grant grant = TakeBackup(offer);
  grant.mutable_backup()->set_backup_id("../orders/B1");
  OfferAndGrant(offer, grant);
  EXPECT_EQ(OutcomeOf("a1").error_reason(), "BAD_BACKUP_ID");
  EXPECT_EQ(backup_.runs, 0);
}

// Its lock is waited for, or the target is read.
TEST_F(GateBackupTest, ABackupThatIsRemovedWhileTheWorkPreparesIsSeen) {
  absl::Status early, begins, goes_on;
  backup_.run = [&](ActionContext& context, const work::v1::JobSpec&) {
    early = context.MayBegin();
    RemoveBackup();
    begins = context.MayBegin();
    goes_on = context.MayGoOn();
    return ScriptedAction::Done();
  };
  const v1::Offer offer = Offer("a1", 1);
  OfferAndGrant(offer, TakeBackup(offer));
  OutcomeOf("a1");
  EXPECT_TRUE(early.ok()) << early;
  EXPECT_EQ(ReasonOf(begins), "BACKUP_GONE") << begins;
  EXPECT_TRUE(goes_on.ok()) << goes_on;
}

TEST_F(GateBackupTest, TheAgentsNextLifeLooksForTheBackupToo) {
  const v1::Offer offer = Offer("a1", 1);
  const v1::Grant grant = TakeBackup(offer);
  runner_.reset();
  ASSERT_TRUE(journal_->Accept(offer, clock_.Monotonic(), boot_id_).ok());
  ASSERT_TRUE(journal_->Grant(grant).ok());
  RemoveBackup();
  MakeRunner();
  ExpectNotBegun("a1");
}

}  // namespace
}  // namespace dbfleet::agent
