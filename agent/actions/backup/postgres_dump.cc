#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

#include "agent/actions/backup/dump_tool.h"
#include "agent/actions/backup/repository.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kQueryTimeout = absl::Minutes(1);
constexpr int kLockWaitMilliseconds = 10'000;

class PostgresDump : public DumpTool {
 public:
  explicit PostgresDump(const InstanceSpec& spec) : spec_(spec) {}

  absl::StatusOr<DumpPlan> Prepare(const work::v1::BackupSpec& spec, ChildTools& tools) override;
  absl::StatusOr<std::string> PositionBefore(const DumpItem& item, ChildTools& tools) override;

 private:
  absl::Status WritePasswordFile(ChildTools& tools);
  std::string ConnectionString(const std::string& database) const;
  std::string FirstDatabase() const;
  std::map<std::string, std::string> Environment() const;
  // The values of one column.
  absl::StatusOr<std::vector<std::string>> Query(const std::string& sql, ChildTools& tools);

  const InstanceSpec spec_;
  AccountConfig account_;
  SecretFile password_;
};

absl::Status PostgresDump::WritePasswordFile(ChildTools& tools) {
  ASSIGN_OR_RETURN(account_, BackupAccount(spec_));
  if (account_.password_file.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Secret password, ReadSecretFile(account_.password_file));
  const std::string escaped =
      absl::StrReplaceAll(password.Reveal(), {{"\\", "\\\\"}, {":", "\\:"}});
  ASSIGN_OR_RETURN(password_, SecretFile::Create(tools.scratch(), "pgpass",
                                                 absl::StrCat("*:*:*:*:", escaped, "\n")));
  return absl::OkStatus();
}

// Never a bare name: pg_dump takes one that contains "=" or begins with "postgresql://" for a whole
// connection string.
std::string PostgresDump::ConnectionString(const std::string& database) const {
  const auto quoted = [](absl::string_view value) {
    return absl::StrCat("'", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
  };
  const bool local = !spec_.endpoint.socket.empty();
  std::string text =
      absl::StrCat("dbname=", quoted(database), " user=", quoted(account_.user),
                   " host=", quoted(local ? spec_.endpoint.socket : spec_.endpoint.host),
                   " connect_timeout=20 application_name=dbfleet-backup");
  if (spec_.endpoint.port != 0) absl::StrAppend(&text, " port=", spec_.endpoint.port);
  return text;
}

std::string PostgresDump::FirstDatabase() const {
  return spec_.default_database.empty() ? "postgres" : spec_.default_database;
}

std::map<std::string, std::string> PostgresDump::Environment() const {
  std::map<std::string, std::string> environment = ToolEnvironment();
  // A path. /dev/null, so that no password of the agent's user is taken by accident.
  environment["PGPASSFILE"] = password_.path().empty() ? "/dev/null" : password_.path();
  return environment;
}

absl::StatusOr<std::vector<std::string>> PostgresDump::Query(const std::string& sql,
                                                             ChildTools& tools) {
  ASSIGN_OR_RETURN(const std::string psql, FindTool("psql", "postgresql-client"));
  const PipelineSpec::Command command{
      {psql, "--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--no-password",
       "--record-separator-zero", "--set=ON_ERROR_STOP=1",
       "--dbname=" + ConnectionString(FirstDatabase()), "--command=" + sql},
      Environment()};
  ASSIGN_OR_RETURN(const std::string output,
                   tools.Capture(work::v1::ENGINE_POSTGRESQL, {command}, "", kQueryTimeout));
  return std::vector<std::string>(absl::StrSplit(output, '\0', absl::SkipEmpty()));
}

absl::StatusOr<std::string> PostgresDump::PositionBefore(const DumpItem& item, ChildTools& tools) {
  if (item.format != DumpFormat::kPostgresArchive) return std::string();
  ASSIGN_OR_RETURN(const auto rows,
                   Query("SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE "
                         "pg_current_wal_lsn() END",
                         tools));
  return rows.empty() ? std::string()
                      : absl::StrCat("lsn ", absl::StripAsciiWhitespace(rows[0]), " or later");
}

absl::StatusOr<DumpPlan> PostgresDump::Prepare(const work::v1::BackupSpec& spec,
                                               ChildTools& tools) {
  RETURN_IF_ERROR(WritePasswordFile(tools));
  ASSIGN_OR_RETURN(const auto present,
                   Query("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate "
                         "ORDER BY 1",
                         tools));
  DumpPlan plan;
  ASSIGN_OR_RETURN(plan.databases, ChooseDatabases(spec, present));
  ASSIGN_OR_RETURN(const std::string pg_dump, FindTool("pg_dump", "postgresql-client"));
  ASSIGN_OR_RETURN(const std::string pg_dumpall, FindTool("pg_dumpall", "postgresql-client"));
  ASSIGN_OR_RETURN(const PipelineSpec::Command compressor, Compressor());
  plan.tool = "pg_dump";
  ASSIGN_OR_RETURN(plan.tool_version, ToolVersion(pg_dump));

  DumpItem globals;
  globals.file_name = "globals.sql.zst";
  globals.format = DumpFormat::kPostgresGlobals;
  globals.commands = {{{pg_dumpall, "--globals-only", "--no-role-passwords", "--no-password",
                        "--dbname=" + ConnectionString(FirstDatabase())},
                       Environment()},
                      compressor};
  plan.items.push_back(std::move(globals));
  for (const std::string& database : plan.databases) {
    DumpItem item;
    item.database = database;
    item.file_name = EncodeFileName(database) + ".dump.zst";
    item.format = DumpFormat::kPostgresArchive;
    // -Z0: zstd behind it is several times faster than pg_dump's own gzip, at the same size.
    item.commands = {{{pg_dump, "--format=custom", "--compress=0",
                       absl::StrCat("--lock-wait-timeout=", kLockWaitMilliseconds), "--no-password",
                       "--dbname=" + ConnectionString(database)},
                      Environment()},
                     compressor};
    plan.items.push_back(std::move(item));
  }
  plan.warnings.push_back("roles are stored without their passwords; set them after a restore");
  return plan;
}

}  // namespace

std::unique_ptr<DumpTool> MakePostgresDump(const InstanceSpec& spec) {
  return std::make_unique<PostgresDump>(spec);
}

}  // namespace dbfleet::agent
