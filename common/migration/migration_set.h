#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::migration {

// A file as it lies in a migrations folder.
struct File {
  std::string path;  // Relative, "/"-separated.
  std::string content;
};

// Understands a set of migration files. Two forms, which a folder may mix:
//   VERSION_NAME.up.sql and VERSION_NAME.down.sql, or
//   VERSION_NAME.sql with the sections "-- dbfleet:up" and "-- dbfleet:down".
// VERSION is 1 to 20 digits, NAME is [a-z0-9_]+. A version without its way back needs a line
// "-- dbfleet:irreversible REASON" in its up part. Other files are an error, but README* and *.md.
// The result is ordered by version (numerically). All problems are reported in one error
// (INVALID_ARGUMENT, reason BAD_MIGRATION_FILES), each with its path: duplicate versions ("7" and
// "007" are the same), missing down part, empty part, path tricks ("..", absolute, control
// characters), invalid UTF-8, NUL bytes, files above `kMaxFileBytes`. The content of each part is
// given inline with its SHA-256; nothing is executed or split here.
absl::StatusOr<std::vector<work::v1::Migration>> ParseFiles(const std::vector<File>& files);

inline constexpr int64_t kMaxFileBytes = 16 << 20;
inline constexpr int64_t kMaxTotalBytes = 32 << 20;

// Reads a folder (not its subfolders) for ParseFiles.
absl::StatusOr<std::vector<File>> ReadFolder(const std::string& folder);

// The checksum that the history table keeps: SHA-256 hex of the up part's bytes.
std::string Checksum(const work::v1::Migration& migration);

}  // namespace dbfleet::migration
