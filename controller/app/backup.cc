#include "controller/app/backup.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "controller/audit/recovery.h"
#include "controller/store/sqlite/store_copy.h"

namespace dbfleet::controller {
namespace {

constexpr char kUnfinished[] = ".unfinished";  // A store that is being restored.
constexpr char kStore[] = "store.db";
constexpr char kManifest[] = "/MANIFEST";
constexpr char kTitle[] = "dbfleet controller backup v1";
constexpr int64_t kMaxStoreBytes = int64_t{1} << 40;

using Files = std::map<std::string, std::string>;  // SHA-256 by the path within the backup.

absl::Status CheckEmpty(const std::string& folder) {
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) return absl::OkStatus();
  if (std::filesystem::is_directory(folder, error) && std::filesystem::is_empty(folder, error) &&
      !error) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kFailedPrecondition, "NOT_EMPTY",
               absl::StrCat(folder, " is not an empty folder; name one that is new or empty"));
}

// The regular files of data_dir/NAME that are no leftovers.
absl::StatusOr<std::vector<std::string>> FilesIn(const std::string& folder,
                                                 const std::string& name) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/" + name, error)) {
    if (entry.is_regular_file()) {
      files.push_back(absl::StrCat(name, "/", entry.path().filename().string()));
    }
  }
  if (error) return ErrnoStatus(error.value(), absl::StrCat("read ", folder, "/", name));
  std::sort(files.begin(), files.end());
  return files;
}

absl::Status CopyFile(const std::string& from, const std::string& to) {
  ASSIGN_OR_RETURN(const std::string content, ReadFile(from));
  const bool is_public = absl::EndsWith(to, ".crt") || absl::EndsWith(to, "/trusted-keys");
  return WriteFileAtomically(to, content, is_public ? 0644 : 0600);
}

absl::StatusOr<std::string> HashOfFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kMaxStoreBytes));
  return Sha256Hex(content);
}

absl::Status Damaged(const std::string& folder, absl::string_view why) {
  return Error(absl::StatusCode::kDataLoss, "BACKUP_DAMAGED",
               absl::StrCat(folder, " is no whole backup of a controller: ", why));
}

absl::StatusOr<Files> ReadManifest(const std::string& folder) {
  const absl::StatusOr<std::string> text = ReadFile(folder + kManifest, 1 << 20);
  if (!text.ok()) return Damaged(folder, text.status().message());
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n', absl::SkipEmpty());
  if (lines.empty() || lines[0] != kTitle) return Damaged(folder, "its MANIFEST is another file");
  Files files;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> words = absl::StrSplit(lines[i], absl::MaxSplits("  ", 1));
    // Names that we write have no "..": one that has would leave the folder.
    if (words.size() != 2 || absl::StrContains(words[1], "..") || words[1].empty() ||
        words[1][0] == '/') {
      return Damaged(folder, "its MANIFEST cannot be read");
    }
    files[words[1]] = words[0];
  }
  if (files.count(kStore) == 0) return Damaged(folder, "its MANIFEST names no store");
  return files;
}

absl::Status CheckFiles(const std::string& folder, const Files& files) {
  for (const auto& [name, hash] : files) {
    const absl::StatusOr<std::string> found = HashOfFile(absl::StrCat(folder, "/", name));
    if (!found.ok()) return Damaged(folder, found.status().message());
    if (*found != hash) return Damaged(folder, absl::StrCat(name, " was altered"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status BackUp(const std::string& data_dir, const std::string& folder) {
  RETURN_IF_ERROR(CheckEmpty(folder));
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  Files files;
  RETURN_IF_ERROR(
      sqlite::CopyStore(absl::StrCat(data_dir, "/", kStore), absl::StrCat(folder, "/", kStore)));
  ASSIGN_OR_RETURN(files[kStore], HashOfFile(absl::StrCat(folder, "/", kStore)));
  // After the store: a key that the store knows of is there then.
  for (const char* name : {"ca", "audit-key"}) {
    RETURN_IF_ERROR(MakeDirectories(absl::StrCat(folder, "/", name), 0700));
    ASSIGN_OR_RETURN(const std::vector<std::string> found, FilesIn(data_dir, name));
    for (const std::string& file : found) {
      const std::string to = absl::StrCat(folder, "/", file);
      RETURN_IF_ERROR(CopyFile(absl::StrCat(data_dir, "/", file), to));
      ASSIGN_OR_RETURN(files[file], HashOfFile(to));
    }
  }
  std::string manifest = absl::StrCat(kTitle, "\n");
  for (const auto& [name, hash] : files) absl::StrAppend(&manifest, hash, "  ", name, "\n");
  return WriteFileAtomically(folder + kManifest, manifest, 0600);
}

absl::Status CheckRestoreEnded(const std::string& data_dir) {
  const std::string unfinished = absl::StrCat(data_dir, "/", kStore, kUnfinished);
  std::error_code error;
  if (!std::filesystem::exists(unfinished, error)) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "RESTORE_UNFINISHED",
               absl::StrCat("a restore into ", data_dir,
                            " did not come to its end; move the folder away and restore again"));
}

absl::Status Restore(const std::string& folder, const std::string& data_dir, absl::Time now) {
  ASSIGN_OR_RETURN(const Files files, ReadManifest(folder));
  RETURN_IF_ERROR(CheckFiles(folder, files));
  RETURN_IF_ERROR(CheckEmpty(data_dir));
  RETURN_IF_ERROR(MakeDirectories(data_dir, 0700));
  for (const auto& [name, hash] : files) {
    if (name == kStore) continue;
    const std::string to = absl::StrCat(data_dir, "/", name);
    RETURN_IF_ERROR(MakeDirectories(std::filesystem::path(to).parent_path().string(), 0700));
    RETURN_IF_ERROR(CopyFile(absl::StrCat(folder, "/", name), to));
  }
  // Last, and marked before it has its name: a store without the mark never stands there.
  const std::string unfinished = absl::StrCat(data_dir, "/", kStore, kUnfinished);
  RETURN_IF_ERROR(sqlite::CopyStore(absl::StrCat(folder, "/", kStore), unfinished));
  ASSIGN_OR_RETURN(const uint64_t records, sqlite::CountRecords(unfinished));
  RecoveryDemand demand;
  demand.why = absl::StrCat("the store was restored from ", folder);
  demand.since = now;
  demand.shared_size = records;
  demand.by_restore = true;
  // The backup may have been made in a recovery that nobody had ended: what was lost then is lost
  // still, and so far only the fewer records are shared.
  ASSIGN_OR_RETURN(const std::string open, sqlite::SettingOf(unfinished, RecoverySetting()));
  ASSIGN_OR_RETURN(const std::optional<RecoveryDemand> former, ParseRecoverySetting(open));
  if (former.has_value()) {
    absl::StrAppend(&demand.why, "; before that, ", former->why);
    demand.shared_size = former->shared_size.has_value()
                             ? std::make_optional(std::min(records, *former->shared_size))
                             : std::nullopt;
  }
  RETURN_IF_ERROR(sqlite::MarkStore(unfinished, {RecoverySetting(), RecoverySettingValue(demand)}));
  std::error_code error;
  std::filesystem::rename(unfinished, absl::StrCat(data_dir, "/", kStore), error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("rename ", unfinished));
  return SyncDirectory(data_dir);
}

}  // namespace dbfleet::controller
