#include "controller/logs/job_log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::controller {
namespace {

constexpr size_t kRememberedSegments = 2;

}  // namespace

JobLog::JobLog(std::string folder, Limits limits) : folder_(std::move(folder)), limits_(limits) {}

JobLog::~JobLog() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<std::unique_ptr<JobLog>> JobLog::Open(const std::string& folder, Limits limits) {
  std::unique_ptr<JobLog> log(new JobLog(folder, limits));
  RETURN_IF_ERROR(log->Load());
  return log;
}

absl::Status JobLog::Load() {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers, ListSegments(folder_));
  if (numbers.empty()) {
    RETURN_IF_ERROR(MakeDirectories(folder_, 0700));
    return SyncDirectory(std::filesystem::path(folder_).parent_path().string());
  }
  for (const uint64_t number : numbers) {
    std::error_code error;
    const auto size = std::filesystem::file_size(SegmentPath(folder_, number), error);
    segments_.push_back({number, error ? 0 : static_cast<int64_t>(size)});
  }
  const size_t remembered = std::min(numbers.size(), kRememberedSegments);
  for (size_t i = numbers.size() - remembered; i < numbers.size(); ++i) {
    RETURN_IF_ERROR(LoadSegment(numbers[i]));
  }
  return absl::OkStatus();
}

absl::Status JobLog::LoadSegment(uint64_t number) {
  const std::string path = SegmentPath(folder_, number);
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path, 1LL << 30));
  former_hashes_ = std::exchange(hashes_, {});
  SegmentReader reader(content);
  // A segment that begins before its predecessor's end would make line numbers go back.
  next_line_ = std::max(next_line_, reader.first_line());
  while (reader.Next()) {
    hashes_.insert(std::string(reader.hash()));
    next_line_ += reader.lines();
  }
  const bool is_last = number == segments_.back().number;
  const bool clean = reader.ok() && reader.good_bytes() == content.size();
  if (!is_last || !clean || static_cast<int64_t>(content.size()) >= limits_.segment_bytes) {
    return absl::OkStatus();
  }
  fd_ = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
  if (fd_ < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  // The process that wrote the tail may have died between write and fsync.
  if (fsync(fd_) != 0) return ErrnoStatus(errno, absl::StrCat("fsync ", path));
  synced_bytes_ = static_cast<int64_t>(content.size());
  return absl::OkStatus();
}

absl::Status JobLog::StartSegment(uint64_t number) {
  const std::string path = SegmentPath(folder_, number);
  fd_ = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) return ErrnoStatus(errno, absl::StrCat("create ", path));
  segments_.push_back({number, 0});
  synced_bytes_ = 0;
  former_hashes_ = std::exchange(hashes_, {});
  RETURN_IF_ERROR(Write(SegmentHeader(next_line_)));
  RETURN_IF_ERROR(Sync());
  return SyncDirectory(folder_);
}

absl::Status JobLog::Roll() {
  if (fd_ >= 0) {
    RETURN_IF_ERROR(Sync());
    close(std::exchange(fd_, -1));
  }
  return StartSegment(segments_.empty() ? 1 : segments_.back().number + 1);
}

absl::Status JobLog::RemoveOldest() {
  int64_t total = 0;
  for (const Segment& segment : segments_) total += segment.bytes;
  while (total > limits_.max_bytes && segments_.size() > 1) {
    const std::string path = SegmentPath(folder_, segments_.front().number);
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
      return ErrnoStatus(errno, absl::StrCat("remove ", path));
    }
    total -= segments_.front().bytes;
    segments_.pop_front();
  }
  return absl::OkStatus();
}

absl::Status JobLog::Append(const Frame& frame) {
  if (hashes_.count(frame.hash) != 0 || former_hashes_.count(frame.hash) != 0) {
    return absl::OkStatus();
  }
  if (fd_ < 0 || segments_.back().bytes >= limits_.segment_bytes) {
    if (absl::Status status = Roll(); !status.ok()) return Fail(std::move(status));
    if (absl::Status status = RemoveOldest(); !status.ok()) return Fail(std::move(status));
  }
  if (absl::Status status = Write(frame.bytes); !status.ok()) return Fail(std::move(status));
  hashes_.insert(frame.hash);
  next_line_ += frame.lines;
  return absl::OkStatus();
}

absl::Status JobLog::Write(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, absl::StrCat("write ", path()));
    segments_.back().bytes += n;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status JobLog::Sync() {
  if (fd_ < 0 || synced_bytes_ == segments_.back().bytes) return absl::OkStatus();
  RETURN_IF_ERROR(DBFLEET_FAILPOINT_STATUS("joblog.sync.before", ""));
  if (fsync(fd_) != 0) return Fail(ErrnoStatus(errno, absl::StrCat("fsync ", path())));
  synced_bytes_ = segments_.back().bytes;
  DBFLEET_FAILPOINT("joblog.sync.after");
  return absl::OkStatus();
}

absl::Status JobLog::Fail(absl::Status status) {
  // After a failed fsync the kernel may take the lost pages for written: what is not known to be
  // durable has to go, or a repeated batch would be taken for one that is stored.
  if (fd_ >= 0 && ftruncate(fd_, synced_bytes_) != 0) {
    log::Error("cannot cut a job's log back to what is durable",
               {{"file", path()}, {"error", std::string(ErrnoStatus(errno, "").message())}});
  }
  return status;
}

}  // namespace dbfleet::controller
