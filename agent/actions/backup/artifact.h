#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dbfleet::agent {

// What a stored file holds once decompressed.
enum class DumpFormat { kMysqlSql, kPostgresArchive, kPostgresGlobals, kRedisRdb };

// The word for it in manifests and checkpoints, and back.
absl::string_view FormatName(DumpFormat format);
absl::StatusOr<DumpFormat> ParseFormat(absl::string_view name);

// What reading a stored file from its first byte to its last found.
struct ArtifactFacts {
  int64_t stored_bytes = 0;
  std::string stored_sha256;
  int64_t source_bytes = 0;  // Decompressed.
  std::string source_sha256;
  std::string head;  // The first 64 KiB of the source, and the last 16.
  std::string tail;
};

// Reads and decompresses a zstd file. DATA_LOSS (BACKUP_CORRUPT) if it is cut or damaged; CANCELLED
// when `keep_going` (asked about once a megabyte; may be empty) says no.
absl::StatusOr<ArtifactFacts> ReadArtifact(const std::string& path,
                                           const std::function<bool()>& keep_going);

// Whether the source begins and ends as its tool writes it: a dump that was cut at the boundary of
// a statement restores without an error, and only the missing last line tells. DATA_LOSS
// (BACKUP_INCOMPLETE) if not. PostgreSQL's archives and Redis's RDB have no such line; WalkFormat
// reads those.
absl::Status CheckEnds(DumpFormat format, const ArtifactFacts& facts);

// The position of the binary log as the dump tells it; "" if it does not.
std::string PositionInDump(DumpFormat format, const ArtifactFacts& facts);

// What redis-check-rdb printed about a sound file.
struct RdbReport {
  int64_t length = 0;  // Without what follows the RDB's own end.
  int64_t keys = 0;
  std::string
      saved;  // "rdb ctime=1700000000 repl-offset=14"; what the file does not say is left out.
};
absl::StatusOr<RdbReport> ParseRdbReport(absl::string_view output);

}  // namespace dbfleet::agent
