#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/actions/action.h"
#include "agent/engine/engine.h"
#include "agent/exec/child.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// A file with a credential for a tool, mode 0600, removed with this object. Movable.
class SecretFile {
 public:
  // `name` is unique in the folder among the attempt's secrets.
  static absl::StatusOr<SecretFile> Create(const std::string& folder, absl::string_view name,
                                           absl::string_view content);
  // Those that a former life left in the folder.
  static void RemoveAll(const std::string& folder);

  SecretFile() = default;
  SecretFile(SecretFile&& other) noexcept;
  SecretFile& operator=(SecretFile&& other) noexcept;
  ~SecretFile();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The flag behind a `cancelled` function: set from any thread when the attempt is cancelled, while
// the context may still hold it after the action has ended.
class CancelFlag {
 public:
  explicit CancelFlag(ActionContext& context);
  ~CancelFlag();
  CancelFlag(const CancelFlag&) = delete;
  CancelFlag& operator=(const CancelFlag&) = delete;
  std::function<bool()> AsFunction() const;

 private:
  ActionContext& context_;
  const std::shared_ptr<std::atomic<bool>> flag_;
};

// Runs outside tools for one attempt: every pipeline gets a record folder of its own below the
// attempt's scratch folder. Not thread-safe; `runner` outlives it.
class ChildTools {
 public:
  ChildTools(PipelineRunner& runner, std::string scratch, std::function<bool()> cancelled);

  const std::string& scratch() const { return scratch_; }
  bool Cancelled() const { return cancelled_ && cancelled_(); }
  PipelineRunner& runner() { return runner_; }
  const std::function<bool()>& cancelled() const { return cancelled_; }

  // After a restart: stops every pipeline that a former life of the attempt left running below the
  // scratch folder, but for the one whose record folder is `except`.
  void StopLeftovers(const std::string& except);

  // A new folder for a pipeline's record.
  absl::StatusOr<std::string> NewRecordFolder();

  // Runs short commands and returns what the last one printed (at most 16 MiB). A tool that fails
  // is an error as ToolFailure makes it. What it printed stays nowhere.
  absl::StatusOr<std::string> Capture(work::v1::Engine engine,
                                      std::vector<PipelineSpec::Command> commands,
                                      const std::string& stdin_path, absl::Duration timeout);

 private:
  PipelineRunner& runner_;
  const std::string scratch_;
  const std::function<bool()> cancelled_;
  int count_ = 0;
};

// The environment that tools get, with nothing of the agent's own.
std::map<std::string, std::string> ToolEnvironment();

// A failed pipeline as an error whose reason tells a program what to do: DISK_FULL, DATABASE_AUTH,
// DATABASE_UNREACHABLE, BACKUP_PRIVILEGE, SCHEMA_CHANGED, DATABASE_NOT_FOUND, or TOOL_FAILED.
absl::Status ToolFailure(work::v1::Engine engine, const PipelineStatus& status);

// What the tools of a pipeline that ended well said on stderr: lines that mean something is missing
// in their output are an error (INTERNAL, TOOL_COMPLAINED), chatter is dropped, the rest is
// returned.
absl::StatusOr<std::vector<std::string>> ClassifyComplaints(const PipelineStatus& status);

// The account for backups. FAILED_PRECONDITION (NO_ACCOUNT) if the instance has none.
absl::StatusOr<AccountConfig> BackupAccount(const InstanceSpec& spec);

}  // namespace dbfleet::agent
