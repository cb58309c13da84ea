#pragma once

#include "absl/strings/string_view.h"

namespace dbfleet::cli {

// From here on SIGINT and SIGTERM end the process with exit code 130, after the remark below.
// Nothing that the command does needs more: files are replaced atomically, and a job goes on by
// itself.
void InstallInterruptHandler();

// What to say on stderr when interrupted, for example that the job goes on; "" for nothing.
void SetInterruptRemark(absl::string_view remark);

}  // namespace dbfleet::cli
