#include "controller/logs/log_store.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "common/base/canonical.h"
#include "common/base/files.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/logs/job_log.h"
#include "controller/logs/segment.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kMaxSliceBytes = 1 << 20;
constexpr size_t kLineOverhead = 64;

// A job's id becomes a folder's name, so nothing but the forms that ids have is let through.
absl::Status CheckJobId(absl::string_view job_id) {
  if (IsUlid(job_id) || ValidateName("job", job_id).ok()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_JOB_ID",
               absl::StrCat("\"", absl::CHexEscape(job_id.substr(0, 64)), "\" is no job's id"));
}

size_t SizeOf(const LogStore::Batch& batch) {
  size_t bytes = 0;
  for (const auto& [job, line] : batch.lines) {
    bytes += line.text.size() + job.size() + line.attempt_id.size() + kLineOverhead;
  }
  return bytes;
}

// When something was last added to a job's log.
absl::Time LastChange(const std::string& folder) {
  absl::Time newest = absl::InfinitePast();
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    struct stat info;
    if (stat(it->path().c_str(), &info) != 0) continue;
    newest = std::max(newest, absl::TimeFromTimespec(info.st_mtim));
  }
  // What cannot be looked at is not old.
  return error ? absl::InfiniteFuture() : newest;
}

}  // namespace

class LogStore::Follower : public LogStore::Subscription {
 public:
  Follower(LogStore* store, std::function<void()> wake) : store_(store), wake_(std::move(wake)) {}
  ~Follower() override {
    MutexLock lock(&store_->followers_mutex_);
    store_->followers_.erase(position);
  }
  void Wake() { wake_(); }

  std::multimap<std::string, Follower*>::iterator position;

 private:
  LogStore* const store_;
  const std::function<void()> wake_;
};

absl::StatusOr<std::unique_ptr<LogStore>> LogStore::Open(const Options& options, Executor* executor,
                                                         const Clock* clock) {
  RETURN_IF_ERROR(MakeDirectories(options.folder, 0700));
  return std::unique_ptr<LogStore>(new LogStore(options, executor, clock));
}

LogStore::LogStore(const Options& options, Executor* executor, const Clock* clock)
    : options_(options), executor_(executor), clock_(clock) {}

LogStore::~LogStore() {
  MutexLock lock(&mutex_);
  while (flushing_) idle_.Wait(&mutex_);
}

void LogStore::Append(Batch batch, std::function<void(absl::Status)> done) {
  const size_t bytes = SizeOf(batch);
  std::vector<Pending> refused;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    if (pending_bytes_ + bytes > options_.max_queued_bytes && !pending_.empty()) {
      refused.push_back({std::move(batch), bytes, std::move(done)});
      status = Error(absl::StatusCode::kResourceExhausted, "LOG_QUEUE_FULL",
                     "too many log lines wait for the disk; send them again later");
    } else {
      pending_.push_back({std::move(batch), bytes, std::move(done)});
      pending_bytes_ += bytes;
      if (!flushing_ && !(flushing_ = executor_->Add([this] { Flush(); }))) {
        refused = std::exchange(pending_, {});
        pending_bytes_ = 0;
        status = Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                       "the controller is shutting down");
      }
    }
  }
  for (const Pending& one : refused) one.done(status);
}

void LogStore::Flush() {
  for (;;) {
    std::vector<Pending> batches;
    {
      MutexLock lock(&mutex_);
      batches = std::exchange(pending_, {});
      pending_bytes_ = 0;
      if (batches.empty()) {
        flushing_ = false;
        idle_.SignalAll();
        return;
      }
    }
    // Per job what became of it: one failure concerns all batches that had lines for it.
    std::map<std::string, absl::Status> touched;
    std::vector<absl::Status> results;
    {
      MutexLock lock(&io_mutex_);
      for (const Pending& one : batches) WriteBatch(one.batch, &touched);
      for (auto& [job_id, status] : touched) {
        const auto log = logs_.find(job_id);
        if (status.ok() && log != logs_.end()) status = log->second->Sync();
        if (!status.ok()) logs_.erase(job_id);
      }
      CloseIdleLogs();
    }
    for (const Pending& one : batches) {
      absl::Status result;
      for (const auto& [job_id, line] : one.batch.lines) {
        const auto it = touched.find(job_id);
        if (it != touched.end()) result.Update(it->second);
      }
      if (!result.ok()) {
        log::Error("cannot store log lines",
                   {{"agent", one.batch.agent_id}, {"error", std::string(result.message())}});
      }
      one.done(result);
    }
    Notify(touched);
  }
}

void LogStore::WriteBatch(const Batch& batch, std::map<std::string, absl::Status>* touched) {
  std::map<std::string, std::vector<LogLine>> by_job;
  int foreign = 0;
  for (const auto& [job_id, line] : batch.lines) {
    if (CheckJobId(job_id).ok()) {
      by_job[job_id].push_back(line);
    } else {
      ++foreign;
    }
  }
  if (foreign > 0) {
    log::Warn("dropped log lines of impossible jobs",
              {{"agent", batch.agent_id}, {"lines", absl::StrCat(foreign)}});
  }
  const std::string identity =
      CanonicalWriter("dbfleet.log.v1").Text(batch.agent_id).Uint(batch.batch_seq).bytes();
  for (const auto& [job_id, lines] : by_job) {
    absl::Status& status = (*touched)[job_id];
    if (!status.ok()) continue;
    absl::StatusOr<JobLog*> log = OpenLog(job_id);
    status = log.ok() ? (*log)->Append(MakeFrame(identity, lines)) : log.status();
    if (!status.ok()) logs_.erase(job_id);
  }
}

void LogStore::CloseIdleLogs() {
  while (static_cast<int>(logs_.size()) > options_.max_open_logs) {
    const auto oldest = std::min_element(
        logs_.begin(), logs_.end(),
        [](const auto& a, const auto& b) { return a.second->last_use < b.second->last_use; });
    logs_.erase(oldest);
  }
}

absl::StatusOr<JobLog*> LogStore::OpenLog(const std::string& job_id) {
  auto found = logs_.find(job_id);
  if (found == logs_.end()) {
    ASSIGN_OR_RETURN(std::unique_ptr<JobLog> log,
                     JobLog::Open(absl::StrCat(options_.folder, "/", job_id),
                                  {options_.segment_bytes, options_.max_job_bytes}));
    found = logs_.emplace(job_id, std::move(log)).first;
  }
  found->second->last_use = ++uses_;
  return found->second.get();
}

void LogStore::Notify(const std::map<std::string, absl::Status>& touched) {
  MutexLock lock(&followers_mutex_);
  for (const auto& [job_id, status] : touched) {
    if (!status.ok()) continue;
    const auto [begin, end] = followers_.equal_range(job_id);
    for (auto it = begin; it != end; ++it) it->second->Wake();
  }
}

std::unique_ptr<LogStore::Subscription> LogStore::Follow(const std::string& job_id,
                                                         std::function<void()> wake) {
  auto follower = std::make_unique<Follower>(this, std::move(wake));
  MutexLock lock(&followers_mutex_);
  follower->position = followers_.emplace(job_id, follower.get());
  return follower;
}

absl::StatusOr<LogStore::Slice> LogStore::Read(const std::string& job_id, uint64_t from,
                                               int limit) const {
  RETURN_IF_ERROR(CheckJobId(job_id));
  const std::string folder = absl::StrCat(options_.folder, "/", job_id);
  ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, ListSegments(folder));
  Slice slice;
  slice.next = from;
  size_t bytes = 0;
  for (size_t i = 0; i < numbers.size(); ++i) {
    // All of a segment lies before `from` if the next one begins there or earlier.
    if (i + 1 < numbers.size()) {
      const auto next_first = SegmentFirstLine(SegmentPath(folder, numbers[i + 1]));
      if (next_first.has_value() && *next_first <= slice.next) continue;
    }
    absl::StatusOr<std::string> content = ReadFile(SegmentPath(folder, numbers[i]), 1LL << 30);
    if (absl::IsNotFound(content.status())) continue;  // Removed for the size cap meanwhile.
    RETURN_IF_ERROR(content.status());
    SegmentReader reader(*content);
    uint64_t line_number = reader.first_line();
    while (reader.Next()) {
      const uint64_t frame_first = std::exchange(line_number, line_number + reader.lines());
      if (line_number <= slice.next) continue;
      std::vector<LogLine> lines;
      if (!reader.Decode(&lines)) break;
      for (uint64_t j = 0; j < lines.size(); ++j) {
        if (frame_first + j < slice.next) continue;
        lines[j].dropped_before += frame_first + j - slice.next;
        slice.next = frame_first + j + 1;
        bytes += lines[j].text.size() + kLineOverhead;
        slice.lines.push_back(std::move(lines[j]));
        if (static_cast<int>(slice.lines.size()) >= limit || bytes >= kMaxSliceBytes) return slice;
      }
    }
  }
  return slice;
}

absl::StatusOr<int> LogStore::RemoveOld() {
  const absl::Time limit = clock_->Now() - options_.retention;
  std::vector<std::string> jobs;
  std::error_code error;
  for (std::filesystem::directory_iterator it(options_.folder, error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    if (CheckJobId(it->path().filename().string()).ok()) {
      jobs.push_back(it->path().filename().string());
    }
  }
  if (error) return ErrnoStatus(error.value(), absl::StrCat("list ", options_.folder));
  int removed = 0;
  for (const std::string& job : jobs) {
    const std::string folder = absl::StrCat(options_.folder, "/", job);
    MutexLock lock(&io_mutex_);
    if (LastChange(folder) >= limit) continue;
    logs_.erase(job);
    std::filesystem::remove_all(folder, error);
    if (error) return ErrnoStatus(error.value(), absl::StrCat("remove ", folder));
    ++removed;
  }
  return removed;
}

}  // namespace dbfleet::controller
