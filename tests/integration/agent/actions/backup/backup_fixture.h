#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/actions/backup/backup_action.h"
#include "agent/actions/backup/repository.h"
#include "agent/exec/process_table.h"
#include "agent/exec/record.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/time/clock.h"
#include "tests/fakes/fake_action_context.h"
#include "tests/mini/instance_spec.h"
#include "tests/mini/mini_server.h"

namespace dbfleet::agent {

// Actions on backups need no more of an engine than where it is.
class AddressEngine : public Engine {
 public:
  explicit AddressEngine(InstanceSpec spec) : spec_(std::move(spec)) {}
  const InstanceSpec& spec() const override { return spec_; }
  InstanceSpec& mutable_spec() { return spec_; }
  work::v1::InstanceHealth Check(absl::Duration) override { return {}; }
  absl::StatusOr<sql::Target> ProbeTarget() override { return absl::UnimplementedError("fake"); }
  absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view, absl::string_view,
                                                  const QueryOptions&) override {
    return absl::UnimplementedError("fake");
  }
  std::vector<Sample> CollectMetrics(absl::Duration) override { return {}; }
  std::string Grants() const override { return ""; }

 private:
  InstanceSpec spec_;
};

// A context that does something the moment a dump is about to start, and keeps its checkpoint in a
// file, so that it outlives the process.
class HookedContext : public FakeActionContext {
 public:
  HookedContext(Engine& engine, const std::string& scratch)
      : FakeActionContext(engine, scratch), checkpoint_path_(scratch + ".checkpoint") {}

  absl::Status Checkpoint(absl::string_view blob) override {
    RETURN_IF_ERROR(FakeActionContext::Checkpoint(blob));
    RETURN_IF_ERROR(WriteFileAtomically(checkpoint_path_, blob, 0600));
    ++count_;
    if (before_dump) before_dump(count_);
    return absl::OkStatus();
  }
  std::string StoredCheckpoint() const { return ReadFile(checkpoint_path_).value_or(""); }

  std::function<void(int)> before_dump;  // Gets the dump's number, from 1.

 private:
  const std::string checkpoint_path_;
  int count_ = 0;
};

// A small disk of its own at a folder; needs root. Not there any more after the test, however it
// ends.
class SmallDisk {
 public:
  SmallDisk(std::string folder, const char* size) : folder_(std::move(folder)) {
    mounted_ =
        MakeDirectories(folder_, 0700).ok() &&
        mount("tmpfs", folder_.c_str(), "tmpfs", 0, absl::StrCat("size=", size).c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool mounted() const { return mounted_; }

 private:
  const std::string folder_;
  bool mounted_ = false;
};

// A repository and a scratch folder; nothing of a test's may run on after it.
class BackupFixture : public testing::Test {
 protected:
  BackupFixture() : clock_(MakeSystemClock()) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "dbfleet-backup-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    repository_ = root_ + "/repository";
  }
  ~BackupFixture() override {
    for (const ProcessInfo& info : ListProcesses()) {
      if (info.state == 'Z') continue;
      for (const std::string& id : PipelineIds()) {
        EXPECT_FALSE(HasEnvironment(info.pid, kMarkerVariable, id)) << "process " << info.pid;
      }
    }
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  BackupAction::Options BackupOptions() const {
    return {repository_, DBFLEET_BINARY_DIR "/bin/dbfleet-exec"};
  }
  std::string Folder(const std::string& id = "B1") const {
    return absl::StrCat(repository_, "/mini/", id);
  }
  std::string Scratch() const { return root_ + "/scratch"; }

  static work::v1::JobSpec BackupJob(const std::vector<std::string>& databases = {},
                                     const std::string& id = "B1") {
    work::v1::JobSpec job;
    job.mutable_backup()->set_backup_id(id);
    for (const std::string& database : databases) job.mutable_backup()->add_databases(database);
    return job;
  }

  ActionResult Backup(ActionContext& context, const work::v1::JobSpec& job) {
    return BackupAction(BackupOptions(), *clock_).Run(context, job);
  }
  ActionResult Backup(Engine& engine, const std::vector<std::string>& databases = {}) {
    FakeActionContext context(engine, Scratch());
    ActionResult result = Backup(context, BackupJob(databases));
    return result;
  }

  // Waits on a condition, with a deadline.
  bool Eventually(const std::function<bool()>& condition) const {
    const absl::Duration deadline = clock_->Monotonic() + absl::Seconds(30);
    while (!condition()) {
      if (clock_->Monotonic() > deadline) return false;
      WaitReadable(-1, absl::Milliseconds(10));
    }
    return true;
  }

  // The ids of all pipelines below the scratch folder.
  std::vector<std::string> PipelineIds() const {
    std::vector<std::string> ids;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(Scratch(), error)) {
      const auto json = ReadFile((entry.path() / kSpecFile).string());
      if (!json.ok()) continue;
      if (const auto spec = SpecFromJson(*json); spec.ok()) ids.push_back(spec->id);
    }
    return ids;
  }

  // A process of the attempt's pipelines whose command line contains `text`; waits for it.
  pid_t WaitForChild(const std::string& text) const {
    pid_t found = -1;
    EXPECT_TRUE(Eventually([&] {
      for (const ProcessInfo& info : ListProcesses()) {
        const std::string command =
            ReadFile(absl::StrCat("/proc/", info.pid, "/cmdline")).value_or("");
        if (!absl::StrContains(command, text)) continue;
        for (const std::string& id : PipelineIds()) {
          if (HasEnvironment(info.pid, kMarkerVariable, id)) found = info.pid;
        }
      }
      return found > 0;
    })) << text;
    return found;
  }

  // kill() takes -1 for every process there is; a child that was not found must never become that.
  static void Signal(pid_t pid, int signal) {
    ASSERT_GT(pid, 1);
    kill(pid, signal);
  }
  static pid_t ParentOf(pid_t pid) {
    const std::optional<ProcessInfo> info = ReadProcess(pid);
    return info.has_value() ? info->parent : -1;
  }

  void ExpectNothingIsLeft() const {
    EXPECT_FALSE(std::filesystem::exists(Folder()));
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(Scratch(), error)) {
      EXPECT_FALSE(absl::StartsWith(entry.path().filename().string(), "secret-")) << entry.path();
    }
  }

  // Runs the backup in another process, which is killed once `when` returns.
  void RunInAgentThatDies(HookedContext& context, const work::v1::JobSpec& job,
                          const std::function<void()>& when) {
    const pid_t agent = fork();
    if (agent == 0) {
      Backup(context, job);
      _exit(0);
    }
    when();
    Signal(agent, SIGKILL);
    ASSERT_EQ(waitpid(agent, nullptr, 0), agent);
  }

  std::unique_ptr<Clock> clock_;
  std::string root_;
  std::string repository_;
};

#define EXPECT_SUCCEEDED(result)                     \
  EXPECT_EQ((result).outcome, v1::OUTCOME_SUCCEEDED) \
      << (result).error_reason << ": " << (result).error_message
#define EXPECT_FAILED_WITH(result, reason)                              \
  do {                                                                  \
    EXPECT_EQ((result).outcome, v1::OUTCOME_FAILED);                    \
    EXPECT_EQ((result).error_reason, reason) << (result).error_message; \
  } while (false)

}  // namespace dbfleet::agent
