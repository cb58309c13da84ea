#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/actions/backup/artifact.h"
#include "agent/actions/backup/child_tools.h"

namespace dbfleet::agent {

// What walking through a stored dump with its engine's own reader found.
struct WalkResult {
  std::string evidence;           // One line: what was checked.
  std::string consistency_point;  // Redis: when the RDB was saved; else "".
};

// Decompresses `path` and reads the dump to its end: pg_restore writes an archive out to nowhere (a
// listing would pass a cut one), redis-check-rdb checks an RDB. SQL dumps have no reader that
// changes nothing; for them the ends are all there is, and ReadArtifact has read every byte.
// DATA_LOSS (BACKUP_CORRUPT) if the reader refuses.
absl::StatusOr<WalkResult> WalkFormat(DumpFormat format, const std::string& path,
                                      const ArtifactFacts& facts, ChildTools& tools,
                                      absl::Duration timeout);

// Whether the reader that WalkFormat needs is installed.
absl::Status WalkToolInstalled(work::v1::Engine engine);

}  // namespace dbfleet::agent
