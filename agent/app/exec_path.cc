#include "agent/app/exec_path.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {
constexpr char kBinary[] = "dbfleet-exec";
}  // namespace

absl::StatusOr<std::string> FindExecBinary() {
  std::vector<std::string> folders;
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) folders.push_back(self.parent_path().string());
  if (const char* path = getenv("PATH"); path != nullptr) {
    for (absl::string_view folder : absl::StrSplit(path, ':')) {
      // A relative entry would let the working folder decide what runs.
      if (!folder.empty() && folder[0] == '/') folders.emplace_back(folder);
    }
  }
  for (const std::string& folder : folders) {
    const std::string candidate = absl::StrCat(folder, "/", kBinary);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return Error(absl::StatusCode::kNotFound, "EXEC_MISSING",
               absl::StrCat(kBinary,
                            " is neither beside dbfleet-agent nor in PATH; it comes in the "
                            "same package and runs the backup tools"));
}

}  // namespace dbfleet::agent
