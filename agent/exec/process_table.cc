#include "agent/exec/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kLookAgain = absl::Milliseconds(20);

std::string ReadProcFile(pid_t pid, absl::string_view name) {
  std::string content;
  const int fd = open(absl::StrCat("/proc/", pid, "/", name).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return content;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) content.append(buffer, n);
  close(fd);
  return content;
}

class ProcessDescriptor {
 public:
  explicit ProcessDescriptor(pid_t pid) : fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  ~ProcessDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  ProcessDescriptor(const ProcessDescriptor&) = delete;
  ProcessDescriptor& operator=(const ProcessDescriptor&) = delete;
  bool ok() const { return fd_ >= 0; }
  bool Signal(int signal) const {
    return syscall(SYS_pidfd_send_signal, fd_, signal, nullptr, 0) == 0;
  }

 private:
  const int fd_;
};

}  // namespace

std::optional<ProcessInfo> ReadProcess(pid_t pid) {
  const std::string stat = ReadProcFile(pid, "stat");
  // The name is in parentheses and may hold anything, parentheses included.
  const size_t end_of_name = stat.rfind(')');
  if (end_of_name == std::string::npos) return std::nullopt;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(stat).substr(end_of_name + 1), ' ', absl::SkipEmpty());
  constexpr size_t kState = 0, kParent = 1, kSession = 3, kStart = 19;
  if (fields.size() <= kStart) return std::nullopt;
  ProcessInfo info;
  info.pid = pid;
  info.state = fields[kState][0];
  if (!absl::SimpleAtoi(fields[kParent], &info.parent) ||
      !absl::SimpleAtoi(fields[kSession], &info.session) ||
      !absl::SimpleAtoi(fields[kStart], &info.start_ticks)) {
    return std::nullopt;
  }
  return info;
}

std::vector<ProcessInfo> ListProcesses() {
  std::vector<ProcessInfo> processes;
  DIR* const folder = opendir("/proc");
  if (folder == nullptr) return processes;
  while (const dirent* entry = readdir(folder)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    if (std::optional<ProcessInfo> info = ReadProcess(pid)) processes.push_back(*info);
  }
  closedir(folder);
  return processes;
}

bool HasEnvironment(pid_t pid, absl::string_view variable, absl::string_view value) {
  const std::string environment = ReadProcFile(pid, "environ");
  const std::string wanted = absl::StrCat(variable, "=", value);
  const std::vector<absl::string_view> entries = absl::StrSplit(environment, '\0');
  return std::find(entries.begin(), entries.end(), wanted) != entries.end();
}

bool SignalProcess(pid_t pid, uint64_t start_ticks, int signal) {
  const ProcessDescriptor process(pid);
  if (!process.ok()) return false;
  // Looked at after the descriptor was opened: from here on the number cannot change its owner.
  const std::optional<ProcessInfo> info = ReadProcess(pid);
  return info.has_value() && info->start_ticks == start_ticks && process.Signal(signal);
}

KillReport KillMarked(absl::string_view variable, absl::string_view value, absl::Duration patience,
                      Clock& clock) {
  KillReport report;
  std::vector<std::pair<pid_t, uint64_t>> seen;
  const absl::Duration deadline = clock.Monotonic() + patience;
  for (;;) {
    bool found = false;
    for (const ProcessInfo& info : ListProcesses()) {
      if (info.state == 'Z' || info.pid == getpid()) continue;
      if (!HasEnvironment(info.pid, variable, value)) continue;
      found = true;
      SignalProcess(info.pid, info.start_ticks, SIGKILL);
      const std::pair<pid_t, uint64_t> identity(info.pid, info.start_ticks);
      if (std::find(seen.begin(), seen.end(), identity) == seen.end()) seen.push_back(identity);
    }
    report.killed = static_cast<int>(seen.size());
    if (!found) return report;
    if (clock.Monotonic() > deadline) {
      report.all_gone = false;
      return report;
    }
    WaitReadable(-1, kLookAgain);
  }
}

void WaitReadable(int descriptor, absl::Duration time) {
  pollfd entry{descriptor, POLLIN, 0};
  poll(&entry, descriptor >= 0 ? 1 : 0, static_cast<int>(absl::ToInt64Milliseconds(time)));
}

}  // namespace dbfleet::agent
