#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "agent/exec/child.h"
#include "agent/exec/process_table.h"
#include "agent/exec/record.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kLong = absl::Seconds(60);

class PipelineTest : public testing::Test {
 protected:
  PipelineTest() : runner_(DBFLEET_BINARY_DIR "/bin/dbfleet-exec"), clock_(MakeSystemClock()) {
    std::string pattern = (fs::temp_directory_path() / "dbfleet-exec-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~PipelineTest() override {
    // Whatever a test started must be gone, zombies included.
    for (const ProcessInfo& info : ListProcesses()) {
      if (info.parent == getpid())
        ADD_FAILURE() << "child " << info.pid << " is left: " << info.state;
    }
    for (const std::string& marker : Markers()) EXPECT_TRUE(Marked(marker).empty());
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  PipelineSpec Spec(const std::vector<std::string>& scripts, bool with_output = true) {
    PipelineSpec spec;
    for (const std::string& script : scripts) {
      spec.commands.push_back({{"/bin/sh", "-c", script}, {{"PATH", "/usr/bin:/bin"}}});
    }
    spec.record_folder = absl::StrCat(folder_, "/rec", ++count_);
    EXPECT_TRUE(MakeDirectories(spec.record_folder, 0700).ok());
    if (with_output) spec.stdout_path = absl::StrCat(folder_, "/out", count_);
    return spec;
  }

  absl::StatusOr<PipelineStatus> Run(const PipelineSpec& spec, absl::Duration timeout = kLong) {
    return runner_.Run(spec, timeout, nullptr, nullptr);
  }

  std::vector<std::string> Markers() const {
    std::vector<std::string> markers;
    for (int i = 1; i <= count_; ++i) {
      const auto json = ReadFile(absl::StrCat(folder_, "/rec", i, "/", kSpecFile));
      if (!json.ok()) continue;
      if (const auto spec = SpecFromJson(*json); spec.ok()) markers.push_back(spec->id);
    }
    return markers;
  }

  static std::vector<pid_t> Marked(const std::string& marker) {
    std::vector<pid_t> pids;
    for (const ProcessInfo& info : ListProcesses()) {
      if (info.state != 'Z' && HasEnvironment(info.pid, kMarkerVariable, marker)) {
        pids.push_back(info.pid);
      }
    }
    return pids;
  }

  // Waits on a condition, with a deadline.
  bool Eventually(const std::function<bool()>& condition) {
    const absl::Duration deadline = clock_->Monotonic() + absl::Seconds(20);
    while (!condition()) {
      if (clock_->Monotonic() > deadline) return false;
      WaitReadable(-1, absl::Milliseconds(10));
    }
    return true;
  }

  // kill() takes -1 for every process there is; a child that was not found must never become that.
  static void Signal(pid_t pid, int signal) {
    ASSERT_GT(pid, 1);
    kill(pid, signal);
  }

  pid_t SupervisorOf(const PipelineSpec& spec) {
    pid_t pid = -1;
    EXPECT_TRUE(Eventually([&] {
      const auto text = ReadFile(absl::StrCat(spec.record_folder, "/", kLockFile));
      if (!text.ok() || !absl::EndsWith(*text, "\n")) return false;
      const std::vector<std::string> words = absl::StrSplit(*text, ' ');
      return absl::SimpleAtoi(words[0], &pid);
    }));
    return pid;
  }

  PipelineRunner runner_;
  std::unique_ptr<Clock> clock_;
  std::string folder_;
  int count_ = 0;
};

TEST_F(PipelineTest, DeliversTheOutputWithEveryStatus) {
  const PipelineSpec spec = Spec({"echo hello; echo note >&2", "cat", "tr a-z A-Z"});
  const auto status = Run(spec);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_TRUE(status->ok()) << status->Problem();
  ASSERT_EQ(status->processes.size(), 3u);
  EXPECT_EQ(status->processes[0].stderr_tail, "note\n");
  EXPECT_EQ(status->stdout_bytes, 6);
  EXPECT_EQ(*ReadFile(spec.stdout_path), "HELLO\n");
  EXPECT_EQ(status->stdout_sha256, Sha256Hex("HELLO\n"));
  struct stat info;
  ASSERT_EQ(stat(spec.stdout_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(PipelineTest, AFailureInTheMiddleIsSeenThoughTheLastProcessSucceeds) {
  const auto status = Run(Spec({"echo data", "cat; echo broke >&2; exit 3", "cat"}));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_FALSE(status->ok());
  EXPECT_EQ(status->processes[0].exit_code, 0);
  EXPECT_EQ(status->processes[1].exit_code, 3);
  EXPECT_EQ(status->processes[2].exit_code, 0);
  EXPECT_EQ(status->Problem(), "sh exited with status 3: broke");
}

TEST_F(PipelineTest, ASignalIsNoExitCode) {
  const auto status = Run(Spec({"echo part; kill -9 $$", "cat"}));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_FALSE(status->ok());
  EXPECT_EQ(status->processes[0].signal, SIGKILL);
  EXPECT_EQ(status->processes[0].exit_code, -1);
  EXPECT_TRUE(status->processes[1].ok());
}

TEST_F(PipelineTest, AMissingProgramIsNamedAndStopsTheOthers) {
  PipelineSpec spec = Spec({"exec sleep 1000", "cat", "cat"});
  spec.commands[1].argv = {"/nonexistent/zstd"};
  const auto status = Run(spec);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_FALSE(status->ok());
  EXPECT_EQ(status->Problem(), "cannot start /nonexistent/zstd: No such file or directory");
  EXPECT_EQ(status->processes[0].signal, SIGTERM);
  EXPECT_FALSE(status->processes[2].error.empty());
}

TEST_F(PipelineTest, AnIdleProducerIsStoppedWhenItsReaderFailed) {
  const auto status = Run(Spec({"exec sleep 1000", "exit 7"}));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->processes[0].signal, SIGTERM);
  EXPECT_EQ(status->Problem(), "sh exited with status 7");
}

TEST_F(PipelineTest, AnOutputFileThatExistsIsNotTouched) {
  const PipelineSpec spec = Spec({"echo new"});
  ASSERT_TRUE(WriteFileAtomically(spec.stdout_path, "old", 0600).ok());
  const auto status = Run(spec);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_FALSE(status->ok());
  EXPECT_TRUE(absl::StartsWith(status->Problem(), "FILE_EXISTS")) << status->Problem();
  EXPECT_EQ(*ReadFile(spec.stdout_path), "old");
}

TEST_F(PipelineTest, AFullDiskIsReportedAlsoWhenTheRecordLiesOnIt) {
  const std::string disk = absl::StrCat(folder_, "/disk");
  ASSERT_TRUE(MakeDirectories(disk, 0700).ok());
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=2m") != 0) GTEST_SKIP() << "needs root";
  const absl::Cleanup unmount = [&] { umount2(disk.c_str(), MNT_DETACH); };
  PipelineSpec spec = Spec({"exec yes", "cat"});
  spec.record_folder = disk + "/rec";
  spec.stdout_path = disk + "/out";
  ASSERT_TRUE(MakeDirectories(spec.record_folder, 0700).ok());
  const auto status = Run(spec);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_FALSE(status->ok());
  EXPECT_TRUE(absl::StartsWith(status->stdout_error, "DISK_FULL: ")) << status->stdout_error;
  EXPECT_EQ(status->Problem(), status->stdout_error);
  EXPECT_GT(status->stdout_bytes, 0);
}

TEST_F(PipelineTest, AFileSizeLimitIsReported) {
  rlimit old;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  rlimit small = old;
  small.rlim_cur = 1 << 20;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto status = Run(Spec({"exec head -c 5000000 /dev/zero"}));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_TRUE(absl::StartsWith(status->stdout_error, "FILE_TOO_LARGE: ")) << status->stdout_error;
}

TEST_F(PipelineTest, CancelStopsTheWholeGroup) {
  const PipelineSpec spec = Spec({"sleep 1000 & exec sleep 1000", "exec cat"});
  std::atomic<bool> cancelled{false};
  std::thread canceller([&] {
    SupervisorOf(spec);
    cancelled = true;
  });
  const auto status = runner_.Run(
      spec, kLong, [&] { return cancelled.load(); }, nullptr);
  canceller.join();
  EXPECT_TRUE(absl::IsCancelled(status.status())) << status.status();
}

TEST_F(PipelineTest, WhoIgnoresSigtermIsKilledAfterTheTimeout) {
  const PipelineSpec spec = Spec({"trap '' TERM; while :; do sleep 0.1; done", "exec cat"});
  const absl::Duration start = clock_->Monotonic();
  const auto status = Run(spec, absl::Milliseconds(300));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status.status())) << status.status();
  EXPECT_LT(clock_->Monotonic() - start, absl::Seconds(14));
}

TEST_F(PipelineTest, AProcessThatOutlivesThePipelineMakesItFail) {
  const auto status = Run(Spec({"(sleep 1000; echo late) & echo early"}));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_TRUE(status->processes[0].ok());
  EXPECT_FALSE(status->ok());
  EXPECT_TRUE(absl::StartsWith(status->Problem(), "LEFTOVER_PROCESSES")) << status->Problem();
}

TEST_F(PipelineTest, ADaemonThatLeftTheSessionIsFoundToo) {
  const auto status = Run(Spec({"setsid sleep 1000 > /dev/null 2>&1 & echo early"}));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_FALSE(status->ok());
}

TEST_F(PipelineTest, ChildrenGetThreeDescriptorsAndOnlyTheirEnvironment) {
  const int inheritable = open("/dev/null", O_RDONLY);  // Without O_CLOEXEC, as a library might.
  setenv("DBFLEET_TEST_CANARY", "agent-secret", 1);
  PipelineSpec spec = Spec({"true"});
  spec.commands = {{{"/usr/bin/env"}, {{"LC_ALL", "C"}}}};
  ASSERT_TRUE(Run(spec)->ok());
  std::vector<std::string> lines =
      absl::StrSplit(*ReadFile(spec.stdout_path), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], "LC_ALL=C");
  EXPECT_TRUE(absl::StartsWith(lines[1], "DBFLEET_PIPELINE="));

  spec = Spec({"true"});
  spec.commands = {{{"/bin/ls", "/proc/self/fd"}, {}}};
  ASSERT_TRUE(Run(spec)->ok());
  EXPECT_EQ(*ReadFile(spec.stdout_path), "0\n1\n2\n3\n") << "3 is ls's own";

  // The supervisor: stdin, stdout, stderr, the lock, signalfd, the output and three pipe ends. The
  // first process runs before the supervisor has closed the ends that only its children need, so
  // the number is looked at until it is that small, for ten seconds at most.
  spec =
      Spec({"tr '\\0' '\\n' < /proc/$PPID/environ; looks=0; "
            "while open=$(ls /proc/$PPID/fd | wc -l) && [ $open -gt 9 ] && [ $looks -lt 200 ]; "
            "do looks=$((looks + 1)); sleep 0.05; done; echo $open"});
  ASSERT_TRUE(Run(spec)->ok());
  lines = absl::StrSplit(*ReadFile(spec.stdout_path), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(absl::StartsWith(lines[0], "DBFLEET_PIPELINE="));
  int descriptors = 0;
  ASSERT_TRUE(absl::SimpleAtoi(absl::StripAsciiWhitespace(lines[1]), &descriptors));
  EXPECT_LE(descriptors, 9);
  close(inheritable);
}

TEST_F(PipelineTest, StdinComesFromTheFile) {
  PipelineSpec spec = Spec({"cat"});
  spec.stdin_path = absl::StrCat(folder_, "/in");
  ASSERT_TRUE(WriteFileAtomically(spec.stdin_path, "from file", 0600).ok());
  ASSERT_TRUE(Run(spec)->ok());
  EXPECT_EQ(*ReadFile(spec.stdout_path), "from file");
}

TEST_F(PipelineTest, OnlyTheEndOfALongStderrIsKept) {
  const auto status = Run(Spec({"seq 1 20000 >&2; echo the end >&2; exit 1"}, false));
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->processes[0].stderr_tail.size(), 4096u);
  EXPECT_TRUE(absl::EndsWith(status->processes[0].stderr_tail, "20000\nthe end\n"));
  EXPECT_EQ(status->stdout_sha256, "");
}

TEST_F(PipelineTest, AHundredMegabytesArriveWholeWithProgress) {
  const PipelineSpec spec = Spec({"head -c 104857600 /dev/zero", "cat"});
  int64_t seen = 0;
  const auto status = runner_.Run(spec, kLong, nullptr, [&](int64_t bytes) { seen = bytes; });
  ASSERT_TRUE(status.ok()) << status.status();
  ASSERT_TRUE(status->ok()) << status->Problem();
  EXPECT_EQ(status->stdout_bytes, 104857600);
  EXPECT_EQ(status->stdout_sha256,
            "20492a4d0d84f8beb1767f6616229f85d44c2827b64bdbfb260ee12fa1109e0e");
  EXPECT_EQ(fs::file_size(spec.stdout_path), 104857600u);
  EXPECT_GT(seen, 0);
}

TEST_F(PipelineTest, ARecordFolderServesOnePipelineOnly) {
  const PipelineSpec spec = Spec({"true"}, false);
  ASSERT_TRUE(Run(spec)->ok());
  EXPECT_EQ(ReasonOf(Run(spec).status()), "RECORD_EXISTS");
}

TEST_F(PipelineTest, AMissingSupervisorIsAnErrorThatNamesIt) {
  PipelineRunner broken("/nonexistent/dbfleet-exec");
  const auto status = broken.Run(Spec({"true"}), kLong, nullptr, nullptr);
  EXPECT_TRUE(absl::StrContains(status.status().message(), "/nonexistent/dbfleet-exec"));
}

// --- Deaths ------------------------------------------------------------------------------------

class PipelineCrashTest : public PipelineTest {
 protected:
  // Another process runs the pipeline, as an agent would.
  pid_t StartAgent(const PipelineSpec& spec) {
    const pid_t pid = fork();
    if (pid == 0) {
      runner_.Run(spec, kLong, nullptr, nullptr).IgnoreError();
      _exit(0);
    }
    return pid;
  }
  static void KillAgent(pid_t pid) {
    Signal(pid, SIGKILL);
    ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
  }
};

TEST_F(PipelineCrashTest, ThePipelineSurvivesTheAgentAndTheNextOneReadsTheRecord) {
  const std::string gate = absl::StrCat(folder_, "/gate");
  ASSERT_EQ(mkfifo(gate.c_str(), 0600), 0);
  const PipelineSpec spec = Spec({absl::StrCat("cat ", gate, "; echo err >&2; exit 4"), "cat"});
  const pid_t agent = StartAgent(spec);
  SupervisorOf(spec);
  const int gate_fd = open(gate.c_str(), O_WRONLY);  // Until the first process reads it.
  KillAgent(agent);
  const auto running = runner_.Adopt(spec.record_folder, absl::ZeroDuration(), nullptr);
  EXPECT_TRUE(absl::IsDeadlineExceeded(running.status())) << running.status();
  ASSERT_EQ(write(gate_fd, "after the crash", 15), 15);
  close(gate_fd);
  const auto status = runner_.Adopt(spec.record_folder, kLong, nullptr);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->processes[0].exit_code, 4);
  EXPECT_EQ(status->processes[0].stderr_tail, "err\n");
  EXPECT_EQ(*ReadFile(spec.stdout_path), "after the crash");
  EXPECT_TRUE(runner_.Adopt(spec.record_folder, kLong, nullptr).ok()) << "it can be read again";
}

TEST_F(PipelineCrashTest, AnAdoptedPipelineCanBeCancelled) {
  const PipelineSpec spec = Spec({"exec sleep 1000", "exec cat"});
  const pid_t agent = StartAgent(spec);
  SupervisorOf(spec);
  KillAgent(agent);
  const auto status = runner_.Adopt(spec.record_folder, kLong, [] { return true; });
  EXPECT_TRUE(absl::IsCancelled(status.status())) << status.status();
}

TEST_F(PipelineCrashTest, AKilledSupervisorMeansNoRecordAndNoProcessIsLeft) {
  const PipelineSpec spec =
      Spec({"sleep 1000 & (setsid sleep 1000 &) ; touch ready; exec sleep 1000", "exec cat"});
  std::thread killer([&] {
    const pid_t supervisor = SupervisorOf(spec);
    EXPECT_TRUE(Eventually([&] { return fs::exists(spec.record_folder + "/ready"); }));
    Signal(supervisor, SIGKILL);
  });
  const auto status = Run(spec);
  killer.join();
  EXPECT_EQ(ReasonOf(status.status()), "NO_RECORD");
  EXPECT_TRUE(absl::IsNotFound(status.status()));
  ASSERT_EQ(Markers().size(), 1u);
  EXPECT_TRUE(Marked(Markers()[0]).empty());
}

TEST_F(PipelineCrashTest, AgentAndSupervisorDeadLeaveNothingRunningAfterAdopt) {
  const PipelineSpec spec =
      Spec({"(setsid sleep 1000 &); sleep 1000 & touch ready; exec sleep 1000", "exec cat"});
  const pid_t agent = StartAgent(spec);
  const pid_t supervisor = SupervisorOf(spec);
  ASSERT_TRUE(Eventually([&] { return fs::exists(spec.record_folder + "/ready"); }));
  Signal(agent, SIGSTOP);  // So that it does not clean up itself.
  Signal(supervisor, SIGKILL);
  KillAgent(agent);
  ASSERT_FALSE(Marked(Markers()[0]).empty()) << "else this test proves nothing";
  const auto status = runner_.Adopt(spec.record_folder, kLong, nullptr);
  EXPECT_EQ(ReasonOf(status.status()), "NO_RECORD") << status.status();
  EXPECT_TRUE(Marked(Markers()[0]).empty());
}

TEST_F(PipelineCrashTest, AdoptOfWhatNeverStartedIsNoRecord) {
  const PipelineSpec spec = Spec({"true"});
  EXPECT_EQ(ReasonOf(runner_.Adopt(spec.record_folder, kLong, nullptr).status()), "NO_RECORD");
}

TEST_F(PipelineCrashTest, ABrokenRecordIsAnError) {
  const PipelineSpec spec = Spec({"true"}, false);
  ASSERT_TRUE(Run(spec)->ok());
  const std::string record = absl::StrCat(spec.record_folder, "/", kRecordFile);
  const std::string content = *ReadFile(record);
  ASSERT_TRUE(WriteFileAtomically(record, content.substr(0, content.size() - 10), 0600).ok());
  EXPECT_EQ(ReasonOf(runner_.Adopt(spec.record_folder, kLong, nullptr).status()), "BROKEN_RECORD");
}

// --- Tools -------------------------------------------------------------------------------------

TEST(ToolsTest, FindsAToolAndNamesThePackageOfAMissingOne) {
  const auto sh = FindTool("sh", "dash");
  ASSERT_TRUE(sh.ok()) << sh.status();
  const auto missing = FindTool("no-such-tool", "some-package");
  EXPECT_EQ(ReasonOf(missing.status()), "TOOL_MISSING");
  EXPECT_TRUE(absl::StrContains(missing.status().message(), "apt-get install some-package"));
}

TEST(ToolsTest, PostgresToolsAreNotTheWrapper) {
  const auto path = FindTool("pg_dump", "postgresql-client");
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_TRUE(absl::StartsWith(*path, "/usr/lib/postgresql/")) << *path;
}

TEST(ToolsTest, VersionIsTheFirstLine) {
  const auto version = ToolVersion(*FindTool("zstd", "zstd"));
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_TRUE(absl::StrContains(*version, "Zstandard")) << *version;
  EXPECT_EQ(ReasonOf(ToolVersion("/bin/false").status()), "TOOL_BROKEN");
}

}  // namespace
}  // namespace dbfleet::agent
