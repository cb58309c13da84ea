#include "agent/actions/backup/repository.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxIdLength = 64;
constexpr size_t kMaxNameLength = 180;
constexpr size_t kKeptOfLongName = 120;
constexpr int kFolderMode = 0700;
constexpr int kFileMode = 0600;

bool IsPlain(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; }

std::string ManifestPath(const std::string& folder) {
  return absl::StrCat(folder, "/", kManifestFile);
}

bool HasManifest(const std::string& folder) {
  std::error_code error;
  // If it cannot even be asked, it counts as there: nothing may then be removed.
  return fs::exists(fs::symlink_status(ManifestPath(folder), error)) ||
         (error && error != std::errc::no_such_file_or_directory);
}

absl::Status Gone(absl::string_view what) {
  return Error(absl::StatusCode::kFailedPrecondition, "BACKUP_GONE", what);
}

absl::Status NotReadable(absl::string_view what) {
  return Error(absl::StatusCode::kUnavailable, "BACKUP_UNREADABLE", what);
}

bool IsMissing(const std::error_code& error) {
  return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
}

}  // namespace

work::v1::BackupResult Manifest::Result() const {
  work::v1::BackupResult result = backup;
  result.clear_files();
  for (const ManifestFile& file : files) *result.add_files() = file.facts;
  return result;
}

absl::StatusOr<std::string> BackupFolder(const std::string& backup_dir, const std::string& instance,
                                         const std::string& backup_id) {
  RETURN_IF_ERROR(ValidateName("instance", instance));
  if (backup_id.empty() || backup_id.size() > kMaxIdLength ||
      !std::all_of(backup_id.begin(), backup_id.end(), IsPlain)) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_BACKUP_ID",
                 absl::StrCat("\"", SanitizeForDisplay(Truncate(backup_id, kMaxIdLength)),
                              "\" is not a backup's id: letters, digits, \"-\" and \"_\" only"));
  }
  if (backup_dir.empty() || backup_dir[0] != '/') {
    return Error(absl::StatusCode::kFailedPrecondition, "NO_BACKUP_DIR",
                 "backup_dir of the agent's configuration must be an absolute path");
  }
  return absl::StrCat(backup_dir, "/", instance, "/", backup_id);
}

absl::Status PrepareBackupFolder(const std::string& folder) {
  if (HasManifest(folder)) {
    return Error(absl::StatusCode::kAlreadyExists, "BACKUP_COMPLETE",
                 absl::StrCat(folder, " holds a complete backup"));
  }
  RETURN_IF_ERROR(RemoveUnfinished(folder));
  const std::string instance_folder = fs::path(folder).parent_path().string();
  const std::string backup_dir = fs::path(instance_folder).parent_path().string();
  // The repository itself may be an administrator's, with a mode of their choice.
  if (std::error_code error; !fs::is_directory(backup_dir, error)) {
    RETURN_IF_ERROR(MakeDirectories(backup_dir, kFolderMode));
  }
  RETURN_IF_ERROR(MakeDirectories(instance_folder, kFolderMode));
  return MakeDirectories(folder, kFolderMode);
}

absl::Status RemoveUnfinished(const std::string& folder) {
  if (HasManifest(folder)) return absl::OkStatus();
  std::error_code error;
  fs::remove_all(folder, error);
  return error ? ErrnoStatus(error.value(), absl::StrCat("remove ", folder)) : absl::OkStatus();
}

absl::StatusOr<Manifest> ReadManifest(const std::string& folder) {
  absl::StatusOr<std::string> json = ReadFile(ManifestPath(folder));
  if (absl::IsNotFound(json.status())) {
    return Error(absl::StatusCode::kNotFound, "NO_MANIFEST",
                 absl::StrCat(folder, " holds no complete backup: there is no ", kManifestFile));
  }
  RETURN_IF_ERROR(json.status());
  absl::StatusOr<Manifest> manifest = ManifestFromJson(*json);
  if (!manifest.ok()) return Annotate(manifest.status(), ManifestPath(folder));
  manifest->backup.set_manifest_sha256(Sha256Hex(*json));
  return manifest;
}

absl::Status CheckPresent(const std::string& folder, const std::string& manifest_sha256) {
  const absl::StatusOr<Manifest> manifest = ReadManifest(folder);
  if (!manifest.ok()) {
    // What was read and is no manifest was changed; what could not be read may be there.
    const bool found = absl::IsNotFound(manifest.status()) || absl::IsDataLoss(manifest.status()) ||
                       absl::IsInvalidArgument(manifest.status());
    return found ? Gone(manifest.status().message()) : NotReadable(manifest.status().message());
  }
  const std::string& found = manifest->backup.manifest_sha256();
  if (!manifest_sha256.empty() && manifest_sha256 != found) {
    return Gone(absl::StrCat(folder, " does not hold the backup that was taken: its ",
                             kManifestFile, " has been changed or exchanged since"));
  }
  for (const ManifestFile& file : manifest->files) {
    const std::string path = absl::StrCat(folder, "/", file.facts.name());
    std::error_code error;
    const bool file_there = fs::is_regular_file(path, error);
    const uintmax_t size = file_there && !error ? fs::file_size(path, error) : 0;
    if (error && !IsMissing(error)) {
      return NotReadable(absl::StrCat(path, " cannot be looked at: ", error.message()));
    }
    if (error || !file_there) return Gone(absl::StrCat(path, " is not there"));
    if (size != static_cast<uintmax_t>(file.facts.size_bytes())) {
      return Gone(absl::StrCat(path, " has ", size, " bytes instead of ", file.facts.size_bytes()));
    }
  }
  return absl::OkStatus();
}

absl::Status WriteManifest(const std::string& folder, Manifest* manifest) {
  const std::string json = ManifestToJson(*manifest);
  RemoveTemporaries(folder);
  // The folder's own entry must be durable before the manifest can be what makes it a backup.
  const fs::path instance_folder = fs::path(folder).parent_path();
  RETURN_IF_ERROR(SyncDirectory(folder));
  RETURN_IF_ERROR(SyncDirectory(instance_folder.string()));
  RETURN_IF_ERROR(SyncDirectory(instance_folder.parent_path().string()));
  RETURN_IF_ERROR(WriteFileAtomically(ManifestPath(folder), json, kFileMode));
  manifest->backup.set_manifest_sha256(Sha256Hex(json));
  return absl::OkStatus();
}

std::string EncodeFileName(absl::string_view name) {
  std::string encoded;
  for (const char c : name) {
    if (IsPlain(c)) {
      encoded.push_back(c);
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  if (encoded.size() <= kMaxNameLength) return encoded;
  return absl::StrCat(encoded.substr(0, kKeptOfLongName), "~", Sha256Hex(name).substr(0, 32));
}

}  // namespace dbfleet::agent
