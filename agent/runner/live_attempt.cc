#include "agent/runner/live_attempt.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/actions/backup/repository.h"
#include "agent/actions/backup/repository_mark.h"
#include "agent/runner/work_kind.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/concurrency/mutex.h"
#include "common/log/log.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

constexpr size_t kMaxLogLineBytes = 16 << 10;
constexpr int64_t kMaxContentBytes = 64 << 20;

bool IsHexDigest(absl::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::Status BadContent(const work::v1::ContentRef& ref, absl::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "CONTENT_MISMATCH",
               absl::StrCat("content ", SanitizeForDisplay(Truncate(ref.sha256(), 80)), " ", what));
}

}  // namespace

LiveAttempt::LiveAttempt(const Environment& environment, JournaledAttempt journaled, Engine& engine,
                         Action& action, bool recovering)
    : environment_(environment),
      journaled_(std::move(journaled)),
      engine_(engine),
      action_(action),
      recovering_(recovering) {
  MutexLock lock(&mutex_);
  cancelled_ = journaled_.cancel_requested;
  if (journaled_.grant.has_value()) {
    grant_ = *journaled_.grant;
    granted_ = true;
  }
}

std::string LiveAttempt::approved_plan_digest() const {
  const std::string target = TargetOf(offer());
  for (const v1::TargetDigest& listed : offer().digest_inputs().targets()) {
    if (listed.target() == target) return listed.digest();
  }
  return "";
}

absl::Status LiveAttempt::MayGoOn() {
  MutexLock lock(&mutex_);
  return CheckMayGoOn();
}

absl::Status LiveAttempt::MayBegin() {
  const auto check_times = [this]() -> absl::Status {
    MutexLock lock(&mutex_);
    RETURN_IF_ERROR(CheckInTime());
    return CheckMayGoOn();
  };
  RETURN_IF_ERROR(check_times());
  RETURN_IF_ERROR(CheckBackup());
  // The repository may lie behind a network that takes its time.
  return check_times();
}

namespace {

absl::Status Unreadable(absl::string_view why) {
  return Error(absl::StatusCode::kUnavailable, "BACKUP_UNREADABLE", why);
}

struct Place {
  std::string backup_dir;
  std::string repository_id;
  std::string folder;
};

// What is not in a repository that is not mounted may be there once it is.
absl::Status LookInto(const Place& place, const std::string& manifest_sha256) {
  const auto check = [&] { return CheckRepository(place.backup_dir, place.repository_id); };
  if (const absl::Status there = check(); !there.ok()) return Unreadable(there.message());
  absl::Status present = CheckPresent(place.folder, manifest_sha256);
  if (present.ok()) return present;
  const absl::Status there = check();
  return there.ok() ? present : Unreadable(there.message());
}

// On a thread of its own: a repository on a network may hang for ever, with the target's lock held.
// The thread ends when the repository answers, and touches nothing but what it holds itself.
absl::Status LookInTime(const Place& place, const std::string& manifest_sha256) {
  constexpr absl::Duration kLongest = absl::Seconds(30);
  struct Look {
    Mutex mutex;
    CondVar ended;
    std::optional<absl::Status> status ABSL_GUARDED_BY(mutex);
  };
  auto look = std::make_shared<Look>();
  std::thread([look, place, manifest_sha256] {
    absl::Status status = LookInto(place, manifest_sha256);
    MutexLock lock(&look->mutex);
    look->status = std::move(status);
    look->ended.SignalAll();
  }).detach();
  MutexLock lock(&look->mutex);
  for (bool in_time = true; in_time && !look->status.has_value();) {
    in_time = !look->ended.WaitWithTimeout(&look->mutex, kLongest);
  }
  // Moved: one thread alone then holds what it says.
  if (look->status.has_value()) return *std::move(look->status);
  return Unreadable(
      absl::StrCat(place.folder, " did not answer within ", absl::FormatDuration(kLongest)));
}

}  // namespace

absl::Status LiveAttempt::CheckBackup() {
  const v1::Grant given = grant();
  if (!given.has_backup()) return absl::OkStatus();
  const std::string& id = given.backup().backup_id();
  absl::Status present;
  if (environment_.backup_dir.empty()) {
    present = Unreadable("the agent has no backup repository: set backup_dir in its configuration");
  } else {
    ASSIGN_OR_RETURN(const std::string folder,
                     BackupFolder(environment_.backup_dir, offer().instance(), id));
    present = LookInTime({environment_.backup_dir, environment_.repository_id, folder},
                         given.backup().manifest_sha256());
  }
  if (present.ok()) return present;
  return Error(present.code(), ReasonOf(present),
               absl::StrCat(present.message(), "; without the backup ", id,
                            ", which it needs, nothing is begun"));
}

absl::Status LiveAttempt::CheckInTime() {
  // A cancellation says more.
  if (cancelled_) return absl::OkStatus();
  if (journaled_.offer.has_start_within()) {
    const absl::Duration limit = FromProto(journaled_.offer.start_within());
    const absl::Duration waited = environment_.clock.Monotonic() - journaled_.accepted_boottime;
    if (waited > limit) {
      return Error(absl::StatusCode::kDeadlineExceeded, "START_TOO_LATE",
                   absl::StrCat("accepted ", absl::FormatDuration(waited),
                                " ago, to be started within ", absl::FormatDuration(limit)));
    }
  }
  if (grant_.has_start_before() && environment_.clock.Now() >= FromProto(grant_.start_before())) {
    return Error(
        absl::StatusCode::kDeadlineExceeded, "START_TOO_LATE",
        "its maintenance window has closed, or an approval has expired, before it could start");
  }
  return absl::OkStatus();
}

absl::Status LiveAttempt::CheckTakenUpInTime() {
  MutexLock lock(&mutex_);
  if (!grant_.has_begin_within()) return absl::OkStatus();
  const absl::Duration waited = environment_.clock.Monotonic() - granted_at_;
  if (waited <= FromProto(grant_.begin_within())) return absl::OkStatus();
  const std::string since = waited == absl::InfiniteDuration()
                                ? "before the agent was started"
                                : absl::StrCat(absl::FormatDuration(waited), " ago");
  return Error(absl::StatusCode::kDeadlineExceeded, "START_TOO_LATE",
               absl::StrCat("granted ", since,
                            ", and it has waited for a worker or its instance since; what "
                            "allowed it is looked at anew"));
}

absl::Status LiveAttempt::CheckMayGoOn() {
  if (cancelled_) {
    return Error(absl::StatusCode::kCancelled, "CANCELLED", "the job was cancelled");
  }
  if (environment_.stopping.load()) {
    return Error(absl::StatusCode::kCancelled, "AGENT_STOPPING",
                 "the agent is being stopped, so no further step starts");
  }
  RETURN_IF_ERROR(journal_error_);
  if (grant_.has_not_after() && environment_.clock.Now() >= FromProto(grant_.not_after())) {
    return Error(absl::StatusCode::kDeadlineExceeded, "NOT_AFTER_PASSED",
                 "the time until which steps may start has passed");
  }
  if (journaled_.offer.has_not_after() &&
      environment_.clock.Now() >= FromProto(journaled_.offer.not_after())) {
    return Error(absl::StatusCode::kDeadlineExceeded, "NOT_AFTER_PASSED",
                 "the time until which steps may start has passed");
  }
  return CheckLease();
}

absl::Status LiveAttempt::CheckLease() {
  if (environment_.clock.Monotonic() >= lease_deadline_) lease_lost_ = true;
  if (!lease_lost_) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted, "LEASE_LOST",
               "the controller has not renewed the lease in time, so no further step starts");
}

void LiveAttempt::OnCancel(std::function<void()> fn) {
  MutexLock callback_lock(&callback_mutex_);
  cancel_callback_ = std::move(fn);
  // Cancelled before there was a callback: the runner's call found none.
  if (cancel_callback_ && cancelled()) {
    const std::function<void()> callback = std::exchange(cancel_callback_, nullptr);
    callback();
  }
}

void LiveAttempt::RunCancelCallback() {
  MutexLock callback_lock(&callback_mutex_);
  const std::function<void()> callback = std::exchange(cancel_callback_, nullptr);
  if (callback) callback();
}

absl::Status LiveAttempt::ReportStep(const work::v1::StepReport& report) {
  work::v1::StepReport clean = report;
  clean.set_error(Truncate(SanitizeForDisplay(report.error(), /*keep_newlines=*/true), 4096));
  const absl::Status status = environment_.journal.Step(attempt_id(), clean);
  if (!status.ok()) {
    MutexLock lock(&mutex_);
    if (journal_error_.ok()) journal_error_ = status;
  }
  return status;
}

absl::Status LiveAttempt::Checkpoint(absl::string_view blob) {
  return environment_.journal.Checkpoint(attempt_id(), blob);
}

void LiveAttempt::Log(work::v1::Severity severity, absl::string_view line) {
  v1::LogLine message;
  message.set_job_id(job_id());
  message.set_attempt_id(attempt_id());
  *message.mutable_log_time() = ToProto(environment_.clock.Now());
  message.set_severity(severity);
  message.set_text(Truncate(SanitizeForDisplay(line), kMaxLogLineBytes));
  environment_.link.PushLog(std::move(message));
}

absl::StatusOr<std::string> LiveAttempt::Content(const work::v1::ContentRef& ref) {
  if (!IsHexDigest(ref.sha256())) return BadContent(ref, "is not named by a SHA-256");
  if (!ref.inline_().empty() || ref.size_bytes() == 0) {
    if (Sha256Hex(ref.inline_()) != ref.sha256()) return BadContent(ref, "has another hash");
    return ref.inline_();
  }
  // Kept in the scratch folder: a rollback must not depend on the controller.
  ASSIGN_OR_RETURN(const std::string folder, ScratchFolder());
  const std::string path = absl::StrCat(folder, "/content-", ref.sha256());
  absl::StatusOr<std::string> cached = ReadFile(path, kMaxContentBytes);
  if (cached.ok() && Sha256Hex(*cached) == ref.sha256()) return cached;
  ASSIGN_OR_RETURN(std::string content, FetchContent(ref));
  RETURN_IF_ERROR(WriteFileAtomically(path, content, 0600));
  return content;
}

absl::StatusOr<std::string> LiveAttempt::FetchContent(const work::v1::ContentRef& ref) {
  if (ref.size_bytes() < 0 || ref.size_bytes() > kMaxContentBytes) {
    return BadContent(ref, absl::StrCat("would have ", ref.size_bytes(), " bytes"));
  }
  ASSIGN_OR_RETURN(std::string content,
                   environment_.link.FetchContent(attempt_id(), ref.sha256(), ref.size_bytes()));
  if (Sha256Hex(content) != ref.sha256()) {
    return BadContent(ref, "came with another hash from the controller");
  }
  return content;
}

absl::StatusOr<std::string> LiveAttempt::ScratchFolder() {
  return environment_.scratch.Make(attempt_id());
}

v1::Grant LiveAttempt::grant() {
  MutexLock lock(&mutex_);
  return grant_;
}

bool LiveAttempt::granted() {
  MutexLock lock(&mutex_);
  return granted_;
}

void LiveAttempt::SetGrant(const v1::Grant& grant) {
  MutexLock lock(&mutex_);
  if (granted_) {
    // What alone may move.
    if (grant.has_not_after()) *grant_.mutable_not_after() = grant.not_after();
    return;
  }
  grant_ = grant;
  granted_ = true;
  granted_at_ = environment_.clock.Monotonic();
}

void LiveAttempt::MoveNotAfter(const google::protobuf::Timestamp& not_after) {
  MutexLock lock(&mutex_);
  *grant_.mutable_not_after() = not_after;
}

void LiveAttempt::RenewLease(absl::Duration deadline) {
  MutexLock lock(&mutex_);
  if (!lease_lost_) lease_deadline_ = std::max(lease_deadline_, deadline);
}

bool LiveAttempt::HasLease() {
  MutexLock lock(&mutex_);
  return !lease_lost_ && environment_.clock.Monotonic() < lease_deadline_;
}

void LiveAttempt::MarkCancelled() {
  MutexLock lock(&mutex_);
  cancelled_ = true;
}

bool LiveAttempt::cancelled() {
  MutexLock lock(&mutex_);
  return cancelled_;
}

}  // namespace dbfleet::agent
