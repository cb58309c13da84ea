#include "controller/app/backup.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "controller/app/backup_record.h"
#include "controller/audit/recovery.h"
#include "controller/store/sqlite/store_copy.h"

namespace dbfleet::controller {
namespace {

constexpr char kUnfinished[] = ".unfinished";  // A store that is being restored.
constexpr char kStore[] = "store.db";
constexpr char kManifest[] = "/MANIFEST";
constexpr char kTitle[] = "dbfleet controller backup v1";
constexpr char kMade[] = "# made at ";
constexpr char kRecords[] = "# audit records ";
constexpr int64_t kMaxStoreBytes = int64_t{1} << 40;

constexpr const char* kFolders[] = {"ca", "audit-key"};

using Files = std::map<std::string, std::string>;  // SHA-256 by the path within the backup.

struct Manifest {
  BackupFacts facts;
  Files files;
};

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

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

absl::Status CheckOutside(const std::string& data_dir, const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path data = fs::canonical(data_dir, error);
  if (error) return ErrnoStatus(error.value(), data_dir);
  const fs::path target = fs::weakly_canonical(fs::absolute(folder), error);
  if (error) return ErrnoStatus(error.value(), folder);
  const auto parted = std::mismatch(data.begin(), data.end(), target.begin(), target.end()).first;
  if (parted != data.end()) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "BACKUP_INSIDE_DATA",
               absl::StrCat(folder, " lies inside of data_dir (", data.string(),
                            "): the backup would be lost together with what it is a copy of. Name "
                            "a folder elsewhere, best on another disk"));
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

absl::StatusOr<Manifest> ReadManifest(const std::string& folder) {
  const absl::StatusOr<std::string> text = ReadFile(folder + kManifest, 1 << 20);
  if (!text.ok()) return Damaged(folder, text.status().message());
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n', absl::SkipEmpty());
  if (lines.empty() || lines[0] != kTitle) return Damaged(folder, "its MANIFEST is another file");
  Manifest manifest;
  for (size_t i = 1; i < lines.size(); ++i) {
    absl::string_view fact = lines[i];
    if (absl::ConsumePrefix(&fact, kMade)) {
      absl::Time time;  // It is shown to people: nothing but a time.
      if (!absl::ParseTime(absl::RFC3339_full, fact, &time, nullptr)) {
        return Damaged(folder, "its MANIFEST names no time");
      }
      manifest.facts.time = TimeText(time);
      continue;
    }
    if (absl::ConsumePrefix(&fact, kRecords)) {
      if (absl::SimpleAtoi(fact, &manifest.facts.records)) continue;
    }
    const std::vector<std::string> words = absl::StrSplit(lines[i], absl::MaxSplits("  ", 1));
    // Names that we write have no "..": one that has would leave the folder.
    if (words.size() != 2 || absl::StrContains(words[1], "..") || words[1].empty() ||
        words[1][0] == '/') {
      return Damaged(folder, "its MANIFEST cannot be read");
    }
    manifest.files[words[1]] = words[0];
  }
  if (manifest.files.count(kStore) == 0) return Damaged(folder, "its MANIFEST names no store");
  return manifest;
}

absl::Status CheckFiles(const std::string& folder, const Files& files) {
  for (const auto& [name, hash] : files) {
    const absl::StatusOr<std::string> found = HashOfFile(absl::StrCat(folder, "/", name));
    if (!found.ok()) return Damaged(folder, found.status().message());
    if (*found != hash) return Damaged(folder, absl::StrCat(name, " was altered"));
  }
  return absl::OkStatus();
}

absl::StatusOr<BackupFacts> Copy(const std::string& data_dir, const std::string& folder,
                                 absl::Time now) {
  Files files;
  const std::string store = absl::StrCat(folder, "/", kStore);
  RETURN_IF_ERROR(sqlite::CopyStore(absl::StrCat(data_dir, "/", kStore), store));
  BackupFacts facts;
  facts.time = TimeText(now);
  ASSIGN_OR_RETURN(facts.records, sqlite::CountRecords(store));
  ASSIGN_OR_RETURN(files[kStore], HashOfFile(store));
  // After the store: a key that the store knows of is there then.
  for (const char* name : kFolders) {
    RETURN_IF_ERROR(MakeDirectories(absl::StrCat(folder, "/", name), 0700));
    ASSIGN_OR_RETURN(const std::vector<std::string> found, FilesIn(data_dir, name));
    for (const std::string& file : found) {
      const std::string to = absl::StrCat(folder, "/", file);
      RETURN_IF_ERROR(CopyFile(absl::StrCat(data_dir, "/", file), to));
      ASSIGN_OR_RETURN(files[file], HashOfFile(to));
    }
  }
  std::string manifest =
      absl::StrCat(kTitle, "\n", kMade, facts.time, "\n", kRecords, facts.records, "\n");
  for (const auto& [name, hash] : files) absl::StrAppend(&manifest, hash, "  ", name, "\n");
  RETURN_IF_ERROR(WriteFileAtomically(folder + kManifest, manifest, 0600));
  return facts;
}

// What Copy made; the folder was empty before. What cannot be removed stays. The store goes last:
// while it is there, nobody else begins in this folder.
void RemoveUnfinished(const std::string& folder, bool was_there) {
  std::error_code error;
  std::filesystem::remove(folder + kManifest, error);
  for (const char* name : kFolders) {
    std::filesystem::remove_all(absl::StrCat(folder, "/", name), error);
  }
  for (const char* tail : {"-journal", "-wal", "-shm", ""}) {
    std::filesystem::remove(absl::StrCat(folder, "/", kStore, tail), error);
  }
  if (!was_there) std::filesystem::remove(folder, error);
}

absl::Status ExplainFailure(const std::string& folder, const absl::Status& status) {
  if (ReasonOf(status) != "DISK_FULL") {
    return Annotate(status, absl::StrCat("the backup failed, and what was begun of it in ", folder,
                                         " is removed"));
  }
  return Error(absl::StatusCode::kResourceExhausted, "DISK_FULL",
               absl::StrCat("the file system of ", folder,
                            " has no room for the backup; what was begun of it is removed. Free "
                            "some space there, or name another folder"));
}

}  // namespace

std::string Describe(const BackupFacts& facts) {
  return absl::StrCat(
      "made at ", facts.time.empty() ? "an unknown time" : facts.time,
      facts.records == 0 ? "" : absl::StrCat(", with the audit records 1 to ", facts.records));
}

absl::StatusOr<BackupFacts> BackUp(const std::string& data_dir, const std::string& folder,
                                   const std::string& actor, Clock& clock) {
  RETURN_IF_ERROR(CheckOutside(data_dir, folder));
  RETURN_IF_ERROR(CheckEmpty(folder));
  std::error_code error;
  const bool was_there = std::filesystem::exists(folder, error);
  RETURN_IF_ERROR(RecordBackup(data_dir, folder, actor, clock));
  RETURN_IF_ERROR(MakeDirectories(folder, 0700));
  RETURN_IF_ERROR(CheckEmpty(folder));  // That may have taken a minute.
  absl::StatusOr<BackupFacts> facts = Copy(data_dir, folder, clock.Now());
  if (facts.ok()) return facts;
  // The store, which is made first, and only where none is: another backup's, not to be removed.
  if (absl::IsAlreadyExists(facts.status())) return facts.status();
  RemoveUnfinished(folder, was_there);
  return ExplainFailure(folder, facts.status());
}

absl::Status CheckRestoreEnded(const std::string& data_dir) {
  const std::string unfinished = absl::StrCat(data_dir, "/", kStore, kUnfinished);
  std::error_code error;
  if (!std::filesystem::exists(unfinished, error)) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "RESTORE_UNFINISHED",
               absl::StrCat("a restore into ", data_dir,
                            " did not come to its end; move the folder away and restore again"));
}

absl::StatusOr<BackupFacts> Restore(const std::string& folder, const std::string& data_dir,
                                    absl::Time now) {
  ASSIGN_OR_RETURN(const Manifest manifest, ReadManifest(folder));
  RETURN_IF_ERROR(CheckFiles(folder, manifest.files));
  RETURN_IF_ERROR(CheckEmpty(data_dir));
  RETURN_IF_ERROR(MakeDirectories(data_dir, 0700));
  for (const auto& [name, hash] : manifest.files) {
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
  demand.why = absl::StrCat("the store was restored from ", folder, ", ", Describe(manifest.facts));
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
  RETURN_IF_ERROR(SyncDirectory(data_dir));
  return manifest.facts;
}

}  // namespace dbfleet::controller
