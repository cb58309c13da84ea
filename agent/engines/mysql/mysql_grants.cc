#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "agent/engine/account.h"
#include "agent/engines/mysql/mysql_probe.h"

namespace dbfleet::agent {
namespace {

std::string Literal(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "''"}}), "'");
}

// A database name in GRANT is a pattern, in which "_" and "%" match others.
std::string DatabasePattern(absl::string_view name) {
  return absl::StrCat("`", absl::StrReplaceAll(name, {{"`", "``"}, {"_", "\\_"}, {"%", "\\%"}}),
                      "`");
}

std::string UserOf(const std::optional<AccountConfig>& account, absl::string_view fallback) {
  return account.has_value() && !account->user.empty() ? account->user : std::string(fallback);
}

std::string Create(absl::string_view who, absl::string_view purpose) {
  return absl::StrCat("CREATE USER IF NOT EXISTS ", who, " IDENTIFIED BY '<password of ", purpose,
                      ">';\n");
}

}  // namespace

std::string MysqlGrants(const InstanceSpec& spec) {
  const std::string host = IsLocal(spec.endpoint) ? "localhost" : "%";
  const auto who = [&host](const std::optional<AccountConfig>& account,
                           absl::string_view fallback) {
    return absl::StrCat(Literal(UserOf(account, fallback)), "@", Literal(host));
  };
  const std::string inspect = who(spec.inspect, "dbfleet_inspect");
  const std::string backup = who(spec.backup, "dbfleet_backup");
  const std::string migrate = who(spec.migrate, "dbfleet_migrate");
  std::string text = absl::StrCat(
      "-- Accounts of dbfleet for instance ", spec.name,
      ". Put in the passwords and run this as an administrator.\n\n"
      "-- Checks, metrics and read-only inspection. SELECT ON *.* covers the server's own tables;\n"
      "-- the password hashes among them, which dbfleet refuses to read; to keep inspection out "
      "of\n"
      "-- those, or of some databases, grant SELECT per database instead.\n",
      Create(inspect, "inspect"),
      // The comment is MariaDB's alone: there SHOW REPLICA STATUS has a privilege of its own.
      "GRANT SELECT, SHOW VIEW, PROCESS, REPLICATION CLIENT /*M!100509 , SLAVE MONITOR */ ON *.* "
      "TO ",
      inspect, ";\n\n");
  absl::StrAppend(
      &text,
      "-- Backups. Without TRIGGER, or without sight of routines' bodies, a dump would silently "
      "lack "
      "them.\n",
      Create(backup, "backup"),
      "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES, RELOAD, PROCESS, REPLICATION CLIENT "
      "/*M!100509 , SLAVE MONITOR */ /*M!110301 , SHOW CREATE ROUTINE */ ON *.* TO ",
      backup, ";\n", "/*!80020 GRANT SHOW_ROUTINE ON *.* TO ", backup, " */;\n\n");
  const std::string database =
      spec.default_database.empty() ? "`<database>`" : DatabasePattern(spec.default_database);
  absl::StrAppend(
      &text, "-- Migrations. Repeat the GRANT for each database that dbfleet shall change",
      spec.default_database.empty() ? ", with its name for <database>" : "", ".\n",
      Create(migrate, "migrate"),
      // A comment line would hide a statement from clients that cut at semicolons; hence none
      // between.
      spec.default_database.empty() ? "-- " : "",
      "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, REFERENCES, CREATE VIEW, "
      "SHOW VIEW, TRIGGER, EVENT, CREATE ROUTINE, ALTER ROUTINE, EXECUTE, LOCK TABLES, CREATE "
      "TEMPORARY TABLES ON ",
      database, ".* TO ", migrate, ";\n");
  return text;
}

}  // namespace dbfleet::agent
