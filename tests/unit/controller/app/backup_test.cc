#include "controller/app/backup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "controller/app/backup_record.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "tests/fakes/fake_clock.h"

namespace dbfleet::controller {
namespace {

namespace fs = std::filesystem;

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() {
    std::string pattern = (fs::temp_directory_path() / "dbfleet-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    for (const char* name : {"/ca", "/audit-key"}) fs::create_directories(data() + name);
    Write(data() + "/ca/ca.key", "key");
    store_ = Open();
  }

  ~BackupTest() override {
    store_.reset();
    fs::remove_all(folder_);
  }

  std::string data() const { return folder_ + "/data"; }
  std::string target() const { return folder_ + "/backup"; }
  static void Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
  }
  using OnHead = std::function<void(uint64_t, const std::string&)>;
  std::unique_ptr<SqliteStore> Open(OnHead on_head = nullptr) {
    SqliteStoreOptions options;
    options.on_audit_head = std::move(on_head);
    options.path = data() + "/store.db";
    return SqliteStore::Open(std::move(options), &clock_).value();
  }
  bool Left() const {
    return fs::exists(data() + "/backup-request") || fs::exists(data() + "/backup-answer");
  }
  int Records() {
    int count = 0;
    EXPECT_TRUE(store_
                    ->Read([&](ReadTx& tx) -> absl::Status {
                      ASSIGN_OR_RETURN(const auto rows, tx.ReadAudit(1, 1000));
                      for (const AuditRow& row : rows) {
                        count += row.entry.action == "controller.backup";
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    return count;
  }
  // `meanwhile` once the command waits for its record; then time passes until it has ended.
  absl::StatusOr<BackupFacts> BackUpWhile(
      const std::function<void()>& meanwhile, const std::function<void()>& each = [] {}) {
    absl::StatusOr<BackupFacts> facts;
    std::atomic<bool> ended{false};
    std::thread command([&] {
      facts = BackUp(data(), target(), "host/ada", clock_);
      ended = true;
    });
    while (!ended && clock_.pending_timers() == 0) std::this_thread::yield();
    meanwhile();
    while (!ended) {
      each();
      if (clock_.pending_timers() > 0) clock_.Advance(absl::Milliseconds(50));
      std::this_thread::yield();
    }
    command.join();
    return facts;
  }

  std::string folder_;
  FakeClock clock_;
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(BackupTest, ARunningControllerRecordsItOnceAndNothingIsLeftOver) {
  BackupRequests requests(data(), store_.get());
  const auto facts = BackUpWhile([] {}, [&] { requests.Answer(); });
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(Records(), 1);
  EXPECT_FALSE(Left());
}

TEST_F(BackupTest, AControllerThatDoesNotAnswerIsNoReasonForABackupWithoutARecord) {
  const auto facts = BackUpWhile([] {});
  EXPECT_EQ(ReasonOf(facts.status()), "CONTROLLER_SILENT");
  EXPECT_FALSE(fs::exists(target()));
  EXPECT_FALSE(Left());
  EXPECT_EQ(Records(), 0);
}

TEST_F(BackupTest, ARequestWhoseCommandHasDiedIsRemovedWithoutARecord) {
  BackupRequests requests(data(), store_.get());
  Write(data() + "/backup-request", "ID\nhost/ada\n/somewhere\n\n");
  Write(data() + "/backup-answer", "ID0\nrecorded\n\n");
  requests.Answer();
  EXPECT_FALSE(Left());
  EXPECT_EQ(Records(), 0);
}

TEST_F(BackupTest, ACommandThatDiesWhileItsRecordIsMadeLeavesNothing) {
  const int fd = open(data().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
  Write(data() + "/backup-request", "ID\nhost/ada\n/somewhere\n\n");
  store_.reset();
  store_ = Open([&](uint64_t, const std::string&) { close(fd); });
  BackupRequests requests(data(), store_.get());
  requests.Answer();
  EXPECT_EQ(Records(), 1);
  EXPECT_FALSE(Left());
}

// What appears in the folder while the command waits is not the command's to remove.
TEST_F(BackupTest, ABackupThatAnotherCommandMadeMeanwhileStaysAsItIs) {
  BackupRequests requests(data(), store_.get());
  const std::vector<std::string> files = {"/store.db", "/ca/ca.key", "/MANIFEST"};
  const auto facts = BackUpWhile(
      [&] {
        for (const std::string& file : files) Write(target() + file, "another's");
      },
      [&] { requests.Answer(); });
  EXPECT_EQ(ReasonOf(facts.status()), "NOT_EMPTY");
  for (const std::string& file : files) {
    EXPECT_EQ(ReadFile(target() + file).value_or("gone"), "another's") << file;
  }
}

// One that owns the folder makes links faster than a file can be made anew.
TEST_F(BackupTest, RequestsAreNotWrittenThroughLinks) {
  const std::string victim = folder_ + "/victim";
  const fs::perms mine = fs::perms::owner_read | fs::perms::owner_write;
  Write(victim, "untouched");
  fs::permissions(victim, mine);
  const int fd = open(data().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(flock(fd, LOCK_EX | LOCK_NB), 0);
  Write(data() + "/backup-request", "ID\nhost/ada\n/somewhere\n\n");
  std::atomic<bool> enough{false};
  int links = 0;
  std::thread owner([&] {
    const std::string answer = data() + "/backup-answer";
    while (!enough) {
      unlink(answer.c_str());
      links += symlink(victim.c_str(), answer.c_str()) == 0;
    }
  });
  BackupRequests requests(data(), store_.get());
  for (int i = 0; i < 10'000; ++i) requests.Answer();
  enough = true;
  owner.join();
  close(fd);
  EXPECT_GT(links, 0);
  EXPECT_EQ(ReadFile(victim).value_or(""), "untouched");
  EXPECT_EQ(fs::status(victim).permissions(), mine);
  EXPECT_EQ(Records(), 1);
}

TEST_F(BackupTest, AManifestSaysNothingToATerminalButATime) {
  store_.reset();
  ASSERT_TRUE(BackUpWhile([] {}).ok());
  const std::string manifest = ReadFile(target() + "/MANIFEST").value();
  const size_t at = manifest.find("# made at ");
  const std::string line = manifest.substr(at, manifest.find('\n', at) - at);
  Write(target() + "/MANIFEST",
        absl::StrReplaceAll(manifest, {{line, "# made at \x1b]0;owned\x07"}}));
  const std::string to = folder_ + "/restored";
  EXPECT_EQ(ReasonOf(Restore(target(), to, clock_.Now()).status()), "BACKUP_DAMAGED");
  Write(target() + "/MANIFEST", manifest);
  const auto restored = Restore(target(), to, clock_.Now());
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(absl::StrCat("# made at ", restored->time), line);
}

}  // namespace
}  // namespace dbfleet::controller
