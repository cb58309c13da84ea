#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/actions/backup/artifact.h"
#include "agent/actions/backup/child_tools.h"
#include "agent/engine/engine.h"
#include "agent/exec/child.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// One file of a backup and the pipeline that writes it.
struct DumpItem {
  std::string database;   // "" for what belongs to no single one.
  std::string file_name;  // Final name in the backup's folder.
  DumpFormat format = DumpFormat::kMysqlSql;
  std::vector<PipelineSpec::Command> commands;  // The last one is the compressor.
  std::string stdin_path;
};

// All files of a backup, in the order in which they are written.
struct DumpPlan {
  std::string tool;
  std::string tool_version;
  std::vector<DumpItem> items;
  std::vector<std::string> databases;
  std::vector<std::string> warnings;
};

// How one engine's server is dumped with its own tools: a recipe. One object per attempt; it holds
// the credential files that the tools read, in the attempt's scratch folder, and removes them when
// it dies. Not thread-safe.
class DumpTool {
 public:
  virtual ~DumpTool() = default;

  // Looks at the server with the account for backups: reachable, databases there, rights complete.
  // A right whose lack would leave a silent gap in the dump is an error (PERMISSION_DENIED,
  // BACKUP_PRIVILEGE).
  virtual absl::StatusOr<DumpPlan> Prepare(const work::v1::BackupSpec& spec, ChildTools& tools) = 0;

  // A position in the server's log that is not after the item's snapshot, read just before its
  // dump;
  // "" where the dump itself tells.
  virtual absl::StatusOr<std::string> PositionBefore(const DumpItem& item, ChildTools& tools) = 0;
};

// Whether the tools that an engine's backup needs are installed and the account is configured.
absl::Status DumpToolsInstalled(const InstanceSpec& spec);

absl::StatusOr<std::unique_ptr<DumpTool>> MakeDumpTool(const InstanceSpec& spec);
std::unique_ptr<DumpTool> MakeMysqlDump(const InstanceSpec& spec);
std::unique_ptr<DumpTool> MakePostgresDump(const InstanceSpec& spec);
std::unique_ptr<DumpTool> MakeRedisDump(const InstanceSpec& spec);

// The compressor at the end of every pipeline.
absl::StatusOr<PipelineSpec::Command> Compressor();

// The databases to dump: what was asked for, without repetition, or all that are there. NOT_FOUND
// (DATABASE_NOT_FOUND) if one that was asked for is not.
absl::StatusOr<std::vector<std::string>> ChooseDatabases(const work::v1::BackupSpec& spec,
                                                         const std::vector<std::string>& present);

}  // namespace dbfleet::agent
