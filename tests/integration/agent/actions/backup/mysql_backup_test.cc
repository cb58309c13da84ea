#include <signal.h>

#include "absl/strings/ascii.h"

#include "tests/integration/agent/actions/backup/backup_fixture.h"

namespace dbfleet::agent {
namespace {

namespace fs = std::filesystem;

// With everything that option files, shells and SQL take for something else.
constexpr char kPassword[] = "pw #\"'\\;%:=x";

class MysqlBackupTest : public BackupFixture {
 protected:
  static void SetUpTestSuite() {
    auto server = mini::MiniMariaDb::Launch();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = server->release();
    server_->SetPassword("backup", kPassword);
    const auto made = server_->Admin(R"sql(
CREATE DATABASE app;
CREATE DATABASE `-x y.z/ü`;
USE app;
CREATE TABLE t (a INT PRIMARY KEY, b TEXT);
INSERT INTO t SELECT seq, REPEAT('x', 50) FROM seq_1_to_1000;
CREATE TABLE old (a INT) ENGINE=MyISAM;
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.b = 'q';
CREATE PROCEDURE p() SELECT 1;
CREATE USER dbfleet_backup@localhost IDENTIFIED BY 'pw #"''\\;%:=x';
)sql");
    ASSERT_TRUE(made.ok()) << made.status();
  }
  static void TearDownTestSuite() { delete server_; }

  void SetUp() override {
    ASSERT_TRUE(server_
                    ->Admin("REVOKE ALL PRIVILEGES, GRANT OPTION FROM dbfleet_backup@localhost;"
                            "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, RELOAD, PROCESS, "
                            "BINLOG MONITOR ON *.* TO dbfleet_backup@localhost")
                    .ok());
    engine_ = std::make_unique<AddressEngine>(mini::SpecFor(*server_, work::v1::ENGINE_MYSQL));
  }
  void TearDown() override { server_->Resume(); }

  static mini::MiniMariaDb* server_;
  std::unique_ptr<AddressEngine> engine_;
};

mini::MiniMariaDb* MysqlBackupTest::server_ = nullptr;

TEST_F(MysqlBackupTest, AGoodBackupHasAllFilesAndAManifest) {
  const ActionResult result = Backup(*engine_);
  EXPECT_SUCCEEDED(result);
  const work::v1::BackupResult& backup = result.result.backup();
  EXPECT_EQ(backup.databases_size(), 2);
  ASSERT_EQ(backup.files_size(), 2);
  EXPECT_EQ(backup.files(0).name(), "-x%20y%2Ez%2F%C3%BC.sql.zst");
  EXPECT_EQ(backup.files(1).name(), "app.sql.zst");
  EXPECT_GT(backup.source_bytes(), backup.stored_bytes());
  EXPECT_TRUE(absl::StrContains(backup.consistency_point(), "binlog binlog.0"))
      << backup.DebugString();
  EXPECT_TRUE(absl::StrContains(backup.consistency_point(), " gtid 0-1-")) << backup.DebugString();
  EXPECT_EQ(backup.manifest_sha256().size(), 64u);
  EXPECT_TRUE(absl::StrContains(backup.tool_version(), "mariadb-dump"));
  std::string warnings;
  for (const std::string& warning : backup.warnings()) absl::StrAppend(&warnings, warning, "\n");
  EXPECT_TRUE(absl::StrContains(warnings, "app.old (MyISAM)")) << warnings;
  EXPECT_TRUE(absl::StrContains(warnings, "one after the other")) << warnings;
  const auto manifest = ReadManifest(Folder());
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->Result().SerializeAsString(), backup.SerializeAsString());
  for (const ManifestFile& file : manifest->files) EXPECT_EQ(file.processes.size(), 2u);
}

TEST_F(MysqlBackupTest, TheSameBackupAgainReturnsTheFirstOnesResult) {
  const ActionResult first = Backup(*engine_, {"app"});
  EXPECT_SUCCEEDED(first);
  ASSERT_TRUE(server_->Stop().ok());  // Nobody is asked.
  const ActionResult second = Backup(*engine_, {"app"});
  ASSERT_TRUE(server_->Start().ok());
  EXPECT_SUCCEEDED(second);
  EXPECT_EQ(second.result.SerializeAsString(), first.result.SerializeAsString());
}

TEST_F(MysqlBackupTest, ARetryRemovesWhatAFailedTryLeft) {
  ASSERT_TRUE(MakeDirectories(Folder(), 0700).ok());
  ASSERT_TRUE(WriteFileAtomically(Folder() + "/app.sql.zst.partial", "stale", 0600).ok());
  ASSERT_TRUE(WriteFileAtomically(Folder() + "/gone.sql.zst", "stale", 0600).ok());
  EXPECT_SUCCEEDED(Backup(*engine_, {"app"}));
  EXPECT_FALSE(fs::exists(Folder() + "/gone.sql.zst"));
}

TEST_F(MysqlBackupTest, OverTcpToo) {
  AddressEngine engine(mini::TcpSpecFor(*server_, work::v1::ENGINE_MYSQL));
  ASSERT_TRUE(server_
                  ->Admin("CREATE USER IF NOT EXISTS dbfleet_backup@'127.0.0.1' IDENTIFIED BY "
                          "'pw #\"''\\\\;%:=x'; GRANT ALL ON *.* TO dbfleet_backup@'127.0.0.1'")
                  .ok());
  EXPECT_SUCCEEDED(Backup(engine, {"app"}));
}

TEST_F(MysqlBackupTest, AWrongPasswordIsSaidSo) {
  const std::string path = root_ + "/wrong";
  ASSERT_TRUE(WriteFileAtomically(path, "canary-wrong-password", 0600).ok());
  engine_->mutable_spec().backup->password_file = path;
  const ActionResult result = Backup(*engine_);
  EXPECT_FAILED_WITH(result, "DATABASE_AUTH");
  EXPECT_FALSE(absl::StrContains(result.error_message, "canary"));
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, AnUnreachableServerIsSaidSo) {
  engine_->mutable_spec().endpoint.socket = root_ + "/nobody.sock";
  EXPECT_FAILED_WITH(Backup(*engine_), "DATABASE_UNREACHABLE");
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, MissingRightsThatTheDumpWouldNotMissAreAnError) {
  for (const char* privilege : {"TRIGGER", "SHOW VIEW", "EVENT"}) {
    SetUp();
    ASSERT_TRUE(
        server_->Admin(absl::StrCat("REVOKE ", privilege, " ON *.* FROM dbfleet_backup@localhost"))
            .ok());
    const ActionResult result = Backup(*engine_, {"app"});
    EXPECT_FAILED_WITH(result, "BACKUP_PRIVILEGE");
    EXPECT_TRUE(absl::StrContains(result.error_message, privilege)) << result.error_message;
    ExpectNothingIsLeft();
  }
}

TEST_F(MysqlBackupTest, RightsOnOneDatabaseLackItsRoutinesUntilTheyAreGranted) {
  ASSERT_TRUE(server_
                  ->Admin("REVOKE ALL PRIVILEGES, GRANT OPTION FROM dbfleet_backup@localhost;"
                          "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON app.* TO "
                          "dbfleet_backup@localhost")
                  .ok());
  EXPECT_FAILED_WITH(Backup(*engine_, {"app"}), "BACKUP_PRIVILEGE");
  ASSERT_TRUE(server_->Admin("GRANT SELECT ON mysql.proc TO dbfleet_backup@localhost").ok());
  EXPECT_FAILED_WITH(Backup(*engine_), "BACKUP_PRIVILEGE");  // Not all databases can be seen.
  EXPECT_SUCCEEDED(Backup(*engine_, {"app"}));
}

TEST_F(MysqlBackupTest, AnUnknownDatabaseIsSaidSo) {
  EXPECT_FAILED_WITH(Backup(*engine_, {"app", "nope"}), "DATABASE_NOT_FOUND");
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, AFullDiskLeavesNothing) {
  const SmallDisk disk(repository_, "256k");
  if (!disk.mounted()) GTEST_SKIP() << "needs root";
  ASSERT_TRUE(server_
                  ->Admin("CREATE DATABASE big; USE big; CREATE TABLE t (a BLOB); INSERT INTO t "
                          "SELECT RANDOM_BYTES(1000) FROM seq_1_to_2000")
                  .ok());
  const ActionResult result = Backup(*engine_, {"big"});
  EXPECT_FAILED_WITH(result, "DISK_FULL");
  ExpectNothingIsLeft();
  ASSERT_TRUE(server_->Admin("DROP DATABASE big").ok());
}

TEST_F(MysqlBackupTest, AKilledDumpToolIsAFailureThoughTheCompressorEndsWell) {
  HookedContext context(*engine_, Scratch());
  std::thread killer;
  context.before_dump = [&](int) {
    server_->Pause();
    killer = std::thread([&] { Signal(WaitForChild("mariadb-dump"), SIGKILL); });
  };
  const ActionResult result = Backup(context, BackupJob({"app"}));
  killer.join();
  EXPECT_FAILED_WITH(result, "TOOL_FAILED");
  EXPECT_TRUE(absl::StrContains(result.error_message, "killed by signal 9"))
      << result.error_message;
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, AKilledSupervisorIsAFailure) {
  HookedContext context(*engine_, Scratch());
  std::thread killer;
  context.before_dump = [&](int) {
    server_->Pause();
    killer = std::thread([&] { Signal(ParentOf(WaitForChild("mariadb-dump")), SIGKILL); });
  };
  const ActionResult result = Backup(context, BackupJob({"app"}));
  killer.join();
  EXPECT_FAILED_WITH(result, "NO_RECORD");
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, CancelStopsTheDumpAndLeavesNothing) {
  HookedContext context(*engine_, Scratch());
  std::thread canceller;
  context.before_dump = [&](int) {
    server_->Pause();
    canceller = std::thread([&] {
      WaitForChild("mariadb-dump");
      context.Cancel();
    });
  };
  const ActionResult result = Backup(context, BackupJob({"app"}));
  canceller.join();
  EXPECT_EQ(result.outcome, v1::OUTCOME_CANCELLED) << result.error_message;
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, ALostLeaseBetweenTwoDumpsLeavesNothing) {
  HookedContext context(*engine_, Scratch());
  context.before_dump = [&](int number) {
    if (number == 1) context.set_may_go_on(Error(absl::StatusCode::kAborted, "LEASE_LOST", "gone"));
  };
  EXPECT_FAILED_WITH(Backup(context, BackupJob()), "LEASE_LOST");
  EXPECT_EQ(context.checkpoints().size(), 1u);
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, NoDumpStartsWithoutItsCheckpoint) {
  FakeActionContext context(*engine_, Scratch());
  context.set_checkpoint_error(Error(absl::StatusCode::kResourceExhausted, "JOURNAL_FULL", "full"));
  EXPECT_FAILED_WITH(Backup(context, BackupJob()), "JOURNAL_FULL");
  EXPECT_FALSE(context.LogContains("starting dump"));
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, ATableThatIsRebuiltUnderTheDumpFailsIt) {
  ASSERT_TRUE(server_
                  ->Admin("CREATE DATABASE ddl; CREATE TABLE ddl.a (i INT); "
                          "CREATE TABLE ddl.z (i INT); INSERT INTO ddl.z VALUES (1)")
                  .ok());
  const auto running = [&](const char* where) {
    const auto ids =
        server_->Admin(absl::StrCat("SELECT ID FROM information_schema.PROCESSLIST WHERE ", where));
    return std::string(absl::StripAsciiWhitespace(ids.value_or("")));
  };
  // This one stops the dump at its first table, when its snapshot has been taken.
  std::thread locker([&] {
    server_->Admin("LOCK TABLES ddl.a WRITE; SET @held = SLEEP(60)").status().IgnoreError();
  });
  const char* const holds = "INFO LIKE 'SET @held%'";
  ASSERT_TRUE(Eventually([&] { return !running(holds).empty(); }));
  std::thread changer([&] {
    EXPECT_TRUE(Eventually([&] {
      return !running("USER = 'dbfleet_backup' AND STATE LIKE '%metadata lock%'").empty();
    }));
    EXPECT_TRUE(server_->Admin("ALTER TABLE ddl.z FORCE").ok());
    EXPECT_TRUE(server_->Admin("KILL " + running(holds)).ok());
  });
  const ActionResult result = Backup(*engine_, {"ddl"});
  changer.join();
  locker.join();
  EXPECT_FAILED_WITH(result, "SCHEMA_CHANGED");
  ExpectNothingIsLeft();
  ASSERT_TRUE(server_->Admin("DROP DATABASE ddl").ok());
}

TEST_F(MysqlBackupTest, BadIdsAreRefused) {
  for (const char* id : {"", "../B1", "a/b"}) {
    FakeActionContext context(*engine_, Scratch());
    EXPECT_FAILED_WITH(Backup(context, BackupJob({}, id)), "BAD_BACKUP_ID");
  }
}

TEST_F(MysqlBackupTest, ThePasswordIsNowhereWhileTheDumpRuns) {
  HookedContext context(*engine_, Scratch());
  std::thread looker;
  int seen = 0;
  context.before_dump = [&](int) {
    server_->Pause();
    looker = std::thread([&] {
      WaitForChild("mariadb-dump");
      for (const ProcessInfo& info : ListProcesses()) {
        for (const char* file : {"cmdline", "environ"}) {
          const auto text = ReadFile(absl::StrCat("/proc/", info.pid, "/", file));
          if (!text.ok()) continue;
          ++seen;
          EXPECT_FALSE(absl::StrContains(*text, kPassword)) << info.pid << " " << file;
        }
      }
      server_->Resume();
    });
  };
  const ActionResult result = Backup(context, BackupJob({"app"}));
  looker.join();
  EXPECT_SUCCEEDED(result);
  EXPECT_GT(seen, 4);
  EXPECT_FALSE(absl::StrContains(result.result.DebugString(), kPassword));
  for (const auto& [severity, line] : context.log())
    EXPECT_FALSE(absl::StrContains(line, kPassword));
  for (const std::string& folder : {repository_, Scratch()}) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (!entry.is_regular_file()) continue;
      EXPECT_FALSE(absl::StrContains(*ReadFile(entry.path().string()), "pw #")) << entry.path();
    }
  }
}

TEST_F(MysqlBackupTest, SupportsNamesWhatIsMissing) {
  BackupAction action(BackupOptions(), *clock_);
  EXPECT_TRUE(action.Supports(*engine_).ok()) << action.Supports(*engine_);
  engine_->mutable_spec().backup.reset();
  EXPECT_EQ(ReasonOf(action.Supports(*engine_)), "NO_ACCOUNT");
  BackupAction without_exec({repository_, "/nonexistent/dbfleet-exec"}, *clock_);
  EXPECT_EQ(ReasonOf(without_exec.Supports(*engine_)), "TOOL_MISSING");
}

// --- The agent dies ----------------------------------------------------------------------------

TEST_F(MysqlBackupTest, ADumpThatEndsWellAfterTheAgentsDeathBecomesABackup) {
  HookedContext context(*engine_, Scratch());
  context.before_dump = [](int) { server_->Pause(); };
  RunInAgentThatDies(context, BackupJob({"app"}), [&] { WaitForChild("mariadb-dump"); });
  EXPECT_FALSE(fs::exists(Folder() + "/manifest.json"));
  server_->Resume();
  FakeActionContext next(*engine_, Scratch());
  const ActionResult result = BackupAction(BackupOptions(), *clock_)
                                  .Recover(next, BackupJob({"app"}), context.StoredCheckpoint());
  EXPECT_SUCCEEDED(result);
  ASSERT_EQ(result.result.backup().files_size(), 1);
  EXPECT_TRUE(absl::StrContains(result.result.backup().consistency_point(), "binlog"));
  EXPECT_TRUE(ReadManifest(Folder()).ok());
  EXPECT_FALSE(fs::exists(Scratch() + "/secret-client.cnf"));
}

TEST_F(MysqlBackupTest, ADumpThatBreaksAfterTheAgentsDeathLeavesNothing) {
  HookedContext context(*engine_, Scratch());
  context.before_dump = [](int) { server_->Pause(); };
  RunInAgentThatDies(context, BackupJob({"app"}),
                     [&] { Signal(WaitForChild("mariadb-dump"), SIGSTOP); });
  Signal(WaitForChild("mariadb-dump"), SIGKILL);
  server_->Resume();
  FakeActionContext next(*engine_, Scratch());
  EXPECT_FAILED_WITH(BackupAction(BackupOptions(), *clock_)
                         .Recover(next, BackupJob({"app"}), context.StoredCheckpoint()),
                     "TOOL_FAILED");
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, ADeadAgentAndSupervisorLeaveNothing) {
  HookedContext context(*engine_, Scratch());
  context.before_dump = [](int) { server_->Pause(); };
  RunInAgentThatDies(context, BackupJob({"app"}), [&] { WaitForChild("mariadb-dump"); });
  Signal(ParentOf(WaitForChild("mariadb-dump")), SIGKILL);
  server_->Resume();
  FakeActionContext next(*engine_, Scratch());
  EXPECT_FAILED_WITH(BackupAction(BackupOptions(), *clock_)
                         .Recover(next, BackupJob({"app"}), context.StoredCheckpoint()),
                     "NO_RECORD");
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, ABackupThatHadDumpsToComeIsStoppedAndRemoved) {
  HookedContext context(*engine_, Scratch());
  context.before_dump = [](int) { server_->Pause(); };
  RunInAgentThatDies(context, BackupJob(), [&] { WaitForChild("mariadb-dump"); });
  FakeActionContext next(*engine_, Scratch());
  EXPECT_FAILED_WITH(
      BackupAction(BackupOptions(), *clock_).Recover(next, BackupJob(), context.StoredCheckpoint()),
      "AGENT_RESTARTED");
  ExpectNothingIsLeft();
}

TEST_F(MysqlBackupTest, RecoveryOfACompleteBackupReturnsIt) {
  const ActionResult first = Backup(*engine_, {"app"});
  FakeActionContext next(*engine_, Scratch());
  const ActionResult second =
      BackupAction(BackupOptions(), *clock_).Recover(next, BackupJob({"app"}), "");
  EXPECT_SUCCEEDED(second);
  EXPECT_EQ(second.result.SerializeAsString(), first.result.SerializeAsString());
}

TEST_F(MysqlBackupTest, RecoveryWithoutACheckpointOrWithABrokenOneFails) {
  for (const char* checkpoint : {"", "junk", "{\"state_path\":\"/nonexistent\",\"current\":0}"}) {
    FakeActionContext next(*engine_, Scratch());
    EXPECT_FAILED_WITH(
        BackupAction(BackupOptions(), *clock_).Recover(next, BackupJob({"app"}), checkpoint),
        "AGENT_RESTARTED");
    ExpectNothingIsLeft();
  }
}

}  // namespace
}  // namespace dbfleet::agent
