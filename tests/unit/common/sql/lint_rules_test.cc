#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"

#include "common/sql/lint/linter.h"
#include "common/sql/lint/rules.h"
#include "common/sql/sql.h"

// Each rule against statements as people write them, through the readers.
namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::Not;

// "<column>", which somebody would have to fill in.
bool HoldsPlace(absl::string_view advice) {
  const size_t open = advice.find('<');
  if (open == absl::string_view::npos) return false;
  const bool name =
      open + 1 < advice.size() && absl::ascii_isalpha(static_cast<unsigned char>(advice[open + 1]));
  return (name && absl::StrContains(advice.substr(open), ">")) ||
         HoldsPlace(advice.substr(open + 1));
}

std::vector<std::string> Found(const Target& target, absl::string_view script) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  const LintConfig config;
  Linter linter(target, config, nullptr);
  for (const Statement& statement : *statements) linter.Add(statement, Read(target, statement));
  std::vector<std::string> ids;
  for (const Finding& finding : linter.Finish()) {
    ids.push_back(finding.rule_id);
    // What to write, in the statement's own names or in words; nothing to be filled in.
    EXPECT_FALSE(HoldsPlace(finding.advice)) << finding.rule_id << ": " << finding.advice << "\n"
                                             << script;
  }
  return ids;
}

struct RuleCase {
  const char* id;
  const char* bad;
  const char* good;  // The safe form, of which the rule says nothing.
};

void Check(const Target& target, absl::Span<const RuleCase> cases) {
  for (const RuleCase& c : cases) {
    EXPECT_THAT(Found(target, c.bad), Contains(c.id)) << c.bad;
    EXPECT_THAT(Found(target, c.good), Not(Contains(c.id))) << c.good;
  }
}

// The rules' own words hold no place for a name but the table's, which is put in.
TEST(LintRulesTest, NoAdviceOfARuleHoldsAPlaceToBeFilledIn) {
  for (const LintRule& rule : LintRules()) {
    const std::string advice = absl::StrReplaceAll(rule.advice, {{"<table>", "orders"}});
    EXPECT_FALSE(HoldsPlace(advice)) << rule.id << ": " << advice;
  }
}

constexpr RuleCase kInBoth[] = {
    {"dbf-no-where", "UPDATE t SET a = 1", "UPDATE t SET a = 1 WHERE id = 2"},
    {"dbf-no-where", "DELETE FROM t WHERE 1=1", "DELETE FROM t WHERE 1 = 1 AND id = 5"},
    {"dbf-no-where", "UPDATE t SET a = 1 WHERE TRUE", "UPDATE t SET a = 1 WHERE NOT TRUE"},
    {"dbf-no-where", "DELETE FROM t WHERE 'a'='a'", "DELETE FROM t WHERE 'a' = 'b'"},
    {"dbf-no-where", "DELETE FROM t WHERE 1", "DELETE FROM t WHERE 0"},
    {"dbf-no-where", "DELETE FROM t WHERE t.id = t.id", "DELETE FROM t WHERE t.id = u.id"},
    {"dbf-no-where", "DELETE FROM t WHERE id = 5 OR (2 <> 3 AND NOT (1 = 2))",
     "DELETE FROM t WHERE (id = 5 OR 1 = 2) AND b BETWEEN 1 AND 2"},
    {"dbf-insert-without-columns", "INSERT INTO t VALUES (1)", "INSERT INTO t (a) VALUES (1)"},
    {"dbf-select-star", "SELECT * FROM t WHERE a = 1", "SELECT a, count(*) FROM t GROUP BY a"},
    {"dbf-equals-null", "SELECT a FROM t WHERE b = NULL", "SELECT a FROM t WHERE b IS NULL"},
    {"dbf-leading-wildcard", "SELECT a FROM t WHERE b LIKE '%x'",
     "SELECT a FROM t WHERE b LIKE 'x%'"},
    {"dbf-function-on-column", "SELECT a FROM t WHERE lower(b) = 'x'",
     "SELECT a FROM t WHERE b = lower('X')"},
    {"dbf-limit-without-order", "SELECT a FROM t LIMIT 3", "SELECT a FROM t ORDER BY a LIMIT 3"},
    {"dbf-offset-pagination", "SELECT a FROM t ORDER BY a LIMIT 10 OFFSET 50000",
     "SELECT a FROM t WHERE a > 5 ORDER BY a LIMIT 10"},
    {"dbf-injection-tautology", "SELECT a FROM t WHERE b = 1 OR 1 = 1",
     "SELECT a FROM t WHERE b = 1 OR b = 2"},
    {"dbf-explicit-commit", "BEGIN; UPDATE t SET a = 1 WHERE b = 2; COMMIT",
     "UPDATE t SET a = 1 WHERE b = 2"},
    {"dbf-transaction-nesting", "BEGIN; BEGIN; COMMIT", "BEGIN; COMMIT; BEGIN; COMMIT"},
    {"dbf-uncommitted-transaction", "BEGIN; UPDATE t SET a = 1 WHERE b = 2", "BEGIN; COMMIT"},
    {"dbf-mixed-ddl-dml", "ALTER TABLE t ADD a int; UPDATE t SET a = 1 WHERE id = 1",
     "ALTER TABLE t ADD a int"},
    {"dbf-merge-alters", "ALTER TABLE t ADD a int; ALTER TABLE t ADD b int",
     "ALTER TABLE t ADD a int, ADD b int"},
    {"dbf-drop-table", "DROP TABLE t", "CREATE TABLE t (a int); DROP TABLE t"},
    {"dbf-drop-table", "DROP SCHEMA s", "CREATE SCHEMA s"},
    {"dbf-drop-column", "ALTER TABLE t DROP COLUMN a", "ALTER TABLE t ADD COLUMN a int"},
    {"dbf-truncate", "TRUNCATE TABLE t", "DELETE FROM t WHERE id BETWEEN 1 AND 1000"},
    {"dbf-rename-table", "ALTER TABLE t RENAME TO u", "CREATE VIEW u AS SELECT a FROM t"},
    {"dbf-rename-column", "ALTER TABLE t RENAME COLUMN a TO b", "ALTER TABLE t ADD COLUMN b int"},
    {"dbf-not-null-without-default", "ALTER TABLE t ADD COLUMN a int NOT NULL",
     "ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 0"},
    {"dbf-stored-generated", "ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS (b + 1) STORED",
     "ALTER TABLE t ADD COLUMN a int"},
    {"dbf-unique-on-existing", "CREATE UNIQUE INDEX idx_t_a ON t (a)",
     "CREATE INDEX idx_t_a ON t (a)"},
    {"dbf-duplicate-index", "CREATE TABLE t (id int PRIMARY KEY); CREATE INDEX i ON t (id)",
     "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX i ON t (a)"},
    {"dbf-redundant-index",
     "CREATE TABLE t (a int, b int); CREATE INDEX i ON t (a); CREATE INDEX j ON t (a, b)",
     "CREATE TABLE t (a int, b int); CREATE INDEX i ON t (b); CREATE INDEX j ON t (a, b)"},
    {"dbf-no-primary-key", "CREATE TABLE t (a int)", "CREATE TABLE t (a int PRIMARY KEY)"},
    {"dbf-int-key", "CREATE TABLE t (id int PRIMARY KEY)",
     "CREATE TABLE t (id bigint PRIMARY KEY)"},
    {"dbf-money-as-float", "ALTER TABLE t ADD COLUMN price double precision",
     "ALTER TABLE t ADD COLUMN price decimal(19, 4)"},
    {"dbf-cascade-delete",
     "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE",
     "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id)"},
    {"dbf-fk-parent-not-unique",
     "CREATE TABLE p (id bigint PRIMARY KEY, b int);"
     "CREATE TABLE t (a int, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (b))",
     "CREATE TABLE p (id bigint PRIMARY KEY, b int);"
     "CREATE TABLE t (a int, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id))"},
    {"dbf-naming-column", "CREATE TABLE t (`customerId` int)", "CREATE TABLE t (customer_id int)"},
    {"dbf-naming-index", "CREATE INDEX by_a ON t (a)", "CREATE INDEX idx_t_a ON t (a)"},
    {"dbf-naming-foreign-key", "ALTER TABLE t ADD CONSTRAINT x FOREIGN KEY (a) REFERENCES p (id)",
     "ALTER TABLE t ADD CONSTRAINT fk_t_p FOREIGN KEY (a) REFERENCES p (id)"},
    {"dbf-audit-columns", "CREATE TABLE t (id bigint PRIMARY KEY)",
     "CREATE TABLE t (id bigint PRIMARY KEY, created_at date, updated_at date)"},
};

constexpr RuleCase kInPostgres[] = {
    {"dbf-order-by-random", "SELECT a FROM t ORDER BY random() LIMIT 1",
     "SELECT a FROM t ORDER BY a LIMIT 1"},
    {"dbf-offset-without-limit", "SELECT a FROM t ORDER BY a OFFSET 10",
     "SELECT a FROM t ORDER BY a LIMIT 10 OFFSET 10"},
    {"dbf-concurrently-in-transaction", "BEGIN; CREATE INDEX CONCURRENTLY i ON t (a); COMMIT",
     "CREATE INDEX CONCURRENTLY i ON t (a)"},
    {"dbf-validate-in-same-transaction",
     "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c",
     "ALTER TABLE t VALIDATE CONSTRAINT c"},
    {"dbf-drop-cascade", "DROP TABLE t CASCADE", "DROP TABLE t"},
    {"dbf-truncate-cascade", "TRUNCATE t CASCADE", "TRUNCATE t"},
    {"dbf-rename-schema", "ALTER SCHEMA s RENAME TO s2", "CREATE SCHEMA s2"},
    {"dbf-change-column-type", "ALTER TABLE t ALTER COLUMN a TYPE bigint",
     "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1"},
    {"dbf-set-not-null", "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
     "ALTER TABLE t ADD CONSTRAINT c CHECK (a IS NOT NULL) NOT VALID;"
     "ALTER TABLE t VALIDATE CONSTRAINT c; ALTER TABLE t ALTER COLUMN a SET NOT NULL"},
    {"dbf-drop-not-null", "ALTER TABLE t ALTER COLUMN a DROP NOT NULL",
     "ALTER TABLE t ALTER COLUMN a DROP DEFAULT"},
    {"dbf-volatile-default", "ALTER TABLE t ADD COLUMN a uuid DEFAULT gen_random_uuid()",
     "ALTER TABLE t ADD COLUMN a timestamptz DEFAULT now()"},
    {"dbf-add-auto-increment", "ALTER TABLE t ADD COLUMN id bigserial",
     "ALTER TABLE t ADD COLUMN id bigint"},
    {"dbf-json-column", "ALTER TABLE t ADD COLUMN a json", "ALTER TABLE t ADD COLUMN a jsonb"},
    {"dbf-rename-enum-value", "ALTER TYPE e RENAME VALUE 'a' TO 'b'",
     "ALTER TYPE e ADD VALUE 'b' AFTER 'a'"},
    {"dbf-enum-order", "ALTER TYPE e ADD VALUE 'b'", "ALTER TYPE e ADD VALUE 'b' BEFORE 'a'"},
    {"dbf-domain-constraint", "CREATE DOMAIN d AS int CHECK (VALUE > 0)", "CREATE DOMAIN d AS int"},
    {"dbf-index-not-concurrent", "CREATE INDEX i ON t (a)", "CREATE INDEX CONCURRENTLY i ON t (a)"},
    {"dbf-drop-index-not-concurrent", "DROP INDEX i", "DROP INDEX CONCURRENTLY i"},
    {"dbf-reindex-not-concurrent", "REINDEX TABLE t", "REINDEX TABLE CONCURRENTLY t"},
    {"dbf-fk-without-index",
     "CREATE TABLE t (a int, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id))",
     "CREATE TABLE t (a int, CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id));"
     "CREATE INDEX i ON t (a)"},
    {"dbf-add-primary-key", "ALTER TABLE t ADD PRIMARY KEY (a)",
     "ALTER TABLE t ADD PRIMARY KEY USING INDEX i"},
    {"dbf-unique-constraint", "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)",
     "ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX i"},
    {"dbf-fk-not-valid", "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id)",
     "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id) NOT VALID"},
    {"dbf-check-not-valid", "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
     "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID"},
    {"dbf-exclusion-constraint", "ALTER TABLE t ADD CONSTRAINT e EXCLUDE USING gist (a WITH =)",
     "ALTER TABLE t ADD COLUMN a int"},
    {"dbf-attach-partition", "ALTER TABLE t ATTACH PARTITION p FOR VALUES FROM (1) TO (2)",
     "CREATE TABLE p (LIKE t); ALTER TABLE t ATTACH PARTITION p FOR VALUES FROM (1) TO (2)"},
    {"dbf-detach-partition", "ALTER TABLE t DETACH PARTITION p",
     "ALTER TABLE t DETACH PARTITION p CONCURRENTLY"},
    {"dbf-no-lock-timeout", "ALTER TABLE t ADD COLUMN a int",
     "SET lock_timeout = '5s'; ALTER TABLE t ADD COLUMN a int"},
    {"dbf-vacuum-full", "VACUUM FULL t", "VACUUM t"},
    {"dbf-vacuum-full", "CLUSTER t USING i", "ANALYZE t"},
    {"dbf-routine", "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
     "CREATE SCHEMA s"},
    {"dbf-definer", "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
     "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"},
    {"dbf-set-role", "ALTER TABLE t OWNER TO me", "SET ROLE me"},
    {"dbf-unqualified-name", "CREATE TABLE t (a int)", "CREATE TABLE app.t (a int)"},
    {"dbf-not-idempotent", "CREATE TABLE t (a int)", "CREATE TABLE IF NOT EXISTS t (a int)"},
    {"dbf-naming-table", "CREATE TABLE \"Orders\" (a int)", "CREATE TABLE Orders (a int)"},
    {"dbf-long-identifier",
     "CREATE TABLE a123456789012345678901234567890123456789012345678901234567890123456789 (a int)",
     "CREATE TABLE a1 (a int)"},
    {"dbf-syntax-error", "FROBNICATE t", "SELECT lower(a) FROM t"},
    {"dbf-not-understood", "SELECT JSON_OBJECT('a': 1)", "SELECT lower(a) FROM t"},
};

constexpr RuleCase kInMySql[] = {
    {"dbf-dml-limit", "DELETE FROM t WHERE a = 1 LIMIT 5", "DELETE FROM t WHERE a = 1"},
    {"dbf-dml-order-by", "UPDATE t SET a = 1 WHERE b = 2 ORDER BY c",
     "UPDATE t SET a = 1 WHERE b = 2"},
    {"dbf-order-by-random", "SELECT a FROM t ORDER BY RAND() LIMIT 3",
     "SELECT a FROM t ORDER BY a LIMIT 3"},
    {"dbf-implicit-conversion", "SELECT a FROM t WHERE customer_id = '5'",
     "SELECT a FROM t WHERE customer_id = 5"},
    {"dbf-drop-table", "DROP DATABASE d", "CREATE DATABASE d"},
    {"dbf-drop-table", "ALTER TABLE t DROP PARTITION p", "ALTER TABLE t ADD COLUMN p INT"},
    {"dbf-truncate", "ALTER TABLE t TRUNCATE PARTITION p", "OPTIMIZE TABLE t"},
    {"dbf-rename-table", "RENAME TABLE a TO b", "CREATE TABLE a (i INT); RENAME TABLE a TO b"},
    {"dbf-rename-column", "ALTER TABLE t CHANGE a b INT", "ALTER TABLE t CHANGE a a INT"},
    {"dbf-change-column-type", "ALTER TABLE t MODIFY a BIGINT", "ALTER TABLE t ADD COLUMN b INT"},
    {"dbf-enum-change", "ALTER TABLE t MODIFY s ENUM('a','b')",
     "CREATE TABLE t (s ENUM('a')); ALTER TABLE t MODIFY s ENUM('a','b')"},
    {"dbf-expression-default", "ALTER TABLE t ADD COLUMN u CHAR(36) DEFAULT (UUID())",
     "ALTER TABLE t ADD COLUMN u DATETIME DEFAULT CURRENT_TIMESTAMP"},
    {"dbf-add-auto-increment", "ALTER TABLE t ADD COLUMN id BIGINT AUTO_INCREMENT PRIMARY KEY",
     "ALTER TABLE t ADD COLUMN id BIGINT"},
    {"dbf-engine", "CREATE TABLE t (a INT) ENGINE=MyISAM", "CREATE TABLE t (a INT) ENGINE=InnoDB"},
    {"dbf-charset", "CREATE TABLE t (a INT) DEFAULT CHARSET=latin1",
     "CREATE TABLE t (a INT) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"},
    {"dbf-charset", "CREATE TABLE t (a VARCHAR(9) CHARACTER SET utf8mb3)",
     "CREATE TABLE t (a VARCHAR(9))"},
    {"dbf-convert-charset", "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4",
     "ALTER TABLE t ADD COLUMN a INT"},
    {"dbf-float-column", "CREATE TABLE t (temperature FLOAT)", "CREATE TABLE t (a DECIMAL(9,2))"},
    {"dbf-zero-date", "CREATE TABLE t (d DATE DEFAULT '0000-00-00')", "CREATE TABLE t (d DATE)"},
    {"dbf-timestamp-2038", "CREATE TABLE t (a TIMESTAMP)", "CREATE TABLE t (a DATETIME(6))"},
    {"dbf-drop-visible-index", "DROP INDEX i ON t", "CREATE INDEX i ON t (a); DROP INDEX i ON t"},
    {"dbf-drop-visible-index", "ALTER TABLE t ALTER INDEX i IGNORED; DROP INDEX i ON t",
     "ALTER TABLE t ALTER INDEX i IGNORED"},
    {"dbf-no-algorithm", "DROP INDEX i ON t",
     "ALTER TABLE t DROP INDEX i, ALGORITHM=INPLACE, LOCK=NONE"},
    {"dbf-drop-visible-index", "ALTER TABLE t DROP INDEX i", "ALTER TABLE t DROP CONSTRAINT c"},
    {"dbf-foreign-key", "CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES p (id))",
     "CREATE TABLE t (a INT)"},
    {"dbf-no-algorithm", "ALTER TABLE t ADD COLUMN a INT",
     "ALTER TABLE t ADD COLUMN a INT, ALGORITHM=INSTANT"},
    {"dbf-no-algorithm", "CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (a) LOCK=NONE"},
    {"dbf-table-rebuild", "OPTIMIZE TABLE t", "ANALYZE TABLE t"},
    {"dbf-routine", "CREATE PROCEDURE p() SELECT 1", "CREATE TABLE p (a INT)"},
    {"dbf-routine", "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t WHERE a = 1",
     "CREATE VIEW v AS SELECT 1"},
    {"dbf-definer", "CREATE DEFINER=root@localhost PROCEDURE p() SELECT 1",
     "CREATE PROCEDURE p() SQL SECURITY INVOKER SELECT 1"},
    {"dbf-naming-table", "CREATE TABLE Orders (a INT)", "CREATE TABLE orders (a INT)"},
    {"dbf-syntax-error", "FROBNICATE t", "SELECT LOWER(a) FROM t"},
    {"dbf-not-understood", "SELECT frobnicate(a) FROM t", "SELECT LOWER(a) FROM t"},
};

TEST(LintRulesTest, MariaDbAlone) { Check(Target(Dialect::kMariaDb, {10, 11, 6}), kInMySql); }

TEST(LintRulesTest, BothInMariaDb) {
  for (const RuleCase& c : kInBoth) {
    Check(Target(Dialect::kMariaDb, {10, 11, 6}), absl::MakeSpan(&c, 1));
  }
}

TEST(LintRulesTest, AWhereThatHoldsForEveryRowIsCalledThat) {
  for (const Dialect dialect : {Dialect::kMariaDb, Dialect::kPostgres}) {
    const auto statements = Split(dialect, "DELETE FROM t WHERE id = id");
    std::string message;
    for (const Finding& finding : Lint(dialect, *statements)) {
      if (finding.rule_id == "dbf-no-where") message = finding.message;
    }
    EXPECT_EQ(message, "DELETE with a WHERE that is always true changes every row of t");
  }
  const Target mariadb(Dialect::kMariaDb);
  EXPECT_THAT(Found(mariadb, "DELETE FROM t WHERE 1 ORDER BY a LIMIT 5"), Contains("dbf-no-where"));
  for (const char* text :
       {"DELETE FROM t WHERE CASE WHEN a OR 1 OR b THEN 0 END",
        "DELETE FROM t WHERE NOT (y BETWEEN -5 AND 0)", "DELETE FROM t WHERE NOT y BETWEEN 1 AND 0",
        "DELETE FROM t WHERE !1 = 2"}) {
    EXPECT_THAT(Found(mariadb, text), Not(Contains("dbf-no-where"))) << text;
  }
  EXPECT_THAT(Found(mariadb, "DELETE FROM t WHERE y BETWEEN 1 AND 5 OR !(0)"),
              Contains("dbf-no-where"));
  EXPECT_THAT(Found(Dialect::kPostgres, "DELETE FROM t WHERE 2 > 1"), Contains("dbf-no-where"));
  EXPECT_THAT(Found(Dialect::kPostgres, "DELETE FROM t WHERE 2 < 1"),
              Not(Contains("dbf-no-where")));
}

TEST(LintRulesTest, AWhereWithNothingBehindItIsASyntaxError) {
  for (const char* text : {"DELETE FROM t WHERE", "UPDATE t SET a = 1 WHERE LIMIT 5",
                           "SELECT a FROM t WHERE a IN (SELECT b FROM u WHERE)"}) {
    const Reading reading = Read(Dialect::kMariaDb, text);
    EXPECT_FALSE(reading.verdict.understood) << text;
    EXPECT_EQ(reading.verdict.safety, Safety::kDestructive) << text;
    EXPECT_THAT(Found(Dialect::kMariaDb, text), Contains("dbf-syntax-error")) << text;
  }
}

// rule id -> the reason why it is ignored, "" where it is not.
std::map<std::string, std::string> Reasons(const Target& target, absl::string_view script,
                                           int statement) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  std::map<std::string, std::string> reasons;
  for (const Finding& finding : Lint(target, *statements)) {
    if (finding.statement == statement) reasons[finding.rule_id] = finding.ignore_reason;
  }
  return reasons;
}

TEST(IgnoreTest, CommentsOfProgramsSilenceAsThoseOfSqlDo) {
  constexpr char kRule[] = "dbf-ar-without-conditions";
  const Target ruby(Dialect::kActiveRecordRuby);
  const Target php(Dialect::kActiveRecordPhp);
  struct {
    Target target;
    const char* program;
  } cases[] = {
      {ruby, "x = 1\n# dbfleet:ignore dbf-ar-without-conditions it is scratch\nUser.delete_all\n"},
      {ruby, "User.delete_all # dbfleet:ignore dbf-ar-without-conditions it is scratch\ny = 2\n"},
      {ruby,
       "=begin\ndbfleet:ignore dbf-ar-without-conditions it is scratch\n=end\nUser.delete_all\n"},
      {php,
       "<?php\n// dbfleet:ignore dbf-ar-without-conditions it is scratch\nUser::delete_all();"},
      {php, "<?php\n# dbfleet:ignore dbf-ar-without-conditions it is scratch\nUser::delete_all();"},
      {php,
       "<?php\n/* dbfleet:ignore dbf-ar-without-conditions it is scratch */ "
       "User::delete_all();"},
      {php, "<?php User::delete_all(); // dbfleet:ignore dbf-ar-without-conditions it is scratch"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Reasons(c.target, c.program, 0)[kRule], "it is scratch") << c.program;
  }
  // What looks like a comment in a text is none, and one counts for its own statement only.
  EXPECT_EQ(Reasons(ruby, "x = '# dbfleet:ignore dbf-ar-without-conditions r'\nUser.delete_all",
                    0)[kRule],
            "");
  const char* two =
      "User.delete_all # dbfleet:ignore dbf-ar-without-conditions r\nOrder.delete_all\n"
      "User\n  # dbfleet:ignore dbf-ar-without-conditions s\n  .delete_all\nOrder.delete_all\n"
      "# dbfleet:ignore dbf-ar-without-conditions t\n";
  EXPECT_EQ(Reasons(ruby, two, 0)[kRule], "r");
  EXPECT_EQ(Reasons(ruby, two, 1)[kRule], "");
  EXPECT_EQ(Reasons(ruby, two, 2)[kRule], "s");
  EXPECT_EQ(Reasons(ruby, two, 3)[kRule], "");
  EXPECT_EQ(Reasons(ruby, two, 3).count("dbf-ignore-unused"), 1u);
}

TEST(IgnoreTest, CommentsOfRedisFilesSilence) {
  const char* script =
      "# dbfleet:ignore dbf-redis-keys the server is small\n\nKEYS *\nKEYS *\n"
      "# dbfleet:ignore dbf-redis-keys too late\n";
  EXPECT_EQ(Reasons(Dialect::kRedis, script, 0)["dbf-redis-keys"], "the server is small");
  EXPECT_EQ(Reasons(Dialect::kRedis, script, 1)["dbf-redis-keys"], "");
  EXPECT_EQ(Reasons(Dialect::kRedis, script, 1).count("dbf-ignore-unused"), 1u);
}

TEST(IgnoreTest, CommentsInFrontOfAClientsCommandAreAboutTheNextStatement) {
  EXPECT_EQ(Reasons(Dialect::kMariaDb,
                    "-- dbfleet:ignore dbf-routine it is reviewed\nDELIMITER //\n"
                    "CREATE PROCEDURE p() BEGIN SELECT 1; END //\n",
                    0)["dbf-routine"],
            "it is reviewed");
  EXPECT_EQ(Reasons(Dialect::kPostgres,
                    "-- dbfleet:ignore dbf-drop-table it is empty\n\\echo away\nDROP TABLE t;\n",
                    0)["dbf-drop-table"],
            "it is empty");
}

TEST(LintRulesTest, MySqlsOwn) {
  const Target old(Dialect::kMySql, {8, 0, 36});
  EXPECT_THAT(Found(old, "CREATE TABLE t (a INT REFERENCES p (id))"),
              Contains("dbf-inline-references"));
  EXPECT_THAT(
      Found(Target(Dialect::kMariaDb, {10, 11, 6}), "CREATE TABLE t (a INT REFERENCES p (id))"),
      Not(Contains("dbf-inline-references")));
}

// What finds its rows by keys changes not all of them; first and find_by want one row.
TEST(LintRulesTest, CallsThatAreAboutOneRow) {
  const Target ruby(Dialect::kActiveRecordRuby);
  for (const char* call : {"User.upsert({a: 1})", "User.upsert_all([{a: 1}])", "User.first",
                           "User.find_by(email: e)", "User.exists?(1)"}) {
    const auto found = Found(ruby, call);
    EXPECT_THAT(found, Not(Contains("dbf-no-where"))) << call;
    EXPECT_THAT(found, Not(Contains("dbf-limit-without-order"))) << call;
  }
  const Target php(Dialect::kActiveRecordPhp);
  EXPECT_THAT(Found(php, "DB::table('users')->get();"), Contains("dbf-ar-unbounded-read"));
  EXPECT_THAT(Found(php, "DB::table('users')->where('a', 1)->get();"),
              Not(Contains("dbf-ar-unbounded-read")));
  EXPECT_THAT(Found(php, "DB::table('users')->truncate();"), Not(Contains("dbf-no-where")));
}

// Dumps begin statements in executable comments; behind the beginning one hides something.
TEST(LintRulesTest, AStatementInAnExecutableCommentHidesNothing) {
  const Target maria(Dialect::kMariaDb, {10, 11, 6});
  EXPECT_THAT(Found(maria, "/*!40101 SET NAMES utf8mb4 */"),
              Not(Contains("dbf-injection-comment")));
  EXPECT_THAT(Found(maria, "SELECT a FROM t WHERE a = 1 /*!50000 UNION SELECT 1 */"),
              Contains("dbf-injection-comment"));
}

TEST(LintRulesTest, ProgramsOfActiveRecord) {
  Target ruby(Dialect::kActiveRecordRuby);
  constexpr RuleCase kCases[] = {
      {"dbf-ar-without-conditions", "User.update_all(active: false)",
       "User.where(id: 5).update_all(active: false)"},
      {"dbf-ar-without-conditions", "User.delete_all", "User.where(id: 5).delete_all"},
      {"dbf-ar-unbounded-read", "User.all", "User.where(id: 5).first"},
      {"dbf-injection-concatenation", "User.where(\"name = '#{params[:name]}'\").first",
       "User.where(\"name = ?\", params[:name]).first"},
      {"dbf-injection-concatenation",
       "User.find_by_sql(\"SELECT id FROM users WHERE id = \" + params[:id])",
       "User.find_by_sql([\"SELECT id FROM users WHERE id = ?\", params[:id]])"},
      {"dbf-ar-no-placeholders", "User.find_by_sql(\"SELECT id FROM users WHERE id = 5\")",
       "User.find_by_sql([\"SELECT id FROM users WHERE id = ?\", id])"},
      {"dbf-n-plus-one", "users.each do |u|\n  Order.where(user_id: u.id).first\nend",
       "Order.where(user_id: ids).first"},
  };
  Check(ruby, kCases);
}

TEST(LintRulesTest, RedisCommands) {
  constexpr RuleCase kCases[] = {
      {"dbf-redis-keys", "KEYS user:*", "SCAN 0 MATCH user:* COUNT 100"},
      {"dbf-redis-unbounded-read", "LRANGE l 0 -1", "LRANGE l 0 10"},
      {"dbf-redis-flush", "FLUSHDB", "UNLINK k"},
      {"dbf-redis-debug", "DEBUG SLEEP 1", "PING"},
      {"dbf-redis-config-set", "CONFIG SET maxmemory 1", "CONFIG RESETSTAT"},
      {"dbf-redis-save", "SAVE", "BGSAVE"},
      {"dbf-redis-dangerous", "SHUTDOWN", "GET k"},
  };
  Check(Dialect::kRedis, kCases);
}

TEST(LintRulesTest, PostgresAlone) { Check(Target(Dialect::kPostgres, {15, 4, 0}), kInPostgres); }

TEST(LintRulesTest, BothInPostgres) {
  for (RuleCase c : kInBoth) {
    if (std::string(c.bad).find('`') != std::string::npos) continue;  // MySQL's quotes.
    Check(Target(Dialect::kPostgres, {15, 4, 0}), absl::MakeSpan(&c, 1));
  }
}

TEST(LintRulesTest, ManyRowsInOneInsert) {
  std::string insert = "INSERT INTO t (a) VALUES (0)";
  for (int i = 0; i < 1000; ++i) insert += ",(1)";
  EXPECT_THAT(Found(Dialect::kPostgres, insert), Contains("dbf-insert-rows"));
}

}  // namespace
}  // namespace dbfleet::sql
