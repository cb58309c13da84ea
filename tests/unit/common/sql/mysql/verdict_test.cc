#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/sql/mysql/reader.h"
#include "common/sql/mysql/statement_table.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Target At(absl::string_view name, absl::string_view version = "") {
  Target target = *ParseTarget(name);
  if (!version.empty()) target.version = *ParseVersion(version);
  return target;
}
const Target kMaria = At("mariadb", "10.11.19");
const Target kMy = At("mysql", "8.0.36");

Verdict Of(absl::string_view text, const Target& target = kMaria) {
  return ReadMySql(target, text).verdict;
}

std::string Why(const Verdict& verdict) { return absl::StrJoin(verdict.reasons, "; "); }

TEST(SyntaxTest, WhatNoServerTakesIsNotUnderstood) {
  for (absl::string_view text : {"SELECT ,",
                                 "SELECT",
                                 "SELECT DISTINCT",
                                 "SELECT FROM t",
                                 "SELECT 1 UNION",
                                 "SELECT 1 UNION ALL",
                                 "SELECT 1 UNION x",
                                 "SELECT 5//",
                                 "SELECT 5 / / 2",
                                 "SELECT * FROM t WHERE a = = 1",
                                 "SELECT * FROM t WHERE a = < 1",
                                 "SELECT * FROM a.b.c.d",
                                 "SELECT a FROM t WHERE b=1 GARBAGE HERE 5 5",
                                 "SELECT a FROM t WHERE b=c GARBAGE",
                                 "SELECT a FROM t WHERE b='c' garbage",
                                 "SELECT 1 2",
                                 "SELECT a FROM t SELECT b FROM u",
                                 "SELECT 1\nSELECT 2",
                                 "SELECT a b c FROM t",
                                 "SELECT a,, b FROM t",
                                 "SELECT a, FROM t",
                                 "SELECT a FROM t WHERE a = AND b = 1",
                                 "SELECT a FROM t WHERE AND b = 1",
                                 "SELECT a FROM t WHERE a = 1 AND",
                                 "SELECT a FROM t WHERE a = 1 OR )",
                                 "SELECT (1 +)",
                                 "SELECT f(, a)",
                                 "SELECT a FROM t GROUP BY",
                                 "SELECT a FROM t ORDER BY",
                                 "SELECT a FROM",
                                 "SELECT a FROM t LIMIT",
                                 "SELECT a FROM t WHERE a IN",
                                 "SELECT (SELECT 1 UNION)",
                                 "SELECT a FROM t WHERE < 1",
                                 "SELECT 1 AS",
                                 "CREATE TABLE",
                                 "ALTER TABLE",
                                 "DROP TABLE",
                                 "INSERT INTO",
                                 "DELETE FROM",
                                 "UPDATE"}) {
    for (const Target& target : {kMaria, kMy}) {
      const Reading reading = ReadMySql(target, text);
      EXPECT_EQ(reading.verdict.safety, Safety::kDestructive) << text;
      EXPECT_FALSE(reading.verdict.understood) << text;
      EXPECT_TRUE(reading.facts.unreadable || text.find(')') != absl::string_view::npos) << text;
    }
  }
}

TEST(SyntaxTest, WhatLooksOddAndIsTakenStaysUnderstood) {
  for (absl::string_view text :
       {"SELECT -1, +1, !1, ~1, - -1, 1 - -1, a=-1, a<-1, a<=>-1 FROM t",
        "SELECT a.*, b.x FROM t a, u AS b WHERE a.x=b.x AND NOT a.y",
        "SELECT *, 1 FROM t",
        "SELECT a b FROM t c",
        "SELECT a 'b' FROM t",
        "SELECT 'a' 'b' c",
        "SELECT _utf8mb4 'x' y",
        "SELECT DATE '2020-01-01' d",
        "SELECT N'x' y",
        "SELECT BINARY a b FROM t",
        "SELECT a FROM t WHERE b > NOW() - INTERVAL 1 DAY_HOUR AND c = 1",
        "SELECT a FROM t WHERE b SOUNDS LIKE c",
        "SELECT count(*) FROM t WHERE a LIKE 'x' ESCAPE '|'",
        "SELECT CASE a WHEN 1 THEN 2 ELSE 3 END x FROM t",
        "SELECT a DIV 2, a MOD 3 FROM t",
        "SELECT 1 UNION SELECT 2 UNION ALL (SELECT 3)",
        "SELECT a FROM t LIMIT 5, 5",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "SELECT a.b.c FROM a.b",
        "SELECT 1.5, .5, 1., 1e3",
        "SELECT sum(a) OVER w x FROM t WINDOW w AS (PARTITION BY b)",
        "SELECT t.from FROM t",
        "SELECT a FROM t WHERE a IN (SELECT b FROM u) AND c BETWEEN 1 AND 2",
        "SELECT a FROM t FORCE INDEX (x) WHERE a = 1 ORDER BY a DESC LIMIT 1",
        "SELECT GROUP_CONCAT(a ORDER BY b SEPARATOR ',') c FROM t",
        "SELECT a || b && c FROM t",
        "SELECT EXTRACT(DAY FROM a) x, TRIM(BOTH 'x' FROM b) y FROM t",
        "SELECT a<>b, a!=b, a>>1 FROM t",
        "SELECT CAST(a AS CHAR CHARACTER SET utf8mb4) x FROM t WHERE a = 1 COLLATE utf8mb4_bin"}) {
    const Reading reading = ReadMySql(kMaria, text);
    EXPECT_FALSE(reading.facts.unreadable) << text << ": " << Why(reading.verdict);
  }
}

TEST(VerdictTest, ReadsAreSafe) {
  for (const Target& target : {kMaria, kMy}) {
    for (absl::string_view text :
         {"SELECT 1",
          "(SELECT 1) UNION (SELECT 2) ORDER BY 1 LIMIT 3",
          "SELECT t.update, t.delete, t.into FROM t",
          "SELECT @update, @@session.sql_mode",
          "SELECT last_insert_id()",
          "SELECT count(*) FROM a, (b JOIN c USING (x)) WHERE a.i = b.i",
          "WITH a AS (SELECT 1), b (x, y) AS (SELECT 1, 2) (SELECT * FROM a, b)",
          "SELECT json_extract(a, '$.b'), json_unquote(b) FROM t",
          "SELECT * FROM json_table('[]', '$[*]' COLUMNS (a VARCHAR(10) PATH '$.a', NESTED PATH "
          "'$.b' COLUMNS (c INT PATH '$'))) AS j",
          "SELECT convert(a, DECIMAL(10,2)), cast(b AS CHAR(3)) FROM t",
          "SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS UNBOUNDED PRECEDING) FROM t",
          "SELECT a FROM t WHERE b LIKE 'x!%' ESCAPE ('!')",
          "SELECT if (a, b, c) FROM t",
          "SELECT a FROM t USE INDEX FOR ORDER BY (i) GROUP BY a WITH ROLLUP",
          "SELECT _cp1251'x', _utf16'y'",
          "SELECT a FROM t WHERE MATCH (a) AGAINST ('x' WITH QUERY "
          "EXPANSION)",
          "SHOW INDEX FROM t",
          "SHOW CHARACTER SET",
          "SHOW COUNT(*) WARNINGS",
          "SHOW TABLE STATUS LIKE 'a%'",
          "SHOW BINARY LOGS",
          "HELP 'select'",
          "DESC t",
          "EXPLAIN (SELECT 1)",
          "EXPLAIN EXTENDED (SELECT 1) UNION (SELECT 2)",
          "SHOW PROFILE CPU FOR QUERY 3",
          "SELECT 1.e1, 1.5e3, .5, 0x1f"}) {
      const Verdict verdict = Of(text, target);
      EXPECT_EQ(verdict.safety, Safety::kSafe) << text << ": " << Why(verdict);
      EXPECT_TRUE(verdict.understood) << text;
      EXPECT_EQ(verdict.effects.undo, Undo::kNothingToUndo) << text;
      EXPECT_EQ(verdict.effects.blocks, Blocking::kNothing) << text;
    }
  }
  for (absl::string_view text : {"VALUES (1), (2)", "SELECT * FROM t FOR SYSTEM_TIME ALL",
                                 "SELECT PREVIOUS VALUE FOR s", "SHOW ALL SLAVES STATUS"}) {
    EXPECT_EQ(Of(text).safety, Safety::kSafe) << text << ": " << Why(Of(text));
  }
  for (absl::string_view text : {"VALUES ROW(1), ROW(2)", "TABLE t ORDER BY a LIMIT 3",
                                 "SELECT * FROM t, LATERAL (SELECT t.a) AS l",
                                 "SELECT any_value(a) FROM t WHERE b MEMBER OF ('[1]')"}) {
    EXPECT_EQ(Of(text, kMy).safety, Safety::kSafe) << text << ": " << Why(Of(text, kMy));
  }
}

TEST(VerdictTest, FunctionsAreThoseOfTheServersVersion) {
  EXPECT_EQ(Of("SELECT json_table(a)", At("mysql", "5.7.44")).safety, Safety::kDestructive);
  EXPECT_EQ(Of("SELECT regexp_like(a, 'x')", At("mysql", "5.7.44")).safety, Safety::kDestructive);
  EXPECT_EQ(Of("SELECT regexp_like(a, 'x')", kMy).safety, Safety::kSafe);
  EXPECT_EQ(Of("SELECT regexp_like(a, 'x')", kMaria).safety, Safety::kDestructive);
  EXPECT_EQ(Of("SELECT natural_sort_key(a)", kMaria).safety, Safety::kSafe);
  EXPECT_EQ(Of("SELECT natural_sort_key(a)", At("mariadb", "10.6.1")).safety, Safety::kDestructive);
  for (absl::string_view call : {"json_key_value(a, '$')", "json_object_to_array(a)",
                                 "json_array_intersect(a, b)", "format_pico_time(1)"}) {
    const std::string query = absl::StrCat("SELECT ", call, " FROM t");
    EXPECT_EQ(Of(query, At("mariadb", "11.2.2")).safety, Safety::kSafe) << call;
    EXPECT_EQ(Of(query, At("mariadb", "10.11.9")).safety, Safety::kDestructive) << call;
  }
  EXPECT_EQ(Of("SELECT vec_totext(v), uuid_v7() FROM t", At("mariadb", "11.8.2")).safety,
            Safety::kSafe);
  EXPECT_EQ(Of("SELECT vec_totext(v) FROM t", At("mariadb", "11.4.2")).safety,
            Safety::kDestructive);
  // Without its version, a window function's name may be a stored function's.
  EXPECT_EQ(Of("SELECT rank() OVER ()", At("mysql")).safety, Safety::kSafe);
  EXPECT_EQ(Of("SELECT rank()", At("mysql")).safety, Safety::kDestructive);
}

TEST(VerdictTest, WhatIsNotUnderstoodSaysSo) {
  for (absl::string_view text : {"frobnicate t",
                                 "SELECT my_function(1)",
                                 "CREATE FROB x",
                                 "ALTER TABLE t FROB x",
                                 "CREATE TABLE t (a INT FROB)",
                                 "DROP TABLE t FROB",
                                 "UPDATE t SET a = f(1)",
                                 "INSERT INTO t VALUES (f(1))",
                                 "CALL p()",
                                 "SELECT (1",
                                 "SELECT 1)",
                                 "WITH x SELECT 1",
                                 "TRUNCATE t PARTITION p",
                                 "RENAME TABLE a",
                                 "CREATE INDEX i t (a)",
                                 "SHOW FROBS",
                                 "LOAD FROB",
                                 "EXECUTE IMMEDIATE 'x'",
                                 "SET STATEMENT a=1 FOR SET STATEMENT b=1 FOR SELECT 1",
                                 "INSERT INTO t",
                                 "SELECT 1; SELECT 2",
                                 "SELECT '\xff'",
                                 "SELECT 'a"}) {
    const Verdict verdict = Of(text);
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << text;
    EXPECT_FALSE(verdict.understood) << text << ": " << Why(verdict);
    EXPECT_FALSE(verdict.adds_only) << text;
  }
}

TEST(VerdictTest, WhatIsDestructiveMayWellBeUnderstood) {
  for (absl::string_view text :
       {"UPDATE t SET a = 1 WHERE b = lower('X')", "DELETE FROM t", "DROP TABLE a, b",
        "INSERT INTO t (a) VALUES (1)", "TRUNCATE TABLE t", "SELECT a FROM t FOR UPDATE",
        "SELECT sleep(5)", "SELECT 1 INTO @a", "SET @a = 1", "COMMIT", "GRANT SELECT ON t TO u",
        "CREATE PROCEDURE p() BEGIN SELECT 1; IF a THEN DELETE FROM t; END IF; END"}) {
    EXPECT_TRUE(Of(text).understood) << text << ": " << Why(Of(text));
    EXPECT_EQ(Of(text).safety, Safety::kDestructive) << text;
  }
}

TEST(VerdictTest, WhatIsWrittenInUnusualFormsOnlyReadsToo) {
  for (absl::string_view text :
       {"SELECT * FROM JSON_TABLE('[1]', '$[*]' COLUMNS (n FOR ORDINALITY, a INT PATH '$')) j",
        "SELECT * FROM JSON_TABLE(d, '$' COLUMNS (NESTED PATH '$.a' COLUMNS (n FOR ORDINALITY))) j",
        "EXPLAIN VALUES (1), (2)", "EXPLAIN FORMAT=JSON VALUES (1) UNION SELECT 2",
        "SELECT {d '2024-01-01'}, {t '10:00'}, {ts '2024-01-01 10:00:00'} FROM t",
        "SELECT a FROM t WHERE d = {D'2024-01-01'}", "SELECT VALUE(a) FROM t",
        "SHOW SLAVE 'east' STATUS", "SHOW REPLICA 'east' STATUS",
        // Native functions, whatever stands between.
        "SELECT CONCAT (a, b), round\n(x, 2), IfNull /* or */ (a, 0), COALESCE (a, 0) FROM t",
        "SELECT avg (a) FROM t", "SELECT year (d), DATE_FORMAT (d, '%Y') FROM t"}) {
    EXPECT_EQ(Of(text).safety, Safety::kSafe) << text << ": " << Why(Of(text));
  }
  for (absl::string_view text :
       {"SELECT * FROM t FOR ORDINALITY", "SELECT CAST(a AS CHAR FOR UPDATE) FROM t",
        "EXPLAIN VALUES (sleep(1))", "EXPLAIN VALUES (f())", "SELECT {d sleep(1)}",
        "SELECT {fn now()}", "SELECT {d '2024-01-01' + 1}", "SELECT {d \"a\"}",
        "SELECT '2024-01-01'}", "SELECT {x '2024-01-01'}", "SHOW SLAVE east STATUS",
        "SHOW SLAVE 'east' HOSTS", "SELECT app.VALUE(a) FROM t", "SELECT `VALUE`(a) FROM t",
        // These call stored functions of their names then.
        "SELECT COUNT (*) FROM t", "SELECT now ()", "SELECT sum (a), TRIM (a) FROM t",
        "SELECT substr\n(a, 1) FROM t", "SELECT CAST (a AS CHAR)", "SELECT `CONCAT` (a)",
        "SELECT app.CONCAT (a)", "SELECT std (a), group_concat (a), mid (a, 1) FROM t",
        "SELECT sysdate ()", "SELECT f (a) FROM t"}) {
    EXPECT_EQ(Of(text).safety, Safety::kDestructive) << text;
  }
}

TEST(VerdictTest, InsertsOnlyAddRows) {
  for (absl::string_view text :
       {"INSERT INTO t VALUES (1)", "INSERT IGNORE t (a, b) VALUES (1, now()), (2, DEFAULT)",
        "INSERT INTO t SET a = 1", "INSERT INTO t (a) SELECT b FROM s",
        "INSERT INTO t () VALUES ()", "INSERT INTO t (a) (SELECT b FROM s)",
        "INSERT INTO t VALUES (1) RETURNING a",
        // PostgreSQL's own; these servers have none of such names.
        "INSERT INTO pg_jobs VALUES (1)", "INSERT INTO app.pg_jobs VALUES (1)",
        "INSERT INTO pg_catalog.t VALUES (1)"}) {
    const Verdict verdict = Of(text);
    EXPECT_TRUE(verdict.adds_only) << text << ": " << Why(verdict);
    EXPECT_EQ(SafetyIn(EnvironmentClass::kDevelopment, verdict), Safety::kSafe) << text;
    EXPECT_EQ(SafetyIn(EnvironmentClass::kProduction, verdict), Safety::kDestructive) << text;
  }
  for (absl::string_view text :
       {"REPLACE INTO t VALUES (1)", "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2",
        "INSERT INTO t VALUES (sleep(1))", "INSERT INTO t VALUES (f())", "UPDATE t SET a = 1",
        "INSERT INTO t SELECT a FROM s FOR UPDATE INTO OUTFILE 'x'",
        "LOAD DATA INFILE 'x' INTO TABLE t", "INSERT INTO t VALUES (1); DROP TABLE t",
        "INSERT INTO mysql.user (user) VALUES ('x')",
        "INSERT INTO `MySQL` . `global_priv` VALUES (1)",
        "INSERT IGNORE sys.sys_config SET variable = 'x'", "USE mysql",
        "USE `performance_schema`"}) {
    const Verdict verdict = Of(text);
    EXPECT_EQ(SafetyIn(EnvironmentClass::kDevelopment, verdict), Safety::kDestructive) << text;
  }
}

std::string Uses(absl::string_view text) {
  std::string uses;
  for (const ObjectUse& use : Of(text).uses) {
    absl::StrAppend(&uses, uses.empty() ? "" : " ", NameOf(use.access), ":", use.name);
  }
  return uses;
}

TEST(VerdictTest, UsesSayWhatIsDoneToWhat) {
  EXPECT_EQ(Uses("SELECT * FROM a JOIN `b` ON 1 WHERE x IN (SELECT y FROM c.d)"),
            "read:a read:`b` read:c.d");
  EXPECT_EQ(Uses("WITH w AS (SELECT * FROM a) SELECT * FROM w, b, dual"), "read:a read:b");
  EXPECT_EQ(Uses("SELECT * FROM a JOIN b ON a.x = b.x, c"), "read:a read:b read:c");
  EXPECT_EQ(Uses("SELECT * FROM a FOR UPDATE"), "lock:a");
  EXPECT_EQ(Uses("UPDATE a, b SET a.x = (SELECT max(y) FROM c) WHERE a.i = b.i"),
            "write:a read:b read:c");
  EXPECT_EQ(Uses("UPDATE a, b SET a.x = 1, b.y = 2 WHERE a.i = b.i"), "write:a write:b");
  // Whose column it is, the statement does not say.
  EXPECT_EQ(Uses("UPDATE a, b SET x = 1 WHERE a.i = b.i"), "write:a write:b");
  EXPECT_EQ(Uses("DELETE FROM a WHERE i IN (SELECT i FROM b)"), "write:a read:b");
  EXPECT_EQ(Uses("DELETE a FROM a JOIN b USING (i)"), "write:a read:b");
  EXPECT_EQ(Uses("INSERT INTO a SELECT * FROM b"), "write:a read:b");
  EXPECT_EQ(Uses("CREATE TABLE a (i INT, FOREIGN KEY (i) REFERENCES p (i))"), "define:a lock:p");
  EXPECT_EQ(Uses("CREATE TABLE a AS SELECT * FROM b"), "define:a read:b");
  EXPECT_EQ(Uses("CREATE VIEW v AS SELECT * FROM b"), "define:v read:b");
  EXPECT_EQ(Uses("RENAME TABLE a TO b"), "define:a define:b");
  EXPECT_EQ(Uses("LOCK TABLES a READ, b AS x WRITE"), "lock:a lock:b");
  EXPECT_EQ(Uses("TRUNCATE a"), "write:a");
  EXPECT_EQ(Uses("DROP TABLE a, s.b"), "define:a define:s.b");
  EXPECT_EQ(Uses("CREATE TRIGGER x AFTER INSERT ON a FOR EACH ROW DELETE FROM b"),
            "define:x define:a");
  EXPECT_EQ(Uses("SELECT NEXT VALUE FOR s"), "write:s");
}

std::string EffectsOf(absl::string_view text, const Target& target) {
  const Effects effects = Of(text, target).effects;
  return absl::StrCat(NameOf(effects.blocks), effects.rewrites_table ? " rewrites" : "",
                      effects.scans_table ? " scans" : "", " ", NameOf(effects.undo));
}

TEST(VerdictTest, EffectsFollowTheServersVersion) {
  const std::string nothing(NameOf(Blocking::kNothing));
  const std::string writes(NameOf(Blocking::kWrites));
  const std::string all(NameOf(Blocking::kReadsAndWrites));
  const std::string inverse(NameOf(Undo::kInverse));
  const std::string backup(NameOf(Undo::kBackup));
  struct Case {
    absl::string_view text;
    Target target;
    std::string effects;
  };
  const absl::string_view add_last = "ALTER TABLE t ADD COLUMN a INT";
  const absl::string_view add_first = "ALTER TABLE t ADD COLUMN a INT FIRST";
  const absl::string_view drop = "ALTER TABLE t DROP COLUMN a";
  const Case cases[] = {
      {add_last, At("mysql", "5.7.44"), nothing + " rewrites " + inverse},
      {add_last, At("mysql", "8.0.11"), nothing + " rewrites " + inverse},
      {add_last, At("mysql", "8.0.12"), nothing + " " + inverse},
      {add_last, At("mysql-8.0"), nothing + " rewrites " + inverse},
      {add_last, At("mysql"), nothing + " rewrites " + inverse},
      {add_last, At("mariadb", "10.2.1"), nothing + " rewrites " + inverse},
      {add_last, At("mariadb", "10.3.1"), nothing + " " + inverse},
      {add_first, At("mysql", "8.0.28"), nothing + " rewrites " + inverse},
      {add_first, At("mysql", "8.0.29"), nothing + " " + inverse},
      {add_first, At("mariadb", "10.3.9"), nothing + " rewrites " + inverse},
      {add_first, At("mariadb", "10.4.1"), nothing + " " + inverse},
      {drop, At("mysql", "8.0.28"), nothing + " rewrites " + backup},
      {drop, At("mysql", "8.0.29"), nothing + " " + backup},
      {drop, At("mariadb", "10.4.1"), nothing + " " + backup},
      {"ALTER TABLE t ADD a INT AUTO_INCREMENT UNIQUE", kMy, writes + " rewrites scans " + inverse},
      {"ALTER TABLE t ADD a INT AS (b) STORED", kMy, writes + " rewrites scans " + inverse},
      {"ALTER TABLE t ADD a INT AS (b)", kMy, nothing + " " + inverse},
      {"ALTER TABLE t MODIFY a BIGINT", kMy, writes + " rewrites scans " + backup},
      {"ALTER TABLE t ADD INDEX (a)", kMy, nothing + " scans " + inverse},
      {"ALTER TABLE t ADD FULLTEXT INDEX (a)", kMy, writes + " rewrites scans " + inverse},
      {"ALTER TABLE t ADD PRIMARY KEY (a)", kMy, nothing + " rewrites scans " + inverse},
      {"ALTER TABLE t DROP PRIMARY KEY", kMy, writes + " rewrites scans " + inverse},
      {"ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (b)", kMy,
       writes + " rewrites scans " + inverse},
      {"ALTER TABLE t DROP INDEX i", kMy, nothing + " " + inverse},
      {"ALTER TABLE t RENAME COLUMN a TO b", kMy, nothing + " " + inverse},
      {"ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", kMy, writes + " rewrites scans " + backup},
      {"ALTER TABLE t ENGINE=InnoDB", kMy, writes + " rewrites scans " + inverse},
      {"ALTER TABLE t DROP PARTITION p", kMy, all + " " + backup},
      {"ALTER TABLE t MODIFY a BIGINT, ALGORITHM=INSTANT", kMy, nothing + " " + backup},
      {"ALTER TABLE t ADD INDEX (a), ALGORITHM=COPY, LOCK=SHARED", kMy,
       writes + " rewrites scans " + inverse},
      {"ALTER TABLE t ADD INDEX (a), LOCK=EXCLUSIVE", kMy, all + " scans " + inverse},
      {"CREATE INDEX i ON t (a)", kMy, nothing + " scans " + inverse},
      {"CREATE TABLE t (a INT)", kMy, nothing + " " + inverse},
      {"CREATE OR REPLACE TABLE t (a INT)", kMaria, all + " " + backup},
      {"DROP TABLE t", kMy, all + " " + backup},
      {"TRUNCATE t", kMy, all + " " + backup},
      {"RENAME TABLE a TO b", kMy, all + " " + inverse},
      {"FLUSH TABLES WITH READ LOCK", kMy,
       writes + " " + std::string(NameOf(Undo::kNothingToUndo))},
      {"UPDATE t SET a = 1", kMy, nothing + " " + std::string(NameOf(Undo::kRollback))},
  };
  for (const Case& c : cases) EXPECT_EQ(EffectsOf(c.text, c.target), c.effects) << c.text;
  EXPECT_TRUE(Of("UPDATE t SET a = 1").effects.locks_rows);
  EXPECT_TRUE(Of("SELECT 1 FROM t FOR SHARE", kMy).effects.locks_rows);
  EXPECT_FALSE(Of("SELECT 1 FROM t").effects.locks_rows);
}

TEST(VerdictTest, KnownModesAreReadAsSet) {
  Target ansi = kMaria;
  ansi.modes.known = ansi.modes.ansi_quotes = true;
  EXPECT_THAT(ReadMySql(ansi, "SELECT \"a\" FROM \"t\"").verdict.tables, ElementsAre("\"t\""));
  Target plain = kMaria;
  plain.modes.known = true;
  Target no_escapes = plain;
  no_escapes.modes.no_backslash_escapes = true;
  // Where a string ends decides whether a function is called.
  const absl::string_view text = "SELECT 'a\\', sleep(5), ' b'";
  EXPECT_EQ(Of("SELECT 'a\\' b'", plain).safety, Safety::kSafe);
  EXPECT_EQ(Of("SELECT 'a\\' b'").safety, Safety::kDestructive);  // Not known.
  EXPECT_EQ(Of("SELECT 'a\\' , 'b'", no_escapes).safety, Safety::kSafe);
  EXPECT_EQ(Of(text, no_escapes).safety, Safety::kDestructive);
}

TEST(VerdictTest, RoutinesEndWhereTheirBodyEnds) {
  EXPECT_FALSE(Of("CREATE PROCEDURE p() BEGIN COMMIT; END").transaction_control);
  EXPECT_TRUE(Of("CREATE PROCEDURE p() BEGIN SELECT 1; END; COMMIT").transaction_control);
  EXPECT_TRUE(Of("CREATE PROCEDURE p() SELECT 1; COMMIT").transaction_control);
  EXPECT_FALSE(Of("CREATE PROCEDURE p() BEGIN IF a THEN SELECT CASE b WHEN 1 THEN 2 END; END IF; "
                  "WHILE x DO SET y = 1; END WHILE; COMMIT; END")
                   .transaction_control);
  EXPECT_TRUE(ReadMySql(kMaria, "CREATE PROCEDURE p() BEGIN SELECT 1; END; DROP TABLE t")
                  .facts.injection.stacked);
  EXPECT_FALSE(ReadMySql(kMaria, "CREATE PROCEDURE p() BEGIN SELECT 1; SELECT 2; END")
                   .facts.injection.stacked);
}

TEST(VerdictTest, ReasonsNameTheDeed) {
  EXPECT_THAT(Why(Of("SELECT sleep(1)")), HasSubstr("calls sleep(), which waits"));
  EXPECT_THAT(Why(Of("SELECT NEXT VALUE FOR s")), HasSubstr("advances a sequence"));
  EXPECT_THAT(Why(Of("DROP TABLE t")), HasSubstr("DROP TABLE changes the schema"));
  EXPECT_THAT(Why(Of("ALTER TABLE t FROB 'secret'")), HasSubstr("not understood from FROB"));
  EXPECT_THAT(Why(Of("ALTER TABLE t 'secret'")), ::testing::Not(HasSubstr("secret")));
}

TEST(StatementTableTest, HeadsAreUnique) {
  std::set<std::string> heads;
  for (const MySqlStatement& row : MySqlStatements()) {
    EXPECT_TRUE(heads.insert(std::string(row.head)).second) << row.head;
    EXPECT_FALSE(row.may_be_safe && row.kind != Kind::kInspection) << row.head;
  }
  EXPECT_GT(heads.size(), 100u);
}

// Every row is what the reader says of a statement with that head.
TEST(StatementTableTest, TheReaderGoesByTheTable) {
  for (const MySqlStatement& row : MySqlStatements()) {
    const std::string text = absl::StrCat(row.head, " x");
    const Reading reading = ReadMySql(kMaria, text);
    if (row.head == "SET STATEMENT" || row.head == "WITH" || row.head == "ANALYZE") continue;
    if (row.head == "BEGIN") continue;  // With more behind it, a block.
    EXPECT_EQ(NameOf(reading.verdict.kind), NameOf(row.kind)) << text;
    EXPECT_EQ(reading.verdict.transactional, row.transactional) << text;
    EXPECT_EQ(reading.verdict.transaction_control, row.transaction_control) << text;
    EXPECT_TRUE(row.may_be_safe || reading.verdict.safety == Safety::kDestructive) << text;
  }
}

// MySQL 5.7 to 9.1 answer all of them with error 1064.
TEST(MySqlFlavourTest, WhatOnlyMariaDbParsesIsASyntaxErrorOfMySql) {
  const std::pair<const char*, const char*> kForms[] = {
      {"ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT", "IF NOT EXISTS in ALTER TABLE"},
      {"ALTER TABLE t ADD a INT DEFAULT (IF(1, 2, 3)), DROP COLUMN IF EXISTS b",
       "IF EXISTS in ALTER TABLE"},
      {"ALTER TABLE IF EXISTS t DROP COLUMN b", "IF EXISTS in ALTER TABLE"},
      {"CREATE OR REPLACE TABLE t (a INT)", "CREATE OR REPLACE TABLE"},
      {"CREATE OR REPLACE UNIQUE INDEX i ON t (a)", "CREATE OR REPLACE INDEX"},
      {"CREATE INDEX IF NOT EXISTS i ON t (a)", "CREATE INDEX IF NOT EXISTS"},
      {"CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a)", "CREATE INDEX IF NOT EXISTS"},
      {"DROP INDEX IF EXISTS i ON t", "DROP INDEX IF EXISTS"},
      {"CREATE SEQUENCE s", "CREATE SEQUENCE"},
      {"DROP SEQUENCE s", "DROP SEQUENCE"},
      {"INSERT INTO t (a) VALUES (1), (2) RETURNING id", "INSERT ... RETURNING"},
      {"INSERT INTO t SET a = 1 RETURNING id", "INSERT ... RETURNING"},
      {"DELETE FROM t WHERE a = 1 RETURNING *", "DELETE ... RETURNING"},
      {"CREATE TABLE t (a INT) WITH SYSTEM VERSIONING", "SYSTEM VERSIONING"},
      {"ALTER TABLE t ADD SYSTEM VERSIONING", "SYSTEM VERSIONING"},
      {"ALTER TABLE t ALTER INDEX i IGNORED", "IGNORED"},
      {"RENAME TABLE IF EXISTS t TO u", "RENAME TABLE IF EXISTS"},
      {"SET STATEMENT max_statement_time = 1 FOR SELECT 1", "SET STATEMENT"}};
  for (const auto& [text, form] : kForms) {
    const Reading mine = ReadMySql(kMy, text);
    EXPECT_TRUE(mine.facts.unreadable) << text;
    EXPECT_FALSE(mine.verdict.understood) << text;
    EXPECT_THAT(mine.verdict.doubt, HasSubstr(std::string(form) + " is MariaDB's")) << text;
    EXPECT_FALSE(ReadMySql(kMaria, text).facts.unreadable) << text;
    EXPECT_FALSE(ReadMySql(At("mysql"), text).facts.unreadable) << "no version is named: " << text;
  }
}

TEST(MySqlFlavourTest, WhatBothParseIsNone) {
  for (const char* text :
       {"ALTER TABLE t ADD a INT DEFAULT (IF(EXISTS(SELECT 1), 2, 3))",
        "CREATE TABLE IF NOT EXISTS t (a INT)", "DROP TABLE IF EXISTS t", "DROP VIEW IF EXISTS v",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "CREATE OR REPLACE SQL SECURITY INVOKER VIEW v AS SELECT a FROM t",
        "INSERT INTO t (a) VALUES (JSON_VALUE('{}', '$.a' RETURNING SIGNED))",
        "DELETE FROM t WHERE a = 1 AND returning IS NULL",
        "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE returning = 1",
        "CREATE OR REPLACE DEFINER = server@'%' VIEW v AS SELECT 1",
        "DELETE FROM t WHERE a = 1 LIMIT 10", "CREATE INDEX i ON t (a)", "DROP INDEX i ON t"}) {
    EXPECT_FALSE(ReadMySql(kMy, text).facts.unreadable) << text;
  }
}

// MariaDB 10.11 answers all of them with error 1064.
TEST(MySqlFlavourTest, WhatOnlyMySqlParsesIsASyntaxErrorOfMariaDb) {
  const std::pair<const char*, const char*> kForms[] = {
      {"SELECT doc->'$.a' FROM t WHERE id = 1", "-> of JSON"},
      {"SELECT 1 FROM t WHERE doc->>'$.a' = 'x'", "-> of JSON"},
      {"SELECT 1 FROM t, LATERAL (SELECT 1) AS x", "LATERAL"},
      {"SELECT 1 FROM t LEFT JOIN LATERAL (SELECT 1) AS x ON 1", "LATERAL"},
      {"SELECT a FROM t FOR SHARE", "FOR SHARE"},
      {"SELECT a FROM t FOR UPDATE OF t", "FOR UPDATE OF"},
      {"SELECT 1 MEMBER OF ('[1]')", "MEMBER OF"},
      {"SELECT CAST('[1]' AS JSON)", "CAST to JSON"},
      {"SELECT CONVERT('1', JSON)", "CONVERT to JSON"},
      {"VALUES ROW(1, 2)", "VALUES ROW()"},
      {"INSERT INTO t (a) VALUES ROW(3)", "VALUES ROW()"},
      {"INSERT INTO t (a) VALUES (1) AS new ON DUPLICATE KEY UPDATE a = new.a",
       "INSERT ... AS new"},
      {"ALTER TABLE t ALTER INDEX i INVISIBLE", "ALTER INDEX ... INVISIBLE"},
      {"ALTER TABLE t ADD KEY i (a) INVISIBLE", "an INVISIBLE index"},
      {"CREATE TABLE t (a INT, INDEX i (a) INVISIBLE)", "an INVISIBLE index"},
      {"CREATE INDEX i ON t (a) INVISIBLE", "an INVISIBLE index"},
      {"CREATE INDEX i ON t (b, (a + 1))", "an index over an expression"},
      {"CREATE TABLE t (a INT, UNIQUE KEY i USING BTREE ((a + 1)))", "an index over an expression"},
      {"ALTER TABLE t ADD UNIQUE ((a + 1))", "an index over an expression"},
      {"CREATE TABLE t (a INT CHECK (a > 0) ENFORCED)", "[NOT] ENFORCED"},
      {"ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT ENFORCED", "[NOT] ENFORCED"},
      {"ALTER TABLE t ALTER CHECK c NOT ENFORCED", "ALTER CHECK"},
      {"ALTER TABLE t DROP CHECK c", "DROP CHECK"},
      {"CREATE TABLE t (g GEOMETRY NOT NULL SRID 4326)", "SRID"},
      {"SET PERSIST max_connections = 5", "SET PERSIST"},
      {"ANALYZE TABLE t UPDATE HISTOGRAM ON a", "UPDATE HISTOGRAM"},
      {"EXPLAIN ANALYZE SELECT 1", "EXPLAIN ANALYZE"},
      {"LOCK INSTANCE FOR BACKUP", "LOCK INSTANCE"},
      {"CREATE RESOURCE GROUP g TYPE = USER", "CREATE RESOURCE GROUP"}};
  for (const auto& [text, form] : kForms) {
    const Reading theirs = ReadMySql(kMaria, text);
    EXPECT_TRUE(theirs.facts.unreadable) << text;
    EXPECT_FALSE(theirs.verdict.understood) << text;
    EXPECT_THAT(theirs.verdict.doubt, HasSubstr(std::string(form) + " is MySQL's")) << text;
    EXPECT_FALSE(ReadMySql(At("mysql-8.4"), text).facts.unreadable) << text;
    EXPECT_FALSE(ReadMySql(At("mariadb"), text).facts.unreadable)
        << "no version is named: " << text;
  }
}

// Each of them was tried on MariaDB 10.11.
TEST(MySqlFlavourTest, WhatMariaDbParsesTooIsNone) {
  for (const char* text :
       {"SELECT a FROM t FOR UPDATE SKIP LOCKED", "SELECT a - 1 > 2 FROM t", "VALUES (1, 2)",
        "SELECT CAST(a AS CHAR), (SELECT 1 AS year) FROM t", "SELECT CONVERT(a, CHAR) FROM t",
        "CREATE TABLE t (a INT, b INT INVISIBLE, KEY i (a) VISIBLE)",
        "CREATE TABLE t (a INT PRIMARY KEY DEFAULT ((1 + 1)), b INT CHECK ((b) > 0))",
        "ALTER TABLE t MODIFY a INT INVISIBLE", "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
        "ALTER TABLE t ALTER COLUMN a SET DEFAULT (1 + 1)", "ALTER TABLE t DROP CONSTRAINT c",
        "INSERT INTO t (a) SELECT x.a FROM (SELECT 1 AS a) AS x ON DUPLICATE KEY UPDATE a = 2",
        "SET persist = 1", "SELECT `lateral` FROM t", "SELECT a AS enforced, a AS srid FROM t",
        "CREATE TABLE t (a INT, KEY i (a(10) DESC, b) USING BTREE COMMENT 'x')",
        "SELECT 1 FROM t USE INDEX FOR JOIN (i)", "EXPLAIN SELECT 1"}) {
    EXPECT_FALSE(ReadMySql(kMaria, text).facts.unreadable) << text;
  }
}

TEST(MySqlFlavourTest, CollationsOfMySqlAreNoneOfAnOldMariaDb) {
  for (const char* text : {"CREATE TABLE t (a VARCHAR(3) COLLATE utf8mb4_0900_ai_ci)",
                           "CREATE TABLE t (a INT) COLLATE=utf8mb4_0900_ai_ci",
                           "SELECT 'a' COLLATE utf8mb4_0900_as_cs",
                           "SET NAMES utf8mb4 COLLATE 'utf8mb4_0900_ai_ci'"}) {
    const Reading old = ReadMySql(At("mariadb-10.11"), text);
    EXPECT_THAT(old.verdict.doubt, HasSubstr("is MySQL's collation")) << text;
    EXPECT_FALSE(ReadMySql(At("mariadb-11.4"), text).facts.unreadable) << text;
    EXPECT_FALSE(ReadMySql(At("mysql-8.4"), text).facts.unreadable) << text;
  }
}

}  // namespace
}  // namespace dbfleet::sql
