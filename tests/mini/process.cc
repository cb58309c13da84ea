#include "tests/mini/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::mini {
namespace {

constexpr const char* kFolders[] = {"/usr/bin", "/usr/sbin",       "/usr/local/bin",
                                    "/bin",     "/usr/local/sbin", "/usr/lib/postgresql/15/bin"};

std::string Locate(const std::string& program) {
  if (absl::string_view(program).find('/') != absl::string_view::npos) return program;
  for (const char* folder : kFolders) {
    std::string path = absl::StrCat(folder, "/", program);
    if (access(path.c_str(), X_OK) == 0) return path;
  }
  return program;
}

// Everything that the child needs, made before fork: after it only async-signal-safe calls are
// allowed, because other threads of the test may hold locks.
struct Prepared {
  explicit Prepared(const Command& command) : command(command) {
    strings = command.argv;
    strings[0] = Locate(strings[0]);
    for (std::string& s : strings) argv.push_back(s.data());
    argv.push_back(nullptr);
    environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                   "LC_ALL=C.UTF-8", "TZ=UTC", absl::StrCat("HOME=", command.folder)};
    for (std::string& s : environment) envp.push_back(s.data());
    envp.push_back(nullptr);
  }
  const Command& command;
  std::vector<std::string> strings;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
};

[[noreturn]] void BecomeChild(const Prepared& prepared, int in, int out, int err,
                              bool own_session) {
  const Command& command = prepared.command;
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  close_range(3, ~0U, 0);
  if (own_session) setsid();
  if (geteuid() == 0 && command.identity.uid != 0) {
    if (setgroups(0, nullptr) != 0 || setgid(command.identity.gid) != 0 ||
        setuid(command.identity.uid) != 0) {
      _exit(125);
    }
  }
  // After the change of user, which clears it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!command.folder.empty() && chdir(command.folder.c_str()) != 0) _exit(126);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(prepared.argv[0], prepared.argv.data(), prepared.envp.data());
  _exit(127);
}

std::string ReadAll(int fd) {
  std::string text(std::max<off_t>(lseek(fd, 0, SEEK_END), 0), '\0');
  const ssize_t n = pread(fd, text.data(), text.size(), 0);
  text.resize(std::max<ssize_t>(n, 0));
  return text;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace

Identity ServerIdentity(const std::vector<std::string>& candidates) {
  if (geteuid() != 0) return {geteuid(), getegid()};
  for (const std::string& name : candidates) {
    if (const passwd* entry = getpwnam(name.c_str())) return {entry->pw_uid, entry->pw_gid};
  }
  return {65534, 65534};
}

Process::Process(pid_t pid)
    : pid_(pid), pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}

absl::StatusOr<std::unique_ptr<Process>> Process::Start(const Command& command) {
  EnsureStandardDescriptors();
  const Prepared prepared(command);
  Descriptor log(open(command.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (log.get() < 0) return ErrnoStatus(errno, absl::StrCat("open ", command.log_path));
  Descriptor null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus(errno, "fork");
  if (pid == 0) BecomeChild(prepared, null.get(), log.get(), log.get(), /*own_session=*/true);
  return std::unique_ptr<Process>(new Process(pid));
}

Process::~Process() {
  Signal(SIGKILL);
  WaitForEnd(absl::InfiniteDuration());
  close(pidfd_);
}

void Process::Signal(int signal) {
  if (!ended_) kill(pid_, signal);
}

bool Process::WaitForEnd(absl::Duration timeout) {
  if (ended_) return true;
  pollfd waiter = {pidfd_, POLLIN, 0};
  const int ms = timeout == absl::InfiniteDuration()
                     ? -1
                     : static_cast<int>(absl::ToInt64Milliseconds(timeout));
  int ready;
  do {
    ready = poll(&waiter, 1, ms);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0) return false;
  waitpid(pid_, nullptr, 0);
  ended_ = true;
  return true;
}

absl::StatusOr<std::string> Run(const Command& command) {
  // A test may be started without standard descriptors; the child's would then be the very ones
  // that dup2 leaves alone, and be closed on exec.
  EnsureStandardDescriptors();
  const Prepared prepared(command);
  // Files in memory instead of pipes: nothing can block, however much goes in and out.
  Descriptor in(memfd_create("stdin", MFD_CLOEXEC));
  Descriptor out(memfd_create("stdout", MFD_CLOEXEC));
  Descriptor err(memfd_create("stderr", MFD_CLOEXEC));
  absl::string_view rest = command.stdin_text;
  while (!rest.empty()) {
    const ssize_t n = write(in.get(), rest.data(), rest.size());
    if (n < 0) return ErrnoStatus(errno, "write the child's input");
    rest.remove_prefix(n);
  }
  lseek(in.get(), 0, SEEK_SET);
  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus(errno, "fork");
  if (pid == 0) BecomeChild(prepared, in.get(), out.get(), err.get(), /*own_session=*/false);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return Error(absl::StatusCode::kInternal, "TOOL_FAILED",
                 absl::StrCat(command.argv[0], " ended with ",
                              WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), ": ",
                              ReadAll(err.get()), ReadAll(out.get())));
  }
  return ReadAll(out.get());
}

bool WaitUntil(const std::function<bool()>& done, absl::Duration limit) {
  constexpr int kPauseMs = 150;
  const absl::Time give_up = absl::Now() + limit;
  while (!done()) {
    if (absl::Now() > give_up) return false;
    poll(nullptr, 0, kPauseMs);
  }
  return true;
}

int FreePort() {
  constexpr int kFirst = 12288;
  constexpr int kFirstOutgoing = 32768;
  std::random_device random;
  std::uniform_int_distribution<int> ports(kFirst, kFirstOutgoing - 1);
  for (int attempt = 0; attempt < 100; ++attempt) {
    const int port = ports(random);
    Descriptor fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return port;
  }
  return 0;
}

}  // namespace dbfleet::mini
