#include "agent/actions/backup/backup_run.h"

#include <errno.h>
#include <stdio.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/actions/backup/format_walk.h"
#include "common/base/failpoint.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

constexpr int64_t kFirstProgressLine = 64 << 20;

std::string PartialPath(const BackupState& state, int index) {
  return absl::StrCat(state.folder, "/", state.plan.items[index].file_name, kPartialSuffix);
}

std::string FinalPath(const BackupState& state, int index) {
  return absl::StrCat(state.folder, "/", state.plan.items[index].file_name);
}

// The wall clock can have been set back. Milliseconds, as in the manifest.
absl::Duration WallDuration(absl::Time start, absl::Time end) {
  return absl::Trunc(std::max(end - start, absl::ZeroDuration()), absl::Milliseconds(1));
}

// The earliest file's position: where replaying the server's log has to begin.
std::string SummaryOfPoints(const std::vector<ManifestFile>& files) {
  std::string first;
  int count = 0;
  for (const ManifestFile& file : files) {
    if (file.consistency_point.empty()) continue;
    if (count++ == 0) first = file.consistency_point;
  }
  return count > 1 ? absl::StrCat(first, " (the first of ", count,
                                  " databases; the manifest has each one's own)")
                   : first;
}

}  // namespace

BackupRun::BackupRun(ActionContext& context, ChildTools& tools, Clock& clock,
                     absl::Duration dump_timeout, std::string folder, std::string backup_id)
    : context_(context),
      tools_(tools),
      clock_(clock),
      dump_timeout_(dump_timeout),
      folder_(std::move(folder)),
      backup_id_(std::move(backup_id)) {}

std::function<bool()> BackupRun::KeepGoing() const {
  return [this] { return !tools_.Cancelled(); };
}

std::string BackupRun::Describe(const DumpPlan& plan, int index) const {
  const std::string& database = plan.items[index].database;
  return database.empty() ? absl::StrCat("dump ", index + 1, " of ", plan.items.size(), " (",
                                         plan.items[index].file_name, ")")
                          : absl::StrCat("dump ", index + 1, " of ", plan.items.size(),
                                         " (database ", SanitizeForDisplay(database), ")");
}

absl::Status BackupRun::RemoveAndReturn(const absl::Status& status) {
  const absl::Status removed = RemoveUnfinished(folder_);
  if (!removed.ok()) {
    context_.Log(work::v1::SEVERITY_WARNING,
                 absl::StrCat("the unfinished backup could not be removed: ", removed.message()));
  }
  return status;
}

absl::StatusOr<work::v1::BackupResult> BackupRun::Run(const work::v1::BackupSpec& spec) {
  absl::StatusOr<Manifest> manifest = DumpAll(spec);
  if (!manifest.ok()) return RemoveAndReturn(manifest.status());
  return Complete(state_, *std::move(manifest));
}

absl::StatusOr<Manifest> BackupRun::DumpAll(const work::v1::BackupSpec& spec) {
  RETURN_IF_ERROR(PrepareBackupFolder(folder_));
  state_.folder = folder_;
  state_.start_time = clock_.Now();
  RETURN_IF_ERROR(context_.MayGoOn());
  ASSIGN_OR_RETURN(const std::unique_ptr<DumpTool> tool, MakeDumpTool(context_.engine().spec()));
  ASSIGN_OR_RETURN(state_.plan, tool->Prepare(spec, tools_));
  for (size_t i = 0; i < state_.plan.items.size(); ++i) {
    ASSIGN_OR_RETURN(std::string record_folder, tools_.NewRecordFolder());
    state_.record_folders.push_back(std::move(record_folder));
  }
  for (const std::string& warning : state_.plan.warnings) {
    context_.Log(work::v1::SEVERITY_WARNING, warning);
  }
  const std::string state_path = StatePath(tools_.scratch());
  RETURN_IF_ERROR(WriteFileAtomically(state_path, StateToJson(state_), 0600));
  Manifest manifest;
  for (size_t i = 0; i < state_.plan.items.size(); ++i) {
    absl::StatusOr<ManifestFile> file = DumpOne(*tool, state_, static_cast<int>(i), state_path);
    if (!file.ok()) return Annotate(file.status(), Describe(state_.plan, static_cast<int>(i)));
    manifest.files.push_back(*std::move(file));
  }
  return manifest;
}

absl::StatusOr<ManifestFile> BackupRun::DumpOne(DumpTool& tool, const BackupState& state, int index,
                                                const std::string& state_path) {
  RETURN_IF_ERROR(context_.MayGoOn());
  const DumpItem& item = state.plan.items[index];
  ItemStart start;
  ASSIGN_OR_RETURN(start.position, tool.PositionBefore(item, tools_));
  start.time = clock_.Now();
  RETURN_IF_ERROR(WriteItemStart(state.record_folders[index], start));
  RETURN_IF_ERROR(context_.Checkpoint(CheckpointToJson({state_path, index})));
  context_.Log(work::v1::SEVERITY_INFO, absl::StrCat("starting ", Describe(state.plan, index)));
  PipelineSpec pipeline;
  pipeline.commands = item.commands;
  pipeline.stdin_path = item.stdin_path;
  pipeline.stdout_path = PartialPath(state, index);
  pipeline.record_folder = state.record_folders[index];
  int64_t next_line = kFirstProgressLine;
  ASSIGN_OR_RETURN(
      const PipelineStatus status,
      tools_.runner().Run(pipeline, dump_timeout_, tools_.cancelled(), [&](int64_t bytes) {
        if (bytes < next_line) return;
        next_line = bytes * 2;
        context_.Log(work::v1::SEVERITY_INFO,
                     absl::StrCat(Describe(state.plan, index), ": ", bytes >> 20, " MiB stored"));
      }));
  return FinishItem(state, index, status);
}

absl::StatusOr<ManifestFile> BackupRun::FinishItem(const BackupState& state, int index,
                                                   const PipelineStatus& status) {
  const DumpItem& item = state.plan.items[index];
  if (!status.ok()) return ToolFailure(context_.engine().spec().engine, status);
  ASSIGN_OR_RETURN(const std::vector<std::string> complaints, ClassifyComplaints(status));
  complaints_.insert(complaints_.end(), complaints.begin(), complaints.end());

  // A former life may have come as far as the rename.
  const std::string partial = PartialPath(state, index), path = FinalPath(state, index);
  const bool renamed = std::filesystem::exists(path) && !std::filesystem::exists(partial);
  const std::string& readable = renamed ? path : partial;
  ASSIGN_OR_RETURN(const ArtifactFacts facts, ReadArtifact(readable, KeepGoing()));
  if (facts.stored_bytes != status.stdout_bytes || facts.stored_sha256 != status.stdout_sha256) {
    return Error(absl::StatusCode::kDataLoss, "BACKUP_CORRUPT",
                 absl::StrCat(readable, " is not what the dump wrote into it"));
  }
  RETURN_IF_ERROR(CheckEnds(item.format, facts));
  ASSIGN_OR_RETURN(const ItemStart start, ReadItemStart(state.record_folders[index]));

  ManifestFile file;
  file.trailer_ok = true;
  file.format = item.format;
  file.consistency_point = start.position;
  if (file.consistency_point.empty()) file.consistency_point = PositionInDump(item.format, facts);
  if (item.format == DumpFormat::kRedisRdb) {
    // An RDB has no last line; its own checksum is what tells a whole one.
    ASSIGN_OR_RETURN(const WalkResult walk,
                     WalkFormat(item.format, readable, facts, tools_, dump_timeout_));
    file.consistency_point = walk.consistency_point;
  }
  snapshot_time_ = std::min(snapshot_time_, start.time);
  file.facts.set_name(item.file_name);
  file.facts.set_size_bytes(facts.stored_bytes);
  file.facts.set_sha256(facts.stored_sha256);
  file.facts.set_source_bytes(facts.source_bytes);
  file.facts.set_source_sha256(facts.source_sha256);
  file.facts.set_database(item.database);
  file.facts.set_compressor("zstd");
  file.processes = status.processes;
  for (const PipelineSpec::Command& command : item.commands) file.commands.push_back(command.argv);
  DBFLEET_FAILPOINT("backup.rename.before");
  if (!renamed && rename(partial.c_str(), path.c_str()) != 0) {
    return ErrnoStatus(errno, absl::StrCat("rename to ", path));
  }
  RETURN_IF_ERROR(SyncDirectory(state.folder));
  DBFLEET_FAILPOINT("backup.rename.after");
  context_.Log(work::v1::SEVERITY_INFO,
               absl::StrCat(Describe(state.plan, index), " is complete: ", facts.source_bytes,
                            " bytes, stored in ", facts.stored_bytes));
  return file;
}

absl::StatusOr<work::v1::BackupResult> BackupRun::Complete(const BackupState& state,
                                                           Manifest manifest) {
  const InstanceSpec& instance = context_.engine().spec();
  manifest.instance = instance.name;
  manifest.engine = instance.engine;
  work::v1::BackupResult& backup = manifest.backup;
  backup.set_backup_id(backup_id_);
  backup.set_tool(state.plan.tool);
  backup.set_tool_version(state.plan.tool_version);
  backup.set_repository_path(state.folder);
  backup.set_consistency_point(SummaryOfPoints(manifest.files));
  for (const ManifestFile& file : manifest.files) {
    backup.set_source_bytes(backup.source_bytes() + file.facts.source_bytes());
    backup.set_stored_bytes(backup.stored_bytes() + file.facts.size_bytes());
  }
  for (const std::string& database : state.plan.databases) backup.add_databases(database);
  for (const std::string& warning : state.plan.warnings) backup.add_warnings(warning);
  for (const std::string& complaint : complaints_) backup.add_warnings(complaint);
  if (state.plan.databases.size() > 1) {
    backup.add_warnings(
        absl::StrCat(state.plan.databases.size(),
                     " databases were dumped one after the other: each is consistent "
                     "in itself, not with the others"));
  }
  *backup.mutable_snapshot_time() = ToProto(snapshot_time_);
  *backup.mutable_duration() = ToProto(WallDuration(state.start_time, clock_.Now()));
  if (const absl::Status written = WriteManifest(state.folder, &manifest); !written.ok()) {
    return RemoveAndReturn(written);
  }
  return manifest.Result();
}

absl::StatusOr<work::v1::BackupResult> BackupRun::Recover(absl::string_view checkpoint) {
  absl::StatusOr<Manifest> manifest = FinishFormerLife(checkpoint);
  if (!manifest.ok()) {
    // One that outlasted our patience still writes into what is removed next.
    tools_.StopLeftovers("");
    return RemoveAndReturn(manifest.status());
  }
  return Complete(state_, *std::move(manifest));
}

absl::StatusOr<Manifest> BackupRun::FinishFormerLife(absl::string_view checkpoint) {
  constexpr absl::string_view kReason = "AGENT_RESTARTED";
  if (checkpoint.empty()) {
    tools_.StopLeftovers("");
    return Error(absl::StatusCode::kAborted, kReason,
                 "the agent ended before the first dump had started; run the backup again");
  }
  absl::StatusOr<BackupCheckpoint> point = CheckpointFromJson(checkpoint);
  absl::StatusOr<std::string> json =
      point.ok() ? ReadFile(point->state_path) : absl::StatusOr<std::string>(point.status());
  absl::StatusOr<BackupState> state =
      json.ok() ? StateFromJson(*json) : absl::StatusOr<BackupState>(json.status());
  if (!state.ok() || state->folder != folder_) {
    tools_.StopLeftovers("");
    return Error(absl::StatusCode::kAborted, kReason,
                 "the agent ended during the backup, and its notes are lost; run the backup again");
  }
  state_ = *std::move(state);
  const int last = static_cast<int>(state_.plan.items.size()) - 1;
  if (point->current != last) {
    tools_.StopLeftovers("");
    return Error(absl::StatusCode::kAborted, kReason,
                 absl::StrCat("the agent ended during ", Describe(state_.plan, point->current),
                              "; nothing of the backup was kept; run it again"));
  }
  tools_.StopLeftovers(state_.record_folders[last]);
  Manifest manifest;
  for (int i = 0; i <= last; ++i) {
    context_.Log(work::v1::SEVERITY_INFO,
                 absl::StrCat("after a restart of the agent: ", Describe(state_.plan, i)));
    absl::StatusOr<PipelineStatus> status =
        tools_.runner().Adopt(state_.record_folders[i], dump_timeout_, tools_.cancelled());
    absl::StatusOr<ManifestFile> file = status.ok() ? FinishItem(state_, i, *status)
                                                    : absl::StatusOr<ManifestFile>(status.status());
    if (!file.ok()) return Annotate(file.status(), Describe(state_.plan, i));
    manifest.files.push_back(*std::move(file));
  }
  return manifest;
}

}  // namespace dbfleet::agent
