#include "agent/exec/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/exec/record.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr int kPipeBytes = 1 << 20;

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

absl::Status MakePipe(bool large, Pipe* result) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(errno, "make a pipe");
  result->read_end = UniqueFd(ends[0]);
  result->write_end = UniqueFd(ends[1]);
  // Larger pipes save context switches; the kernel may refuse, and then nothing is lost.
  if (large) fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);
  return absl::OkStatus();
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

struct ChildSetup {
  int stdin_fd;
  int stdout_fd;
  int stderr_fd;
  int error_fd;
  pid_t group;  // 0: a new one.
  pid_t supervisor;
  const char* folder;
};

[[noreturn]] void ReportAndExit(int error_fd) {
  const int error = errno;
  [[maybe_unused]] const ssize_t n = write(error_fd, &error, sizeof error);
  _exit(127);
}

[[noreturn]] void BecomeChild(const ChildSetup& setup, char* const* argv, char* const* env) {
  if (setpgid(0, setup.group) != 0) ReportAndExit(setup.error_fd);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != setup.supervisor) _exit(127);
  if (dup2(setup.stdin_fd, STDIN_FILENO) < 0 || dup2(setup.stdout_fd, STDOUT_FILENO) < 0 ||
      dup2(setup.stderr_fd, STDERR_FILENO) < 0) {
    ReportAndExit(setup.error_fd);
  }
  close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  for (const int ignored : {SIGPIPE, SIGXFSZ, SIGHUP}) signal(ignored, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (chdir(setup.folder) != 0) ReportAndExit(setup.error_fd);
  execve(argv[0], argv, env);
  ReportAndExit(setup.error_fd);
}

// Starts one process and waits until it runs its program or has said why it cannot.
absl::Status StartStage(const PipelineSpec::Command& command, const std::string& marker,
                        ChildSetup setup, Stage* stage) {
  std::vector<std::string> environment;
  for (const auto& [name, value] : command.env)
    environment.push_back(absl::StrCat(name, "=", value));
  environment.push_back(absl::StrCat(kMarkerVariable, "=", marker));
  const std::vector<char*> argv = Pointers(command.argv);
  const std::vector<char*> env = Pointers(environment);
  Pipe error_pipe, stderr_pipe;
  RETURN_IF_ERROR(MakePipe(/*large=*/false, &error_pipe));
  RETURN_IF_ERROR(MakePipe(/*large=*/false, &stderr_pipe));
  setup.error_fd = error_pipe.write_end.get();
  setup.stderr_fd = stderr_pipe.write_end.get();
  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus(errno, "fork");
  if (pid == 0) BecomeChild(setup, argv.data(), env.data());
  // Both sides do it: whoever comes first makes the group exist before it is used.
  setpgid(pid, setup.group);
  stage->pid = pid;
  stage->stderr_end = std::move(stderr_pipe.read_end);
  fcntl(stage->stderr_end.get(), F_SETFL, O_NONBLOCK);
  error_pipe.write_end.Reset();
  int error = 0;
  ssize_t n = 0;
  while ((n = read(error_pipe.read_end.get(), &error, sizeof error)) < 0 && errno == EINTR) {
  }
  if (n == sizeof error) {
    return absl::UnknownError(
        absl::StrCat("cannot start ", command.argv[0], ": ", strerror(error)));
  }
  return absl::OkStatus();
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

int UniqueFd::Release() { return std::exchange(fd_, -1); }

void UniqueFd::Reset() {
  if (fd_ >= 0) close(Release());
}

absl::Status Launch(const PipelineSpec& spec, const std::string& marker,
                    LaunchedPipeline* pipeline) {
  const std::string input = spec.stdin_path.empty() ? "/dev/null" : spec.stdin_path;
  UniqueFd next_stdin(open(input.c_str(), O_RDONLY | O_CLOEXEC));
  if (!next_stdin.ok()) return ErrnoStatus(errno, absl::StrCat("open ", input));
  UniqueFd null_output(open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!null_output.ok()) return ErrnoStatus(errno, "open /dev/null");
  const std::string& folder =
      spec.working_folder.empty() ? spec.record_folder : spec.working_folder;

  pipeline->stages.resize(spec.commands.size());
  for (size_t i = 0; i < spec.commands.size(); ++i) {
    Stage& stage = pipeline->stages[i];
    const bool last = i + 1 == spec.commands.size();
    Pipe output;
    if (!last || !spec.stdout_path.empty()) RETURN_IF_ERROR(MakePipe(/*large=*/true, &output));
    ChildSetup setup{};
    setup.stdin_fd = next_stdin.get();
    setup.stdout_fd = output.write_end.ok() ? output.write_end.get() : null_output.get();
    setup.group = std::max(pipeline->group, 0);
    setup.supervisor = getpid();
    setup.folder = folder.c_str();
    const absl::Status started = StartStage(spec.commands[i], marker, setup, &stage);
    if (pipeline->group < 0) pipeline->group = stage.pid;
    if (!started.ok()) {
      stage.error = std::string(started.message());
      for (size_t k = i + 1; k < spec.commands.size(); ++k) {
        pipeline->stages[k].error = "not started, because another process of the pipeline was not";
      }
      return absl::OkStatus();
    }
    next_stdin = std::move(output.read_end);
  }
  pipeline->stdout_end = std::move(next_stdin);
  if (spec.stdout_path.empty()) pipeline->stdout_end.Reset();
  pipeline->all_started = true;
  return absl::OkStatus();
}

}  // namespace dbfleet::agent
