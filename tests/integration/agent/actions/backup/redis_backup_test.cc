#include <signal.h>

#include "tests/integration/agent/actions/backup/backup_fixture.h"

namespace dbfleet::agent {
namespace {

constexpr char kPassword[] = "pw-canary\\#'x";

class RedisBackupTest : public BackupFixture {
 protected:
  static void SetUpTestSuite() {
    auto server = mini::MiniRedis::Launch({"admin-password", {}});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = server->release();
    server_->SetPassword("backup", kPassword);
    std::string commands =
        "ACL SETUSER dbfleet_backup on \">pw-canary\\\\#'x\" +psync +sync "
        "+replconf +ping\n";
    for (int i = 0; i < 100; ++i) absl::StrAppend(&commands, "SET key", i, " value", i, "\n");
    const auto made = server_->Admin(commands);
    ASSERT_TRUE(made.ok()) << made.status();
  }
  static void TearDownTestSuite() { delete server_; }

  void SetUp() override {
    engine_ = std::make_unique<AddressEngine>(mini::SpecFor(*server_, work::v1::ENGINE_REDIS));
  }
  void TearDown() override { server_->Resume(); }

  static mini::MiniRedis* server_;
  std::unique_ptr<AddressEngine> engine_;
};

mini::MiniRedis* RedisBackupTest::server_ = nullptr;

TEST_F(RedisBackupTest, AGoodBackupIsASoundRdb) {
  const ActionResult result = Backup(*engine_);
  EXPECT_SUCCEEDED(result);
  const work::v1::BackupResult& backup = result.result.backup();
  ASSERT_EQ(backup.files_size(), 1);
  EXPECT_EQ(backup.files(0).name(), "dump.rdb.zst");
  EXPECT_TRUE(absl::StrContains(backup.consistency_point(), "rdb ctime=")) << backup.DebugString();
  EXPECT_EQ(backup.warnings_size(), 0) << backup.DebugString();
  EXPECT_TRUE(ReadManifest(Folder()).ok());
  ASSERT_FALSE(std::filesystem::exists(Scratch() + "/secret-redis-password"));
}

TEST_F(RedisBackupTest, TheDefaultUserOverTcpToo) {
  AddressEngine engine(mini::TcpSpecFor(*server_, work::v1::ENGINE_REDIS));
  const std::string path = root_ + "/default-password";
  ASSERT_TRUE(WriteFileAtomically(path, "admin-password\n", 0600).ok());
  engine.mutable_spec().backup = AccountConfig{"", path};
  EXPECT_SUCCEEDED(Backup(engine));
}

TEST_F(RedisBackupTest, AServerThatSendsALengthInsteadOfAMarkToo) {
  ASSERT_TRUE(server_->Admin("CONFIG SET repl-diskless-sync no").ok());
  const ActionResult result = Backup(*engine_);
  ASSERT_TRUE(server_->Admin("CONFIG SET repl-diskless-sync yes").ok());
  EXPECT_SUCCEEDED(result);
}

TEST_F(RedisBackupTest, AWrongPasswordIsSaidSo) {
  const std::string path = root_ + "/wrong";
  ASSERT_TRUE(WriteFileAtomically(path, "canary-wrong-password", 0600).ok());
  engine_->mutable_spec().backup->password_file = path;
  const ActionResult result = Backup(*engine_);
  EXPECT_FAILED_WITH(result, "DATABASE_AUTH");
  EXPECT_FALSE(absl::StrContains(result.error_message, "canary"));
  ExpectNothingIsLeft();
}

TEST_F(RedisBackupTest, NoPasswordWhereOneIsNeededIsSaidSo) {
  engine_->mutable_spec().backup = AccountConfig{};
  EXPECT_FAILED_WITH(Backup(*engine_), "DATABASE_AUTH");
  ExpectNothingIsLeft();
}

TEST_F(RedisBackupTest, AMissingPrivilegeIsSaidSo) {
  ASSERT_TRUE(server_->Admin("ACL SETUSER dbfleet_backup -sync -psync").ok());
  const ActionResult result = Backup(*engine_);
  ASSERT_TRUE(server_->Admin("ACL SETUSER dbfleet_backup +sync +psync").ok());
  EXPECT_FAILED_WITH(result, "BACKUP_PRIVILEGE");
  ExpectNothingIsLeft();
}

TEST_F(RedisBackupTest, AnUnreachableServerIsSaidSo) {
  engine_->mutable_spec().endpoint.socket = root_ + "/nobody.sock";
  EXPECT_FAILED_WITH(Backup(*engine_), "DATABASE_UNREACHABLE");
  ExpectNothingIsLeft();
}

TEST_F(RedisBackupTest, AServerThatDiesWhileItSendsIsAFailure) {
  HookedContext context(*engine_, Scratch());
  std::thread killer;
  context.before_dump = [&](int) {
    server_->Pause();
    killer = std::thread([&] {
      WaitForChild("--rdb");
      Signal(server_->pid(), SIGKILL);
    });
  };
  const ActionResult result = Backup(context, BackupJob());
  killer.join();
  ASSERT_TRUE(server_->Stop(SIGKILL).ok());
  ASSERT_TRUE(server_->Start().ok());
  EXPECT_EQ(result.outcome, v1::OUTCOME_FAILED) << result.error_message;
  ExpectNothingIsLeft();
}

}  // namespace
}  // namespace dbfleet::agent
