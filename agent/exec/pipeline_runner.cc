#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "agent/exec/child.h"
#include "agent/exec/launch.h"
#include "agent/exec/process_table.h"
#include "agent/exec/record.h"
#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kLookAgain = absl::Milliseconds(100);
constexpr absl::Duration kLockLookAgain = absl::Milliseconds(50);
// The supervisor kills the group 5 s after SIGTERM and needs a moment for the record.
constexpr absl::Duration kStopPatience = absl::Seconds(15);
constexpr absl::Duration kKillPatience = absl::Seconds(5);

std::string InFolder(const std::string& folder, const char* name) {
  return absl::StrCat(folder, "/", name);
}

absl::StatusOr<PipelineStatus> ReadRecord(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string json, ReadFile(InFolder(folder, kRecordFile)));
  return StatusFromJson(json);
}

int64_t FileSize(const std::string& path) {
  struct stat info;
  return !path.empty() && stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

// Called when no supervisor lives and there is no record: whoever of the pipeline is left is
// killed.
absl::Status NoRecord(const std::string& folder, absl::string_view how, Clock& clock) {
  std::string rest = "nothing of it had been started";
  if (absl::StatusOr<std::string> json = ReadFile(InFolder(folder, kSpecFile)); json.ok()) {
    ASSIGN_OR_RETURN(const StoredSpec spec, SpecFromJson(*json));
    const KillReport report = KillMarked(kMarkerVariable, spec.id, kKillPatience, clock);
    rest = absl::StrCat(report.killed, " process(es) of it were left and have been killed");
    if (!report.all_gone) absl::StrAppend(&rest, "; some of them do not end");
  }
  return Error(absl::StatusCode::kNotFound, "NO_RECORD",
               absl::StrCat("no record of the child processes in ", folder, ": ", how, "; ", rest));
}

// The record, or what its absence means. Only called when the supervisor is gone.
absl::StatusOr<PipelineStatus> RecordOrKill(const std::string& folder, absl::string_view how,
                                            Clock& clock) {
  absl::StatusOr<PipelineStatus> status = ReadRecord(folder);
  if (absl::IsNotFound(status.status())) return NoRecord(folder, how, clock);
  return status;
}

struct SupervisorIdentity {
  pid_t pid = -1;
  uint64_t start_ticks = 0;
};

// Its own note in the lock file; incomplete for a moment after the start.
std::optional<SupervisorIdentity> ReadIdentity(const std::string& folder) {
  const absl::StatusOr<std::string> text = ReadFile(InFolder(folder, kLockFile));
  if (!text.ok() || text->empty() || text->back() != '\n') return std::nullopt;
  const std::vector<std::string> words = absl::StrSplit(*text, absl::ByAnyChar(" \n"));
  SupervisorIdentity identity;
  if (words.size() < 2 || !absl::SimpleAtoi(words[0], &identity.pid) ||
      !absl::SimpleAtoi(words[1], &identity.start_ticks)) {
    return std::nullopt;
  }
  return identity;
}

absl::Status TakeLock(const std::string& folder, UniqueFd* lock) {
  const std::string path = InFolder(folder, kLockFile);
  *lock = UniqueFd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!lock->ok()) {
    return errno == EEXIST ? Error(absl::StatusCode::kFailedPrecondition, "RECORD_EXISTS",
                                   absl::StrCat(folder, " was used by another pipeline"))
                           : ErrnoStatus(errno, absl::StrCat("create ", path));
  }
  if (flock(lock->get(), LOCK_EX | LOCK_NB) != 0) return ErrnoStatus(errno, "lock " + path);
  return absl::OkStatus();
}

// Starts the supervisor in a session of its own, with no descriptor but the lock.
absl::Status Spawn(const std::string& exec_path, const std::string& folder, int lock,
                   const std::string& marker, pid_t* pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, lock, kLockDescriptor);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, kLockDescriptor + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string program = exec_path, argument = folder;
  std::string variable = absl::StrCat(kMarkerVariable, "=", marker);
  char* const argv[] = {program.data(), argument.data(), nullptr};
  std::vector<std::string> orders = failpoint::EnvironmentForChildren();
  std::vector<char*> env = {variable.data()};
  for (std::string& order : orders) env.push_back(order.data());
  env.push_back(nullptr);
  const int error = posix_spawn(pid, exec_path.c_str(), &actions, &attributes, argv, env.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? absl::OkStatus()
                    : Annotate(ErrnoStatus(error, absl::StrCat("start ", exec_path)),
                               "is dbfleet-exec installed beside the agent?");
}

std::string DescribeEnd(int wait_status) {
  return WIFSIGNALED(wait_status)
             ? absl::StrCat("its supervisor was killed by signal ", WTERMSIG(wait_status))
             : absl::StrCat("its supervisor ended with status ", WEXITSTATUS(wait_status));
}

absl::Status Stopped(bool by_time, absl::Duration timeout) {
  return by_time ? Error(absl::StatusCode::kDeadlineExceeded, "CHILD_TIMEOUT",
                         absl::StrCat("the child processes did not end within ",
                                      absl::FormatDuration(timeout), " and were stopped"))
                 : Error(absl::StatusCode::kCancelled, "CANCELLED",
                         "cancelled; the child processes were stopped");
}

}  // namespace

PipelineRunner::PipelineRunner(std::string exec_path)
    : exec_path_(std::move(exec_path)), clock_(MakeSystemClock()) {}

PipelineRunner::~PipelineRunner() = default;

absl::Status PipelineRunner::Start(const PipelineSpec& spec, pid_t* supervisor) const {
  const StoredSpec stored{RandomHex(16), spec};
  ASSIGN_OR_RETURN(const std::string json, SpecToJson(stored));
  UniqueFd lock;
  RETURN_IF_ERROR(TakeLock(spec.record_folder, &lock));
  RETURN_IF_ERROR(
      WriteFileAtomically(InFolder(spec.record_folder, kSpecFile), json, S_IRUSR | S_IWUSR));
  return Spawn(exec_path_, spec.record_folder, lock.get(), stored.id, supervisor);
}

absl::StatusOr<PipelineStatus> PipelineRunner::Run(
    const PipelineSpec& spec, absl::Duration timeout, const std::function<bool()>& cancelled,
    const std::function<void(int64_t bytes_written)>& progress) {
  pid_t supervisor = -1;
  RETURN_IF_ERROR(Start(spec, &supervisor));
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, supervisor, 0)));
  const absl::Duration deadline = clock_->Monotonic() + timeout;
  absl::Duration give_up = absl::InfiniteDuration();
  bool stopped = false, by_time = false;
  int64_t last_size = 0;
  int wait_status = 0;
  for (;;) {
    const pid_t ended = waitpid(supervisor, &wait_status, WNOHANG);
    if (ended == supervisor) break;
    // Somebody else of this process reaped it; the lock tells as well when it is over.
    if (ended < 0 && errno == ECHILD) {
      return Adopt(spec.record_folder, deadline - clock_->Monotonic(), cancelled);
    }
    const absl::Duration now = clock_->Monotonic();
    if (!stopped && ((cancelled && cancelled()) || now >= deadline)) {
      stopped = true;
      by_time = now >= deadline;
      kill(supervisor, SIGTERM);
      give_up = now + kStopPatience;
    } else if (now >= give_up) {
      kill(supervisor, SIGKILL);
      give_up = absl::InfiniteDuration();
    }
    if (const int64_t size = FileSize(spec.stdout_path); progress && size > last_size) {
      last_size = size;
      progress(size);
    }
    WaitReadable(process.get(), kLookAgain);
  }
  absl::StatusOr<PipelineStatus> status =
      RecordOrKill(spec.record_folder, DescribeEnd(wait_status), *clock_);
  if (stopped) return Stopped(by_time, timeout);
  return status;
}

absl::StatusOr<PipelineStatus> PipelineRunner::Adopt(const std::string& record_folder,
                                                     absl::Duration wait,
                                                     const std::function<bool()>& cancelled) {
  const std::string path = InFolder(record_folder, kLockFile);
  const UniqueFd lock(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!lock.ok() && errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("open ", path));
  if (!lock.ok()) return NoRecord(record_folder, "it was never started", *clock_);
  const absl::Duration deadline = clock_->Monotonic() + wait;
  absl::Duration give_up = absl::InfiniteDuration();
  bool stopped = false, killed = false;
  while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return ErrnoStatus(errno, "lock " + path);
    const absl::Duration now = clock_->Monotonic();
    if (!stopped && cancelled && cancelled()) {
      const std::optional<SupervisorIdentity> identity = ReadIdentity(record_folder);
      stopped = identity && SignalProcess(identity->pid, identity->start_ticks, SIGTERM);
      if (stopped) give_up = now + kStopPatience;
    } else if (stopped && now >= give_up) {
      if (killed) return Error(absl::StatusCode::kUnknown, "STILL_RUNNING", path + " stays locked");
      killed = true;
      give_up = now + kStopPatience;
      NoRecord(record_folder, "it did not end when asked to", *clock_).IgnoreError();
    } else if (!stopped && now >= deadline) {
      return Error(absl::StatusCode::kDeadlineExceeded, "STILL_RUNNING",
                   absl::StrCat("the child processes of ", record_folder, " still run after ",
                                absl::FormatDuration(wait)));
    }
    WaitReadable(-1, kLockLookAgain);
  }
  absl::StatusOr<PipelineStatus> status =
      RecordOrKill(record_folder, "its supervisor does not live any more", *clock_);
  if (stopped) return Stopped(/*by_time=*/false, wait);
  return status;
}

}  // namespace dbfleet::agent
