#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace dbfleet::cli {

inline constexpr int64_t kMostManifestBytes = 1 << 20;  // Of one file, as the controller takes it.

// What a path given to -f stands for: itself, or all .yaml and .yml files of a folder and of those
// in it, in the order of their names. INVALID_ARGUMENT (NO_MANIFESTS) for a folder without any,
// NOT_FOUND (UNREADABLE_FOLDER).
absl::StatusOr<std::vector<std::string>> ManifestFiles(const std::string& path);

}  // namespace dbfleet::cli
