#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/migration/migration_set.h"
#include "common/migration/names.h"

namespace dbfleet::migration {
namespace {

absl::Status FolderError(const std::string& folder, const std::error_code& error) {
  return ErrnoStatus(error.value(),
                     absl::StrCat("read the migrations folder ", SanitizeForDisplay(folder)));
}

absl::Status Bad(absl::string_view path, absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_MIGRATION_FILES",
               absl::StrCat(SanitizeForDisplay(path), ": ", what));
}

absl::StatusOr<std::string> ReadMigration(const std::string& path) {
  absl::StatusOr<std::string> content = ReadFile(path, kMaxFileBytes);
  if (absl::IsResourceExhausted(content.status())) {
    return Bad(path, absl::StrCat("is larger than ", kMaxFileBytes, " bytes; split it"));
  }
  return content;
}

}  // namespace

absl::StatusOr<std::vector<File>> ReadFolder(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  if (error) return FolderError(folder, error);
  std::vector<File> files;
  int64_t total = 0;
  for (const fs::directory_iterator end; entry != end;) {
    const std::string name = entry->path().filename().string();
    const fs::file_status status = fs::status(entry->path(), error);
    if (error) return FolderError(entry->path().string(), error);
    const bool is_folder = fs::is_directory(status);
    if (!is_folder && !IsIgnoredFile(name)) {
      if (!fs::is_regular_file(status)) return Bad(entry->path().string(), "is not a regular file");
      ASSIGN_OR_RETURN(std::string content, ReadMigration(entry->path().string()));
      total += static_cast<int64_t>(content.size());
      if (total > kMaxTotalBytes) {
        return Bad(folder, absl::StrCat("its files have more than ", kMaxTotalBytes,
                                        " bytes together; split the set"));
      }
      files.push_back(File{name, std::move(content)});
    }
    entry.increment(error);
    if (error) return FolderError(folder, error);
  }
  // The order in which a file system lists a folder is its own.
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.path < b.path; });
  return files;
}

}  // namespace dbfleet::migration
