#include "agent/actions/backup/dump_tool.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

struct NeededTool {
  work::v1::Engine engine;
  const char* tool;
  const char* package;
};

constexpr NeededTool kNeededTools[] = {
    {work::v1::ENGINE_MYSQL, "mariadb-dump", "mariadb-client"},
    {work::v1::ENGINE_MYSQL, "mariadb", "mariadb-client"},
    {work::v1::ENGINE_POSTGRESQL, "pg_dump", "postgresql-client"},
    {work::v1::ENGINE_POSTGRESQL, "pg_dumpall", "postgresql-client"},
    {work::v1::ENGINE_POSTGRESQL, "psql", "postgresql-client"},
    {work::v1::ENGINE_REDIS, "redis-cli", "redis-tools"},
    {work::v1::ENGINE_REDIS, "redis-check-rdb", "redis-tools"},
};

}  // namespace

absl::Status DumpToolsInstalled(const InstanceSpec& spec) {
  RETURN_IF_ERROR(BackupAccount(spec).status());
  bool known = false;
  for (const NeededTool& needed : kNeededTools) {
    if (needed.engine != spec.engine) continue;
    known = true;
    RETURN_IF_ERROR(FindTool(needed.tool, needed.package).status());
  }
  if (!known) return MakeDumpTool(spec).status();
  return Compressor().status();
}

absl::StatusOr<std::unique_ptr<DumpTool>> MakeDumpTool(const InstanceSpec& spec) {
  switch (spec.engine) {
    case work::v1::ENGINE_MYSQL:
      return MakeMysqlDump(spec);
    case work::v1::ENGINE_POSTGRESQL:
      return MakePostgresDump(spec);
    case work::v1::ENGINE_REDIS:
      return MakeRedisDump(spec);
    default:
      return Error(absl::StatusCode::kUnimplemented, "ENGINE_NOT_SUPPORTED",
                   absl::StrCat("instance ", spec.name, ": this engine has no backups"));
  }
}

absl::StatusOr<PipelineSpec::Command> Compressor() {
  ASSIGN_OR_RETURN(const std::string zstd, FindTool("zstd", "zstd"));
  return PipelineSpec::Command{{zstd, "-q", "-3", "-c"}, ToolEnvironment()};
}

absl::StatusOr<std::vector<std::string>> ChooseDatabases(const work::v1::BackupSpec& spec,
                                                         const std::vector<std::string>& present) {
  if (spec.databases().empty()) return present;
  std::vector<std::string> chosen;
  for (const std::string& name : spec.databases()) {
    if (std::find(present.begin(), present.end(), name) == present.end()) {
      return Error(absl::StatusCode::kNotFound, "DATABASE_NOT_FOUND",
                   absl::StrCat("there is no database \"", SanitizeForDisplay(Truncate(name, 64)),
                                "\" that the account for backups can see"));
    }
    if (std::find(chosen.begin(), chosen.end(), name) == chosen.end()) chosen.push_back(name);
  }
  return chosen;
}

}  // namespace dbfleet::agent
