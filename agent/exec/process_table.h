#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/time/clock.h"

namespace dbfleet::agent {

// What /proc tells of a process.
struct ProcessInfo {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  char state = '?';          // 'Z' is a zombie.
  uint64_t start_ticks = 0;  // Since boot; with the id it names a process for good.
};

std::optional<ProcessInfo> ReadProcess(pid_t pid);
std::vector<ProcessInfo> ListProcesses();

// Whether the environment with which the process was started has `variable` set to `value`. False
// for processes of other users, unless this one is root's.
bool HasEnvironment(pid_t pid, absl::string_view variable, absl::string_view value);

// Signals one process, and nobody else who might get its number later. False if it is gone.
bool SignalProcess(pid_t pid, uint64_t start_ticks, int signal);

// SIGKILLs every process that carries the environment variable, until none is left or `patience`
// has passed. Returns how many there were, and whether none is left.
struct KillReport {
  int killed = 0;
  bool all_gone = true;
};
KillReport KillMarked(absl::string_view variable, absl::string_view value, absl::Duration patience,
                      Clock& clock);

// Waits in the kernel, for at most `time`, until the descriptor is readable; -1 waits for the time.
void WaitReadable(int descriptor, absl::Duration time);

}  // namespace dbfleet::agent
