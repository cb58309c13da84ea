#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/linter.h"
#include "common/sql/report/redact.h"
#include "common/sql/sql.h"

// What is advised can be run, does all that the statement does, and names its own things. Each of
// these forms was run on PostgreSQL 15 and MariaDB 10.11.
namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Target Of(Dialect dialect, Version version) {
  Target target(dialect);
  target.version = version;
  return target;
}
const Target& Pg() {
  static const Target& target = *new Target(Of(Dialect::kPostgres, {15, 0, 0}));
  return target;
}
const Target& Ma() {
  static const Target& target = *new Target(Of(Dialect::kMariaDb, {10, 11, 0}));
  return target;
}

// As it is shown: without secrets.
std::vector<Finding> Lint(const Target& target, absl::string_view script,
                          const SchemaSnapshot* snapshot = nullptr) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  if (!statements.ok()) return {};
  const LintConfig config;
  Linter linter(target, config, snapshot);
  std::vector<Hidden> hidden;
  for (const Statement& statement : *statements) {
    StatementReport report;
    linter.Add(statement, Read(target, statement));
    hidden.push_back(HideSecrets(target, statement, &report));
  }
  std::vector<Finding> findings = linter.Finish();
  for (Finding& finding : findings) {
    if (finding.statement >= 0) hidden[static_cast<size_t>(finding.statement)].SayFinding(&finding);
  }
  return findings;
}

std::vector<std::string> Ids(const Target& target, absl::string_view script,
                             const SchemaSnapshot* snapshot = nullptr) {
  std::vector<std::string> ids;
  for (const Finding& finding : Lint(target, script, snapshot)) ids.push_back(finding.rule_id);
  return ids;
}

std::string Advice(const Target& target, absl::string_view script, absl::string_view rule) {
  for (const Finding& finding : Lint(target, script)) {
    if (finding.rule_id == rule) return finding.advice;
  }
  return absl::StrCat("no ", rule);
}

std::string Message(const Target& target, absl::string_view script, absl::string_view rule) {
  for (const Finding& finding : Lint(target, script)) {
    if (finding.rule_id == rule) return finding.message;
  }
  return absl::StrCat("no ", rule);
}

TEST(LintAdviceTest, AForeignKeyKeepsItsActionsAndWhenItIsChecked) {
  EXPECT_EQ(Advice(Pg(),
                   "ALTER TABLE app.c ADD CONSTRAINT fk_c_p FOREIGN KEY (p_id) REFERENCES app.p "
                   "(id)\n  MATCH FULL -- all of it\n ON DELETE CASCADE ON UPDATE CASCADE "
                   "DEFERRABLE INITIALLY DEFERRED",
                   "dbf-fk-not-valid"),
            "write ALTER TABLE app.c ADD CONSTRAINT fk_c_p FOREIGN KEY (p_id) REFERENCES app.p "
            "(id) MATCH FULL ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED "
            "NOT VALID; in a later migration ALTER TABLE app.c VALIDATE CONSTRAINT fk_c_p");
  // Of several changes only its own, with a name where it has none.
  EXPECT_THAT(Advice(Pg(),
                     "ALTER TABLE ONLY app.c ADD COLUMN x int, ADD FOREIGN KEY (\"P\") REFERENCES "
                     "app.\"Order\" ON DELETE SET NULL, DROP COLUMN y",
                     "dbf-fk-not-valid"),
              HasSubstr("write ALTER TABLE ONLY app.c ADD CONSTRAINT fk_c_order FOREIGN KEY "
                        "(\"P\") REFERENCES app.\"Order\" ON DELETE SET NULL NOT VALID;"));
}

TEST(LintAdviceTest, ACheckKeepsItsCondition) {
  EXPECT_EQ(Advice(Pg(), "ALTER TABLE app.t ADD CONSTRAINT k CHECK (a > 0 AND b <> ',') NO INHERIT",
                   "dbf-check-not-valid"),
            "write ALTER TABLE app.t ADD CONSTRAINT k CHECK (a > 0 AND b <> ',') NO INHERIT NOT "
            "VALID; in a later migration ALTER TABLE app.t VALIDATE CONSTRAINT k");
}

TEST(LintAdviceTest, AnIndexKeepsAllThatItSays) {
  struct {
    const char* create;
    const char* advice;
  } cases[] = {
      {"CREATE UNIQUE INDEX idx_t_a ON app.t (lower(a) text_pattern_ops DESC NULLS LAST) "
       "INCLUDE (b)",
       "CREATE UNIQUE INDEX CONCURRENTLY idx_t_a ON app.t (lower(a) text_pattern_ops DESC "
       "NULLS LAST) INCLUDE (b),"},
      {"CREATE INDEX i ON app.users (username varchar_pattern_ops)",
       "CREATE INDEX CONCURRENTLY i ON app.users (username varchar_pattern_ops),"},
      {"create index if not exists tmp_idx on app.n using gin (name gin_trgm_ops)",
       "CREATE INDEX CONCURRENTLY IF NOT EXISTS tmp_idx on app.n using gin (name gin_trgm_ops),"},
      {"CREATE INDEX \"I\" ON app.\"Order\" (\"A b\" DESC) TABLESPACE s",
       "CREATE INDEX CONCURRENTLY \"I\" ON app.\"Order\" (\"A b\" DESC) TABLESPACE s,"},
      {"CREATE INDEX i ON app.t USING gin (a jsonb_path_ops) WITH (fastupdate=off) WHERE a IS NOT "
       "NULL",
       "CREATE INDEX CONCURRENTLY i ON app.t USING gin (a jsonb_path_ops) WITH (fastupdate=off) "
       "WHERE a IS NOT NULL,"},
      {"CREATE UNIQUE INDEX i ON app.t (a COLLATE \"C\", (b || 'x')) NULLS NOT DISTINCT",
       "CREATE UNIQUE INDEX CONCURRENTLY i ON app.t (a COLLATE \"C\", (b || 'x')) NULLS NOT "
       "DISTINCT,"},
      {"CREATE INDEX ON app.t (a)", "CREATE INDEX CONCURRENTLY idx_t_a ON app.t (a),"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Advice(Pg(), c.create, "dbf-index-not-concurrent"),
              absl::StrCat("write ", c.advice, " in a migration of its own"));
  }
  // A statement that cannot be shown whole is not shown in part.
  const std::string text(1000, 'x');
  for (const std::string& create :
       {absl::StrCat("CREATE INDEX i ON app.t (a) WHERE b = '", text, "'"),
        std::string("CREATE INDEX i ON app.t (a) WHERE b = 'x\ny'")}) {
    EXPECT_EQ(Advice(Pg(), create, "dbf-index-not-concurrent"),
              "write CONCURRENTLY behind INDEX, in a migration of its own");
  }
}

TEST(LintAdviceTest, WhatDoesNotFitIsSaidInWords) {
  const std::string condition = absl::StrCat("a <> '", std::string(700, 'x'), "'");
  const std::string check =
      Advice(Pg(), absl::StrCat("ALTER TABLE app.t ADD CONSTRAINT k CHECK (", condition, ")"),
             "dbf-check-not-valid");
  EXPECT_THAT(check, HasSubstr("ADD CONSTRAINT k with all that it says and NOT VALID; in a later"));
  EXPECT_THAT(Advice(Pg(), absl::StrCat("CREATE UNIQUE INDEX i ON app.t (a) WHERE ", condition),
                     "dbf-unique-on-existing"),
              Not(HasSubstr("SELECT")));
}

TEST(LintAdviceTest, AUniqueConstraintKeepsAllThatItSays) {
  EXPECT_EQ(Advice(Pg(),
                   "ALTER TABLE app.t ADD CONSTRAINT t_u UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b) "
                   "WITH (fillfactor=70) USING INDEX TABLESPACE s DEFERRABLE",
                   "dbf-unique-constraint"),
            "write CREATE UNIQUE INDEX CONCURRENTLY t_u ON app.t (a) INCLUDE (b) NULLS NOT "
            "DISTINCT WITH (fillfactor=70) TABLESPACE s; then ALTER TABLE app.t ADD CONSTRAINT "
            "t_u UNIQUE USING INDEX t_u DEFERRABLE");
  EXPECT_EQ(Advice(Pg(), "ALTER TABLE app.t ADD PRIMARY KEY (a, b)", "dbf-add-primary-key"),
            "first set NOT NULL on a, b, as dbf-set-not-null says; then write CREATE UNIQUE INDEX "
            "CONCURRENTLY pk_t_a_b ON app.t (a, b); then ALTER TABLE app.t ADD CONSTRAINT "
            "pk_t_a_b PRIMARY KEY USING INDEX pk_t_a_b");
}

TEST(LintAdviceTest, NewColumnsWithKeysAndChecks) {
  EXPECT_THAT(
      Advice(Pg(), "ALTER TABLE app.t ADD COLUMN c int CHECK (c > 0)", "dbf-check-not-valid"),
      HasSubstr("add c without CHECK; then ALTER TABLE app.t ADD CONSTRAINT chk_t_c"));
  EXPECT_THAT(Advice(Pg(), "ALTER TABLE app.t ADD COLUMN c int UNIQUE", "dbf-unique-constraint"),
              HasSubstr("CREATE UNIQUE INDEX CONCURRENTLY uq_t_c ON app.t (c); then ALTER TABLE "
                        "app.t ADD CONSTRAINT uq_t_c UNIQUE USING INDEX uq_t_c"));
  const char* key = "ALTER TABLE app.t ADD COLUMN c bigint PRIMARY KEY";
  EXPECT_THAT(Advice(Pg(), key, "dbf-add-primary-key"),
              HasSubstr("ADD CONSTRAINT pk_t_c PRIMARY KEY USING INDEX pk_t_c"));
  EXPECT_THAT(Ids(Pg(), key), Not(Contains("dbf-not-null-without-default")));
  EXPECT_THAT(Ids(Pg(), "ALTER TABLE app.t ADD COLUMN c int"),
              Not(Contains("dbf-check-not-valid")));
}

// The server knows that no row of a new column refers to anything, unless it has a default.
TEST(LintAdviceTest, NewColumnsThatReferToATable) {
  EXPECT_THAT(Ids(Pg(), "ALTER TABLE app.c ADD COLUMN p_id bigint REFERENCES app.p (id)"),
              Not(Contains("dbf-fk-not-valid")));
  for (const char* checked :
       {"ALTER TABLE app.c ADD COLUMN p_id bigint DEFAULT 1 REFERENCES app.p (id)",
        "ALTER TABLE app.c ADD COLUMN p_id bigint REFERENCES app.p (id), ADD COLUMN b int DEFAULT "
        "2"}) {
    EXPECT_THAT(Advice(Pg(), checked, "dbf-fk-not-valid"),
                HasSubstr("ADD CONSTRAINT fk_c_p FOREIGN KEY (p_id) with the same REFERENCES"));
    EXPECT_TRUE(Read(Pg(), checked).verdict.effects.scans_table) << checked;
  }
  EXPECT_FALSE(Read(Pg(), "ALTER TABLE app.c ADD COLUMN p_id bigint REFERENCES app.p (id)")
                   .verdict.effects.scans_table);
}

TEST(LintAdviceTest, NamesKeepTheirSchemas) {
  EXPECT_THAT(Advice(Pg(), "ALTER TABLE app.p DETACH PARTITION app.p1", "dbf-detach-partition"),
              HasSubstr("ALTER TABLE app.p DETACH PARTITION app.p1 CONCURRENTLY"));
  EXPECT_THAT(Advice(Pg(), "ALTER TABLE app.p ATTACH PARTITION app.p1 FOR VALUES IN (1)",
                     "dbf-attach-partition"),
              HasSubstr("ALTER TABLE app.p1 ADD CONSTRAINT chk_p1_bounds CHECK with the "
                        "partition's bounds, and that its key IS NOT NULL, NOT VALID"));
  EXPECT_THAT(
      Advice(Pg(), "ALTER TABLE app.p ATTACH PARTITION app.p1 DEFAULT", "dbf-attach-partition"),
      HasSubstr("CHECK that no row lies in the bounds of another partition"));
  EXPECT_THAT(Advice(Pg(), "ALTER TABLE app.a RENAME TO b", "dbf-rename-table"),
              HasSubstr("CREATE VIEW app.b AS"));
  EXPECT_THAT(Advice(Pg(), "ALTER TABLE app.a SET SCHEMA old", "dbf-rename-table"),
              HasSubstr("CREATE VIEW old.a AS SELECT ... FROM app.a"));
  EXPECT_THAT(Advice(Ma(), "RENAME TABLE a TO old.a", "dbf-rename-table"),
              HasSubstr("CREATE VIEW old.a AS"));
}

TEST(LintAdviceTest, WhatHasNoConcurrentFormIsNotAdvisedToHaveOne) {
  EXPECT_THAT(Advice(Pg(), "REINDEX SYSTEM db", "dbf-reindex-not-concurrent"),
              Not(HasSubstr("CONCURRENTLY")));
  EXPECT_THAT(
      Message(Pg(), "BEGIN; REINDEX DATABASE db; COMMIT", "dbf-concurrently-in-transaction"),
      HasSubstr("REINDEX DATABASE cannot run inside"));
}

TEST(LintAdviceTest, AQueryForDuplicatesCountsWhatTheIndexDoes) {
  EXPECT_EQ(Advice(Ma(), "CREATE UNIQUE INDEX u ON t (a(10), b DESC)", "dbf-unique-on-existing"),
            "first: SELECT LEFT(a, 10), b, COUNT(*) FROM t WHERE LEFT(a, 10) IS NOT NULL AND b IS "
            "NOT NULL GROUP BY LEFT(a, 10), b HAVING COUNT(*) > 1 must give nothing");
  EXPECT_EQ(Advice(Pg(),
                   "CREATE UNIQUE INDEX u ON app.t (lower(a) text_pattern_ops, c DESC) WHERE b OR "
                   "d = 'x'",
                   "dbf-unique-on-existing"),
            "first: SELECT lower(a), c, COUNT(*) FROM app.t WHERE (b OR d = 'x') AND lower(a) IS "
            "NOT NULL AND c IS NOT NULL GROUP BY lower(a), c HAVING COUNT(*) > 1 must give "
            "nothing");
}

TEST(LintAdviceTest, DomainsAreNoTables) {
  EXPECT_EQ(Advice(Pg(), "ALTER DOMAIN app.pos SET NOT NULL", "dbf-set-not-null"),
            "write ALTER DOMAIN app.pos ADD CONSTRAINT chk_pos_not_null CHECK (VALUE IS NOT NULL) "
            "NOT VALID; in a later migration ALTER DOMAIN app.pos VALIDATE CONSTRAINT "
            "chk_pos_not_null");
  EXPECT_EQ(Advice(Pg(), "ALTER DOMAIN app.pos ADD CONSTRAINT c CHECK (VALUE > 0)",
                   "dbf-check-not-valid"),
            "write ALTER DOMAIN app.pos ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID; in a later "
            "migration ALTER DOMAIN app.pos VALIDATE CONSTRAINT c");
  EXPECT_THAT(Ids(Pg(), "ALTER DOMAIN app.pos ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID"),
              Not(Contains("dbf-check-not-valid")));
}

// Followed to the letter, in three files, the third one has to pass.
TEST(LintAdviceTest, TheWayToSetNotNullCanBeGone) {
  const std::string advice =
      Advice(Pg(), "ALTER TABLE app.t ALTER COLUMN c SET NOT NULL", "dbf-set-not-null");
  EXPECT_EQ(
      advice,
      "write ALTER TABLE app.t ADD CONSTRAINT chk_t_c CHECK (c IS NOT NULL) NOT VALID; in a "
      "second migration ALTER TABLE app.t VALIDATE CONSTRAINT chk_t_c; in a third one, behind "
      "the line -- dbfleet:ignore dbf-set-not-null chk_t_c is validated, ALTER TABLE app.t "
      "ALTER COLUMN c SET NOT NULL; then ALTER TABLE app.t DROP CONSTRAINT chk_t_c");
  for (const Finding& finding :
       Lint(Pg(),
            "SET lock_timeout = '5s';\n-- dbfleet:ignore dbf-set-not-null chk_t_c is validated\n"
            "ALTER TABLE app.t ALTER COLUMN c SET NOT NULL;\n"
            "ALTER TABLE app.t DROP CONSTRAINT chk_t_c;")) {
    EXPECT_TRUE(finding.ignored || finding.severity == Severity::kInfo) << finding.rule_id;
  }
}

TEST(LintAdviceTest, AliasesAreNoTables) {
  const char* one = "DELETE o FROM orders o LEFT JOIN c ON c.id = o.cid";
  EXPECT_THAT(Advice(Ma(), one, "dbf-no-where"), HasSubstr("DELETE FROM orders "));
  SchemaSnapshot snapshot;
  snapshot.complete = true;
  for (const char* name : {"orders", "c"}) {
    LiveTable table;
    table.name = {"", name};
    table.rows = 10;
    snapshot.Add(table);
  }
  EXPECT_THAT(Ids(Ma(), one, &snapshot), Not(Contains("dbf-dry-run")));
  EXPECT_THAT(Ids(Ma(), "DELETE x FROM x JOIN c ON c.id = x.cid", &snapshot),
              Contains("dbf-dry-run"));
  EXPECT_THAT(Advice(Ma(),
                     "DELETE a, b FROM wp_options a, wp_options b WHERE b.option_name = "
                     "CONCAT('_transient_timeout_', SUBSTRING(a.option_name, 12))",
                     "dbf-function-on-column"),
              Not(HasSubstr("ALTER TABLE a ")));
  EXPECT_THAT(Advice(Pg(), "SELECT a.id FROM app.a JOIN app.b ON b.n = lower(a.n)",
                     "dbf-function-on-column"),
              Not(HasSubstr("its table")));
}

TEST(LintAdviceTest, OnlyWhatIsWrittenIsSaidToBeWritten) {
  const auto access = [](const char* sql, const char* table) {
    for (const ObjectUse& use : Read(Ma(), sql).verdict.uses) {
      if (use.name == table) return use.access;
    }
    return Access::kDefine;
  };
  const char* update = "UPDATE t JOIN u ON u.id = t.id SET t.a = u.a, t.b = 1 WHERE u.c = 3";
  EXPECT_EQ(access(update, "t"), Access::kWrite);
  EXPECT_EQ(access(update, "u"), Access::kRead);
  EXPECT_EQ(access("UPDATE t JOIN u ON u.id = t.id SET a = 1 WHERE u.c = 3", "u"), Access::kWrite);
  EXPECT_EQ(access("UPDATE t x JOIN u y ON y.id = x.id SET y.a = 1 WHERE x.c = 3", "t"),
            Access::kRead);
  EXPECT_EQ(access("UPDATE t x JOIN u y ON y.id = x.id SET y.a = 1 WHERE x.c = 3", "u"),
            Access::kWrite);
  const char* remove = "DELETE x FROM t x JOIN u ON u.id = x.id WHERE u.c = 3";
  EXPECT_EQ(access(remove, "t"), Access::kWrite);
  EXPECT_EQ(access(remove, "u"), Access::kRead);
  EXPECT_EQ(access("DELETE a FROM t a JOIN t b ON a.id = b.id WHERE b.c = 3", "t"), Access::kWrite);
}

TEST(LintAdviceTest, NoAlgorithmIsAdvisedThatTheServerRefuses) {
  for (const char* sql :
       {"ALTER TABLE t ADD CHECK (a > 0)", "ALTER TABLE t DROP PRIMARY KEY",
        "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4",
        "ALTER TABLE t ADD COLUMN c int AS (a + 1) STORED",
        "ALTER TABLE t ADD COLUMN c varchar(36) DEFAULT (uuid())", "ALTER TABLE t ENGINE=MyISAM",
        "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id)"}) {
    EXPECT_THAT(Advice(Ma(), sql, "dbf-no-algorithm"), Not(HasSubstr("INPLACE"))) << sql;
  }
  EXPECT_THAT(
      Advice(Ma(), "ALTER TABLE t ADD COLUMN c int AUTO_INCREMENT UNIQUE", "dbf-no-algorithm"),
      HasSubstr("LOCK=SHARED"));
  EXPECT_THAT(Advice(Ma(), "ALTER TABLE t ADD INDEX i (a)", "dbf-no-algorithm"),
              HasSubstr("ALGORITHM=INPLACE, LOCK=NONE"));
  EXPECT_THAT(Message(Ma(), "ALTER TABLE t MODIFY b VARCHAR(30)", "dbf-change-column-type"),
              HasSubstr("rewrites the table, unless it only makes a VARCHAR longer"));
}

TEST(LintAdviceTest, SecretsAreNotSeenInNamesOfTables) {
  EXPECT_EQ(Advice(Pg(), "ALTER TABLE \"auth_user\" ADD COLUMN \"bio\" text DEFAULT '' NOT NULL",
                   "dbf-no-lock-timeout"),
            "SET lock_timeout = '5s' first, and try again when it fails");
  EXPECT_THAT(Advice(Pg(),
                     "CREATE INDEX \"u_like\" ON \"auth_user\" (\"username\" "
                     "varchar_pattern_ops)",
                     "dbf-index-not-concurrent"),
              HasSubstr("CREATE INDEX CONCURRENTLY u_like ON \"auth_user\" (\"username\" "
                        "varchar_pattern_ops),"));
  // Texts are hidden as before, in advice too.
  EXPECT_THAT(Advice(Pg(), "CREATE INDEX i ON \"auth_user\" (\"a\") WHERE \"pw\" = 'hunter2'",
                     "dbf-index-not-concurrent"),
              Not(HasSubstr("hunter2")));
  EXPECT_THAT(Advice(Pg(), "ALTER TABLE auth_user ADD CONSTRAINT c CHECK (password <> 'hunter2')",
                     "dbf-check-not-valid"),
              Not(HasSubstr("hunter2")));
  const Reading routine = Read(Ma(), "CREATE DEFINER=`root`@`localhost` PROCEDURE p() SELECT 1");
  Statement statement;
  statement.text = "CREATE DEFINER=`root`@`localhost` PROCEDURE p() SELECT 1";
  StatementReport report;
  const Hidden hidden = HideSecrets(Ma(), statement, &report);
  EXPECT_EQ(hidden.Say("the procedure p has effects"), "the procedure p has effects");
}

TEST(LintAdviceTest, ComparisonsAreNamedByTheirColumns) {
  for (const Target& target : {Pg(), Ma()}) {
    EXPECT_EQ(Advice(target, "SELECT a FROM app.t WHERE b = NULL AND c <> NULL", "dbf-equals-null"),
              "write b IS NULL");
    EXPECT_EQ(Advice(target, "SELECT a FROM app.t WHERE NULL != b", "dbf-equals-null"),
              "write b IS NOT NULL");
    EXPECT_THAT(Advice(target, "SELECT a FROM app.t WHERE a LIKE '%x'", "dbf-leading-wildcard"),
                HasSubstr("INDEX"));
  }
  EXPECT_THAT(
      Advice(Pg(), "SELECT id FROM app.t WHERE a LIKE '%x'", "dbf-leading-wildcard"),
      HasSubstr("CREATE INDEX CONCURRENTLY idx_t_a_text ON app.t USING gin (a gin_trgm_ops)"));
  EXPECT_THAT(Advice(Ma(), "SELECT id FROM app.t WHERE a LIKE '%x'", "dbf-leading-wildcard"),
              HasSubstr("CREATE FULLTEXT INDEX idx_t_a_text ON app.t (a)"));
}

TEST(LintAdviceTest, WordsOfSqlAreWrittenInQuotes) {
  EXPECT_THAT(Advice(Pg(), "DROP INDEX app.\"grant\"", "dbf-drop-index-not-concurrent"),
              HasSubstr("DROP INDEX CONCURRENTLY app.\"grant\""));
  EXPECT_THAT(Advice(Pg(), "SELECT id FROM app.t WHERE left(a, 3) = 'x'", "dbf-function-on-column"),
              HasSubstr("left(a"));
  EXPECT_THAT(Advice(Pg(), "CREATE TABLE app.\"éé\" (id bigint PRIMARY KEY)", "dbf-naming-table"),
              Not(HasSubstr("__")));
}

TEST(LintAdviceTest, FindingsThatWereNone) {
  EXPECT_THAT(Ids(Pg(), "CREATE EXTENSION pg_trgm"), Not(Contains("dbf-table-rebuild")));
  EXPECT_THAT(Ids(Pg(), "ALTER EXTENSION pg_trgm UPDATE"), Not(Contains("dbf-table-rebuild")));
  EXPECT_THAT(Ids(Pg(), "CREATE INDEX CONCURRENTLY i ON app.t (x) WHERE lower(y) = 'a'"),
              Not(Contains("dbf-function-on-column")));
  EXPECT_THAT(Ids(Ma(), "CREATE TABLE t (a INT, b INT, KEY k1 (a, b DESC), KEY k2 (a, b))"),
              Not(Contains("dbf-duplicate-index")));
  EXPECT_THAT(Ids(Ma(), "CREATE TABLE t (a INT, b INT, KEY k1 (a, b) IGNORED, KEY k2 (a, b))"),
              Not(Contains("dbf-duplicate-index")));
  EXPECT_THAT(Ids(Ma(), "CREATE TABLE t (a INT, b INT, KEY k1 (a DESC, b DESC), KEY k2 (a, b))"),
              Contains("dbf-duplicate-index"));
  EXPECT_THAT(Ids(Pg(),
                  "CREATE TABLE app.t (a text); CREATE INDEX i ON app.t (a); CREATE INDEX j "
                  "ON app.t (a text_pattern_ops)"),
              Not(Contains("dbf-duplicate-index")));
  EXPECT_TRUE(Read(Target(Dialect::kRedis), "COMMAND").verdict.understood);
}

TEST(LintAdviceTest, FindingsThatWereMissing) {
  EXPECT_THAT(Ids(Pg(), "CREATE TYPE app.e AS ENUM ('a')"), Contains("dbf-not-idempotent"));
  EXPECT_THAT(Advice(Pg(), "ALTER TABLE app.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
                     "dbf-not-idempotent"),
              HasSubstr("ALTER TABLE app.t DROP CONSTRAINT IF EXISTS c"));
  EXPECT_THAT(Ids(Ma(),
                  "CREATE TABLE t (id BIGINT PRIMARY KEY, n INT); SELECT id FROM t WHERE n "
                  "= '5'"),
              Contains("dbf-implicit-conversion"));
  for (const Target* target : {&Pg(), &Ma()}) {
    EXPECT_THAT(Message(*target, "SELECT id FROM app.t WHERE id + 1 = 5", "dbf-function-on-column"),
                HasSubstr("a calculation with id"));
    EXPECT_THAT(Ids(*target, "SELECT id FROM app.t WHERE id = 5 + 1"),
                Not(Contains("dbf-function-on-column")));
  }
  EXPECT_THAT(Ids(Pg(), "ALTER TABLE app.t ADD COLUMN j json[]"), Contains("dbf-json-column"));
  EXPECT_THAT(Ids(Ma(), "ALTER TABLE t ADD COLUMN d DATE DEFAULT 0"), Contains("dbf-zero-date"));
}

TEST(LintAdviceTest, AnIgnoreOfSeveralRulesSaysHowToWriteThem) {
  EXPECT_THAT(
      Advice(Ma(), "-- dbfleet:ignore dbf-a, dbf-b why\nSELECT 1", "dbf-ignore-unknown-rule"),
      HasSubstr("name one rule in each comment"));
}

// In one statement the server drops the CHECK first, and reads the whole table.
TEST(LintAdviceTest, SetNotNullAndDroppingItsCheckStayApart) {
  const std::string prove =
      "ALTER TABLE app.t ADD CONSTRAINT k CHECK (c IS NOT NULL) NOT VALID; COMMIT;"
      "ALTER TABLE app.t VALIDATE CONSTRAINT k; COMMIT;";
  const auto ids = Ids(Pg(), prove +
                                 "ALTER TABLE app.t ALTER COLUMN c SET NOT NULL;"
                                 "ALTER TABLE app.t DROP CONSTRAINT k");
  EXPECT_THAT(ids, Not(Contains("dbf-set-not-null")));
  EXPECT_THAT(ids, Not(Contains("dbf-merge-alters")));
}

TEST(LintAdviceTest, TypesAreWrittenAsTheyWere) {
  const auto advised = [](const std::string& type) {
    return Advice(Pg(), "ALTER TABLE app.t ALTER COLUMN a TYPE " + type, "dbf-change-column-type");
  };
  for (const char* type :
       {"varchar(10)[]", "numeric(5,-2)[][]", "\"My Type\"", "s.\"T y\"(3)",
        "interval day to second(3)", "interval year", "interval(3)", "\"char\"", "double precision",
        "character varying (10)", "timestamp (3) with time zone", "time without time zone",
        "int ARRAY[4]", "bit varying(3)", "national character varying(3)", "numeric"}) {
    EXPECT_THAT(advised(type), HasSubstr(absl::StrCat("ADD COLUMN a_new ", type, ", keep")));
  }
  EXPECT_THAT(
      Advice(Ma(), "ALTER TABLE t MODIFY a INT UNSIGNED ZEROFILL", "dbf-change-column-type"),
      HasSubstr("ADD COLUMN a_new INT UNSIGNED ZEROFILL, keep"));
}

// What cannot be written as SQL is put in words, so that nothing of it is lost.
TEST(LintAdviceTest, FormsOfColumnsLoseNoParts) {
  const auto has_no_sql = [](const Target& target, absl::string_view sql, absl::string_view rule) {
    const std::string advice = Advice(target, sql, rule);
    EXPECT_THAT(advice, Not(HasSubstr("ADD COLUMN"))) << sql;
    EXPECT_THAT(advice, Not(HasSubstr("no dbf-"))) << sql;
    EXPECT_THAT(advice, HasSubstr("whatever else is said of")) << sql;
  };
  has_no_sql(Pg(), "ALTER TABLE t ALTER a TYPE int USING a::int", "dbf-change-column-type");
  has_no_sql(Pg(), "ALTER TABLE t ALTER a TYPE text COLLATE \"C\"", "dbf-change-column-type");
  has_no_sql(Ma(), "ALTER TABLE t MODIFY a VARCHAR(9) COLLATE utf8mb4_bin COMMENT 'x' AFTER b",
             "dbf-change-column-type");
  has_no_sql(Pg(), "ALTER TABLE t ADD COLUMN a4 uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE",
             "dbf-volatile-default");
  has_no_sql(Ma(), "ALTER TABLE t ADD COLUMN a VARCHAR(9) NOT NULL COMMENT 'x'",
             "dbf-not-null-without-default");
  EXPECT_EQ(Advice(Ma(), "ALTER TABLE t MODIFY a VARCHAR(9) NOT NULL DEFAULT 'x'",
                   "dbf-change-column-type"),
            "write ALTER TABLE t ADD COLUMN a_new VARCHAR(9) NOT NULL DEFAULT 'x', keep both in "
            "step, copy in batches, then swap them");
  EXPECT_EQ(Advice(Pg(),
                   "ALTER TABLE IF EXISTS app.t ADD COLUMN IF NOT EXISTS a uuid NOT NULL "
                   "DEFAULT gen_random_uuid()",
                   "dbf-volatile-default"),
            "write ALTER TABLE IF EXISTS app.t ADD COLUMN IF NOT EXISTS a uuid; then ALTER TABLE "
            "IF EXISTS app.t ALTER COLUMN a SET DEFAULT gen_random_uuid(); then fill in old rows "
            "in batches; then set NOT NULL");
  EXPECT_THAT(Advice(Ma(), "ALTER TABLE t ADD COLUMN a VARCHAR(40) DEFAULT uuid()",
                     "dbf-expression-default"),
              HasSubstr("ALTER COLUMN a SET DEFAULT (uuid());"));
  EXPECT_THAT(
      Advice(Pg(), "ALTER TABLE IF EXISTS app.t ADD CONSTRAINT c CHECK (a > 0)",
             "dbf-check-not-valid"),
      HasSubstr("write ALTER TABLE IF EXISTS app.t ADD CONSTRAINT c CHECK (a > 0) NOT VALID;"
                " in a later migration ALTER TABLE IF EXISTS app.t VALIDATE"));
}

TEST(LintAdviceTest, KeysOfColumnsKeepTheirNamesAndWhenTheyAreChecked) {
  EXPECT_THAT(Advice(Pg(), "ALTER TABLE app.t ADD COLUMN a int CONSTRAINT my_key UNIQUE",
                     "dbf-unique-constraint"),
              HasSubstr("ADD CONSTRAINT my_key UNIQUE USING INDEX my_key"));
  EXPECT_THAT(Advice(Pg(), "ALTER TABLE app.t ADD COLUMN a int CONSTRAINT my_ck CHECK (a > 0)",
                     "dbf-check-not-valid"),
              HasSubstr("ADD CONSTRAINT my_ck with the same CHECK"));
  const std::string deferred =
      Advice(Pg(), "ALTER TABLE app.t ADD COLUMN a int UNIQUE DEFERRABLE INITIALLY DEFERRED",
             "dbf-unique-constraint");
  EXPECT_THAT(deferred, HasSubstr("with all that is said of the key"));
  EXPECT_THAT(deferred, Not(HasSubstr("ADD CONSTRAINT")));
}

// 'a' and 'b' on two lines are one text; on one line nothing that a server would take.
TEST(LintAdviceTest, TextsOverTwoLinesAreNotJoined) {
  EXPECT_THAT(Advice(Pg(), "ALTER TABLE t ADD CONSTRAINT c CHECK (n IN ('x'\n'y', 'x'))",
                     "dbf-check-not-valid"),
              HasSubstr("with all that it says"));
  EXPECT_THAT(
      Advice(Pg(), "CREATE INDEX i ON t (a) WHERE n = 'x'\n'y'", "dbf-index-not-concurrent"),
      Not(HasSubstr("'x' 'y'")));
}

TEST(LintAdviceTest, AnOldTableStaysInItsDatabase) {
  EXPECT_THAT(Advice(Ma(), "DROP TABLE d2.u", "dbf-drop-table"),
              HasSubstr("ALTER TABLE d2.u RENAME TO d2.u_old,"));
  EXPECT_THAT(Advice(Ma(), "CREATE OR REPLACE TABLE d2.u (id int)", "dbf-drop-table"),
              HasSubstr("ALTER TABLE d2.u RENAME TO d2.u_old first"));
  EXPECT_THAT(Advice(Pg(), "DROP TABLE d2.u", "dbf-drop-table"), HasSubstr("RENAME TO u_old,"));
}

TEST(LintAdviceTest, APrimaryKeyNeedsNoNotNullWhereItIsKnown) {
  SchemaSnapshot snapshot;
  LiveTable table;
  table.name = {"app", "t"};
  table.columns = {{"a", "int", false, false}, {"b", "int", true, false}};
  snapshot.Add(table);
  std::string advice;
  for (const Finding& finding : Lint(Pg(), "ALTER TABLE app.t ADD PRIMARY KEY (a, b)", &snapshot)) {
    if (finding.rule_id == "dbf-add-primary-key") advice = finding.advice;
  }
  EXPECT_THAT(advice, testing::StartsWith("first set NOT NULL on b, as dbf-set-not-null says"));
}

TEST(LintAdviceTest, ReindexKeepsItsOptionsAndFinalizeIsNoDetach) {
  EXPECT_EQ(
      Advice(Pg(), "REINDEX (TABLESPACE x, VERBOSE) INDEX app.i", "dbf-reindex-not-concurrent"),
      "write CONCURRENTLY in front of the name");
  EXPECT_THAT(Ids(Pg(), "ALTER TABLE app.p DETACH PARTITION app.q FINALIZE"),
              Not(Contains("dbf-detach-partition")));
}

TEST(LintAdviceTest, NamesThatLookLikeSomethingElseStandInQuotes) {
  EXPECT_THAT(Message(Pg(), "ALTER TABLE t DROP COLUMN \"(x\"", "dbf-drop-column"),
              HasSubstr("t.\"(x\""));
  EXPECT_THAT(Message(Ma(), "ALTER TABLE t DROP COLUMN `int4`", "dbf-drop-column"),
              HasSubstr("t.`int4`"));
  EXPECT_THAT(Message(Pg(), "ALTER TABLE t DROP COLUMN int4", "dbf-drop-column"),
              HasSubstr("t.int4"));
}

}  // namespace
}  // namespace dbfleet::sql
