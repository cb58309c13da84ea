#include "controller/store/sqlite/upgrade_copy.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "controller/store/sqlite/schema.h"
#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace dbfleet::controller {
namespace {

using sqlite::Connection;
using ::testing::HasSubstr;

class UpgradeCopyTest : public StoreTest {
 protected:
  ~UpgradeCopyTest() override { EXPECT_TRUE(failpoint::SetOrders("", 0).ok()); }

  std::string Path() { return folder_ + "/controller.db"; }
  static int Newest() { return sqlite::SchemaSteps().back().version; }
  std::string CopyPath() { return sqlite::UpgradeCopyPath(Path(), Newest()); }
  static bool Exists(const std::string& path) { return std::filesystem::exists(path); }

  static void SqlOn(const std::string& path, const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(db);
  }
  static int64_t Query(const std::string& path, const std::string& sql) {
    return Connection::Open(path).value()->QueryInt(sql).value();
  }

  // A store with some records that a program of an older schema left.
  void MakeOld(int schema) {
    Open();
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(Mutate([](WriteTx& tx) { return tx.AppendAudit(Entry("jobs/x")); }).ok());
    }
    epoch_ = store_->epoch();
    store_.reset();
    for (int to = Newest() - 1; to >= schema; --to) SqlOn(Path(), kBackTo[to - 1]);
  }
  absl::Status OpenStatus(SqliteStoreOptions options) {
    return SqliteStore::Open(std::move(options), &clock_).status();
  }
  absl::Status OpenStatus() { return OpenStatus(Options()); }
  static ino_t Inode(const std::string& path) {
    struct stat info = {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_ino;
  }
  // Another process opens the store and is killed at the failpoint.
  void OpenAndDieAt(const std::string& name) {
    const pid_t child = fork();
    if (child == 0) {
      if (!failpoint::SetOrders(name + "=kill", 0).ok()) _exit(3);
      OpenStatus().IgnoreError();
      _exit(4);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << name << " " << status;
  }
  // The copy is whole, of this schema, and the store as it was.
  void ExpectWholeCopy(int schema) {
    ASSERT_TRUE(Exists(CopyPath()));
    EXPECT_EQ(Query(CopyPath(), "PRAGMA user_version"), schema);
    EXPECT_EQ(Query(CopyPath(),
                    "SELECT count(*) FROM pragma_integrity_check "
                    "WHERE integrity_check = 'ok'"),
              1);
    EXPECT_EQ(Query(CopyPath(), "SELECT max(seq) FROM audit"), 23);
    EXPECT_EQ(Query(CopyPath(),
                    "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM store_state "
                    "WHERE key = 'epoch'"),
              static_cast<int64_t>(epoch_));
    for (const char* ending : {".unfinished", ".unfinished-journal", "-wal", "-journal"}) {
      EXPECT_FALSE(Exists(CopyPath() + ending)) << ending;
    }
  }

  uint64_t epoch_ = 0;
};

class EachSchemaTest : public UpgradeCopyTest, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Schemas, EachSchemaTest, ::testing::Values(1, 2, 3, 4));

TEST_P(EachSchemaTest, AnUpgradeKeepsACopyThatTheFormerProgramOpens) {
  MakeOld(GetParam());
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(Query(Path(), "PRAGMA user_version"), Newest());
  struct stat info;
  ASSERT_EQ(stat(CopyPath().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ExpectWholeCopy(GetParam());
  // What the new program does is not in it.
  ASSERT_TRUE(Mutate([](WriteTx& tx) { return tx.AppendAudit(Entry("jobs/y")); }).ok());
  ExpectWholeCopy(GetParam());
  const auto copy = Connection::Open(CopyPath()).value();
  ASSERT_TRUE(sqlite::CheckIsStore(*copy).ok());
  ASSERT_TRUE(copy->Configure(/*reader=*/false).ok());
  const auto steps = sqlite::SchemaSteps().subspan(0, GetParam());
  EXPECT_TRUE(sqlite::UpgradeSchema(*copy, steps).ok()) << "nothing is to be done";
  EXPECT_EQ(copy->QueryInt("PRAGMA user_version").value(), GetParam());
}

TEST_P(EachSchemaTest, TheCopyInThePlaceOfTheStoreIsThatStore) {
  MakeOld(GetParam());
  ASSERT_NO_FATAL_FAILURE(Open());
  ASSERT_TRUE(Mutate([](WriteTx& tx) { return tx.AppendAudit(Entry("jobs/y")); }).ok());
  store_.reset();
  std::filesystem::rename(CopyPath(), Path());
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(Trail().size(), 23u);
  EXPECT_TRUE(VerifyTrail(Trail()).ok());
}

TEST_F(UpgradeCopyTest, NothingIsCopiedWithoutAnUpgrade) {
  Open();
  Open();
  store_.reset();
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    EXPECT_THAT(entry.path().string(), ::testing::Not(HasSubstr("before-schema")));
    ++files;
  }
  EXPECT_GE(files, 1);
}

TEST_F(UpgradeCopyTest, ACopyThatWasCutShortIsNotTakenForWhole) {
  MakeOld(3);
  OpenAndDieAt("store.upgrade_copy.before");
  EXPECT_TRUE(Exists(CopyPath() + ".unfinished"));
  EXPECT_FALSE(Exists(CopyPath()));
  EXPECT_EQ(Query(Path(), "PRAGMA user_version"), 3);
  ASSERT_NO_FATAL_FAILURE(Open());
  ExpectWholeCopy(3);
}

// A part of a copy, with a journal that would be played back into the next one.
TEST_F(UpgradeCopyTest, WhatACutCopyLeftDoesNoHarm) {
  MakeOld(3);
  const std::string whole = ReadFile(Path()).value();
  std::ofstream(CopyPath() + ".unfinished") << whole.substr(0, whole.size() / 2);
  std::ofstream(CopyPath() + ".unfinished-journal") << std::string(4096, 'j');
  std::ofstream(CopyPath() + ".unfinished-wal") << std::string(4096, 'w');
  ASSERT_NO_FATAL_FAILURE(Open());
  ExpectWholeCopy(3);
}

TEST_F(UpgradeCopyTest, AWholeCopyOfThisStateIsNotMadeAgain) {
  MakeOld(2);
  OpenAndDieAt("store.upgrade_copy.after");
  ExpectWholeCopy(2);
  const ino_t made = Inode(CopyPath());
  OpenAndDieAt("store.upgrade.before");
  ASSERT_NO_FATAL_FAILURE(Open());
  EXPECT_EQ(Inode(CopyPath()), made);
  ExpectWholeCopy(2);
}

TEST_F(UpgradeCopyTest, ACopyFromBeforeTheFormerProgramWorkedOnIsReplaced) {
  MakeOld(3);
  OpenAndDieAt("store.upgrade_copy.after");
  ++epoch_;
  SqlOn(Path(), absl::StrCat("UPDATE store_state SET value = CAST('", epoch_,
                             "' AS BLOB) WHERE key = 'epoch'"));
  ASSERT_NO_FATAL_FAILURE(Open());
  ExpectWholeCopy(3);
}

TEST_F(UpgradeCopyTest, AFileOfThatNameThatIsNoCopyIsReplaced) {
  MakeOld(3);
  std::ofstream(CopyPath()) << "SQLite format 3";
  ASSERT_NO_FATAL_FAILURE(Open());
  ExpectWholeCopy(3);
}

TEST_F(UpgradeCopyTest, ACopyThatCannotBeMadeStopsTheUpgrade) {
  MakeOld(3);
  ASSERT_TRUE(failpoint::SetOrders("store.upgrade_copy.before=error:enospc", 0).ok());
  EXPECT_EQ(ReasonOf(OpenStatus()), "DISK_FULL");
  EXPECT_EQ(Query(Path(), "PRAGMA user_version"), 3);
  EXPECT_FALSE(Exists(CopyPath()));
  EXPECT_FALSE(Exists(CopyPath() + ".unfinished")) << "it would take the room that is missing";
  ASSERT_TRUE(failpoint::SetOrders("", 0).ok());
  ASSERT_NO_FATAL_FAILURE(Open());
  ExpectWholeCopy(3);
}

TEST_F(UpgradeCopyTest, WithoutRoomForTheCopyNothingChangesAndTheErrorSaysHowMuchIsMissing) {
  MakeOld(3);
  const int64_t bytes = Query(Path(), "PRAGMA page_count") * Query(Path(), "PRAGMA page_size");
  SqliteStoreOptions options = Options();
  options.free_bytes = [&](const std::string&) { return bytes - 1; };
  const absl::Status status = OpenStatus(options);
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("takes ", bytes, " bytes in ", folder_)));
  EXPECT_THAT(status.message(), HasSubstr(absl::StrCat(bytes - 1, " are free")));
  EXPECT_EQ(Query(Path(), "PRAGMA user_version"), 3);
  EXPECT_FALSE(Exists(CopyPath()));
  options.free_bytes = [&](const std::string&) { return bytes; };
  ASSERT_NO_FATAL_FAILURE(Open(options));
  ExpectWholeCopy(3);
}

TEST_F(UpgradeCopyTest, RequestKeysAmongTheSettingsAreTakenOverAndExpire) {
  MakeOld(3);
  SqlOn(Path(),
        "INSERT INTO settings VALUES('request.user.abc', CAST('print ada' AS BLOB)), "
        "('requests', CAST('other' AS BLOB))");
  ASSERT_NO_FATAL_FAILURE(Open());
  const absl::Time last = Trail().back().record_time;
  const auto found = [&](absl::Time now) {
    return Read([&](ReadTx& tx) { return tx.GetRequestKey("user.abc", now); }).value();
  };
  EXPECT_EQ(found(last), "print ada");
  EXPECT_EQ(found(last + absl::Hours(7 * 24) - absl::Seconds(1)), "print ada");
  EXPECT_EQ(found(last + absl::Hours(7 * 24)), "");
  const auto setting = [&](const char* key) {
    return Read([&](ReadTx& tx) { return tx.GetSetting(key); }).value();
  };
  EXPECT_EQ(setting("request.user.abc"), "");
  EXPECT_EQ(setting("requests"), "other");
}

}  // namespace
}  // namespace dbfleet::controller
