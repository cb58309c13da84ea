#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "agent/actions/action.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/concurrency/mutex.h"

namespace dbfleet::agent {

// An ActionContext that records what the action told it. The test decides what MayGoOn says,
// cancels from any thread, and can make ReportStep and Checkpoint fail. Everything that it handed
// over stays readable after Run. Thread-safe. `engine` must outlive it. Header-only, so that the
// library of fakes does not depend on the agent.
class FakeActionContext : public ActionContext {
 public:
  // `scratch` is made on first use (mode 0700) and is the test's to remove.
  FakeActionContext(Engine& engine, std::string scratch)
      : engine_(engine), scratch_(std::move(scratch)) {}

  const std::string& job_id() const override { return job_id_; }
  const std::string& attempt_id() const override { return attempt_id_; }
  uint64_t fence() const override { return fence_; }
  Engine& engine() override { return engine_; }

  absl::Status MayGoOn() override {
    MutexLock lock(&mutex_);
    ++may_go_on_calls_;
    if (cancelled_)
      return Error(absl::StatusCode::kCancelled, "CANCELLED", "cancelled by the test");
    if (may_go_on_hook_) return may_go_on_hook_(may_go_on_calls_);
    return may_go_on_;
  }

  absl::Status MayBegin() override {
    {
      MutexLock lock(&mutex_);
      if (may_begin_hook_ && !cancelled_) RETURN_IF_ERROR(may_begin_hook_());
    }
    return MayGoOn();
  }

  void OnCancel(std::function<void()> fn) override {
    bool at_once = false;
    {
      MutexLock lock(&mutex_);
      on_cancel_ = fn;
      at_once = cancelled_;
    }
    if (at_once && fn) fn();
  }

  absl::Status ReportStep(const work::v1::StepReport& report) override {
    MutexLock lock(&mutex_);
    if (!report_step_error_.ok()) return report_step_error_;
    steps_.push_back(report);
    if (step_hook_) step_hook_(report);
    return absl::OkStatus();
  }

  absl::Status Checkpoint(absl::string_view blob) override {
    MutexLock lock(&mutex_);
    if (!checkpoint_error_.ok()) return checkpoint_error_;
    checkpoints_.emplace_back(blob);
    return absl::OkStatus();
  }

  void Log(work::v1::Severity severity, absl::string_view line) override {
    MutexLock lock(&mutex_);
    log_.emplace_back(severity, std::string(line));
  }

  absl::StatusOr<std::string> Content(const work::v1::ContentRef& ref) override {
    if (!ref.inline_().empty() || ref.size_bytes() == 0) return ref.inline_();
    MutexLock lock(&mutex_);
    const auto it = contents_.find(ref.sha256());
    if (it != contents_.end()) return it->second;
    return Error(absl::StatusCode::kNotFound, "CONTENT_NOT_FOUND",
                 absl::StrCat("no content with SHA-256 ", ref.sha256()));
  }

  absl::StatusOr<std::string> ScratchFolder() override {
    RETURN_IF_ERROR(MakeDirectories(scratch_, 0700));
    return scratch_;
  }

  // --- For the test --------------------------------------------------------------------------

  void Cancel() {
    std::function<void()> fn;
    {
      MutexLock lock(&mutex_);
      cancelled_ = true;
      fn = on_cancel_;
    }
    if (fn) fn();
  }
  void set_may_go_on(absl::Status status) {
    MutexLock lock(&mutex_);
    may_go_on_ = std::move(status);
  }
  // Asked with the number of the call, from 1; wins over set_may_go_on.
  void set_may_go_on_hook(std::function<absl::Status(int)> hook) {
    MutexLock lock(&mutex_);
    may_go_on_hook_ = std::move(hook);
  }
  // Asked by MayBegin before it asks MayGoOn.
  void set_may_begin_hook(std::function<absl::Status()> hook) {
    MutexLock lock(&mutex_);
    may_begin_hook_ = std::move(hook);
  }
  // Called within ReportStep; must not call back.
  void set_step_hook(std::function<void(const work::v1::StepReport&)> hook) {
    MutexLock lock(&mutex_);
    step_hook_ = std::move(hook);
  }
  void set_report_step_error(absl::Status status) {
    MutexLock lock(&mutex_);
    report_step_error_ = std::move(status);
  }
  void set_checkpoint_error(absl::Status status) {
    MutexLock lock(&mutex_);
    checkpoint_error_ = std::move(status);
  }
  // Makes content available to Content(); returns a reference to it that is not inline.
  work::v1::ContentRef AddContent(absl::string_view content) {
    work::v1::ContentRef ref;
    ref.set_sha256(Sha256Hex(content));
    ref.set_size_bytes(static_cast<int64_t>(content.size()));
    MutexLock lock(&mutex_);
    contents_[ref.sha256()] = std::string(content);
    return ref;
  }

  std::vector<work::v1::StepReport> steps() const {
    MutexLock lock(&mutex_);
    return steps_;
  }
  std::vector<std::string> checkpoints() const {
    MutexLock lock(&mutex_);
    return checkpoints_;
  }
  // The last one, or "" as Recover gets it.
  std::string last_checkpoint() const {
    MutexLock lock(&mutex_);
    return checkpoints_.empty() ? std::string() : checkpoints_.back();
  }
  std::vector<std::pair<work::v1::Severity, std::string>> log() const {
    MutexLock lock(&mutex_);
    return log_;
  }
  bool LogContains(absl::string_view text) const {
    for (const auto& [severity, line] : log()) {
      if (absl::StrContains(line, text)) return true;
    }
    return false;
  }

 private:
  Engine& engine_;
  const std::string scratch_;
  const std::string job_id_ = "01J00000000000000000000JOB";
  const std::string attempt_id_ = "01J00000000000000000ATTEMP";
  const uint64_t fence_ = (uint64_t{1'800'000'000} << 24) | 1;

  mutable Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  int may_go_on_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status may_go_on_ ABSL_GUARDED_BY(mutex_);
  std::function<absl::Status()> may_begin_hook_ ABSL_GUARDED_BY(mutex_);
  std::function<absl::Status(int)> may_go_on_hook_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const work::v1::StepReport&)> step_hook_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_cancel_ ABSL_GUARDED_BY(mutex_);
  absl::Status report_step_error_ ABSL_GUARDED_BY(mutex_);
  absl::Status checkpoint_error_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> contents_ ABSL_GUARDED_BY(mutex_);
  std::vector<work::v1::StepReport> steps_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> checkpoints_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<work::v1::Severity, std::string>> log_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::agent
