#include <signal.h>

#include "tests/integration/agent/actions/backup/backup_fixture.h"

namespace dbfleet::agent {
namespace {

constexpr char kPassword[] = "pw :\\'\"= x";

class PostgresBackupTest : public BackupFixture {
 protected:
  static void SetUpTestSuite() {
    auto server = mini::MiniPostgres::Launch();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = server->release();
    server_->SetPassword("backup", kPassword);
    const auto made = server_->Admin(R"sql(
CREATE DATABASE app;
CREATE DATABASE "it's host=x /..";
CREATE ROLE dbfleet_backup LOGIN PASSWORD 'pw :\''"= x';
CREATE ROLE someone LOGIN PASSWORD 'canary-role-password';
GRANT pg_read_all_data TO dbfleet_backup;
\connect app
CREATE TABLE t AS SELECT i AS a, repeat('x', 50) AS b FROM generate_series(1, 1000) i;
)sql");
    ASSERT_TRUE(made.ok()) << made.status();
  }
  static void TearDownTestSuite() { delete server_; }

  void SetUp() override {
    ASSERT_TRUE(server_->Admin("GRANT pg_read_all_data TO dbfleet_backup").ok());
    engine_ = std::make_unique<AddressEngine>(mini::SpecFor(*server_, work::v1::ENGINE_POSTGRESQL));
  }
  void TearDown() override { server_->Resume(); }

  static mini::MiniPostgres* server_;
  std::unique_ptr<AddressEngine> engine_;
};

mini::MiniPostgres* PostgresBackupTest::server_ = nullptr;

TEST_F(PostgresBackupTest, AGoodBackupHasEveryDatabaseAndTheRolesWithoutPasswords) {
  const ActionResult result = Backup(*engine_);
  EXPECT_SUCCEEDED(result);
  const work::v1::BackupResult& backup = result.result.backup();
  ASSERT_EQ(backup.files_size(), 4);
  EXPECT_EQ(backup.files(0).name(), "globals.sql.zst");
  EXPECT_EQ(backup.files(1).name(), "app.dump.zst");
  EXPECT_EQ(backup.files(2).name(), "it%27s%20host%3Dx%20%2F%2E%2E.dump.zst");
  EXPECT_EQ(backup.files(3).name(), "postgres.dump.zst");
  EXPECT_TRUE(absl::StartsWith(backup.consistency_point(), "lsn ")) << backup.consistency_point();
  const auto globals = ReadArtifact(Folder() + "/globals.sql.zst", nullptr);
  ASSERT_TRUE(globals.ok()) << globals.status();
  EXPECT_TRUE(absl::StrContains(globals->head, "CREATE ROLE someone"));
  EXPECT_FALSE(absl::StrContains(globals->head, "PASSWORD"));
  EXPECT_TRUE(ReadManifest(Folder()).ok());
}

TEST_F(PostgresBackupTest, OverTcpToo) {
  AddressEngine engine(mini::TcpSpecFor(*server_, work::v1::ENGINE_POSTGRESQL));
  EXPECT_SUCCEEDED(Backup(engine, {"app"}));
}

TEST_F(PostgresBackupTest, AWrongPasswordIsSaidSo) {
  const std::string path = root_ + "/wrong";
  ASSERT_TRUE(WriteFileAtomically(path, "canary-wrong-password", 0600).ok());
  engine_->mutable_spec().backup->password_file = path;
  const ActionResult result = Backup(*engine_);
  EXPECT_FAILED_WITH(result, "DATABASE_AUTH");
  EXPECT_FALSE(absl::StrContains(result.error_message, "canary"));
  ExpectNothingIsLeft();
}

TEST_F(PostgresBackupTest, AnUnreachableServerIsSaidSo) {
  engine_->mutable_spec().endpoint.socket = root_;
  EXPECT_FAILED_WITH(Backup(*engine_), "DATABASE_UNREACHABLE");
  ExpectNothingIsLeft();
}

TEST_F(PostgresBackupTest, AMissingPrivilegeIsSaidSo) {
  ASSERT_TRUE(server_->Admin("REVOKE pg_read_all_data FROM dbfleet_backup").ok());
  const ActionResult result = Backup(*engine_, {"app"});
  EXPECT_FAILED_WITH(result, "BACKUP_PRIVILEGE");
  ExpectNothingIsLeft();
}

TEST_F(PostgresBackupTest, RowSecurityFailsTheBackupRatherThanLeavingRowsOut) {
  ASSERT_TRUE(server_->Admin("CREATE DATABASE secured").ok());
  ASSERT_TRUE(server_
                  ->Admin("CREATE TABLE r AS SELECT i FROM generate_series(1, 100) i;"
                          "ALTER TABLE r ENABLE ROW LEVEL SECURITY;"
                          "CREATE POLICY half ON r USING (i <= 50);",
                          "secured")
                  .ok());
  EXPECT_FAILED_WITH(Backup(*engine_, {"secured"}), "BACKUP_PRIVILEGE");
  ExpectNothingIsLeft();
  ASSERT_TRUE(server_->Admin("DROP DATABASE secured").ok());
}

TEST_F(PostgresBackupTest, ADumpThatEndsWellAfterTheAgentsDeathBecomesABackup) {
  HookedContext context(*engine_, Scratch());
  // Item 2, the last one: pg_dump waits for this lock, held on an open connection of psql.
  const std::string release = root_ + "/release";
  std::thread holder([&] {
    EXPECT_TRUE(server_
                    ->Admin(absl::StrCat("BEGIN; LOCK TABLE t; \\! touch ", root_,
                                         "/locked; "
                                         "while [ ! -e ",
                                         release,
                                         " ]; do sleep 0.05; done\n"
                                         "COMMIT;"),
                            "app")
                    .ok());
  });
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(root_ + "/locked"); }));
  RunInAgentThatDies(context, BackupJob({"app"}), [&] { WaitForChild("--format=custom"); });
  ASSERT_TRUE(WriteFileAtomically(release, "", 0600).ok());
  FakeActionContext next(*engine_, Scratch());
  const ActionResult result = BackupAction(BackupOptions(), *clock_)
                                  .Recover(next, BackupJob({"app"}), context.StoredCheckpoint());
  holder.join();
  EXPECT_SUCCEEDED(result);
  EXPECT_EQ(result.result.backup().files_size(), 2);
  EXPECT_TRUE(absl::StartsWith(result.result.backup().consistency_point(), "lsn "));
}

TEST_F(PostgresBackupTest, ADumpThatStillRunsLongAfterTheAgentsDeathIsEndedAndLeavesNothing) {
  HookedContext context(*engine_, Scratch());
  context.before_dump = [](int number) {
    if (number == 2) server_->Pause();
  };
  pid_t dump = -1;
  RunInAgentThatDies(context, BackupJob({"app"}), [&] { dump = WaitForChild("--format=custom"); });
  ASSERT_TRUE(ReadProcess(dump).has_value()) << "dbfleet-exec keeps it alive";
  const pid_t supervisor = ParentOf(dump);
  BackupAction::Options options = BackupOptions();
  options.dump_timeout = absl::Milliseconds(300);
  FakeActionContext next(*engine_, Scratch());
  const ActionResult result =
      BackupAction(options, *clock_).Recover(next, BackupJob({"app"}), context.StoredCheckpoint());
  EXPECT_EQ(result.outcome, v1::OUTCOME_TIMED_OUT);
  EXPECT_EQ(result.error_reason, "STILL_RUNNING") << result.error_message;
  for (const pid_t pid : {dump, supervisor}) {
    const std::optional<ProcessInfo> info = ReadProcess(pid);
    EXPECT_TRUE(!info.has_value() || info->state == 'Z') << pid << " writes on";
  }
  ExpectNothingIsLeft();
}

}  // namespace
}  // namespace dbfleet::agent
