#include "agent/app/account_rights.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "agent/actions/backup/mysql_grants.h"
#include "agent/app/postgres_rights.h"
#include "agent/engine/account.h"
#include "agent/engines/mysql/mysql_connection.h"
#include "agent/engines/redis/redis_connection.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(10);
constexpr absl::string_view kMysqlMigrate[] = {
    "SELECT",      "INSERT",         "UPDATE",
    "DELETE",      "CREATE",         "DROP",
    "ALTER",       "INDEX",          "REFERENCES",
    "CREATE VIEW", "SHOW VIEW",      "TRIGGER",
    "EVENT",       "CREATE ROUTINE", "ALTER ROUTINE",
    "EXECUTE",     "LOCK TABLES",    "CREATE TEMPORARY TABLES"};

std::string UserOf(const InstanceSpec& spec, AccountUse use) {
  const auto account = AccountFor(spec, use);
  return account.ok() ? account->user : "";
}

// MariaDB 10.5 gave parts of old privileges names of their own, and SHOW GRANTS uses those.
bool HasAnyOf(const MysqlGrants& grants, std::initializer_list<absl::string_view> names) {
  for (absl::string_view name : names) {
    if (grants.HasGlobal(name)) return true;
  }
  return false;
}

std::string MysqlGrant(absl::string_view rights, absl::string_view where, absl::string_view user) {
  return absl::StrCat("GRANT ", rights, " ON ", where, " TO '", user, "'");
}

std::vector<std::string> MissingForMigrate(const InstanceSpec& spec, const MysqlGrants& grants,
                                           const std::vector<std::string>& databases) {
  const auto lacking = [&grants](const std::string& database) {
    std::vector<std::string> names;
    for (absl::string_view privilege : kMysqlMigrate) {
      if (!grants.HasOnDatabase(privilege, database)) names.emplace_back(privilege);
    }
    return names;
  };
  const std::string user = UserOf(spec, AccountUse::kMigrate);
  std::vector<std::string> missing;
  bool any = false;
  for (const std::string& database : databases) {
    const std::vector<std::string> names = lacking(database);
    const bool none = names.size() == std::size(kMysqlMigrate);
    any = any || !none;
    // Without a default database, those that it has no rights on are not meant to be changed.
    if (names.empty() || (none && database != spec.default_database)) continue;
    missing.push_back(
        MysqlGrant(absl::StrJoin(names, ", "), absl::StrCat("`", database, "`.*"), user));
  }
  if (!any && missing.empty() && !grants.HasGlobal("ALTER")) {
    missing.push_back(MysqlGrant("... (see dbfleet-agent grants)", "`<database>`.*", user));
  }
  return missing;
}

absl::StatusOr<std::vector<std::string>> MissingMysql(const InstanceSpec& spec, AccountUse use) {
  MysqlConnection::Options options;
  options.account = use;
  options.io_timeout = kDeadline;
  ASSIGN_OR_RETURN(const auto connection, MysqlConnection::Open(spec, options));
  ASSIGN_OR_RETURN(const auto rows, connection->Query("SHOW GRANTS"));
  ASSIGN_OR_RETURN(
      const auto names,
      connection->Query("SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT "
                        "IN ('mysql', 'information_schema', 'performance_schema', 'sys')"));
  const auto texts = [](const std::vector<MysqlConnection::TextRow>& from) {
    std::vector<std::string> result;
    for (const auto& row : from) result.push_back(row.empty() ? "" : row[0].value_or(""));
    return result;
  };
  return MissingMysqlRights(spec, use, connection->is_mariadb(), texts(rows), texts(names));
}

// Commands that change nothing. SYNC, PSYNC and BGSAVE would work, so they are not tried.
absl::StatusOr<std::vector<std::string>> MissingRedis(const InstanceSpec& spec, AccountUse use) {
  const std::vector<std::vector<std::string>> inspect = {{"INFO"},
                                                         {"DBSIZE"},
                                                         {"CONFIG", "GET", "maxclients"},
                                                         {"SLOWLOG", "LEN"},
                                                         {"LATENCY", "LATEST"},
                                                         {"LASTSAVE"},
                                                         {"SCAN", "0", "COUNT", "1"}};
  const std::vector<std::vector<std::string>> backup = {
      {"INFO"}, {"LASTSAVE"}, {"CONFIG", "GET", "dir"}, {"REPLCONF", "capa", "eof"}};
  RedisConnection::Options options;
  options.account = use;
  options.deadline = kDeadline;
  ASSIGN_OR_RETURN(const auto connection, RedisConnection::Open(spec, options));
  const std::string user = UserOf(spec, use);
  std::vector<std::string> missing;
  for (const auto& words : use == AccountUse::kBackup ? backup : inspect) {
    const absl::Status status = connection->Command(words).status();
    if (status.ok() || ReasonOf(status) == "BAD_COMMAND") continue;  // Not in this version.
    if (ReasonOf(status) != "DATABASE_PERMISSION") return status;
    const bool sub = words[0] == "CONFIG" || words[0] == "SLOWLOG" || words[0] == "LATENCY";
    const std::string rule = sub ? absl::StrCat(words[0], "|", words[1]) : words[0];
    missing.push_back(absl::StrCat("ACL SETUSER ", user.empty() ? "default" : user, " +",
                                   absl::AsciiStrToLower(rule)));
  }
  return missing;
}

}  // namespace

std::vector<std::string> MissingMysqlRights(const InstanceSpec& spec, AccountUse use, bool mariadb,
                                            const std::vector<std::string>& show_grants,
                                            const std::vector<std::string>& databases) {
  const MysqlGrants grants = MysqlGrants::Parse(absl::StrJoin(show_grants, "\n"));
  if (use == AccountUse::kMigrate) return MissingForMigrate(spec, grants, databases);
  const std::string user = UserOf(spec, use);
  std::vector<std::string> missing;
  std::vector<std::string> global;
  if (!grants.HasGlobal("PROCESS")) global.push_back("PROCESS");
  if (use == AccountUse::kInspect) {
    const bool sees = HasAnyOf(grants, {"REPLICATION CLIENT", "SLAVE MONITOR", "REPLICA MONITOR"});
    if (!sees) global.push_back(mariadb ? "SLAVE MONITOR" : "REPLICATION CLIENT");
    bool reads = databases.empty() || grants.HasGlobal("SELECT");
    for (const std::string& database : databases) {
      reads = reads || grants.HasOnDatabase("SELECT", database);
    }
    if (!reads) global.insert(global.begin(), "SELECT");
  } else {
    if (!HasAnyOf(grants, {"REPLICATION CLIENT", "BINLOG MONITOR"})) {
      global.push_back("REPLICATION CLIENT");
    }
    if (!grants.HasGlobal("RELOAD")) global.push_back("RELOAD");
    const absl::Status dump = grants.CheckForDump(databases, /*all_databases=*/true, mariadb);
    if (!dump.ok()) missing.emplace_back(dump.message());
  }
  if (!global.empty()) {
    missing.insert(missing.begin(), MysqlGrant(absl::StrJoin(global, ", "), "*.*", user));
  }
  return missing;
}

absl::StatusOr<RightsReport> CheckRights(const InstanceSpec& spec, AccountUse use) {
  RETURN_IF_ERROR(AccountFor(spec, use).status());
  RightsReport report;
  switch (spec.engine) {
    case work::v1::ENGINE_MYSQL: {
      ASSIGN_OR_RETURN(report.missing, MissingMysql(spec, use));
      return report;
    }
    case work::v1::ENGINE_POSTGRESQL:
      return CheckPostgresRights(spec, use);
    case work::v1::ENGINE_REDIS: {
      if (use == AccountUse::kMigrate) return report;
      ASSIGN_OR_RETURN(report.missing, MissingRedis(spec, use));
      return report;
    }
    default:
      return report;
  }
}

}  // namespace dbfleet::agent
