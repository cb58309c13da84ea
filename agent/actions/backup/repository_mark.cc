#include "agent/actions/backup/repository_mark.h"

#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr int64_t kMaxBytes = 8192;
constexpr size_t kIdBytes = 16;
constexpr int kFolderMode = 0700;
constexpr int kMarkMode = 0644;  // Agents of several users may share a repository.
constexpr int kNoteMode = 0600;

std::string MarkOf(const std::string& backup_dir) {
  return absl::StrCat(backup_dir, "/", kRepositoryMark);
}

// "" if it holds nothing, as after a crash of another system's.
absl::StatusOr<std::string> ReadId(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxBytes));
  return std::string(absl::StripAsciiWhitespace(text));
}

// The id that the mark holds in the end: several agents may make it at once.
absl::StatusOr<std::string> Mark(const std::string& backup_dir) {
  const std::string mark = MarkOf(backup_dir);
  const absl::StatusOr<std::string> found = ReadId(mark);
  if (found.ok() && !found->empty()) return *found;
  if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
  const std::string id = RandomHex(kIdBytes);
  const std::string own = absl::StrCat(mark, "-", id);
  RETURN_IF_ERROR(WriteFileAtomically(own, absl::StrCat(id, "\n"), kMarkMode));
  // Whoever comes second fails, and finds the first one's.
  const bool linked = !found.ok() && link(own.c_str(), mark.c_str()) == 0;
  const bool others = !found.ok() && !linked && errno == EEXIST;
  unlink(own.c_str());
  if (linked || others) {
    RETURN_IF_ERROR(SyncDirectory(backup_dir));
  } else {  // An empty mark, or a file system without links.
    RETURN_IF_ERROR(WriteFileAtomically(mark, absl::StrCat(id, "\n"), kMarkMode));
  }
  return ReadId(mark);
}

}  // namespace

absl::StatusOr<std::string> KnowRepository(const std::string& backup_dir, const std::string& note) {
  const absl::StatusOr<std::string> noted = ReadFile(note, kMaxBytes);
  if (!noted.ok() && !absl::IsNotFound(noted.status())) return noted.status();
  if (noted.ok()) {
    const std::vector<std::string> lines = absl::StrSplit(*noted, '\n');
    if (lines.size() >= 2 && !lines[0].empty() && lines[1] == backup_dir) return lines[0];
  }
  RETURN_IF_ERROR(MakeDirectories(backup_dir, kFolderMode));
  ASSIGN_OR_RETURN(const std::string id, Mark(backup_dir));
  RETURN_IF_ERROR(WriteFileAtomically(note, absl::StrCat(id, "\n", backup_dir, "\n"), kNoteMode));
  return id;
}

absl::Status CheckRepository(const std::string& backup_dir, const std::string& id) {
  if (id.empty()) return absl::OkStatus();
  if (id == kUnknownRepository) {
    return Error(absl::StatusCode::kUnavailable, "NO_REPOSITORY",
                 absl::StrCat("the agent could not use ", backup_dir,
                              " as its backup repository when it started, nor tell whether it is "
                              "that (its log says why); put it right, then restart the agent"));
  }
  const absl::StatusOr<std::string> found = ReadId(MarkOf(backup_dir));
  if (found.ok() && *found == id) return absl::OkStatus();
  const std::string why = found.ok() ? absl::StrCat("its ", kRepositoryMark, " is another one's")
                          : absl::IsNotFound(found.status())
                              ? absl::StrCat("it has no ", kRepositoryMark)
                              : std::string(found.status().message());
  return Error(absl::StatusCode::kUnavailable, "NO_REPOSITORY",
               absl::StrCat(backup_dir, " is not the repository that this agent knows (", why,
                            "); most likely it is not mounted: mount it. If it was emptied or "
                            "exchanged for good, remove the file \"repository\" in the agent's "
                            "data_dir and restart the agent"));
}

}  // namespace dbfleet::agent
