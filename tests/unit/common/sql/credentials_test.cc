// No spelling of a statement that may show credentials is safe; what only resembles one still is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

void ExpectRefused(Dialect dialect, std::initializer_list<absl::string_view> texts,
                   absl::string_view database = "") {
  for (absl::string_view text : texts) {
    const Verdict verdict = Classify(dialect, text, database);
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << text;
    EXPECT_TRUE(verdict.credentials) << text;
  }
}

void ExpectSafe(Dialect dialect, std::initializer_list<absl::string_view> texts,
                absl::string_view database = "") {
  for (absl::string_view text : texts) {
    const Verdict verdict = Classify(dialect, text, database);
    EXPECT_EQ(verdict.safety, Safety::kSafe)
        << text << ": " << (verdict.reasons.empty() ? "" : verdict.reasons[0]);
  }
}

TEST(CredentialsTest, MySqlTablesWithHashesAreRefusedHoweverTheyAreWritten) {
  for (const Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb}) {
    ExpectRefused(dialect, {"SELECT * FROM mysql.user", "select user, host from MYSQL.USER u",
                            "SELECT * FROM `mysql`.`user`", "SELECT * FROM mysql . user",
                            "SELECT * FROM mysql/* x */./* y */user",
                            "SELECT * FROM \"mysql\".\"user\"", "SELECT * FROM mysql.global_priv",
                            "SELECT Priv FROM mysql.global_priv WHERE User = 'root'",
                            "SELECT * FROM mysql.servers", "SELECT * FROM mysql.slave_master_info",
                            "SELECT * FROM mysql.password_history",
                            "SELECT 1 FROM t JOIN mysql.user u ON u.user = t.name",
                            "SELECT (SELECT MAX(authentication_string) FROM mysql.user) AS h",
                            "WITH w AS (SELECT * FROM mysql.user) SELECT * FROM w",
                            "SELECT 1 UNION ALL SELECT Priv FROM mysql.global_priv",
                            "EXPLAIN SELECT * FROM mysql.user"});
  }
}

TEST(CredentialsTest, MySqlNamesWithoutASchemaCountInTheSchemaMysql) {
  ExpectRefused(Dialect::kMariaDb,
                {"SELECT * FROM user", "SELECT * FROM `global_priv`", "SELECT * FROM db, user",
                 "SELECT * FROM (user)", "SELECT * FROM db JOIN user"},
                "mysql");
  ExpectRefused(Dialect::kMySql, {"SELECT * FROM user"}, "MySQL");
  ExpectSafe(Dialect::kMariaDb, {"SELECT * FROM user", "SELECT * FROM servers"}, "shop");
  ExpectSafe(Dialect::kMariaDb, {"SELECT user FROM db", "SELECT USER()"}, "mysql");
}

TEST(CredentialsTest, MySqlGrantsAndUsersAreNotShown) {
  for (const Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb}) {
    ExpectRefused(dialect, {"SHOW GRANTS", "SHOW GRANTS FOR root@localhost", "show create user ada",
                            "SHOW /* x */ GRANTS"});
  }
}

TEST(CredentialsTest, StatementsOfOthersThatHaveEndedAreNotShown) {
  ExpectRefused(Dialect::kMariaDb,
                {"SELECT sql_text FROM performance_schema.events_statements_current",
                 "SELECT * FROM performance_schema.prepared_statements_instances",
                 "SELECT last_statement FROM sys.session", "SELECT * FROM sys.`x$processlist`"});
  ExpectSafe(
      Dialect::kMariaDb,
      {"SHOW FULL PROCESSLIST", "SELECT info FROM information_schema.processlist",
       "SELECT digest_text FROM performance_schema.events_statements_summary_by_digest",
       "SELECT a FROM shop.session", "SHOW VARIABLES LIKE 'max%'", "SHOW CREATE TABLE orders"});
  ExpectRefused(Dialect::kPostgres,
                {"SELECT * FROM pg_stat_statements", "TABLE pg_stat_statements",
                 "SELECT left(query, 80), calls FROM public.pg_stat_statements",
                 "SELECT s.query FROM pg_stat_statements s", "SELECT s FROM pg_stat_statements s",
                 "SELECT row_to_json(pg_stat_statements) FROM pg_stat_statements",
                 "SELECT (s).query FROM pg_stat_statements AS s",
                 "SELECT d FROM pg_stat_statements AS s(a, b, c, d)",
                 "SELECT queryid FROM pg_stat_statements WHERE query LIKE '%PASSWORD%'"});
  std::string wide = "SELECT a";
  for (int i = 0; i < 20000; ++i) absl::StrAppend(&wide, ", a", i);
  wide += " FROM pg_stat_statements";
  for (int i = 0; i < 5000; ++i) absl::StrAppend(&wide, ", pg_stat_statements x", i);
  ExpectRefused(
      Dialect::kPostgres,
      {wide +
       " WHERE x4999.query = 'x'"});  // Each column is looked at once, not once for each table.
  // Its row within a join's, and functions that are called on a row as if they were its columns.
  ExpectRefused(Dialect::kPostgres,
                {"SELECT j FROM (pg_stat_statements s CROSS JOIN (SELECT 1) AS y) AS j",
                 "SELECT c FROM (pg_stat_statements s CROSS JOIN (SELECT 1) y) AS j(a, b, c)",
                 "SELECT 1 FROM pg_stat_statements NATURAL JOIN (VALUES ('x')) AS v(query)",
                 "SELECT s.row_to_json FROM pg_stat_statements s",
                 "SELECT s.record_out FROM pg_stat_statements s",
                 "SELECT s.any_value FROM pg_stat_statements s",
                 "SELECT pg_stat_statements.array_agg FROM pg_stat_statements"});
  ExpectSafe(Dialect::kPostgres,
             {"SELECT queryid, calls FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 5",
              "SELECT count(*) FROM pg_stat_statements", "SELECT query FROM pg_stat_activity",
              "SELECT d.datname, s.calls, s.rows FROM pg_stat_statements s JOIN pg_database d ON "
              "d.oid = s.dbid"});
}

TEST(CredentialsTest, MySqlStatementsThatOnlyResembleThoseAreSafe) {
  ExpectSafe(Dialect::kMariaDb,
             {"SELECT * FROM information_schema.USER_PRIVILEGES", "SELECT * FROM shop.user",
              "SELECT user FROM information_schema.processlist", "DESCRIBE mysql.user",
              "SHOW COLUMNS FROM mysql.user", "SELECT 'mysql.user'", "SELECT * FROM mysql.db"});
}

TEST(CredentialsTest, PostgresCataloguesWithHashesAreRefusedHoweverTheyAreWritten) {
  ExpectRefused(Dialect::kPostgres,
                {"SELECT * FROM pg_shadow",
                 "SELECT * FROM pg_catalog.pg_shadow",
                 "TABLE pg_authid",
                 "SELECT rolpassword FROM PG_AUTHID a",
                 "SELECT * FROM \"pg_authid\"",
                 "SELECT * FROM pg_catalog . \"pg_authid\"",
                 "SELECT * FROM pg_catalog./* x */pg_authid",
                 "SELECT * FROM U&\"pg\\005fauthid\"",
                 "SELECT * FROM u&\"pg!005fauthid\" UESCAPE '!'",
                 "SELECT * FROM U&\"pg_authid\"",
                 "SELECT * FROM (TABLE pg_authid) AS x",
                 "WITH w AS (SELECT * FROM pg_shadow) SELECT * FROM w",
                 "SELECT * FROM pg_user_mapping",
                 "SELECT * FROM pg_user_mappings",
                 "SELECT subconninfo FROM pg_subscription",
                 "SELECT * FROM information_schema.user_mapping_options",
                 "SELECT * FROM pg_hba_file_rules",
                 "SELECT most_common_vals FROM pg_stats WHERE tablename = 'pg_authid'",
                 "SELECT * FROM pg_statistic",
                 "SELECT * FROM pg_toast.pg_toast_1260",
                 "SELECT * FROM pg_settings",
                 "SELECT * FROM pg_file_settings",
                 "SHOW ALL",
                 "SHOW primary_conninfo",
                 "SHOW archive_command",
                 "SHOW restore_command",
                 "SELECT * FROM pg_db_role_setting",
                 "SELECT rolconfig FROM pg_roles",
                 "SELECT u.useconfig FROM pg_user u",
                 "SHOW \"primary_conninfo\""});
}

TEST(CredentialsTest, PostgresFunctionsThatReadElsewhereAreNotSafe) {
  for (absl::string_view text :
       {"SELECT * FROM dblink('host=x password=y', 'SELECT 1') AS t(a int)",
        "SELECT query_to_xml('SELECT * FROM pg_authid', true, true, '')",
        "SELECT table_to_xml('pg_authid', true, true, '')",
        "SELECT current_setting('primary_conninfo')",
        "SELECT current_setting('primary_' || 'conninfo')",
        "SELECT current_setting(setting) FROM t", "SELECT current_setting(E'primary_conninfo')",
        "SELECT current_setting('primary_'\n'conninfo')",
        "SELECT pg_catalog.current_setting('primary_conninfo', true)",
        "SELECT pg_read_file('pg_hba.conf')"}) {
    EXPECT_EQ(Classify(Dialect::kPostgres, text).safety, Safety::kDestructive) << text;
  }
}

TEST(CredentialsTest, SettingsOfPostgresThatHoldNone) {
  ExpectSafe(Dialect::kPostgres,
             {"SELECT * FROM pg_settings WHERE name = 'work_mem'",
              "SELECT name, setting FROM pg_settings WHERE name IN ('work_mem', 'shared_buffers')",
              "SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name LIKE 'autovacuum%' AND "
              "s.source <> 'default'",
              "SELECT name, unit FROM pg_settings WHERE pending_restart",
              "SELECT count(*) FROM pg_settings"});
  ExpectRefused(Dialect::kPostgres,
                {"SELECT setting FROM pg_settings WHERE name LIKE '%conn%'",
                 "SELECT setting FROM pg_settings WHERE name LIKE 'PRIMARY%'",
                 "SELECT setting FROM pg_settings WHERE name LIKE 'a\\%'",
                 "SELECT setting FROM pg_settings WHERE name = 'work_mem' OR true",
                 "SELECT setting FROM pg_settings WHERE NOT name = 'work_mem'",
                 "SELECT setting FROM pg_settings WHERE name <> 'work_mem'",
                 "SELECT setting FROM pg_settings WHERE name NOT IN ('work_mem')",
                 "SELECT setting FROM pg_settings WHERE name NOT LIKE 'a%'",
                 "SELECT setting FROM pg_settings WHERE name IN ('work_mem', 'PRIMARY_conninfo')",
                 "SELECT setting FROM pg_settings WHERE name IN (SELECT 'primary_conninfo')",
                 "SELECT s.setting FROM pg_settings s, t WHERE t.name = 'work_mem'",
                 "SELECT setting FROM pg_settings s(setting, name) WHERE name = 'work_mem'",
                 "SELECT s FROM pg_settings s",
                 "SELECT reset_val FROM pg_settings",
                 "SELECT (SELECT setting FROM pg_settings WHERE o.name = 'work_mem') FROM o",
                 "SELECT a FROM (SELECT setting AS a FROM pg_settings) x WHERE name = 'work_mem'",
                 "SELECT a.* FROM pg_settings a, (SELECT 1 FROM pg_settings WHERE name = 'x') b",
                 "TABLE pg_settings",
                 "COPY (TABLE pg_settings) TO STDOUT",
                 "COPY (SELECT * FROM pg_authid) TO STDOUT"});
}

TEST(CredentialsTest, PostgresStatementsThatOnlyResembleThoseAreSafe) {
  ExpectSafe(Dialect::kPostgres,
             {"SELECT * FROM pg_roles", "SELECT * FROM pg_user", "SELECT 'pg_shadow'",
              "SELECT * FROM pg_stat_subscription", "SHOW max_connections",
              "SELECT * FROM pg_stat_user_tables", "SELECT current_setting('server_version')",
              "SELECT * FROM \"user\""});
}

TEST(CredentialsTest, RedisSaysNothingOfPasswords) {
  for (absl::string_view text : {"ACL LIST", "acl getuser default", "CONFIG GET *pass*",
                                 "config get masterauth", "\"CONFIG\" GET requirepass"}) {
    const Verdict verdict = Classify(Dialect::kRedis, text);
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << text;
    EXPECT_THAT(verdict.reasons[0], testing::HasSubstr("passwords")) << text;
  }
  ExpectSafe(Dialect::kRedis, {"ACL WHOAMI"});
}

}  // namespace
}  // namespace dbfleet::sql
