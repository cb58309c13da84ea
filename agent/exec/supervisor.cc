#include "agent/exec/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/exec/process_table.h"
#include "agent/exec/record.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kTerminateGrace = absl::Seconds(5);
// A process may end a moment after the one that started it.
constexpr absl::Duration kLeftoverGrace = absl::Seconds(1);
constexpr absl::Duration kLeftoverLimit = absl::Seconds(5);
constexpr absl::Duration kLookAgain = absl::Milliseconds(20);
constexpr size_t kStderrTail = 4096;
constexpr size_t kBufferBytes = 256 << 10;
constexpr off_t kReserveBytes = 256 << 10;

// Disk space kept aside; without it a full disk could not even be recorded.
void Reserve(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (fd.ok()) [[maybe_unused]]
    const int ignored = posix_fallocate(fd.get(), 0, kReserveBytes);
}

}  // namespace

Supervisor::Supervisor(std::string record_folder, Clock& clock)
    : folder_(std::move(record_folder)), clock_(clock), buffer_(kBufferBytes) {}

absl::Status Supervisor::Run() {
  RETURN_IF_ERROR(Prepare());
  if (!spec_.stdout_path.empty()) output_.Open(spec_.stdout_path);
  if (output_.ok()) {
    const absl::Status launched = Launch(spec_, marker_, &pipeline_);
    if (!launched.ok()) status_.stdout_error = absl::StrCat("NOT_STARTED: ", launched.message());
  }
  for (size_t i = 0; i < spec_.commands.size(); ++i) {
    ProcessStatus& process = status_.processes[i];
    process.program = std::filesystem::path(spec_.commands[i].argv[0]).filename().string();
    if (i < pipeline_.stages.size()) process.error = pipeline_.stages[i].error;
    const bool forked = i < pipeline_.stages.size() && pipeline_.stages[i].pid > 0;
    if (!forked && process.error.empty()) process.error = "not started";
    alive_[i] = forked;
    alive_count_ += forked ? 1 : 0;
  }
  if (!pipeline_.all_started) {
    pipeline_.stdout_end.Reset();
    Terminate();
  }
  Supervise();
  output_.Finish();
  return WriteRecord();
}

absl::Status Supervisor::Prepare() {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  umask(S_IRWXG | S_IRWXO);
  for (const int ignored : {SIGPIPE, SIGXFSZ, SIGHUP}) signal(ignored, SIG_IGN);
  sigset_t handled;
  sigemptyset(&handled);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&handled, signal);
  sigprocmask(SIG_BLOCK, &handled, nullptr);
  signals_ = UniqueFd(signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.ok()) return ErrnoStatus(errno, "signalfd");

  ASSIGN_OR_RETURN(const std::string json, ReadFile(absl::StrCat(folder_, "/", kSpecFile)));
  ASSIGN_OR_RETURN(StoredSpec stored, SpecFromJson(json));
  spec_ = std::move(stored.pipeline);
  spec_.record_folder = folder_;
  marker_ = std::move(stored.id);
  Reserve(absl::StrCat(folder_, "/", kReserveFile));
  status_.processes.resize(spec_.commands.size());
  alive_.resize(spec_.commands.size());
  stderr_.resize(spec_.commands.size());
  return absl::OkStatus();
}

void Supervisor::Supervise() {
  // SIGCHLD may have come before signalfd could tell.
  Reap();
  for (;;) {
    if (alive_count_ == 0 && DescendantsGone() && (PipesClosed() || leftovers_killed_)) return;
    PollOnce();
    KillIfDue();
  }
}

bool Supervisor::PipesClosed() const {
  return !pipeline_.stdout_end.ok() &&
         std::none_of(pipeline_.stages.begin(), pipeline_.stages.end(),
                      [](const Stage& stage) { return stage.stderr_end.ok(); });
}

void Supervisor::PollOnce() {
  std::vector<pollfd> entries = {{signals_.get(), POLLIN, 0},
                                 {pipeline_.stdout_end.get(), POLLIN, 0}};
  for (const Stage& stage : pipeline_.stages)
    entries.push_back({stage.stderr_end.get(), POLLIN, 0});
  absl::Duration wait = kill_at_ - clock_.Monotonic();
  if (alive_count_ == 0) wait = std::min(wait, kLookAgain);
  wait = std::clamp(wait, absl::ZeroDuration(), absl::Hours(1));
  const int ready =
      poll(entries.data(), entries.size(), static_cast<int>(absl::ToInt64Milliseconds(wait)) + 1);
  if (ready <= 0) return;
  if (entries[0].revents != 0) ReadSignals();
  if (entries[1].revents != 0) ReadStdout();
  for (size_t i = 0; i < pipeline_.stages.size(); ++i) {
    if (entries[i + 2].revents != 0) ReadStderr(i);
  }
}

void Supervisor::ReadSignals() {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGCHLD) Terminate();
  }
  Reap();
}

void Supervisor::ReadStdout() {
  const ssize_t n = read(pipeline_.stdout_end.get(), buffer_.data(), buffer_.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n <= 0) {
    if (n < 0 && status_.stdout_error.empty()) status_.stdout_error = "IO_ERROR: read the pipe";
    pipeline_.stdout_end.Reset();
    return;
  }
  output_.Write(absl::string_view(buffer_.data(), n));
  if (output_.ok()) return;
  pipeline_.stdout_end.Reset();
  Terminate();
}

void Supervisor::ReadStderr(size_t index) {
  UniqueFd& end = pipeline_.stages[index].stderr_end;
  const ssize_t n = read(end.get(), buffer_.data(), buffer_.size());
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (n <= 0) {
    end.Reset();
    return;
  }
  std::string& tail = stderr_[index];
  tail.append(buffer_.data(), n);
  if (tail.size() > kStderrTail) tail.erase(0, tail.size() - kStderrTail);
}

void Supervisor::Reap() {
  int wait_status = 0;
  for (pid_t pid; (pid = waitpid(-1, &wait_status, WNOHANG)) > 0;) {
    for (size_t i = 0; i < pipeline_.stages.size(); ++i) {
      if (pipeline_.stages[i].pid == pid && alive_[i]) NoteEnd(i, wait_status);
    }
  }
}

void Supervisor::NoteEnd(size_t index, int wait_status) {
  alive_[index] = false;
  --alive_count_;
  ProcessStatus& process = status_.processes[index];
  process.end_order = ++ended_;
  if (!process.error.empty())
    return;  // Its program never ran: the exit status is the supervisor's.
  if (WIFSIGNALED(wait_status)) {
    process.signal = WTERMSIG(wait_status);
  } else {
    process.exit_code = WEXITSTATUS(wait_status);
  }
  if (process.ok()) return;
  bool stopped = false;
  for (size_t i = 0; i < index; ++i) {
    if (!alive_[i]) continue;
    kill(pipeline_.stages[i].pid, SIGTERM);
    stopped = true;
  }
  if (stopped) kill_at_ = std::min(kill_at_, clock_.Monotonic() + kTerminateGrace);
}

void Supervisor::Terminate() {
  if (alive_count_ > 0 && pipeline_.group > 0) kill(-pipeline_.group, SIGTERM);
  kill_at_ = std::min(kill_at_, clock_.Monotonic() + kTerminateGrace);
}

void Supervisor::KillIfDue() {
  if (clock_.Monotonic() < kill_at_) return;
  kill_at_ = absl::InfiniteDuration();
  // While one of them is not reaped, the group's number belongs to nobody else.
  if (alive_count_ > 0 && pipeline_.group > 0) kill(-pipeline_.group, SIGKILL);
}

bool Supervisor::DescendantsGone() {
  Reap();
  std::vector<ProcessInfo> left;
  for (const ProcessInfo& info : ListProcesses()) {
    const bool ours = info.session == getpid() || info.parent == getpid();
    if (ours && info.pid != getpid() && info.state != 'Z') left.push_back(info);
  }
  if (left.empty()) {
    Reap();
    return true;
  }
  const absl::Duration now = clock_.Monotonic();
  leftovers_since_ = std::min(leftovers_since_, now);
  if (now - leftovers_since_ < kLeftoverGrace) return false;
  for (const ProcessInfo& info : left) SignalProcess(info.pid, info.start_ticks, SIGKILL);
  if (status_.stdout_error.empty()) {
    status_.stdout_error = absl::StrCat(
        "LEFTOVER_PROCESSES: ", left.size(),
        " process(es) outlived the pipeline and were killed; its output is not complete");
  }
  // Whoever cannot even be killed hangs in the kernel; the record says so and does not wait.
  if (now - leftovers_since_ > kLeftoverGrace + kLeftoverLimit) leftovers_killed_ = true;
  return leftovers_killed_;
}

absl::Status Supervisor::WriteRecord() {
  for (size_t i = 0; i < stderr_.size(); ++i) status_.processes[i].stderr_tail = stderr_[i];
  if (!output_.ok()) status_.stdout_error = output_.error();
  status_.stdout_bytes = output_.bytes();
  status_.stdout_sha256 = output_.sha256();
  unlink(absl::StrCat(folder_, "/", kReserveFile).c_str());
  return WriteFileAtomically(absl::StrCat(folder_, "/", kRecordFile), StatusToJson(status_),
                             S_IRUSR | S_IWUSR);
}

int RunSupervisor(const std::string& record_folder) {
  struct stat inherited, on_disk;
  const std::string lock = absl::StrCat(record_folder, "/", kLockFile);
  if (fstat(kLockDescriptor, &inherited) != 0 || stat(lock.c_str(), &on_disk) != 0 ||
      inherited.st_dev != on_disk.st_dev || inherited.st_ino != on_disk.st_ino) {
    constexpr char kMessage[] =
        "dbfleet-exec is started by dbfleet-agent only: it expects the record folder's lock on "
        "descriptor 3\n";
    [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
    return 2;
  }
  fcntl(kLockDescriptor, F_SETFD, FD_CLOEXEC);
  if (getsid(0) != getpid()) setsid();
  const std::optional<ProcessInfo> self = ReadProcess(getpid());
  const std::string identity = absl::StrCat(getpid(), " ", self ? self->start_ticks : 0, "\n");
  if (pwrite(kLockDescriptor, identity.data(), identity.size(), 0) < 0) return 1;
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  return Supervisor(record_folder, *clock).Run().ok() ? 0 : 1;
}

}  // namespace dbfleet::agent
