#include "controller/logs/log_store.h"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/logs/log_line.h"
#include "tests/fakes/fake_clock.h"

namespace dbfleet::controller {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(LogLineTest, AnAttemptIdThatIsTooLongIsCutBetweenCharacters) {
  std::string id = "x";
  while (id.size() < 200) id += "\xC3\xA9";
  std::vector<LogLine> lines(2);
  lines[0].attempt_id = id;
  lines[1].attempt_id = "x" + id;
  std::vector<LogLine> read;
  ASSERT_TRUE(DecodeLines(EncodeLines(lines), &read));
  for (const LogLine& line : read) {
    EXPECT_TRUE(IsValidUtf8(line.attempt_id)) << "no client could read the log";
  }
}

// Runs what was added when the test says so.
class ManualExecutor : public Executor {
 public:
  bool Add(std::function<void()> fn) override {
    if (closed) return false;
    queue.push_back(std::move(fn));
    return true;
  }
  void Shutdown() override { closed = true; }
  void RunAll() {
    while (!queue.empty()) {
      std::function<void()> fn = std::move(queue.front());
      queue.erase(queue.begin());
      fn();
    }
  }

  std::vector<std::function<void()>> queue;
  bool closed = false;
};

class LogStoreTest : public testing::Test {
 protected:
  LogStoreTest() : job_(NewUlid(clock_.Now())), other_job_(NewUlid(clock_.Now())) {
    options_.folder = testing::TempDir() + "/log-store-test-" + RandomHex(6);
    Reopen();
  }
  ~LogStoreTest() override {
    executor_.RunAll();
    store_.reset();
    std::filesystem::remove_all(options_.folder);
  }

  void Reopen() {
    store_.reset();
    auto store = LogStore::Open(options_, &executor_, &clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  LogLine Line(const std::string& text) {
    LogLine line;
    line.time = clock_.Now();
    line.severity = 1;
    line.attempt_id = "attempt";
    line.text = text;
    return line;
  }
  LogStore::Batch Batch(uint64_t seq, const std::vector<std::string>& texts) {
    LogStore::Batch batch;
    batch.agent_id = "db1";
    batch.batch_seq = seq;
    for (const std::string& text : texts) batch.lines.emplace_back(job_, Line(text));
    return batch;
  }
  // Stores it and returns the outcome.
  absl::Status Append(const LogStore::Batch& batch) {
    absl::Status result = absl::UnknownError("done was not called");
    store_->Append(batch, [&](absl::Status status) { result = std::move(status); });
    executor_.RunAll();
    return result;
  }
  std::vector<std::string> Texts(const std::string& job, uint64_t from = 0, int limit = 1 << 20) {
    std::vector<std::string> texts;
    const auto slice = store_->Read(job, from, limit);
    EXPECT_TRUE(slice.ok()) << slice.status();
    if (!slice.ok()) return texts;
    for (const LogLine& line : slice->lines) texts.push_back(line.text);
    return texts;
  }
  std::vector<std::filesystem::path> Segments() {
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator(options_.folder + "/" + job_)) {
      paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  FakeClock clock_;
  ManualExecutor executor_;
  LogStore::Options options_;
  const std::string job_;
  const std::string other_job_;
  std::unique_ptr<LogStore> store_;
};

TEST_F(LogStoreTest, LinesComeBackAsTheyWere) {
  LogStore::Batch batch = Batch(1, {"first"});
  LogLine line = Line("second\nwith \x01 and \xc3\xa4");
  line.severity = 3;
  line.dropped_before = 7;
  batch.lines.emplace_back(job_, line);
  batch.lines.emplace_back(other_job_, Line("elsewhere"));
  ASSERT_TRUE(Append(batch).ok());
  const auto slice = store_->Read(job_, 0, 10);
  ASSERT_TRUE(slice.ok()) << slice.status();
  ASSERT_EQ(slice->lines.size(), 2u);
  EXPECT_EQ(slice->next, 2u);
  EXPECT_EQ(slice->lines[0].text, "first");
  EXPECT_EQ(slice->lines[1].text, line.text);
  EXPECT_EQ(slice->lines[1].time, line.time);
  EXPECT_EQ(slice->lines[1].severity, 3);
  EXPECT_EQ(slice->lines[1].dropped_before, 7u);
  EXPECT_EQ(slice->lines[1].attempt_id, "attempt");
  EXPECT_THAT(Texts(other_job_), ElementsAre("elsewhere"));
}

TEST_F(LogStoreTest, NothingIsAcknowledgedBeforeItIsStored) {
  bool acknowledged = false;
  store_->Append(Batch(1, {"x"}), [&](absl::Status) { acknowledged = true; });
  EXPECT_FALSE(acknowledged);
  executor_.RunAll();
  EXPECT_TRUE(acknowledged);
}

TEST_F(LogStoreTest, BatchesThatWaitTogetherAreAllStoredInOrder) {
  int done = 0;
  for (int i = 0; i < 20; ++i) {
    store_->Append(Batch(i, {absl::StrCat("line ", i)}), [&](absl::Status status) {
      EXPECT_TRUE(status.ok());
      ++done;
    });
  }
  EXPECT_EQ(executor_.queue.size(), 1u);
  executor_.RunAll();
  EXPECT_EQ(done, 20);
  const auto texts = Texts(job_);
  ASSERT_EQ(texts.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(texts[i], absl::StrCat("line ", i));
}

TEST_F(LogStoreTest, ABatchThatComesAgainAddsNothingEvenAfterARestart) {
  const LogStore::Batch batch = Batch(5, {"a", "b"});
  ASSERT_TRUE(Append(batch).ok());
  ASSERT_TRUE(Append(batch).ok());
  Reopen();
  ASSERT_TRUE(Append(batch).ok());
  EXPECT_THAT(Texts(job_), ElementsAre("a", "b"));
}

TEST_F(LogStoreTest, ARestartedAgentThatCountsFromOneAgainLosesNothing) {
  ASSERT_TRUE(Append(Batch(1, {"before"})).ok());
  clock_.Advance(absl::Seconds(1));
  ASSERT_TRUE(Append(Batch(1, {"before"})).ok()) << "same text and number, another moment";
  ASSERT_TRUE(Append(Batch(2, {"before"})).ok());
  EXPECT_EQ(Texts(job_).size(), 3u);
}

TEST_F(LogStoreTest, HalfOfABatchThatACrashLeftIsCompletedNotDoubled) {
  LogStore::Batch batch = Batch(1, {"here"});
  ASSERT_TRUE(Append(batch).ok());  // As if the crash came before the other job's lines.
  batch.lines.emplace_back(other_job_, Line("there"));
  ASSERT_TRUE(Append(batch).ok());
  EXPECT_THAT(Texts(job_), ElementsAre("here"));
  EXPECT_THAT(Texts(other_job_), ElementsAre("there"));
}

TEST_F(LogStoreTest, ATornTailIsPassedOverAndWritingGoesOn) {
  ASSERT_TRUE(Append(Batch(1, {"one"})).ok());
  ASSERT_TRUE(Append(Batch(2, {"two"})).ok());
  const auto path = Segments().back();
  const auto whole = std::filesystem::file_size(path);
  const size_t frame = (whole - 16) / 2;
  for (size_t cut = 1; cut < frame; cut += 5) {
    const std::string content = *ReadFile(path.string());
    const std::string saved = options_.folder + "-" + absl::StrCat(cut);
    std::filesystem::copy(options_.folder, saved, std::filesystem::copy_options::recursive);
    std::filesystem::resize_file(path, whole - cut);
    Reopen();
    EXPECT_THAT(Texts(job_), ElementsAre("one")) << cut;
    ASSERT_TRUE(Append(Batch(3, {"three"})).ok());
    EXPECT_THAT(Texts(job_), ElementsAre("one", "three")) << cut;
    ASSERT_TRUE(Append(Batch(2, {"two"})).ok());  // It was not acknowledged, so it comes again.
    EXPECT_THAT(Texts(job_), ElementsAre("one", "three", "two")) << cut;
    store_.reset();
    std::filesystem::remove_all(options_.folder);
    std::filesystem::rename(saved, options_.folder);
    Reopen();
  }
}

TEST_F(LogStoreTest, ASegmentOfWhichTheCrashLeftNoHeaderIsPassedOver) {
  ASSERT_TRUE(Append(Batch(1, {"one"})).ok());
  std::ofstream(options_.folder + "/" + job_ + "/00000002.seg") << "dbf";
  Reopen();
  ASSERT_TRUE(Append(Batch(2, {"two"})).ok());
  ASSERT_TRUE(Append(Batch(2, {"two"})).ok());
  EXPECT_THAT(Texts(job_), ElementsAre("one", "two"));
}

TEST_F(LogStoreTest, ReadingGoesOnWhereItStopped) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Append(Batch(i, {absl::StrCat(2 * i), absl::StrCat(2 * i + 1)})).ok());
  }
  std::vector<std::string> all;
  uint64_t from = 0;
  for (;;) {
    const auto slice = store_->Read(job_, from, 3);
    ASSERT_TRUE(slice.ok());
    if (slice->lines.empty()) break;
    EXPECT_LE(slice->lines.size(), 3u);
    for (const LogLine& line : slice->lines) {
      EXPECT_EQ(line.dropped_before, 0u);
      all.push_back(line.text);
    }
    from = slice->next;
  }
  ASSERT_EQ(all.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(all[i], absl::StrCat(i));
}

TEST_F(LogStoreTest, BeyondTheSizeCapTheOldestLinesGoAndAGapMarkTells) {
  options_.segment_bytes = 2'000;
  options_.max_job_bytes = 10'000;
  Reopen();
  const int kLines = 200;
  for (int i = 0; i < kLines; ++i) {
    ASSERT_TRUE(Append(Batch(i, {absl::StrCat(i, std::string(100, '.'))})).ok());
  }
  int64_t bytes = 0;
  for (const auto& path : Segments())
    bytes += static_cast<int64_t>(std::filesystem::file_size(path));
  EXPECT_LE(bytes, 13'000);
  const auto slice = store_->Read(job_, 0, kLines);
  ASSERT_TRUE(slice.ok());
  EXPECT_EQ(slice->next, static_cast<uint64_t>(kLines));
  EXPECT_GT(slice->lines[0].dropped_before, 0u);
  EXPECT_EQ(slice->lines[0].dropped_before + slice->lines.size(), static_cast<uint64_t>(kLines));
  // A reader who was in the middle of it is told of what he missed only.
  const auto later = store_->Read(job_, 10, kLines);
  EXPECT_EQ(later->lines[0].dropped_before + 10, slice->lines[0].dropped_before);
}

TEST_F(LogStoreTest, BigLogsAreReadInBoundedSlices) {
  const std::string text(60'000, 'x');
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(Append(Batch(i, {text})).ok());
  uint64_t from = 0;
  int lines = 0;
  for (;;) {
    const auto slice = store_->Read(job_, from, 1'000'000);
    ASSERT_TRUE(slice.ok());
    if (slice->lines.empty()) break;
    EXPECT_LT(slice->lines.size(), 20u);
    lines += static_cast<int>(slice->lines.size());
    from = slice->next;
  }
  EXPECT_EQ(lines, 40);
}

TEST_F(LogStoreTest, IdsThatAreNoneReachNoPath) {
  for (const char* bad : {"", ".", "..", "../x", "a/b", "/etc", "A", "x\n"}) {
    EXPECT_EQ(ReasonOf(store_->Read(bad, 0, 1).status()), "INVALID_JOB_ID") << bad;
    LogStore::Batch batch = Batch(1, {});
    batch.lines.emplace_back(bad, Line("evil"));
    EXPECT_TRUE(Append(batch).ok()) << "it would be sent again for ever otherwise";
  }
  int entries = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::recursive_directory_iterator(options_.folder)) {
    ++entries;
  }
  EXPECT_EQ(entries, 0);
}

TEST_F(LogStoreTest, AnUnknownJobReadsAsEmpty) {
  EXPECT_THAT(Texts(NewUlid(clock_.Now())), IsEmpty());
}

TEST_F(LogStoreTest, FollowersOfTheJobAreWokenUntilTheyUnsubscribe) {
  int woken = 0;
  auto subscription = store_->Follow(job_, [&] { ++woken; });
  auto other = store_->Follow(other_job_, [&] { woken += 100; });
  ASSERT_TRUE(Append(Batch(1, {"x"})).ok());
  EXPECT_EQ(woken, 1);
  subscription.reset();
  ASSERT_TRUE(Append(Batch(2, {"y"})).ok());
  EXPECT_EQ(woken, 1);
}

TEST_F(LogStoreTest, AFullQueueRefusesInsteadOfGrowing) {
  options_.max_queued_bytes = 1'000;
  Reopen();
  absl::Status first = absl::UnknownError("");
  absl::Status second = absl::UnknownError("");
  store_->Append(Batch(1, {std::string(5'000, 'x')}), [&](absl::Status s) { first = s; });
  store_->Append(Batch(2, {"y"}), [&](absl::Status s) { second = s; });
  EXPECT_EQ(ReasonOf(second), "LOG_QUEUE_FULL");
  executor_.RunAll();
  EXPECT_TRUE(first.ok()) << "one batch always fits, whatever its size";
  EXPECT_TRUE(Append(Batch(2, {"y"})).ok());
}

TEST_F(LogStoreTest, WhenTheExecutorHasEndedBatchesAreRefused) {
  executor_.Shutdown();
  EXPECT_EQ(ReasonOf(Append(Batch(1, {"x"}))), "SHUTTING_DOWN");
}

TEST_F(LogStoreTest, AFullDiskIsSaidAndLeavesNoHalfLine) {
  ASSERT_TRUE(Append(Batch(1, {"kept"})).ok());
  struct sigaction old_action;
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &ignore, &old_action);
  rlimit old_limit;
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit limit{1'000, old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &limit);
  const absl::Status full = Append(Batch(2, {std::string(50'000, 'x')}));
  setrlimit(RLIMIT_FSIZE, &old_limit);
  sigaction(SIGXFSZ, &old_action, nullptr);
  EXPECT_FALSE(full.ok());
  EXPECT_THAT(Texts(job_), ElementsAre("kept"));
  ASSERT_TRUE(Append(Batch(2, {"now it fits"})).ok());
  EXPECT_THAT(Texts(job_), ElementsAre("kept", "now it fits"));
}

TEST_F(LogStoreTest, OldLogsGoAndYoungOnesStay) {
  ASSERT_TRUE(Append(Batch(1, {"x"})).ok());
  // The files' times are the machine's: a clock far ahead of it makes them old, one behind young.
  FakeClock ahead(absl::FromUnixSeconds(4'000'000'000));
  auto future = LogStore::Open(options_, &executor_, &ahead);
  FakeClock behind(absl::FromUnixSeconds(1'000'000'000));
  auto past = LogStore::Open(options_, &executor_, &behind);
  EXPECT_EQ(*(*past)->RemoveOld(), 0);
  EXPECT_THAT(Texts(job_), ElementsAre("x"));
  EXPECT_EQ(*(*future)->RemoveOld(), 1);
  EXPECT_THAT(Texts(job_), IsEmpty());
}

TEST_F(LogStoreTest, WritersReadersAndFollowersAtTheSameTimeLoseNothing) {
  constexpr int kWriters = 4;
  constexpr int kBatches = 50;
  options_.segment_bytes = 4'000;
  const auto serial = MakeSerialExecutor("logs");
  const auto store = *LogStore::Open(options_, serial.get(), &clock_);
  std::atomic<int> woken = 0;
  std::atomic<int> stored = 0;
  const auto subscription = store->Follow(job_, [&] { ++woken; });
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < kBatches; ++i) {
        LogStore::Batch batch = Batch(i, {absl::StrCat(writer, " ", i)});
        batch.agent_id = absl::StrCat("db", writer);
        store->Append(std::move(batch),
                      [&](absl::Status status) { stored += status.ok() ? 1 : 0; });
        if (i % 10 == 0) (void)store->Follow(job_, [] {});
      }
    });
  }
  threads.emplace_back([&] {
    uint64_t from = 0;
    while (from < kWriters * kBatches) {
      const auto slice = store->Read(job_, from, 7);
      ASSERT_TRUE(slice.ok()) << slice.status();
      for (const LogLine& line : slice->lines) EXPECT_EQ(line.dropped_before, 0u);
      from = slice->next;
      std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads) thread.join();
  serial->Shutdown();
  EXPECT_EQ(stored, kWriters * kBatches);
  EXPECT_GT(woken, 0);
  std::map<std::string, int> last;
  for (const std::string& text : Texts(job_)) {
    const std::vector<std::string> parts = absl::StrSplit(text, ' ');
    EXPECT_EQ(std::stoi(parts[1]), last[parts[0]]++) << "each agent's lines in their order";
  }
  EXPECT_EQ(last.size(), static_cast<size_t>(kWriters));
}

TEST_F(LogStoreTest, ManyJobsShareFewOpenFiles) {
  options_.max_open_logs = 2;
  Reopen();
  std::vector<std::string> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(NewUlid(clock_.Now()));
  for (int round = 0; round < 3; ++round) {
    for (const std::string& job : jobs) {
      LogStore::Batch batch = Batch(static_cast<uint64_t>(round), {});
      batch.lines.emplace_back(job, Line(absl::StrCat(round)));
      ASSERT_TRUE(Append(batch).ok());
    }
  }
  for (const std::string& job : jobs) EXPECT_THAT(Texts(job), ElementsAre("0", "1", "2"));
}

}  // namespace
}  // namespace dbfleet::controller
