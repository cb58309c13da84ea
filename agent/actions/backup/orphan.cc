#include "agent/actions/backup/orphan.h"

#include "agent/actions/backup/backup_state.h"
#include "agent/actions/backup/child_tools.h"
#include "agent/actions/backup/repository.h"
#include "agent/exec/child.h"
#include "common/base/files.h"
#include "common/log/log.h"

namespace dbfleet::agent {

void EndOrphanedBackup(const std::string& scratch) {
  PipelineRunner runner("");  // It starts nothing here.
  ChildTools(runner, scratch, nullptr).StopLeftovers("");
  SecretFile::RemoveAll(scratch);
  const absl::StatusOr<std::string> json = ReadFile(StatePath(scratch));
  if (!json.ok()) return;
  const absl::StatusOr<BackupState> state = StateFromJson(*json);
  const absl::Status removed =
      state.ok() ? RemoveUnfinished(state->folder) : absl::Status(state.status());
  if (!removed.ok()) {
    log::Warn("an unfinished backup could not be removed",
              {{"scratch", scratch}, {"error", std::string(removed.message())}});
  }
}

}  // namespace dbfleet::agent
