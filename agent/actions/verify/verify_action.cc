#include "agent/actions/verify/verify_action.h"

#include <unistd.h>

#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/actions/backup/format_walk.h"
#include "agent/actions/backup/repository.h"
#include "agent/actions/backup/repository_mark.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

namespace fs = std::filesystem;

absl::Status Damaged(absl::string_view what) {
  return Error(absl::StatusCode::kDataLoss, "BACKUP_CORRUPT", what);
}

// A sound backup at the right place need not be the one that was taken.
absl::Status CheckIsTheOne(const std::string& folder, const Manifest& manifest,
                           const work::v1::VerifySpec& spec) {
  const std::string& found = manifest.backup.manifest_sha256();
  if (spec.manifest_sha256().empty() || spec.manifest_sha256() == found) return absl::OkStatus();
  return Error(
      absl::StatusCode::kDataLoss, "MANIFEST_MISMATCH",
      absl::StrCat(folder, " does not hold the backup ", spec.backup_id(),
                   " that was taken: its manifest has the SHA-256 ", found, ", not ",
                   SanitizeForDisplay(Truncate(spec.manifest_sha256(), 64)),
                   "; it was changed or exchanged for another one since. Take a new backup"));
}

absl::Status CheckIdentity(const Manifest& manifest, const InstanceSpec& instance,
                           const std::string& backup_id) {
  if (manifest.backup.backup_id() == backup_id && manifest.instance == instance.name &&
      manifest.engine == instance.engine) {
    return absl::OkStatus();
  }
  return Error(
      absl::StatusCode::kDataLoss, "BAD_MANIFEST",
      absl::StrCat("the manifest is of backup ", SanitizeForDisplay(manifest.backup.backup_id()),
                   " of instance ", SanitizeForDisplay(manifest.instance), ", not of ", backup_id,
                   " of ", instance.name));
}

// Exactly the manifest and the files that it names.
absl::Status CheckFolder(const std::string& folder, const Manifest& manifest) {
  std::set<std::string> expected = {kManifestFile};
  for (const ManifestFile& file : manifest.files) {
    if (!expected.insert(file.facts.name()).second) {
      return Damaged(absl::StrCat("the manifest names ", file.facts.name(), " twice"));
    }
  }
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (expected.erase(name) == 0) {
      return Damaged(absl::StrCat(folder, " holds ", SanitizeForDisplay(name),
                                  ", which the manifest does not name"));
    }
  }
  if (error) return Damaged(absl::StrCat(folder, " cannot be listed: ", error.message()));
  if (expected.empty()) return absl::OkStatus();
  return Damaged(absl::StrCat(folder, " lacks ", *expected.begin(), ", which the manifest names"));
}

absl::Status CheckFacts(const std::string& path, const work::v1::BackupFile& expected,
                        const ArtifactFacts& found) {
  const auto differs = [&](absl::string_view what) {
    return Damaged(absl::StrCat(path, ": ", what, " not as in the manifest"));
  };
  if (found.stored_bytes != expected.size_bytes()) return differs("its size is");
  if (found.stored_sha256 != expected.sha256()) return differs("its SHA-256 is");
  if (found.source_bytes != expected.source_bytes()) return differs("its decompressed size is");
  if (found.source_sha256 != expected.source_sha256())
    return differs("its decompressed SHA-256 is");
  return absl::OkStatus();
}

absl::Status CheckHowItWasMade(const ManifestFile& file) {
  bool all_ok = file.trailer_ok && !file.processes.empty();
  for (const ProcessStatus& process : file.processes) all_ok = all_ok && process.ok();
  if (all_ok) return absl::OkStatus();
  return Error(absl::StatusCode::kDataLoss, "BACKUP_INCOMPLETE",
               absl::StrCat("the manifest says that ", file.facts.name(), " was not dumped well"));
}

}  // namespace

VerifyAction::VerifyAction(Options options, Clock& clock)
    : options_(std::move(options)), clock_(clock), runner_(options_.exec_path) {}

absl::Status VerifyAction::Supports(Engine& engine) {
  if (access(options_.exec_path.c_str(), X_OK) != 0) {
    return Error(
        absl::StatusCode::kNotFound, "TOOL_MISSING",
        absl::StrCat(options_.exec_path,
                     " is not there; dbfleet-exec must be installed beside dbfleet-agent"));
  }
  return WalkToolInstalled(engine.spec().engine);
}

ActionResult VerifyAction::Run(ActionContext& context, const work::v1::JobSpec& spec) {
  const absl::StatusOr<std::string> scratch = context.ScratchFolder();
  if (!scratch.ok()) return ActionResult::FromStatus(scratch.status());
  const CancelFlag flag(context);
  ChildTools tools(runner_, *scratch, flag.AsFunction());
  const auto check = [this] {
    return CheckRepository(options_.backup_dir, options_.repository_id);
  };
  if (const absl::Status there = check(); !there.ok()) return ActionResult::FromStatus(there);
  absl::StatusOr<work::v1::VerifyResult> verified = Verify(context, spec.verify(), tools);
  if (!verified.ok()) {
    // What was unmounted meanwhile has not found a fault with the backup.
    const absl::Status there = check();
    return ActionResult::FromStatus(there.ok() ? verified.status() : there);
  }
  work::v1::TaskResult result;
  *result.mutable_verify() = *std::move(verified);
  return ActionResult::Succeeded(std::move(result));
}

absl::StatusOr<work::v1::VerifyResult> VerifyAction::Verify(ActionContext& context,
                                                            const work::v1::VerifySpec& spec,
                                                            ChildTools& tools) {
  const InstanceSpec& instance = context.engine().spec();
  const absl::Duration start = clock_.Monotonic();
  ASSIGN_OR_RETURN(const std::string folder,
                   BackupFolder(options_.backup_dir, instance.name, spec.backup_id()));
  ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(folder));
  RETURN_IF_ERROR(CheckIsTheOne(folder, manifest, spec));
  RETURN_IF_ERROR(CheckIdentity(manifest, instance, spec.backup_id()));
  RETURN_IF_ERROR(CheckFolder(folder, manifest));
  work::v1::VerifyResult result;
  result.set_backup_id(spec.backup_id());
  result.set_manifest_sha256(manifest.backup.manifest_sha256());
  result.add_evidence(absl::StrCat("manifest ", manifest.backup.manifest_sha256(), ": ",
                                   manifest.files.size(), " file(s), none missing, none besides"));
  for (const ManifestFile& file : manifest.files) {
    RETURN_IF_ERROR(context.MayGoOn());
    const std::string path = absl::StrCat(folder, "/", file.facts.name());
    RETURN_IF_ERROR(CheckHowItWasMade(file));
    ASSIGN_OR_RETURN(const ArtifactFacts facts,
                     ReadArtifact(path, [&tools] { return !tools.Cancelled(); }));
    RETURN_IF_ERROR(CheckFacts(path, file.facts, facts));
    RETURN_IF_ERROR(Annotate(CheckEnds(file.format, facts), path));
    ASSIGN_OR_RETURN(const WalkResult walk,
                     WalkFormat(file.format, path, facts, tools, options_.timeout));
    result.add_evidence(absl::StrCat(file.facts.name(), ": ", facts.stored_bytes,
                                     " bytes, SHA-256 equal, stored and of the source; ",
                                     walk.evidence));
    context.Log(work::v1::SEVERITY_INFO, result.evidence(result.evidence_size() - 1));
  }
  result.set_level(work::v1::VERIFICATION_LEVEL_L1);
  *result.mutable_verify_time() = ToProto(clock_.Now());
  *result.mutable_duration() = ToProto(clock_.Monotonic() - start);
  return result;
}

ActionResult VerifyAction::Recover(ActionContext& context, const work::v1::JobSpec& spec,
                                   absl::string_view checkpoint) {
  if (const absl::StatusOr<std::string> scratch = context.ScratchFolder(); scratch.ok()) {
    ChildTools(runner_, *scratch, nullptr).StopLeftovers("");
  }
  return ActionResult::FromStatus(
      Error(absl::StatusCode::kAborted, "AGENT_RESTARTED",
            "the agent ended during the verification; the backup is as it was; run it again"));
}

}  // namespace dbfleet::agent
