#include "controller/cli/manifest_files.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"

namespace dbfleet::cli {
namespace {

bool IsYaml(const std::filesystem::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ManifestFiles(const std::string& path) {
  std::error_code error;
  if (path == "-" || !std::filesystem::is_directory(path, error)) {
    return std::vector<std::string>{path};
  }
  std::vector<std::string> files;
  std::filesystem::recursive_directory_iterator it(path, error), end;
  for (; !error && it != end; it.increment(error)) {
    if (it->is_regular_file(error) && IsYaml(it->path())) files.push_back(it->path().string());
  }
  if (error) {
    return Error(absl::StatusCode::kNotFound, "UNREADABLE_FOLDER",
                 absl::StrCat(path, ": ", error.message()));
  }
  if (files.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "NO_MANIFESTS",
                 absl::StrCat(path, " holds no file that ends in .yaml or .yml"));
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace dbfleet::cli
