#include "agent/actions/verify/verify_action.h"
#include "tests/integration/agent/actions/backup/backup_fixture.h"

namespace dbfleet::agent {
namespace {

namespace fs = std::filesystem;

// An older backup under a newer one's name: sound in itself, and still not the one that was taken.
class SwappedBackupTest : public BackupFixture {
 protected:
  static void SetUpTestSuite() {
    auto server = mini::MiniRedis::Launch();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = server->release();
    const auto made = server_->Admin(absl::StrCat("ACL SETUSER dbfleet_backup on >",
                                                  server_->account("backup").password,
                                                  " +psync +sync +replconf +ping\nSET a 1\n"));
    ASSERT_TRUE(made.ok()) << made.status();
  }
  static void TearDownTestSuite() { delete server_; }

  ActionResult Verify(const std::string& manifest_sha256) {
    FakeActionContext context(engine_, Scratch());
    work::v1::JobSpec job;
    job.mutable_verify()->set_backup_id("B1");
    job.mutable_verify()->set_manifest_sha256(manifest_sha256);
    return VerifyAction({repository_, DBFLEET_BINARY_DIR "/bin/dbfleet-exec"}, *clock_)
        .Run(context, job);
  }

  static mini::MiniRedis* server_;
  AddressEngine engine_{mini::SpecFor(*server_, work::v1::ENGINE_REDIS)};
};
mini::MiniRedis* SwappedBackupTest::server_ = nullptr;

TEST_F(SwappedBackupTest, TheBackupThatWasTakenIsProvedByItsManifest) {
  const ActionResult taken = Backup(engine_);
  EXPECT_SUCCEEDED(taken);
  const std::string manifest = taken.result.backup().manifest_sha256();
  const ActionResult verified = Verify(manifest);
  EXPECT_SUCCEEDED(verified);
  EXPECT_EQ(verified.result.verify().manifest_sha256(), manifest);
}

TEST_F(SwappedBackupTest, AnOlderSoundBackupUnderTheSameNameIsNotVerified) {
  EXPECT_SUCCEEDED(Backup(engine_));
  fs::rename(Folder(), root_ + "/older");
  ASSERT_TRUE(server_->Admin("SET b 2\n").ok());
  const ActionResult taken = Backup(engine_);
  EXPECT_SUCCEEDED(taken);
  fs::remove_all(Folder());
  fs::rename(root_ + "/older", Folder());

  EXPECT_SUCCEEDED(Verify(""));  // By itself it is as sound as it was.
  const ActionResult result = Verify(taken.result.backup().manifest_sha256());
  EXPECT_FAILED_WITH(result, "MANIFEST_MISMATCH");
  EXPECT_TRUE(absl::StrContains(result.error_message, Folder())) << result.error_message;
}

TEST_F(SwappedBackupTest, AnotherBackupsFolderIsNotVerified) {
  const ActionResult taken = Backup(engine_);
  EXPECT_SUCCEEDED(taken);
  FakeActionContext context(engine_, Scratch());
  EXPECT_SUCCEEDED(Backup(context, BackupJob({}, "B0")));
  fs::remove_all(Folder());
  fs::rename(Folder("B0"), Folder());
  EXPECT_FAILED_WITH(Verify(taken.result.backup().manifest_sha256()), "MANIFEST_MISMATCH");
}

}  // namespace
}  // namespace dbfleet::agent
