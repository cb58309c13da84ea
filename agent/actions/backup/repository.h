#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "agent/actions/backup/artifact.h"
#include "agent/exec/child.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// The local repository: <backup_dir>/<instance>/<backup id>/, folders 0700, files 0600. A file that
// is being written ends in ".partial"; `manifest.json` is written last, and its presence is what
// makes a backup complete.
inline constexpr char kManifestFile[] = "manifest.json";
inline constexpr char kPartialSuffix[] = ".partial";

// How one file of a backup came to be.
struct ManifestFile {
  work::v1::BackupFile facts;
  DumpFormat format = DumpFormat::kMysqlSql;
  bool trailer_ok = false;
  std::string consistency_point;
  std::vector<ProcessStatus> processes;
  std::vector<std::vector<std::string>> commands;  // Each process's argv; holds no secret.
};

struct Manifest {
  std::string instance;
  work::v1::Engine engine = work::v1::ENGINE_UNSPECIFIED;
  // Everything but `files` (they are below) and `manifest_sha256` (it cannot be inside).
  work::v1::BackupResult backup;
  std::vector<ManifestFile> files;

  // The complete result, with the files.
  work::v1::BackupResult Result() const;
};

std::string ManifestToJson(const Manifest& manifest);
// DATA_LOSS (BAD_MANIFEST) says what is wrong.
absl::StatusOr<Manifest> ManifestFromJson(absl::string_view json);

// The backup's folder. INVALID_ARGUMENT unless the instance is a name and the id is 1 to 64
// letters, digits, "-" and "_": both come from outside and become a path.
absl::StatusOr<std::string> BackupFolder(const std::string& backup_dir, const std::string& instance,
                                         const std::string& backup_id);

// Makes an empty folder for a backup, with its parents; what an earlier try left is removed.
// ALREADY_EXISTS (BACKUP_COMPLETE) if a manifest is there.
absl::Status PrepareBackupFolder(const std::string& folder);

// Removes a backup that has no manifest; one that has is left alone.
absl::Status RemoveUnfinished(const std::string& folder);

// Reads the manifest; `manifest_sha256` of its backup is set. NOT_FOUND (NO_MANIFEST): not
// complete.
absl::StatusOr<Manifest> ReadManifest(const std::string& folder);

// Whether the backup still lies there as it was taken: its manifest, by its hash (empty: not
// known), and each of its files in the stored size. A look that costs next to nothing; what is in
// the files, a verification reads. FAILED_PRECONDITION (BACKUP_GONE) says what is missing or has
// another size; UNAVAILABLE (BACKUP_UNREADABLE): nobody could look, so that it may be there.
absl::Status CheckPresent(const std::string& folder, const std::string& manifest_sha256);

// Writes it durably, with the folders above, and sets `manifest_sha256`.
absl::Status WriteManifest(const std::string& folder, Manifest* manifest);

// A database's name as a part of a file name: letters, digits, "-" and "_" stay, every other byte
// becomes "%XX". A very long one is cut and gets its hash, so that different names stay different.
std::string EncodeFileName(absl::string_view name);

}  // namespace dbfleet::agent
