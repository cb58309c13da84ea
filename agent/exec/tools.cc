#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "agent/exec/child.h"
#include "agent/exec/launch.h"
#include "agent/exec/process_table.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/concurrency/mutex.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kVersionTimeout = absl::Seconds(10);
constexpr size_t kMaxVersionBytes = 4096;

// Debian keeps each PostgreSQL version's tools apart, and its /usr/bin/pg_dump is a wrapper that
// picks one by the local clusters. Newer tools read older servers, so the newest comes first.
std::vector<std::string> PostgresFolders() {
  glob_t found{};
  std::vector<std::pair<int, std::string>> versions;
  if (glob("/usr/lib/postgresql/*/bin", GLOB_ONLYDIR, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc; ++i) {
      const std::vector<std::string> parts = absl::StrSplit(found.gl_pathv[i], '/');
      int major = 0;
      if (absl::SimpleAtoi(parts[parts.size() - 2], &major)) {
        versions.emplace_back(-major, found.gl_pathv[i]);
      }
    }
  }
  globfree(&found);
  std::sort(versions.begin(), versions.end());
  std::vector<std::string> folders;
  for (const auto& version : versions) folders.push_back(version.second);
  return folders;
}

bool IsExecutable(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

absl::Status SpawnForVersion(const std::string& path, int output, pid_t* pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  std::string program = path, option = "--version", locale = "LC_ALL=C";
  char* const argv[] = {program.data(), option.data(), nullptr};
  char* const env[] = {locale.data(), nullptr};
  const int error = posix_spawn(pid, path.c_str(), &actions, nullptr, argv, env);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? absl::OkStatus() : ErrnoStatus(error, absl::StrCat("start ", path));
}

absl::StatusOr<std::string> AskVersion(const std::string& path) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoStatus(errno, "make a pipe");
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  pid_t pid = -1;
  RETURN_IF_ERROR(SpawnForVersion(path, write_end.get(), &pid));
  write_end.Reset();
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  const absl::Duration deadline = clock->Monotonic() + kVersionTimeout;
  std::string text;
  char buffer[512];
  bool timed_out = false;
  for (ssize_t n = 1; n != 0 && text.size() < kMaxVersionBytes;) {
    WaitReadable(read_end.get(), absl::Milliseconds(100));
    n = read(read_end.get(), buffer, sizeof buffer);
    if (n > 0) text.append(buffer, n);
    if (n < 0 && errno != EAGAIN && errno != EINTR) break;
    timed_out = n < 0 && clock->Monotonic() > deadline;
    if (timed_out) break;
  }
  if (timed_out || text.size() >= kMaxVersionBytes) kill(pid, SIGKILL);
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) {
  }
  if (timed_out || !WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0 || text.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "TOOL_BROKEN",
                 absl::StrCat(path, " --version does not answer; check its installation"));
  }
  const absl::string_view first_line = absl::string_view(text).substr(0, text.find('\n'));
  return Truncate(SanitizeForDisplay(absl::StripAsciiWhitespace(first_line)), 200);
}

// A tool that was replaced by an upgrade is asked again.
using FileIdentity = std::tuple<std::string, ino_t, time_t>;

struct VersionCache {
  Mutex mutex;
  std::map<FileIdentity, std::string> versions ABSL_GUARDED_BY(mutex);
};

VersionCache& Versions() {
  static VersionCache* const cache = new VersionCache;
  return *cache;
}

}  // namespace

absl::StatusOr<std::string> FindTool(absl::string_view tool, absl::string_view package) {
  std::vector<std::string> folders = PostgresFolders();
  for (const char* folder :
       {"/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin"}) {
    folders.emplace_back(folder);
  }
  for (const std::string& folder : folders) {
    const std::string path = absl::StrCat(folder, "/", tool);
    if (IsExecutable(path)) return path;
  }
  return Error(absl::StatusCode::kNotFound, "TOOL_MISSING",
               absl::StrCat(tool, " is not installed; run: apt-get install ", package));
}

absl::StatusOr<std::string> ToolVersion(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  const FileIdentity identity(path, info.st_ino, info.st_mtime);
  VersionCache& cache = Versions();
  {
    MutexLock lock(&cache.mutex);
    const auto it = cache.versions.find(identity);
    if (it != cache.versions.end()) return it->second;
  }
  ASSIGN_OR_RETURN(std::string version, AskVersion(path));
  MutexLock lock(&cache.mutex);
  cache.versions[identity] = version;
  return version;
}

}  // namespace dbfleet::agent
