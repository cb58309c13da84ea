#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <random>

#include "gmock/gmock.h"

#include "tests/unit/controller/store/sqlite/store_fixture.h"

namespace {

// Faults of the disk, below SQLite. `g_full` lets writes fail while that file is there (the
// ballast), or always when it is "*".
std::atomic<bool> g_fail_sync{false};
std::atomic<const char*> g_full{nullptr};

ssize_t FaultyPwrite(int fd, const void* data, size_t size, off64_t offset) {
  const char* full = g_full;
  if (full != nullptr && (full[0] == '*' || access(full, F_OK) == 0)) {
    errno = ENOSPC;
    return -1;
  }
  return pwrite64(fd, data, size, offset);
}

}  // namespace

// Found by SQLite in place of the C library's.
extern "C" int fdatasync(int fd) {
  if (g_fail_sync) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace dbfleet::controller {
namespace {

using ::testing::HasSubstr;

class DurabilityTest : public StoreTest {
 protected:
  DurabilityTest() {
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    vfs->xSetSystemCall(vfs, "pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(FaultyPwrite));
  }
  ~DurabilityTest() override {
    g_fail_sync = false;
    g_full = nullptr;
  }

  static Store::Mutation InsertWithAudit(const std::string& id, size_t blob = 0) {
    return [id, blob](WriteTx& tx) -> absl::Status {
      Job job = MakeJob(id);
      job.spec_blob = std::string(blob, 'x');
      RETURN_IF_ERROR(tx.InsertJob(&job));
      return tx.AppendAudit(Entry("jobs/" + id));
    };
  }
  absl::Status MutateEssential(Store::Mutation mutation) {
    return store_->MutateEssentialAndWait(std::move(mutation));
  }
  bool Exists(const std::string& id) {
    return Read([&](ReadTx& tx) { return tx.GetJob(id); }).ok();
  }
  // State and trail agree, and the trail verifies.
  void ExpectWhole() {
    const auto trail = Trail();
    EXPECT_TRUE(VerifyTrail(trail).ok()) << VerifyTrail(trail).problem;
    int jobs = 0;
    std::string token;
    do {
      const auto page = Read([&](ReadTx& tx) { return tx.ListJobs({}, {1000, token}); }).value();
      jobs += static_cast<int>(page.items.size());
      token = page.next_token;
    } while (!token.empty());
    int records = 0;
    for (const AuditRow& row : trail) records += row.entry.action == "test.write" ? 1 : 0;
    EXPECT_EQ(jobs, records);
  }
};

// --- Crashes
// ------------------------------------------------------------------------------------------

TEST_F(DurabilityTest, ACrashBetweenTheStatementsOfAMutationLeavesNothingOfIt) {
  for (int statement = 0; statement < 3; ++statement) {
    const std::string id = absl::StrCat("crash", statement);
    const pid_t child = fork();
    if (child == 0) {
      Open();
      store_->MutateAndWait(InsertWithAudit("whole" + id)).IgnoreError();
      store_
          ->MutateAndWait([&](WriteTx& tx) -> absl::Status {
            Job job = MakeJob(id);
            if (statement == 0) raise(SIGKILL);
            RETURN_IF_ERROR(tx.InsertJob(&job));
            if (statement == 1) raise(SIGKILL);
            RETURN_IF_ERROR(tx.AppendAudit(Entry("jobs/" + id)));
            raise(SIGKILL);
            return absl::OkStatus();
          })
          .IgnoreError();
      _exit(1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    Open();
    EXPECT_TRUE(Exists("whole" + id));
    EXPECT_FALSE(Exists(id));
    ExpectWhole();
    store_.reset();
  }
}

TEST_F(DurabilityTest, WhatWasAnsweredIsThereAfterAKillAtAnyMoment) {
  std::mt19937 random(3);
  for (int round = 0; round < 5; ++round) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(pipes[0]);
      Open();
      for (int i = 0;; ++i) {
        store_->Mutate(InsertWithAudit(absl::StrCat("R", round, "-", i), 3000),
                       [i, fd = pipes[1]](absl::Status status) {
                         if (status.ok() && write(fd, &i, sizeof(i)) != sizeof(i)) _exit(2);
                       });
        // Groups of several sizes, and the writer never far behind.
        if (i % 7 == 0)
          store_->MutateAndWait([](WriteTx&) { return absl::OkStatus(); }).IgnoreError();
      }
    }
    close(pipes[1]);
    const int wanted = 50 + static_cast<int>(random() % 400);
    int last = -1;
    for (int i = 0; i < wanted; ++i)
      ASSERT_EQ(read(pipes[0], &last, sizeof(last)), (ssize_t)sizeof(last));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    while (read(pipes[0], &last, sizeof(last)) == sizeof(last)) {
    }
    close(pipes[0]);
    Open();
    for (int i = 0; i <= last; ++i) {
      ASSERT_TRUE(Exists(absl::StrCat("R", round, "-", i))) << "answered, and gone: " << i;
    }
    ExpectWhole();
    store_.reset();
  }
}

// A power cut can leave any beginning of the log. Each one is a whole state.
TEST_F(DurabilityTest, AnyBeginningOfTheLogIsAWholeState) {
  Open();
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(Mutate(InsertWithAudit(absl::StrCat("J", i), 500)).ok());
  const std::string copy = folder_ + "/copy";
  std::filesystem::create_directory(copy);
  const auto wal_size = std::filesystem::file_size(folder_ + "/controller.db-wal");
  ASSERT_GT(wal_size, 100'000u);
  std::filesystem::copy(folder_ + "/controller.db", folder_ + "/db.kept");
  std::filesystem::copy(folder_ + "/controller.db-wal", folder_ + "/wal.kept");
  store_.reset();
  std::mt19937 random(5);
  size_t fewest = 1000;
  for (int round = 0; round < 40; ++round) {
    std::filesystem::remove_all(copy);
    std::filesystem::create_directory(copy);
    std::filesystem::copy(folder_ + "/db.kept", copy + "/controller.db");
    std::filesystem::copy(folder_ + "/wal.kept", copy + "/controller.db-wal");
    std::filesystem::resize_file(copy + "/controller.db-wal", random() % (wal_size + 1));
    SqliteStoreOptions options = Options();
    options.path = copy + "/controller.db";
    Open(std::move(options));
    ExpectWhole();
    fewest = std::min(fewest, Trail().size());
    store_.reset();
  }
  EXPECT_LT(fewest, 40u) << "the cuts did not reach into the trail";
}

// --- An unknown outcome
// --------------------------------------------------------------------------------

TEST_F(DurabilityTest, WhenTheCommitCannotBeSyncedNobodyIsAnswered) {
  Event ended;
  absl::Status why;
  SqliteStoreOptions options = Options();
  options.fatal = [&](const absl::Status& status) {
    why = status;
    ended.Notify();
  };
  Open(std::move(options));
  ASSERT_TRUE(Mutate(InsertWithAudit("before")).ok());
  std::atomic<int> answers{0};
  Event added;
  store_->Mutate(
      [&](WriteTx& tx) {
        added.Wait();
        // So that there is something to sync, should this be a group of its own.
        return tx.PutSetting("lost", "x");
      },
      [&](absl::Status) { ++answers; });
  for (int i = 0; i < 600; ++i) {  // More than one group.
    store_->Mutate(InsertWithAudit(absl::StrCat("lost", i)), [&](absl::Status) { ++answers; });
  }
  g_fail_sync = true;
  const int before = answers;
  added.Notify();
  ended.Wait();
  EXPECT_THAT(why.message(), HasSubstr("disk I/O error"));
  g_fail_sync = false;
  absl::Status late;
  for (int i = 0; i < 10'000'000 && late.ok(); ++i) {
    // Until the writer has come back from the handler, what is added is not answered either.
    store_->Mutate([](WriteTx&) { return absl::OkStatus(); },
                   [&](absl::Status status) { late = status; });
    sched_yield();
  }
  EXPECT_EQ(ReasonOf(late), "STORE_CLOSED") << "what never ran can be answered";
  store_.reset();
  EXPECT_EQ(answers, before);
  Open();
  EXPECT_TRUE(Exists("before"));
  EXPECT_FALSE(Exists("lost599")) << "no group began after the one whose end nobody knows";
  ExpectWhole();
}

TEST_F(DurabilityTest, ByDefaultTheProcessEnds) {
  const pid_t child = fork();
  if (child == 0) {
    Open();
    g_fail_sync = true;
    store_->MutateAndWait(InsertWithAudit("J1")).IgnoreError();
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 70);
}

// --- A full disk
// ---------------------------------------------------------------------------------------

TEST_F(DurabilityTest, OnAFullDiskOnlyEssentialWorkGoesOnAndAllDoesOnceThereIsSpace) {
  std::atomic<int64_t> free_bytes{int64_t{1} << 40};
  SqliteStoreOptions options = Options();
  options.ballast_bytes = 1 << 20;
  options.free_bytes = [&](const std::string&) { return free_bytes.load(); };
  Open(options);
  const std::string ballast = options.path + ".ballast";
  EXPECT_EQ(std::filesystem::file_size(ballast), 1u << 20);
  ASSERT_TRUE(Mutate(InsertWithAudit("before")).ok());

  free_bytes = 100'000;
  const absl::Status refused = Mutate(InsertWithAudit("refused"));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), "DISK_FULL");
  EXPECT_FALSE(std::filesystem::exists(ballast));
  EXPECT_TRUE(MutateEssential(InsertWithAudit("essential")).ok());

  free_bytes = (1 << 20) + 100'000;
  EXPECT_EQ(ReasonOf(Mutate(InsertWithAudit("refused"))), "DISK_FULL")
      << "the space of the ballast alone does not end it";
  free_bytes = 10 << 20;
  EXPECT_TRUE(Mutate(InsertWithAudit("after")).ok());
  EXPECT_TRUE(std::filesystem::exists(ballast));
  EXPECT_FALSE(Exists("refused"));
  ExpectWhole();
}

TEST_F(DurabilityTest, ADiskThatIsFullInTheMiddleOfACommitCostsNothingThatWasAnswered) {
  SqliteStoreOptions options = Options();
  options.ballast_bytes = 1 << 16;
  const std::string ballast = options.path + ".ballast";
  std::atomic<bool> plenty{true};
  options.free_bytes = [&](const std::string&) {
    return plenty ? int64_t{1} << 40 : int64_t{1} << 16;  // Enough not to be told beforehand.
  };
  Open(std::move(options));
  ASSERT_TRUE(Mutate(InsertWithAudit("before")).ok());
  plenty = false;
  g_full = ballast.c_str();

  // One group of both kinds.
  Event inside, release, last;
  store_->Mutate(
      [&](WriteTx&) {
        inside.Notify();
        release.Wait();
        return absl::OkStatus();
      },
      nullptr);
  inside.Wait();
  absl::Status plain, essential;
  int runs = 0;
  store_->Mutate(InsertWithAudit("plain", 100'000), [&](absl::Status s) { plain = s; });
  store_->MutateEssential(
      [&runs, job = MakeJob("essential")](WriteTx& tx) mutable -> absl::Status {
        ++runs;
        RETURN_IF_ERROR(tx.InsertJob(&job));
        job.title = "second";
        RETURN_IF_ERROR(tx.UpdateJob(&job));
        return tx.AppendAudit(Entry("jobs/essential"));
      },
      [&](absl::Status s) {
        essential = s;
        last.Notify();
      });
  release.Notify();
  last.Wait();
  EXPECT_EQ(ReasonOf(plain), "DISK_FULL") << plain;
  EXPECT_TRUE(essential.ok()) << essential;
  EXPECT_EQ(runs, 2);
  EXPECT_FALSE(std::filesystem::exists(ballast));
  EXPECT_FALSE(Exists("plain"));
  EXPECT_TRUE(Exists("essential"));

  plenty = true;
  g_full = nullptr;
  EXPECT_TRUE(Mutate(InsertWithAudit("after")).ok());
  ExpectWhole();
  Open();
  EXPECT_FALSE(Exists("plain"));
  ExpectWhole();
}

TEST_F(DurabilityTest, WithoutAnySpaceLeftEvenEssentialWorkIsToldSoAndReadsGoOn) {
  Open();
  ASSERT_TRUE(Mutate(InsertWithAudit("before")).ok());
  g_full = "*";
  EXPECT_EQ(ReasonOf(MutateEssential(InsertWithAudit("J1"))), "DISK_FULL");
  EXPECT_EQ(ReasonOf(Mutate(InsertWithAudit("J2"))), "DISK_FULL");
  EXPECT_TRUE(Exists("before"));
  g_full = nullptr;
  EXPECT_TRUE(Mutate(InsertWithAudit("J3")).ok());
  EXPECT_FALSE(Exists("J1"));
  ExpectWhole();
}

TEST_F(DurabilityTest, AFullDiskDuringAGroupThatSpillsIsUndoneToo) {
  Open();
  g_full = "*";
  // More than the page cache holds, so that SQLite writes before the COMMIT.
  EXPECT_EQ(ReasonOf(Mutate(InsertWithAudit("large", 8 << 20))), "DISK_FULL");
  g_full = nullptr;
  EXPECT_TRUE(Mutate(InsertWithAudit("small")).ok());
  EXPECT_FALSE(Exists("large"));
  ExpectWhole();
}

TEST_F(DurabilityTest, AStoreOnAFullDiskStillOpensWithItsBallastsSpace) {
  SqliteStoreOptions options = Options();
  options.ballast_bytes = 1 << 20;
  int64_t free_bytes = int64_t{1} << 40;
  options.free_bytes = [&](const std::string&) { return free_bytes; };
  Open(options);
  const uint64_t epoch = store_->epoch();
  store_.reset();
  free_bytes = 0;
  Open(options);
  EXPECT_GT(store_->epoch(), epoch);
  EXPECT_FALSE(std::filesystem::exists(options.path + ".ballast"));
  EXPECT_TRUE(MutateEssential(InsertWithAudit("essential")).ok());
  EXPECT_EQ(ReasonOf(Mutate(InsertWithAudit("refused"))), "DISK_FULL");
}

TEST_F(DurabilityTest, TheLogIsFoldedIntoTheFileAndDoesNotGrowWithoutEnd) {
  Open();
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(Mutate(InsertWithAudit(absl::StrCat("J", i), 20'000)).ok());
  }
  EXPECT_GT(std::filesystem::file_size(folder_ + "/controller.db"), 4u << 20);
  EXPECT_LT(std::filesystem::file_size(folder_ + "/controller.db-wal"), 8u << 20);
  ExpectWhole();
}

}  // namespace
}  // namespace dbfleet::controller
