#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "agent/engines/postgres/postgres_probe.h"

namespace dbfleet::agent {
namespace {

std::string Identifier(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

std::string RoleOf(const std::optional<AccountConfig>& account, absl::string_view fallback) {
  return Identifier(account.has_value() && !account->user.empty() ? absl::string_view(account->user)
                                                                  : fallback);
}

std::string Create(absl::string_view role, absl::string_view attributes,
                   absl::string_view purpose) {
  return absl::StrCat("CREATE ROLE ", role, " LOGIN ", attributes, " PASSWORD '<password of ",
                      purpose, ">';\n");
}

}  // namespace

std::string PostgresGrants(const InstanceSpec& spec) {
  const std::string inspect = RoleOf(spec.inspect, "dbfleet_inspect");
  const std::string backup = RoleOf(spec.backup, "dbfleet_backup");
  const std::string migrate = RoleOf(spec.migrate, "dbfleet_migrate");
  std::string text = absl::StrCat(
      "-- Accounts of dbfleet for instance ", spec.name,
      ". Put in the passwords and run this with psql as a superuser.\n\n"
      "-- Checks, metrics and read-only inspection. pg_read_all_data covers the catalogues "
      "with password\n-- hashes too, which dbfleet refuses to read; to keep them out "
      "on the server as well, grant SELECT\n-- ON ALL TABLES per schema instead.\n",
      Create(inspect, "CONNECTION LIMIT 20", "inspect"), "ALTER ROLE ", inspect,
      " SET default_transaction_read_only = on;\n", "GRANT pg_monitor, pg_read_all_data TO ",
      inspect, ";\n\n");
  absl::StrAppend(&text,
                  "-- Backups. BYPASSRLS: without it row security would leave rows out, or fail "
                  "the dump. Large "
                  "objects\n-- need a GRANT SELECT ON LARGE OBJECT each, or a superuser.\n",
                  Create(backup, "BYPASSRLS", "backup"), "ALTER ROLE ", backup,
                  " SET default_transaction_read_only = on;\n",
                  "GRANT pg_read_all_data, pg_monitor TO ", backup, ";\n\n");
  absl::StrAppend(&text, "-- Migrations.\n", Create(migrate, "", "migrate"));
  if (spec.default_database.empty()) {
    absl::StrAppend(&text,
                    "-- For each database that dbfleet shall change, put its name for <database>:\n"
                    "-- GRANT CONNECT, CREATE, TEMPORARY ON DATABASE <database> TO ",
                    migrate, ";\n",
                    "-- and in that database:\n-- GRANT USAGE, CREATE ON SCHEMA public TO ",
                    migrate, ";\n");
  } else {
    const std::string database = Identifier(spec.default_database);
    absl::StrAppend(
        &text, "-- Repeat the rest for each database that dbfleet shall change.\n",
        "GRANT CONNECT, CREATE, TEMPORARY ON DATABASE ", database, " TO ", migrate, ";\n\\connect ",
        database, "\n", "GRANT USAGE, CREATE ON SCHEMA public TO ", migrate, ";\n",
        "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON ALL "
        "TABLES IN SCHEMA public TO ",
        migrate, ";\n", "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ", migrate, ";\n");
  }
  return text;
}

}  // namespace dbfleet::agent
