#include "agent/actions/backup/format_walk.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

// A replication stream without a length ends in a mark of 40 bytes that redis-cli cannot take back
// from a pipe. Servers and redis-check-rdb stop before it.
constexpr int64_t kTransferMarkBytes = 40;

absl::StatusOr<PipelineSpec::Command> Decompressor(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string zstd, FindTool("zstd", "zstd"));
  return PipelineSpec::Command{{zstd, "-q", "-d", "-c", "--", path}, ToolEnvironment()};
}

// What a reader says of a broken file is about the file, whatever the words; that it was killed or
// could not be started is not.
absl::Status AsCorrupt(const absl::Status& status, const std::string& path) {
  const bool about_reader = absl::StrContains(status.message(), "was killed by signal") ||
                            absl::StrContains(status.message(), "cannot start");
  if (about_reader || ReasonOf(status) != "TOOL_FAILED") return Annotate(status, path);
  return Error(absl::StatusCode::kDataLoss, "BACKUP_CORRUPT",
               absl::StrCat(path, ": ", status.message()));
}

absl::StatusOr<WalkResult> WalkArchive(const std::string& path, ChildTools& tools,
                                       absl::Duration timeout) {
  ASSIGN_OR_RETURN(const std::string pg_restore, FindTool("pg_restore", "postgresql-client"));
  ASSIGN_OR_RETURN(PipelineSpec::Command zstd, Decompressor(path));
  const PipelineSpec::Command restore{
      {pg_restore, "--format=custom", "--exit-on-error", "--file=/dev/null"}, ToolEnvironment()};
  const auto output =
      tools.Capture(work::v1::ENGINE_UNSPECIFIED, {std::move(zstd), restore}, "", timeout);
  if (!output.ok()) return AsCorrupt(output.status(), path);
  return WalkResult{"pg_restore read the archive to its end", ""};
}

absl::StatusOr<WalkResult> WalkRdb(const std::string& path, const ArtifactFacts& facts,
                                   ChildTools& tools, absl::Duration timeout) {
  ASSIGN_OR_RETURN(const std::string checker, FindTool("redis-check-rdb", "redis-tools"));
  ASSIGN_OR_RETURN(PipelineSpec::Command zstd, Decompressor(path));
  const PipelineSpec::Command check{{checker, "/dev/stdin"}, ToolEnvironment()};
  const auto output =
      tools.Capture(work::v1::ENGINE_UNSPECIFIED, {std::move(zstd), check}, "", timeout);
  if (!output.ok()) return AsCorrupt(output.status(), path);
  ASSIGN_OR_RETURN(const RdbReport report, ParseRdbReport(*output));
  const int64_t rest = facts.source_bytes - report.length;
  if (rest != 0 && rest != kTransferMarkBytes) {
    return Error(absl::StatusCode::kDataLoss, "BACKUP_CORRUPT",
                 absl::StrCat(path, ": ", rest, " bytes do not belong to the RDB"));
  }
  return WalkResult{absl::StrCat("redis-check-rdb read ", report.keys, " key(s), checksum correct"),
                    report.saved};
}

}  // namespace

absl::StatusOr<WalkResult> WalkFormat(DumpFormat format, const std::string& path,
                                      const ArtifactFacts& facts, ChildTools& tools,
                                      absl::Duration timeout) {
  switch (format) {
    case DumpFormat::kPostgresArchive:
      return WalkArchive(path, tools, timeout);
    case DumpFormat::kRedisRdb:
      return WalkRdb(path, facts, tools, timeout);
    case DumpFormat::kMysqlSql:
    case DumpFormat::kPostgresGlobals:
      return WalkResult{"the dump's last line is there", ""};
  }
  return absl::InternalError("unknown format");
}

absl::Status WalkToolInstalled(work::v1::Engine engine) {
  RETURN_IF_ERROR(FindTool("zstd", "zstd").status());
  if (engine == work::v1::ENGINE_POSTGRESQL) {
    return FindTool("pg_restore", "postgresql-client").status();
  }
  if (engine == work::v1::ENGINE_REDIS) return FindTool("redis-check-rdb", "redis-tools").status();
  return absl::OkStatus();
}

}  // namespace dbfleet::agent
