#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dbfleet::mini {

// The unprivileged account that servers run under when the tests run as root (database servers
// refuse root). As another user nothing changes: uid and gid are the caller's own.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
};

// The first of `candidates` that exists when we are root, else ourselves.
Identity ServerIdentity(const std::vector<std::string>& candidates);

struct Command {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH and the server folders.
  Identity identity;
  std::string folder;  // Working folder and HOME, so that no user's settings are read.
  std::string stdin_text;
  std::string log_path;  // Servers only: where stdout and stderr go.
};

// A child process that dies with its owner. Not thread-safe. Must be started on a thread that lives
// as long as the child is needed: the kernel kills it when that thread ends.
class Process {
 public:
  static absl::StatusOr<std::unique_ptr<Process>> Start(const Command& command);
  ~Process();  // SIGKILL, then waits.
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal);
  // True once it has ended, waiting at most `timeout`.
  bool WaitForEnd(absl::Duration timeout);

 private:
  explicit Process(pid_t pid);
  const pid_t pid_;
  int pidfd_ = -1;
  bool ended_ = false;
};

// Runs a command to its end and returns its stdout; INTERNAL with its stderr if it fails.
absl::StatusOr<std::string> Run(const Command& command);

// Asks `done` again and again until it says true; false if it never does within `limit`. The pause
// between is long enough for servers that answer from a cache (InnoDB's 0.1 s).
bool WaitUntil(const std::function<bool()>& done, absl::Duration limit = absl::Seconds(30));

// A loopback port that was free a moment ago, below those that Linux gives to outgoing connections:
// one of these could take it before a server starts, or while it is down. 0 if there is none.
int FreePort();

}  // namespace dbfleet::mini
