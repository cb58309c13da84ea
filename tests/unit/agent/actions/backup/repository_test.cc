#include "agent/actions/backup/repository.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "agent/actions/backup/backup_state.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

namespace fs = std::filesystem;

Manifest Example() {
  Manifest manifest;
  manifest.instance = "orders";
  manifest.engine = work::v1::ENGINE_MYSQL;
  work::v1::BackupResult& backup = manifest.backup;
  backup.set_backup_id("01ABC");
  backup.set_tool("mariadb-dump");
  backup.set_tool_version("10.11");
  backup.set_source_bytes(100);
  backup.set_stored_bytes(40);
  backup.mutable_snapshot_time()->set_seconds(1'800'000'000);
  backup.mutable_snapshot_time()->set_nanos(123'000'000);
  backup.mutable_duration()->set_seconds(61);
  backup.mutable_duration()->set_nanos(5'000'000);
  backup.set_consistency_point("binlog b.1:4");
  backup.set_repository_path("/backups/orders/01ABC");
  backup.add_warnings("w\xc3\xbc");
  backup.add_databases("app");
  ManifestFile file;
  file.facts.set_name("app.sql.zst");
  file.facts.set_size_bytes(40);
  file.facts.set_sha256("aa");
  file.facts.set_source_bytes(100);
  file.facts.set_source_sha256("bb");
  file.facts.set_database("app");
  file.facts.set_compressor("zstd");
  file.format = DumpFormat::kMysqlSql;
  file.trailer_ok = true;
  file.consistency_point = "binlog b.1:4";
  ProcessStatus process;
  process.program = "mariadb-dump";
  process.exit_code = 0;
  file.processes.push_back(process);
  file.commands = {{"/usr/bin/mariadb-dump", "--defaults-file=/x"}, {"/usr/bin/zstd"}};
  manifest.files.push_back(file);
  return manifest;
}

class RepositoryTest : public testing::Test {
 protected:
  RepositoryTest() {
    std::string pattern = (fs::temp_directory_path() / "repository-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    folder_ = *BackupFolder(root_, "orders", "01ABC");
  }
  ~RepositoryTest() override { fs::remove_all(root_); }
  void Touch(const std::string& name) {
    ASSERT_TRUE(WriteFileAtomically(absl::StrCat(folder_, "/", name), "x", 0600).ok());
  }
  std::string root_;
  std::string folder_;
};

TEST(ManifestTest, SurvivesTheRoundTrip) {
  const Manifest manifest = Example();
  const auto read = ManifestFromJson(ManifestToJson(manifest));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->Result().SerializeAsString(), manifest.Result().SerializeAsString());
  EXPECT_EQ(read->instance, "orders");
  EXPECT_EQ(read->engine, work::v1::ENGINE_MYSQL);
  ASSERT_EQ(read->files.size(), 1u);
  EXPECT_TRUE(read->files[0].trailer_ok);
  EXPECT_EQ(read->files[0].commands, manifest.files[0].commands);
  ASSERT_EQ(read->files[0].processes.size(), 1u);
  EXPECT_TRUE(read->files[0].processes[0].ok());
}

TEST(ManifestTest, WhatIsNotAManifestIsRefused) {
  const std::string good = ManifestToJson(Example());
  ASSERT_TRUE(ManifestFromJson(good).ok());
  const std::string bad[] = {
      "",
      "null",
      "[]",
      "{}",
      good.substr(0, good.size() - 3),
      absl::StrReplaceAll(good, {{"\"schema_version\": 1", "\"schema_version\": 2"}}),
      absl::StrReplaceAll(good, {{"\"size_bytes\": 40", "\"size_bytes\": \"40\""}}),
      absl::StrReplaceAll(good, {{"app.sql.zst", "../../etc/passwd"}}),
      absl::StrReplaceAll(good, {{"app.sql.zst", "/etc/passwd"}}),
      absl::StrReplaceAll(good, {{"app.sql.zst", ".."}}),
      absl::StrReplaceAll(good, {{"ENGINE_MYSQL", "ENGINE_X"}}),
      absl::StrReplaceAll(good, {{"mysql-sql", "unknown"}}),
  };
  for (const std::string& json : bad) {
    ASSERT_NE(json, good);
    EXPECT_FALSE(ManifestFromJson(json).ok()) << json;
  }
}

TEST(FileNameTest, NamesBecomeHarmlessAndStayDifferent) {
  EXPECT_EQ(EncodeFileName("orders_1-x"), "orders_1-x");
  EXPECT_EQ(EncodeFileName("../etc"), "%2E%2E%2Fetc");
  EXPECT_EQ(EncodeFileName("-x y"), "-x%20y");
  EXPECT_EQ(EncodeFileName("\xc3\xbc"), "%C3%BC");
  EXPECT_EQ(EncodeFileName("%2E"), "%252E");
  std::set<std::string> names;
  for (const char* end : {"a", "b", "c"}) {
    const std::string encoded = EncodeFileName(std::string(100, '/') + end);
    EXPECT_LT(encoded.size(), 200u);
    EXPECT_TRUE(names.insert(encoded).second);
  }
}

TEST(BackupFolderTest, NothingFromOutsideEscapesTheRepository) {
  EXPECT_EQ(*BackupFolder("/b", "orders", "01ABC"), "/b/orders/01ABC");
  for (const char* id : {"", ".", "..", "a/b", "../x", "a b", "a\n", "%2E"}) {
    EXPECT_EQ(ReasonOf(BackupFolder("/b", "orders", id).status()), "BAD_BACKUP_ID") << id;
  }
  EXPECT_FALSE(BackupFolder("/b", "orders", std::string(65, 'a')).ok());
  for (const char* instance : {"", "..", "a/b", "A", "-a"}) {
    EXPECT_FALSE(BackupFolder("/b", instance, "01ABC").ok()) << instance;
  }
  EXPECT_FALSE(BackupFolder("relative", "orders", "01ABC").ok());
  EXPECT_FALSE(BackupFolder("", "orders", "01ABC").ok());
}

TEST_F(RepositoryTest, PreparingRemovesWhatAnEarlierTryLeft) {
  ASSERT_TRUE(PrepareBackupFolder(folder_).ok());
  Touch("app.sql.zst.partial");
  Touch("other.sql.zst");
  ASSERT_TRUE(PrepareBackupFolder(folder_).ok());
  EXPECT_TRUE(fs::is_empty(folder_));
  struct stat info;
  ASSERT_EQ(stat(folder_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(RepositoryTest, ACompleteBackupIsNeverTouched) {
  ASSERT_TRUE(PrepareBackupFolder(folder_).ok());
  Touch("app.sql.zst");
  Manifest manifest = Example();
  ASSERT_TRUE(WriteManifest(folder_, &manifest).ok());
  EXPECT_EQ(ReasonOf(PrepareBackupFolder(folder_)), "BACKUP_COMPLETE");
  EXPECT_TRUE(RemoveUnfinished(folder_).ok());
  EXPECT_TRUE(fs::exists(folder_ + "/app.sql.zst"));
  EXPECT_EQ(manifest.backup.manifest_sha256(), Sha256Hex(*ReadFile(folder_ + "/manifest.json")));
  EXPECT_EQ(ReadManifest(folder_)->backup.manifest_sha256(), manifest.backup.manifest_sha256());
}

TEST_F(RepositoryTest, AnUnfinishedBackupIsRemovedAndHasNoManifest) {
  ASSERT_TRUE(PrepareBackupFolder(folder_).ok());
  Touch("app.sql.zst.partial");
  EXPECT_EQ(ReasonOf(ReadManifest(folder_).status()), "NO_MANIFEST");
  EXPECT_TRUE(RemoveUnfinished(folder_).ok());
  EXPECT_FALSE(fs::exists(folder_));
}

TEST(BackupStateTest, SurvivesTheRoundTripWithoutSecretsOrEnvironments) {
  BackupState state;
  state.folder = "/b/orders/01ABC";
  state.start_time = absl::FromUnixNanos(1'800'000'000'123'456'789);
  state.plan.tool = "pg_dump";
  state.plan.databases = {"a", "b"};
  state.plan.warnings = {"w"};
  DumpItem item;
  item.database = "a";
  item.file_name = "a.dump.zst";
  item.format = DumpFormat::kPostgresArchive;
  item.commands = {{{"/bin/pg_dump", "-x"}, {{"PGPASSFILE", "/scratch/secret-pgpass"}}}};
  state.plan.items = {item};
  state.record_folders = {"/scratch/child-1"};
  const std::string json = StateToJson(state);
  EXPECT_FALSE(absl::StrContains(json, "PGPASSFILE"));
  const auto read = StateFromJson(json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->folder, state.folder);
  EXPECT_EQ(read->start_time, state.start_time);
  EXPECT_EQ(read->plan.databases, state.plan.databases);
  ASSERT_EQ(read->plan.items.size(), 1u);
  EXPECT_EQ(read->plan.items[0].format, DumpFormat::kPostgresArchive);
  EXPECT_EQ(read->plan.items[0].commands[0].argv, item.commands[0].argv);
  EXPECT_EQ(read->record_folders, state.record_folders);
  EXPECT_EQ(ReasonOf(StateFromJson(json.substr(0, 20)).status()), "BROKEN_CHECKPOINT");
  state.record_folders.clear();
  EXPECT_EQ(ReasonOf(StateFromJson(StateToJson(state)).status()), "BROKEN_CHECKPOINT");
}

TEST(BackupStateTest, ACheckpointSurvivesTheRoundTrip) {
  const auto read = CheckpointFromJson(CheckpointToJson({"/scratch/backup.json", 3}));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->state_path, "/scratch/backup.json");
  EXPECT_EQ(read->current, 3);
  EXPECT_FALSE(CheckpointFromJson("junk").ok());
}

class PresenceTest : public RepositoryTest {
 protected:
  // One file with the size that its manifest tells.
  PresenceTest() {
    EXPECT_TRUE(PrepareBackupFolder(folder_).ok());
    Manifest manifest = Example();
    manifest.files[0].facts.set_size_bytes(1);
    Touch(manifest.files[0].facts.name());
    EXPECT_TRUE(WriteManifest(folder_, &manifest).ok());
    manifest_ = manifest.backup.manifest_sha256();
  }
  void ExpectGone(const std::string& words, const std::string& manifest) {
    const absl::Status status = CheckPresent(folder_, manifest);
    EXPECT_EQ(ReasonOf(status), "BACKUP_GONE") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), words)) << status;
  }
  std::string manifest_;
};

TEST_F(PresenceTest, ABackupIsThereAsItWasTaken) {
  EXPECT_TRUE(CheckPresent(folder_, manifest_).ok());
  EXPECT_TRUE(CheckPresent(folder_, "").ok()) << "where nobody knows its manifest";
}

TEST_F(PresenceTest, ABackupWhoseFolderOrManifestWasRemovedIsGone) {
  fs::remove(absl::StrCat(folder_, "/", kManifestFile));
  ExpectGone("holds no complete backup", manifest_);
  fs::remove_all(folder_);
  ExpectGone("holds no complete backup", manifest_);
}

TEST_F(PresenceTest, ABackupThatLacksAFileIsGone) {
  fs::remove(absl::StrCat(folder_, "/app.sql.zst"));
  ExpectGone("app.sql.zst", manifest_);
}

TEST_F(PresenceTest, ABackupThatHasAFolderInAFilesPlaceIsGone) {
  fs::remove(absl::StrCat(folder_, "/app.sql.zst"));
  fs::create_directory(absl::StrCat(folder_, "/app.sql.zst"));
  ExpectGone("app.sql.zst is not there", manifest_);
}

TEST_F(PresenceTest, ABackupWithAShortenedFileIsGone) {
  fs::resize_file(absl::StrCat(folder_, "/app.sql.zst"), 0);
  ExpectGone("has 0 bytes instead of 1", manifest_);
}

// A disk that does not answer may hold it still.
TEST_F(PresenceTest, ABackupThatCannotBeLookedAtIsNotSaidToBeGone) {
  for (const char* name : {"app.sql.zst", kManifestFile}) {
    const std::string path = absl::StrCat(folder_, "/", name);
    fs::remove(path);
    fs::create_symlink(path, path);  // ELOOP
    const absl::Status status = CheckPresent(folder_, manifest_);
    EXPECT_EQ(ReasonOf(status), "BACKUP_UNREADABLE") << status;
    EXPECT_TRUE(absl::StrContains(status.message(), name)) << status;
  }
}

TEST_F(PresenceTest, ABackupThatWasExchangedIsGone) {
  ExpectGone("exchanged since", std::string(64, 'f'));
}

}  // namespace
}  // namespace dbfleet::agent
