#include "controller/cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "controller/cli/exit_code.h"

namespace dbfleet::cli {
namespace {

// A signal handler can reach nothing but this.
char remark_text[256];
std::atomic<size_t> remark_size{0};

void OnInterrupt(int) {
  const size_t size = remark_size.load();
  if (size > 0) {
    // Nothing can be done about a failure: the process ends.
    [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, remark_text, size);
  }
  _exit(kExitInterrupted);
}

}  // namespace

void InstallInterruptHandler() {
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void SetInterruptRemark(absl::string_view remark) {
  remark_size = 0;
  const size_t size = std::min(remark.size(), sizeof remark_text);
  std::memcpy(remark_text, remark.data(), size);
  remark_size = size;
}

}  // namespace dbfleet::cli
