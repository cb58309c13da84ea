#include "agent/runner/scratch.h"

#include <filesystem>
#include <system_error>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::agent {

absl::StatusOr<std::string> Scratch::Make(const std::string& attempt_id) const {
  RETURN_IF_ERROR(MakeDirectories(root_, 0700));
  const std::string folder = PathOf(attempt_id);
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  return folder;
}

void Scratch::Remove(const std::string& attempt_id) const {
  std::error_code error;
  std::filesystem::remove_all(PathOf(attempt_id), error);
  if (error) {
    log::Warn("cannot remove a scratch folder; the next start of the agent tries again",
              {{"attempt", attempt_id}, {"error", error.message()}});
  }
}

absl::Status Scratch::RemoveLeftovers(const std::set<std::string>& keep) const {
  RETURN_IF_ERROR(MakeDirectories(root_, 0700));
  std::error_code error;
  std::set<std::string> leftovers;
  for (std::filesystem::directory_iterator it(root_, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (keep.count(name) == 0) leftovers.insert(name);
  }
  if (error) return ErrnoStatus(error.value(), "list " + root_);
  for (const std::string& name : leftovers) Remove(name);
  return absl::OkStatus();
}

}  // namespace dbfleet::agent
