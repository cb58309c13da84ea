#include "agent/app/postgres_rights.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "agent/engine/account.h"
#include "agent/engines/postgres/postgres_connection.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(10);

// Owners of what a migration may want to change, without the server's own.
constexpr char kOwners[] =
    "SELECT DISTINCT r.rolname, r.rolsuper FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner "
    "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') "
    "AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ";

std::string Identifier(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

absl::StatusOr<std::unique_ptr<PostgresConnection>> Open(const InstanceSpec& spec, AccountUse use,
                                                         const std::string& database) {
  PostgresConnection::Options options;
  options.account = use;
  options.database = database;
  options.deadline = kDeadline;
  options.read_only = true;
  options.statement_timeout = kDeadline;
  return PostgresConnection::Open(spec, options);
}

using Missing = std::vector<std::string>;

// Adds `grant` unless the query says "t".
absl::Status Want(PostgresConnection& connection, absl::string_view condition,
                  const std::string& grant, Missing* missing) {
  ASSIGN_OR_RETURN(const auto rows, connection.Query(absl::StrCat("SELECT (", condition, ")")));
  if (rows.size() == 1 && rows[0][0] == "t") return absl::OkStatus();
  missing->push_back(grant);
  return absl::OkStatus();
}

std::string OwnerGrant(absl::string_view owner, bool superuser, absl::string_view to) {
  // A member of a superuser's role is a superuser whenever it wants to be.
  if (superuser) {
    return absl::StrCat("REASSIGN the tables of the superuser ", Identifier(owner),
                        " to a role of their own (ALTER TABLE ... OWNER TO ...), and GRANT that "
                        "role TO ",
                        to);
  }
  return absl::StrCat("GRANT ", Identifier(owner), " TO ", to);
}

absl::Status CheckMigrate(PostgresConnection& connection, const std::string& database,
                          const std::string& to, RightsReport* report) {
  Missing* const missing = &report->missing;
  RETURN_IF_ERROR(
      Want(connection,
           "has_database_privilege(current_database(), 'CREATE') AND "
           "has_database_privilege(current_database(), 'TEMPORARY')",
           absl::StrCat("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE ", database, " TO ", to),
           missing));
  RETURN_IF_ERROR(Want(connection,
                       "to_regnamespace('public') IS NULL OR "
                       "(has_schema_privilege('public', 'CREATE') AND "
                       "has_schema_privilege('public', 'USAGE'))",
                       absl::StrCat("GRANT USAGE, CREATE ON SCHEMA public TO ", to,
                                    " (in the database ", database, ")"),
                       missing));
  ASSIGN_OR_RETURN(const auto owners, connection.Query(absl::StrCat(
                                          kOwners, "AND NOT pg_has_role(c.relowner, 'USAGE')")));
  for (const auto& row : owners) {
    report->advice.push_back(absl::StrCat(OwnerGrant(row[0].value_or(""), row[1] == "t", to),
                                          " (it owns tables in the database ", database, ")"));
  }
  return absl::OkStatus();
}

// The databases that migrations are for: the default one, or all in which the account may create.
absl::StatusOr<std::vector<std::string>> Targets(const InstanceSpec& spec,
                                                 PostgresConnection& connection) {
  if (!spec.default_database.empty()) return std::vector<std::string>{spec.default_database};
  ASSIGN_OR_RETURN(const auto rows,
                   connection.Query("SELECT datname FROM pg_database WHERE datallowconn AND NOT "
                                    "datistemplate AND has_database_privilege(oid, 'CREATE') "
                                    "ORDER BY 1 LIMIT 50"));
  std::vector<std::string> names;
  for (const auto& row : rows) names.push_back(row[0].value_or(""));
  return names;
}

absl::Status CheckReader(PostgresConnection& connection, AccountUse use, const std::string& to,
                         Missing* missing) {
  RETURN_IF_ERROR(Want(connection, "pg_has_role('pg_monitor', 'USAGE')",
                       absl::StrCat("GRANT pg_monitor TO ", to), missing));
  // SELECT on the tables themselves will do as well.
  const absl::string_view readable =
      use == AccountUse::kBackup
          ? "NOT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> "
            "'information_schema' AND NOT (has_schema_privilege(n.oid, 'USAGE') AND "
            "has_table_privilege(c.oid, 'SELECT')))"
          : "EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
            "c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> "
            "'information_schema' AND has_schema_privilege(n.oid, 'USAGE') AND "
            "has_table_privilege(c.oid, 'SELECT'))";
  RETURN_IF_ERROR(
      Want(connection,
           absl::StrCat("COALESCE((SELECT pg_has_role(oid, 'USAGE') FROM pg_roles WHERE rolname = "
                        "'pg_read_all_data'), false) OR ",
                        readable),
           absl::StrCat("GRANT pg_read_all_data TO ", to), missing));
  if (use != AccountUse::kBackup) return absl::OkStatus();
  return Want(connection, "SELECT rolbypassrls FROM pg_roles WHERE rolname = current_user",
              absl::StrCat("ALTER ROLE ", to, " BYPASSRLS"), missing);
}

}  // namespace

absl::StatusOr<RightsReport> CheckPostgresRights(const InstanceSpec& spec, AccountUse use) {
  ASSIGN_OR_RETURN(const AccountConfig account, AccountFor(spec, use));
  const std::string to = Identifier(account.user);
  ASSIGN_OR_RETURN(const auto connection, Open(spec, use, ""));
  RightsReport report;
  ASSIGN_OR_RETURN(const auto super,
                   connection->Query("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"));
  if (super.size() == 1 && super[0][0] == "t") return report;
  if (use != AccountUse::kMigrate) {
    RETURN_IF_ERROR(CheckReader(*connection, use, to, &report.missing));
    return report;
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> databases, Targets(spec, *connection));
  if (databases.empty()) {
    report.missing.push_back(
        absl::StrCat("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE <database> TO ", to));
  }
  for (const std::string& database : databases) {
    ASSIGN_OR_RETURN(const auto target, Open(spec, use, database));
    RETURN_IF_ERROR(CheckMigrate(*target, Identifier(database), to, &report));
  }
  return report;
}

std::string PostgresOwnerGrants(const InstanceSpec& spec) {
  const std::string to =
      Identifier(spec.migrate.has_value() ? spec.migrate->user : std::string("dbfleet_migrate"));
  std::string text = "-- ALTER and DROP of a table, and an index on it, need its owner's rights. ";
  const auto connection = Open(spec, AccountUse::kInspect, "");
  absl::StatusOr<std::vector<PostgresConnection::TextRow>> owners =
      absl::UnavailableError("nobody could be asked");
  if (connection.ok()) {
    owners = (*connection)
                 ->Query(absl::StrCat(
                     kOwners, "AND r.rolname <> ",
                     (*connection)->Quote(spec.migrate ? spec.migrate->user : "dbfleet_migrate")));
  }
  if (!owners.ok()) {
    return absl::StrCat(text,
                        "Which roles own tables could\n-- not be asked (the account for inspect "
                        "cannot log in yet); for each of them:\n-- GRANT <owner> TO ",
                        to, ";\n");
  }
  absl::StrAppend(&text, "In this database:\n");
  if (owners->empty()) absl::StrAppend(&text, "-- there are no tables of other roles.\n");
  for (const auto& row : *owners) {
    const bool superuser = row[1] == "t";
    absl::StrAppend(&text, superuser ? "-- " : "", OwnerGrant(row[0].value_or(""), superuser, to),
                    superuser ? ".\n" : ";\n");
  }
  return text;
}

}  // namespace dbfleet::agent
