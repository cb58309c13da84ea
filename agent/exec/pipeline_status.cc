#include <string.h>

#include <algorithm>
#include <csignal>
#include <limits>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/exec/child.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr size_t kStderrInMessage = 600;

std::string Describe(const ProcessStatus& process) {
  if (!process.error.empty()) return process.error;
  std::string text = process.signal != 0
                         ? absl::StrCat(process.program, " was killed by signal ", process.signal,
                                        " (", strsignal(process.signal), ")")
                         : absl::StrCat(process.program, " exited with status ", process.exit_code);
  absl::string_view stderr_tail = absl::StripAsciiWhitespace(process.stderr_tail);
  if (stderr_tail.empty()) return text;
  const bool cut = stderr_tail.size() > kStderrInMessage;
  // The end says why; the beginning is only how it got there.
  if (cut) stderr_tail.remove_prefix(stderr_tail.size() - kStderrInMessage);
  return absl::StrCat(text, ": ", cut ? "..." : "", SanitizeForDisplay(stderr_tail));
}

// Lower is more likely to be the cause.
std::tuple<int, int> Rank(const ProcessStatus& process) {
  int group = 1;
  if (!process.error.empty()) {
    group = process.end_order > 0 ? 0 : 3;  // It could not start / it was not tried.
  } else if (process.signal == SIGPIPE || process.signal == SIGTERM) {
    group = 2;
  }
  return {group, process.end_order > 0 ? process.end_order : std::numeric_limits<int>::max()};
}

}  // namespace

bool PipelineStatus::ok() const {
  return !processes.empty() && stdout_error.empty() &&
         std::all_of(processes.begin(), processes.end(),
                     [](const ProcessStatus& process) { return process.ok(); });
}

std::string PipelineStatus::Problem() const {
  if (ok()) return "";
  const bool leftover = absl::StartsWith(stdout_error, "LEFTOVER_PROCESSES");
  if (!stdout_error.empty() && !leftover) return stdout_error;
  const ProcessStatus* first = nullptr;
  for (const ProcessStatus& process : processes) {
    if (process.ok()) continue;
    if (first == nullptr || Rank(process) < Rank(*first)) first = &process;
  }
  if (first != nullptr) return Describe(*first);
  return leftover ? stdout_error : "the record names no process";
}

}  // namespace dbfleet::agent
