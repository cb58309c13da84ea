#include "agent/actions/backup/backup_action.h"

#include <unistd.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "agent/actions/backup/backup_run.h"
#include "agent/actions/backup/child_tools.h"
#include "agent/actions/backup/dump_tool.h"
#include "agent/actions/backup/format_walk.h"
#include "agent/actions/backup/repository.h"
#include "agent/actions/backup/repository_mark.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

ActionResult Finish(absl::StatusOr<work::v1::BackupResult> backup) {
  if (!backup.ok()) return ActionResult::FromStatus(backup.status());
  work::v1::TaskResult result;
  *result.mutable_backup() = *std::move(backup);
  return ActionResult::Succeeded(std::move(result));
}

}  // namespace

BackupAction::BackupAction(Options options, Clock& clock)
    : options_(std::move(options)), clock_(clock), runner_(options_.exec_path) {}

absl::Status BackupAction::Supports(Engine& engine) {
  if (access(options_.exec_path.c_str(), X_OK) != 0) {
    return Error(
        absl::StatusCode::kNotFound, "TOOL_MISSING",
        absl::StrCat(options_.exec_path,
                     " is not there; dbfleet-exec must be installed beside dbfleet-agent"));
  }
  RETURN_IF_ERROR(BackupFolder(options_.backup_dir, engine.spec().name, "probe").status());
  RETURN_IF_ERROR(DumpToolsInstalled(engine.spec()));
  return WalkToolInstalled(engine.spec().engine);
}

ActionResult BackupAction::Run(ActionContext& context, const work::v1::JobSpec& spec) {
  return RunOrRecover(context, spec.backup(), nullptr);
}

ActionResult BackupAction::Recover(ActionContext& context, const work::v1::JobSpec& spec,
                                   absl::string_view checkpoint) {
  return RunOrRecover(context, spec.backup(), &checkpoint);
}

ActionResult BackupAction::RunOrRecover(ActionContext& context, const work::v1::BackupSpec& spec,
                                        const absl::string_view* checkpoint) {
  const absl::StatusOr<std::string> folder =
      BackupFolder(options_.backup_dir, context.engine().spec().name, spec.backup_id());
  if (!folder.ok()) return ActionResult::FromStatus(folder.status());
  // What a former life has begun is ended in any case.
  if (checkpoint == nullptr) {
    const absl::Status there = CheckRepository(options_.backup_dir, options_.repository_id);
    if (!there.ok()) return ActionResult::FromStatus(there);
  }
  const absl::StatusOr<std::string> scratch = context.ScratchFolder();
  if (!scratch.ok()) return ActionResult::FromStatus(scratch.status());
  const CancelFlag flag(context);
  ChildTools tools(runner_, *scratch, flag.AsFunction());

  // The manifest is the truth: with one, an earlier try was complete before its report got out.
  absl::StatusOr<Manifest> manifest = ReadManifest(*folder);
  if (manifest.ok()) {
    if (checkpoint != nullptr) {
      tools.StopLeftovers("");
      SecretFile::RemoveAll(*scratch);
    }
    context.Log(work::v1::SEVERITY_INFO, absl::StrCat(*folder, " is complete already"));
    return Finish(manifest->Result());
  }
  if (!absl::IsNotFound(manifest.status())) return ActionResult::FromStatus(manifest.status());

  BackupRun run(context, tools, clock_, options_.dump_timeout, *folder, spec.backup_id());
  if (checkpoint == nullptr) return Finish(run.Run(spec));
  absl::StatusOr<work::v1::BackupResult> backup = run.Recover(*checkpoint);
  SecretFile::RemoveAll(*scratch);
  return Finish(std::move(backup));
}

}  // namespace dbfleet::agent
