#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/actions/action.h"
#include "agent/actions/backup/backup_state.h"
#include "agent/actions/backup/child_tools.h"
#include "agent/actions/backup/dump_tool.h"
#include "agent/actions/backup/repository.h"
#include "common/time/clock.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// One attempt at one backup, from the first look at the server to the manifest. Call Run or
// Recover, once. Not thread-safe. When it fails it has removed everything it wrote into the
// repository.
//
// The order is what makes a crash harmless: checkpoint, then the dump into "*.partial", then the
// checks, then the rename, and last the manifest. Whatever happens before the manifest is not a
// backup.
class BackupRun {
 public:
  BackupRun(ActionContext& context, ChildTools& tools, Clock& clock, absl::Duration dump_timeout,
            std::string folder, std::string backup_id);

  absl::StatusOr<work::v1::BackupResult> Run(const work::v1::BackupSpec& spec);

  // After a restart. Finishes the backup if the last dump has succeeded without us; never starts
  // one.
  absl::StatusOr<work::v1::BackupResult> Recover(absl::string_view checkpoint);

 private:
  absl::StatusOr<Manifest> DumpAll(const work::v1::BackupSpec& spec);
  absl::StatusOr<ManifestFile> DumpOne(DumpTool& tool, const BackupState& state, int index,
                                       const std::string& state_path);
  absl::StatusOr<Manifest> FinishFormerLife(absl::string_view checkpoint);
  // L0: every process ended well, the file is what was written, it ends as it must. Gives the file
  // its final name.
  absl::StatusOr<ManifestFile> FinishItem(const BackupState& state, int index,
                                          const PipelineStatus& status);
  absl::StatusOr<work::v1::BackupResult> Complete(const BackupState& state, Manifest manifest);
  absl::Status RemoveAndReturn(const absl::Status& status);
  std::string Describe(const DumpPlan& plan, int index) const;
  std::function<bool()> KeepGoing() const;

  ActionContext& context_;
  ChildTools& tools_;
  Clock& clock_;
  const absl::Duration dump_timeout_;
  const std::string folder_;
  const std::string backup_id_;
  BackupState state_;
  std::vector<std::string> complaints_;
  absl::Time snapshot_time_ = absl::InfiniteFuture();
};

}  // namespace dbfleet::agent
