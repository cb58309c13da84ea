#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

#include "agent/actions/backup/dump_tool.h"
#include "agent/actions/backup/mysql_grants.h"
#include "agent/actions/backup/repository.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/base/text.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kQueryTimeout = absl::Minutes(1);
constexpr size_t kMaxTablesNamed = 10;

// A value in an option file: in double quotes, where a backslash escapes.
std::string OptionValue(absl::string_view value) {
  return absl::StrCat(
      "\"",
      absl::StrReplaceAll(
          value, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}, {"\r", "\\r"}, {"\t", "\\t"}}),
      "\"");
}

// A value as the client prints it in batch mode.
std::string Unescape(absl::string_view value) {
  return absl::StrReplaceAll(
      value, {{"\\\\", "\\"}, {"\\n", "\n"}, {"\\t", "\t"}, {"\\0", std::string(1, '\0')}});
}

struct ServerFacts {
  bool binary_log = false;
  bool mariadb = false;
};

class MysqlDump : public DumpTool {
 public:
  explicit MysqlDump(const InstanceSpec& spec) : spec_(spec) {}

  absl::StatusOr<DumpPlan> Prepare(const work::v1::BackupSpec& spec, ChildTools& tools) override;

  absl::StatusOr<std::string> PositionBefore(const DumpItem&, ChildTools&) override {
    return std::string();
  }

 private:
  absl::Status WriteOptionFile(ChildTools& tools);
  absl::StatusOr<std::vector<std::string>> Query(const std::string& sql, ChildTools& tools);
  absl::StatusOr<ServerFacts> ReadServer(ChildTools& tools);
  absl::StatusOr<std::vector<std::string>> NonTransactionalTables(
      const std::vector<std::string>& databases, ChildTools& tools);
  DumpItem ItemFor(const std::string& database, const ServerFacts& server,
                   const std::string& program, const PipelineSpec::Command& compressor) const;

  const InstanceSpec spec_;
  SecretFile options_;
};

absl::Status MysqlDump::WriteOptionFile(ChildTools& tools) {
  ASSIGN_OR_RETURN(const AccountConfig account, BackupAccount(spec_));
  std::string content = absl::StrCat("[client]\nuser=", OptionValue(account.user), "\n");
  if (!account.password_file.empty()) {
    ASSIGN_OR_RETURN(const Secret password, ReadSecretFile(account.password_file));
    absl::StrAppend(&content, "password=", OptionValue(password.Reveal()), "\n");
  }
  if (!spec_.endpoint.socket.empty()) {
    absl::StrAppend(&content, "protocol=socket\nsocket=", OptionValue(spec_.endpoint.socket), "\n");
  } else {
    absl::StrAppend(&content, "protocol=tcp\nhost=", OptionValue(spec_.endpoint.host),
                    "\nport=", spec_.endpoint.port, "\n");
  }
  ASSIGN_OR_RETURN(options_, SecretFile::Create(tools.scratch(), "client.cnf", content));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MysqlDump::Query(const std::string& sql,
                                                          ChildTools& tools) {
  ASSIGN_OR_RETURN(const std::string client, FindTool("mariadb", "mariadb-client"));
  const PipelineSpec::Command command{
      {client, "--defaults-file=" + options_.path(), "--batch", "--skip-column-names",
       "--default-character-set=utf8mb4", "--connect-timeout=20", "--execute=" + sql},
      ToolEnvironment()};
  ASSIGN_OR_RETURN(const std::string output,
                   tools.Capture(work::v1::ENGINE_MYSQL, {command}, "", kQueryTimeout));
  return std::vector<std::string>(absl::StrSplit(output, '\n', absl::SkipEmpty()));
}

absl::StatusOr<ServerFacts> MysqlDump::ReadServer(ChildTools& tools) {
  ASSIGN_OR_RETURN(const auto lines, Query("SELECT @@log_bin, VERSION()", tools));
  const std::vector<std::string> fields = absl::StrSplit(lines.empty() ? "" : lines[0], '\t');
  if (fields.size() != 2) {
    return Error(absl::StatusCode::kInternal, "TOOL_FAILED",
                 "the server's version could not be read");
  }
  return ServerFacts{fields[0] == "1", absl::StrContains(fields[1], "MariaDB")};
}

absl::StatusOr<std::vector<std::string>> MysqlDump::NonTransactionalTables(
    const std::vector<std::string>& databases, ChildTools& tools) {
  ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                   Query("SELECT t.TABLE_SCHEMA, t.TABLE_NAME, COALESCE(t.ENGINE, '?') FROM "
                         "information_schema.TABLES t LEFT JOIN information_schema.ENGINES e ON "
                         "e.ENGINE = t.ENGINE WHERE t.TABLE_TYPE = 'BASE TABLE' AND "
                         "COALESCE(e.TRANSACTIONS, 'NO') <> 'YES' ORDER BY 1, 2",
                         tools));
  std::vector<std::string> tables;
  for (const std::string& line : lines) {
    const std::vector<std::string> fields = absl::StrSplit(line, '\t');
    if (fields.size() != 3) continue;
    const std::string database = Unescape(fields[0]);
    if (std::find(databases.begin(), databases.end(), database) == databases.end()) continue;
    tables.push_back(
        SanitizeForDisplay(absl::StrCat(database, ".", Unescape(fields[1]), " (", fields[2], ")")));
  }
  return tables;
}

DumpItem MysqlDump::ItemFor(const std::string& database, const ServerFacts& server,
                            const std::string& program,
                            const PipelineSpec::Command& compressor) const {
  PipelineSpec::Command dump{
      {program, "--defaults-file=" + options_.path(), "--single-transaction", "--quick",
       "--routines", "--triggers", "--events", "--hex-blob", "--default-character-set=utf8mb4"},
      ToolEnvironment()};
  if (server.binary_log) dump.argv.push_back("--master-data=2");
  if (server.binary_log && server.mariadb) dump.argv.push_back("--gtid");
  // "--" because a database's name may begin with a dash.
  for (const std::string& argument : {std::string("--databases"), std::string("--"), database}) {
    dump.argv.push_back(argument);
  }
  DumpItem item;
  item.database = database;
  item.file_name = EncodeFileName(database) + ".sql.zst";
  item.format = DumpFormat::kMysqlSql;
  item.commands = {std::move(dump), compressor};
  return item;
}

absl::StatusOr<DumpPlan> MysqlDump::Prepare(const work::v1::BackupSpec& spec, ChildTools& tools) {
  RETURN_IF_ERROR(WriteOptionFile(tools));
  ASSIGN_OR_RETURN(const ServerFacts server, ReadServer(tools));
  ASSIGN_OR_RETURN(
      const auto names,
      Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT "
            "IN ('mysql', 'information_schema', 'performance_schema', 'sys') ORDER BY 1",
            tools));
  std::vector<std::string> present;
  for (const std::string& name : names) present.push_back(Unescape(name));
  DumpPlan plan;
  ASSIGN_OR_RETURN(plan.databases, ChooseDatabases(spec, present));
  ASSIGN_OR_RETURN(const auto grants, Query("SHOW GRANTS", tools));
  RETURN_IF_ERROR(MysqlGrants::ParseBatch(grants).CheckForDump(
      plan.databases, spec.databases().empty(), server.mariadb));
  if (plan.databases.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "NOTHING_TO_BACK_UP",
                 "the server has no databases besides its own");
  }

  ASSIGN_OR_RETURN(const std::string program, FindTool("mariadb-dump", "mariadb-client"));
  ASSIGN_OR_RETURN(const PipelineSpec::Command compressor, Compressor());
  plan.tool = "mariadb-dump";
  ASSIGN_OR_RETURN(plan.tool_version, ToolVersion(program));
  for (const std::string& database : plan.databases) {
    plan.items.push_back(ItemFor(database, server, program, compressor));
  }
  if (!server.binary_log) {
    plan.warnings.push_back("the server's binary log is off: no point-in-time recovery from here");
  }
  ASSIGN_OR_RETURN(std::vector<std::string> tables, NonTransactionalTables(plan.databases, tools));
  if (!tables.empty()) {
    const size_t count = tables.size();
    tables.resize(std::min(count, kMaxTablesNamed));
    plan.warnings.push_back(
        absl::StrCat(count,
                     " table(s) of an engine without transactions may have changed while they were "
                     "dumped, so the backup is not one point in time for them: ",
                     absl::StrJoin(tables, ", "), count > kMaxTablesNamed ? ", ..." : ""));
  }
  return plan;
}

}  // namespace

std::unique_ptr<DumpTool> MakeMysqlDump(const InstanceSpec& spec) {
  return std::make_unique<MysqlDump>(spec);
}

}  // namespace dbfleet::agent
