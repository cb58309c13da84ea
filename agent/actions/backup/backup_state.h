#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/actions/backup/dump_tool.h"

namespace dbfleet::agent {

// What a backup's next life needs to finish it: written once, before the first dump, into the
// attempt's scratch folder. Holds no secret.
struct BackupState {
  std::string folder;  // The backup's, in the repository.
  absl::Time start_time;
  DumpPlan plan;
  std::vector<std::string> record_folders;  // One per item.
};

// Where it lies in the attempt's scratch folder.
std::string StatePath(const std::string& scratch);
std::string StateToJson(const BackupState& state);
absl::StatusOr<BackupState> StateFromJson(absl::string_view json);

// The checkpoint: small, because the journal keeps every one.
struct BackupCheckpoint {
  std::string state_path;
  int current = 0;  // The item whose dump may have been started.
};

std::string CheckpointToJson(const BackupCheckpoint& checkpoint);
absl::StatusOr<BackupCheckpoint> CheckpointFromJson(absl::string_view json);

// What is known of an item's snapshot just before its dump starts; beside the dump's record. It
// need not outlive the machine, for the dump would not either.
struct ItemStart {
  absl::Time time;
  std::string position;
};

absl::Status WriteItemStart(const std::string& record_folder, const ItemStart& start);
absl::StatusOr<ItemStart> ReadItemStart(const std::string& record_folder);

}  // namespace dbfleet::agent
