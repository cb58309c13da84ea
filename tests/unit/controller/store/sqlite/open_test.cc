#include <sqlite3.h>
#include <sys/stat.h>

#include <fstream>

#include "gmock/gmock.h"

#include "common/base/files.h"
#include "controller/policy/policy.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/schema.h"
#include "controller/store/sqlite/store_lock.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using sqlite::Connection;
using sqlite::SchemaStep;
using ::testing::HasSubstr;

class OpenTest : public StoreTest {
 protected:
  std::string Path() { return folder_ + "/controller.db"; }
  absl::Status OpenStatus() { return SqliteStore::Open(Options(), &clock_).status(); }
  void Sql(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(Path().c_str(), &db), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(db);
  }
};

TEST_F(OpenTest, ANewStoreHasTheDefaultEnvironmentsAuditedOnce) {
  Open();
  Open();
  const auto page = Read([](ReadTx& tx) { return tx.ListEnvironments({}); }).value();
  ASSERT_EQ(page.items.size(), 3u);
  for (const Environment& environment : page.items) {
    EXPECT_EQ(PolicyDigest(environment.name, environment.policy),
              PolicyDigest(environment.name, DefaultPolicy(environment.name)));
  }
  const auto trail = Trail();
  ASSERT_EQ(trail.size(), 3u);
  EXPECT_EQ(trail[0].entry.action, "environment.create");
  EXPECT_EQ(trail[0].entry.actor, "system/controller");
  EXPECT_TRUE(VerifyTrail(trail).ok());
}

TEST_F(OpenTest, EveryOpeningHasAHigherEpochAlsoWhenTheClockGoesBack) {
  Open();
  const uint64_t first = store_->epoch();
  EXPECT_EQ(first, static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now())));
  Open();
  EXPECT_EQ(store_->epoch(), first + 1);
  clock_.JumpWallClock(-absl::Hours(24 * 365));
  Open();
  EXPECT_EQ(store_->epoch(), first + 2);
  clock_.JumpWallClock(2 * absl::Hours(24 * 365));
  Open();
  EXPECT_EQ(store_->epoch(), static_cast<uint64_t>(absl::ToUnixSeconds(clock_.Now())));
}

TEST_F(OpenTest, ASecondOpenerIsRefusedUntilTheFirstIsGone) {
  Open();
  const absl::Status status = OpenStatus();
  EXPECT_EQ(ReasonOf(status), "STORE_IN_USE");
  EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("process ", getpid())));
  store_.reset();
  EXPECT_TRUE(OpenStatus().ok());
}

TEST_F(OpenTest, ANewerSchemaIsRefusedAndLeftAlone) {
  Open();
  store_.reset();
  Sql("PRAGMA user_version = 99");
  const absl::Status status = OpenStatus();
  EXPECT_EQ(ReasonOf(status), "SCHEMA_TOO_NEW");
  EXPECT_THAT(status.message(), HasSubstr("schema 99"));
  EXPECT_THAT(status.message(), HasSubstr("install the newer controller"));
}

TEST_F(OpenTest, AnotherProgramsDatabaseIsRefusedAndLeftAsItWas) {
  Sql("CREATE TABLE theirs(x)");
  const std::string before = ReadFile(Path()).value();
  EXPECT_EQ(ReasonOf(OpenStatus()), "NOT_A_STORE");
  EXPECT_EQ(ReadFile(Path()).value(), before);
}

TEST_F(OpenTest, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(Path()) << std::string(5000, 'x');
  EXPECT_EQ(ReasonOf(OpenStatus()), "STORE_CORRUPT");
}

TEST_F(OpenTest, AnAlteredLastRecordIsFoundAtOpening) {
  Open();
  store_.reset();
  Sql("DROP TRIGGER audit_never_changes; UPDATE audit SET actor = 'users/eve' WHERE seq = 3");
  EXPECT_EQ(ReasonOf(OpenStatus()), "AUDIT_CORRUPT");
}

TEST_F(OpenTest, AnAlteredEarlierRecordIsFoundByTheExport) {
  Open();
  store_.reset();
  Sql("DROP TRIGGER audit_never_changes; UPDATE audit SET actor = 'users/eve' WHERE seq = 2");
  Open();
  EXPECT_EQ(VerifyTrail(Trail()).bad_seq, 2u);
}

TEST_F(OpenTest, RecordsCannotBeChangedOrDeletedByAccident) {
  Open();
  store_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(Path().c_str(), &db), SQLITE_OK);
  EXPECT_NE(sqlite3_exec(db, "UPDATE audit SET actor = 'x'", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_NE(sqlite3_exec(db, "DELETE FROM audit", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(db);
}

TEST_F(OpenTest, TheFilesAreTheOwnersOnly) {
  SqliteStoreOptions options = Options();
  options.path = folder_ + "/new/controller.db";
  options.ballast_bytes = 1 << 16;
  Open(std::move(options));
  ASSERT_TRUE(Mutate([](WriteTx& tx) { return tx.PutSetting("a", "b"); }).ok());
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/new")) {
    struct stat info;
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 5) << "database, log, shared memory, lock, ballast";
}

TEST_F(OpenTest, NetworkFileSystemsAreKnown) {
  for (int64_t type : {0x6969L, 0xFF534D42L, 0xFE534D42L, 0x65735546L, 0x01021997L}) {
    EXPECT_TRUE(sqlite::IsNetworkFileSystem(type)) << std::hex << type;
  }
  EXPECT_TRUE(sqlite::IsNetworkFileSystem(static_cast<int32_t>(0xFF534D42))) << "sign-extended";
  for (int64_t type : {0xEF53L, 0x58465342L, 0x9123683EL, 0x01021994L, 0x794C7630L}) {
    EXPECT_FALSE(sqlite::IsNetworkFileSystem(type)) << std::hex << type;
  }
  EXPECT_TRUE(sqlite::CheckLocalFileSystem(folder_).ok());
  EXPECT_FALSE(sqlite::CheckLocalFileSystem(folder_ + "/missing").ok());
}

// --- Upgrades
// ------------------------------------------------------------------------------------------

constexpr SchemaStep kOne[] = {{1, "CREATE TABLE a(x INTEGER) STRICT; INSERT INTO a VALUES(1)"}};
constexpr SchemaStep kTwo[] = {kOne[0],
                               {2, "ALTER TABLE a ADD COLUMN y TEXT NOT NULL DEFAULT 'new'"}};
constexpr SchemaStep kBroken[] = {
    kOne[0], {2, "ALTER TABLE a ADD COLUMN y TEXT; INSERT INTO nowhere VALUES(1)"}};

TEST_F(OpenTest, AnOlderSchemaIsUpgradedWithItsRows) {
  auto connection = Connection::Open(Path()).value();
  ASSERT_TRUE(sqlite::UpgradeSchema(*connection, kOne).ok());
  EXPECT_EQ(connection->QueryInt("PRAGMA user_version").value(), 1);
  ASSERT_TRUE(sqlite::UpgradeSchema(*connection, kTwo).ok());
  EXPECT_EQ(connection->QueryInt("PRAGMA user_version").value(), 2);
  EXPECT_EQ(connection->QueryInt("SELECT count(*) FROM a WHERE x = 1 AND y = 'new'").value(), 1);
  ASSERT_TRUE(sqlite::UpgradeSchema(*connection, kTwo).ok()) << "a second time is nothing";
  EXPECT_EQ(ReasonOf(sqlite::UpgradeSchema(*connection, kOne)), "SCHEMA_TOO_NEW");
}

TEST_F(OpenTest, AnUpgradeThatFailsLeavesTheOldSchema) {
  auto connection = Connection::Open(Path()).value();
  ASSERT_TRUE(sqlite::UpgradeSchema(*connection, kOne).ok());
  const absl::Status status = sqlite::UpgradeSchema(*connection, kBroken);
  EXPECT_THAT(status.message(), HasSubstr("upgrade of the store to schema 2"));
  EXPECT_EQ(connection->QueryInt("PRAGMA user_version").value(), 1);
  EXPECT_EQ(connection->QueryInt("SELECT count(*) FROM pragma_table_info('a')").value(), 1);
}

TEST_F(OpenTest, AStoreOfTheFirstSchemaIsReadAndWritten) {
  {
    auto connection = Connection::Open(Path()).value();
    ASSERT_TRUE(sqlite::UpgradeSchema(*connection, sqlite::SchemaSteps().subspan(0, 1)).ok());
    ASSERT_TRUE(connection
                    ->Execute("INSERT INTO jobs VALUES('J0', 'check', 'paused', 'qa', 'users/ada', "
                              "'', '', x'', 'safe', '', '', 0, 0, 0, 1, -1, 'auto', '', 1, '', '', "
                              "'', 0, 0, 0, 0, '', '', 0, 'rolling', '[]', 7)")
                    .ok());
  }
  Open();
  Job old = Read([](ReadTx& tx) { return tx.GetJob("J0"); }).value();
  EXPECT_EQ(old.state, JobState::kPaused);
  EXPECT_EQ(old.version, 7u);
  Job job;
  job.id = "J1";
  job.environment = "qa";
  EXPECT_TRUE(store_
                  ->MutateAndWait([&](WriteTx& tx) -> absl::Status {
                    RETURN_IF_ERROR(tx.UpdateJob(&old));
                    return tx.InsertJob(&job);
                  })
                  .ok());
}

TEST_F(OpenTest, TheStepsOfThisProgramAscendFromOne) {
  int expected = 1;
  for (const SchemaStep& step : sqlite::SchemaSteps()) EXPECT_EQ(step.version, expected++);
}

}  // namespace
}  // namespace dbfleet::controller
