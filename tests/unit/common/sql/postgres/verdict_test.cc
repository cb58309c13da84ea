// What a statement names and does: tables, locks, rewrites, undo, transactions, versions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/sql/postgres/postgres.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Verdict Of(absl::string_view text, int version = 0) {
  return ReadPostgres(Target(Dialect::kPostgres, Version{version, 0, 0}), text).verdict;
}

struct Lock {
  absl::string_view text;
  Blocking blocks;
  absl::string_view flags;  // r: rewrites, s: scans, l: locks rows.
};

std::string Flags(const Effects& effects) {
  return absl::StrCat(effects.rewrites_table ? "r" : "", effects.scans_table ? "s" : "",
                      effects.locks_rows ? "l" : "");
}

constexpr Blocking kNothing = Blocking::kNothing;
constexpr Blocking kWrites = Blocking::kWrites;
constexpr Blocking kAll = Blocking::kReadsAndWrites;

TEST(EffectsTest, LocksAreThoseOfTheDocumentation) {
  const Lock locks[] = {
      {"SELECT * FROM t", kNothing, ""},
      {"SELECT * FROM t FOR UPDATE", kNothing, "l"},
      {"INSERT INTO t VALUES (1)", kNothing, ""},
      {"INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1", kNothing, "l"},
      {"UPDATE t SET a = 1", kNothing, "l"},
      {"DELETE FROM t", kNothing, "l"},
      {"WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x", kNothing, "l"},
      {"TRUNCATE t", kAll, ""},
      {"LOCK t", kAll, ""},
      {"LOCK t IN SHARE MODE", kWrites, ""},
      {"LOCK t IN ROW EXCLUSIVE MODE", kNothing, ""},
      {"CREATE INDEX i ON t (a)", kWrites, "s"},
      {"CREATE INDEX CONCURRENTLY i ON t (a)", kNothing, "s"},
      {"DROP INDEX i", kAll, ""},
      {"DROP INDEX CONCURRENTLY i", kNothing, ""},
      {"REINDEX TABLE t", kAll, "s"},
      {"REINDEX TABLE CONCURRENTLY t", kNothing, "s"},
      {"REINDEX (CONCURRENTLY off) TABLE t", kAll, "s"},
      {"VACUUM t", kNothing, "s"},
      {"VACUUM FULL t", kAll, "rs"},
      {"VACUUM (FULL false) t", kNothing, "s"},
      {"VACUUM (FULL off, FULL) t", kAll, "rs"},
      {"ANALYZE t", kNothing, "s"},
      {"CLUSTER t USING i", kAll, "r"},
      {"REFRESH MATERIALIZED VIEW v", kAll, "r"},
      {"REFRESH MATERIALIZED VIEW CONCURRENTLY v", kWrites, "r"},
      {"CREATE TABLE t (a int)", kNothing, ""},
      {"CREATE TABLE t (a int REFERENCES p)", kWrites, ""},
      {"CREATE TABLE t PARTITION OF p DEFAULT", kAll, ""},
      {"DROP TABLE t", kAll, ""},
      {"DROP FUNCTION f()", kNothing, ""},
      {"CREATE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION f()", kWrites, ""},
      {"COMMENT ON TABLE t IS 'x'", kNothing, ""},
      {"ALTER TABLE t RENAME TO u", kAll, ""},
      {"ALTER INDEX i RENAME TO j", kNothing, ""},
      {"ALTER TYPE e ADD VALUE 'x'", kNothing, ""},
      {"ALTER DOMAIN d ADD CHECK (value > 0)", kWrites, "s"},
      {"ALTER DOMAIN d ADD CHECK (value > 0) NOT VALID", kNothing, ""},
      {"ALTER DOMAIN d VALIDATE CONSTRAINT c", kWrites, "s"},
      {"DO 'BEGIN END'", kAll, "rsl"},
      {"SELECT unknown_function()", kAll, "l"},
      {"EXPLAIN ANALYZE DELETE FROM t", kNothing, "l"},
      {"EXPLAIN ANALYZE REFRESH MATERIALIZED VIEW v", kAll, "r"},
      {"CREATE SCHEMA s CREATE INDEX i ON t (a)", kWrites, "s"},
      {"SELECT 1; TRUNCATE t", kAll, ""}};
  for (const Lock& lock : locks) {
    const Effects effects = Of(lock.text).effects;
    EXPECT_EQ(NameOf(effects.blocks), NameOf(lock.blocks)) << lock.text;
    EXPECT_EQ(Flags(effects), lock.flags) << lock.text;
  }
}

TEST(EffectsTest, EachPartOfAlterTableHasItsOwnLock) {
  const Lock locks[] = {{"ADD COLUMN a int", kAll, ""},
                        {"ADD COLUMN a int NOT NULL DEFAULT 5", kAll, ""},
                        {"ADD COLUMN a timestamptz DEFAULT now()", kAll, ""},
                        {"ADD COLUMN a uuid DEFAULT gen_random_uuid()", kAll, "r"},
                        {"ADD COLUMN a int DEFAULT my_function()", kAll, "r"},
                        {"ADD COLUMN a bigserial", kAll, "r"},
                        {"ADD COLUMN a int GENERATED ALWAYS AS IDENTITY", kAll, "r"},
                        {"ADD COLUMN a int GENERATED ALWAYS AS (b + 1) STORED", kAll, "r"},
                        {"ADD COLUMN a int CHECK (a > 0)", kAll, "s"},
                        {"DROP COLUMN a", kAll, ""},
                        {"ALTER a TYPE bigint", kAll, "rs"},
                        {"ALTER a SET NOT NULL", kAll, "s"},
                        {"ALTER a DROP NOT NULL", kAll, ""},
                        {"ALTER a SET DEFAULT 1", kAll, ""},
                        {"ALTER a SET STATISTICS 100", kNothing, ""},
                        {"ADD CHECK (a > 0)", kAll, "s"},
                        {"ADD CONSTRAINT c CHECK (a > 0) NOT VALID", kAll, ""},
                        {"ADD FOREIGN KEY (a) REFERENCES p", kWrites, "s"},
                        {"ADD FOREIGN KEY (a) REFERENCES p NOT VALID", kWrites, ""},
                        {"VALIDATE CONSTRAINT c", kNothing, "s"},
                        {"ADD PRIMARY KEY (a)", kAll, "s"},
                        {"ADD UNIQUE USING INDEX i", kAll, ""},
                        {"ATTACH PARTITION p FOR VALUES IN (1)", kAll, "s"},
                        {"DETACH PARTITION p", kAll, ""},
                        {"DETACH PARTITION p CONCURRENTLY", kNothing, ""},
                        {"SET (fillfactor = 70)", kNothing, ""},
                        {"SET (user_catalog_table = true)", kAll, ""},
                        {"SET UNLOGGED", kAll, "r"},
                        {"DISABLE TRIGGER x", kWrites, ""},
                        {"VALIDATE CONSTRAINT c, ADD COLUMN b int", kAll, "s"}};
  for (const Lock& lock : locks) {
    const Effects effects = Of(absl::StrCat("ALTER TABLE t ", lock.text)).effects;
    EXPECT_EQ(NameOf(effects.blocks), NameOf(lock.blocks)) << lock.text;
    EXPECT_EQ(Flags(effects), lock.flags) << lock.text;
  }
}

TEST(EffectsTest, SaysHowItIsTakenBack) {
  const std::pair<absl::string_view, Undo> cases[] = {
      {"SELECT 1", Undo::kNothingToUndo},
      {"SELECT nextval('s')", Undo::kBackup},
      {"DELETE FROM t", Undo::kRollback},
      {"WITH x AS (DELETE FROM t) SELECT 1", Undo::kRollback},
      {"DROP TABLE t", Undo::kRollback},
      {"CREATE INDEX i ON t (a)", Undo::kInverse},
      {"DROP INDEX i", Undo::kInverse},
      {"ALTER TABLE t ADD a int", Undo::kInverse},
      {"ALTER TABLE t DROP a", Undo::kRollback},
      {"ALTER TABLE t ALTER a TYPE int", Undo::kRollback},
      {"DROP DATABASE d", Undo::kBackup},
      {"DO 'x'", Undo::kBackup},
      {"VACUUM", Undo::kNothingToUndo},
      {"EXPLAIN ANALYZE DELETE FROM t", Undo::kRollback},
      {"frobnicate", Undo::kBackup},
      {"COPY t TO PROGRAM 'x'", Undo::kBackup}};
  for (const auto& [text, undo] : cases)
    EXPECT_EQ(NameOf(Of(text).effects.undo), NameOf(undo)) << text;
}

TEST(UsesTest, EachRelationIsNamedAsWrittenWithWhatIsDoneToIt) {
  const auto uses = [](absl::string_view text) {
    std::vector<std::string> found;
    for (const ObjectUse& use : Of(text).uses) {
      found.push_back(absl::StrCat(use.name, " ", std::string(NameOf(use.access))));
    }
    return absl::StrJoin(found, ", ");
  };
  const std::pair<absl::string_view, absl::string_view> cases[] = {
      {"SELECT * FROM a, \"B\" . c x JOIN only_one USING (i)",
       "a read, \"B\".c read, only_one read"},
      {"SELECT * FROM ONLY /* x */ s.t", "s.t read"},
      {"SELECT * FROM a FOR UPDATE", "a lock"},
      {"SELECT * FROM a, b x FOR UPDATE OF x", "a read, b lock"},
      {"SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b FOR SHARE)", "a read, b lock"},
      {"INSERT INTO t SELECT * FROM s", "t write, s read"},
      {"INSERT INTO t SELECT * FROM t", "t write"},
      {"UPDATE t SET a = (SELECT b FROM s) FROM u", "t write, s read, u read"},
      {"DELETE FROM t USING u", "t write, u read"},
      {"MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "t write, s read"},
      {"WITH x AS (SELECT * FROM a) SELECT * FROM x, b", "a read, b read"},
      {"WITH a AS (SELECT * FROM a) SELECT * FROM a", "a read"},
      {"WITH RECURSIVE a AS (SELECT * FROM a) SELECT * FROM a", ""},
      {"WITH b AS (SELECT 1), a AS (SELECT * FROM b) SELECT * FROM a", ""},
      {"WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a", "b read"},
      {"WITH t AS (DELETE FROM t RETURNING *) SELECT * FROM t", "t write"},
      {"WITH x AS (SELECT 1) SELECT * FROM s.x", "s.x read"},
      {"SELECT (WITH x AS (SELECT 1) SELECT * FROM x), (SELECT 1 FROM x)", "x read"},
      {"CREATE TABLE t (a int REFERENCES p)", "t define, p lock"},
      {"CREATE VIEW v AS SELECT * FROM t", "v define, t read"},
      {"CREATE INDEX i ON s.t (a)", "s.t define"},
      {"ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p", "t define, p lock"},
      {"ALTER TABLE t ATTACH PARTITION p DEFAULT", "t define, p define"},
      {"DROP TABLE a, \"B\".c, \"user\"", "a define, \"B\".c define, \"user\" define"},
      {"DROP TRIGGER x ON s.t", "s.t define"},
      {"TRUNCATE a, b", "a write, b write"},
      {"LOCK a, b", "a lock, b lock"},
      {"VACUUM a, b", "a lock, b lock"},
      {"COPY t FROM STDIN", "t write"},
      {"COPY t TO STDOUT", "t read"},
      {"COPY (SELECT * FROM t) TO STDOUT", "t read"},
      {"GRANT SELECT ON a, b TO u", "a define, b define"},
      {"CREATE TABLE t AS SELECT * FROM s", "t define, s read"},
      {"SELECT * INTO t FROM s", "t define, s read"},
      {"COMMENT ON TABLE s.t IS 'x'", "s.t define"},
      {"REFRESH MATERIALIZED VIEW v", "v write"},
      {"SELECT f('t')", ""}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(uses(text), expected) << text;
}

TEST(UsesTest, TablesAreThoseThatHaveRowsToEstimate) {
  EXPECT_THAT(Of("DROP INDEX i").tables, IsEmpty());
  EXPECT_THAT(Of("ALTER INDEX i RENAME TO j").tables, IsEmpty());
  EXPECT_THAT(Of("ALTER SEQUENCE s RESTART").tables, IsEmpty());
  EXPECT_THAT(Of("REINDEX INDEX i").tables, IsEmpty());
  EXPECT_THAT(Of("REINDEX TABLE t").tables, ElementsAre("t"));
  EXPECT_THAT(Of("CREATE VIEW v AS SELECT * FROM t").tables, ElementsAre("t"));
  EXPECT_THAT(Of("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p").tables, ElementsAre("t"));
  EXPECT_THAT(Of("SELECT 1 FROM a; DELETE FROM b").tables, ElementsAre("a", "b"));
}

// What psql shows of foreign tables, and what views of statistics are made of.
TEST(VerdictTest, WhatCataloguesAndStatisticsAreShownWith) {
  for (absl::string_view text :
       {"SELECT * FROM pg_catalog.pg_options_to_table(ARRAY['a=b'])",
        "SELECT pg_stat_get_db_deadlocks(oid), pg_stat_get_db_temp_bytes(oid) FROM pg_database",
        "SELECT pg_stat_get_vacuum_count(oid), pg_stat_get_tuples_hot_updated(oid) FROM pg_class",
        "SELECT pg_stat_get_backend_userid(s), pg_stat_get_backend_start(s) FROM t"}) {
    EXPECT_EQ(Of(text).safety, Safety::kSafe) << text << absl::StrJoin(Of(text).reasons, "; ");
  }
}

TEST(VerdictTest, ATableIsSentToTheClientAsAQueryIs) {
  for (absl::string_view text :
       {"COPY t TO STDOUT", "COPY app.t (a, b) TO STDOUT WITH (FORMAT csv, HEADER)",
        "COPY t TO STDOUT CSV HEADER", "COPY (SELECT a FROM t) TO STDOUT"}) {
    const Verdict verdict = Of(text);
    EXPECT_EQ(verdict.safety, Safety::kSafe) << text << absl::StrJoin(verdict.reasons, "; ");
    EXPECT_EQ(verdict.kind, Kind::kInspection) << text;
    EXPECT_TRUE(verdict.streams_rows) << text;
    EXPECT_EQ(verdict.effects.undo, Undo::kNothingToUndo) << text;
    for (const ObjectUse& use : verdict.uses) EXPECT_EQ(use.access, Access::kRead) << text;
  }
  for (absl::string_view text :
       {"COPY t TO '/tmp/x'", "COPY t TO PROGRAM 'cat'", "COPY t FROM STDIN", "COPY t FROM '/x'",
        "COPY pg_authid TO STDOUT", "COPY pg_catalog.pg_authid (rolname, rolpassword) TO STDOUT",
        "COPY pg_subscription TO STDOUT", "COPY pg_statistic TO STDOUT",
        "COPY pg_user_mapping TO STDOUT", "COPY t TO STDOUT (FREEZE)",
        "COPY (DELETE FROM t RETURNING a) TO STDOUT"}) {
    EXPECT_EQ(Of(text).safety, Safety::kDestructive) << text;
  }
}

TEST(VerdictTest, OnlyAPlainInsertOnlyAddsRows) {
  for (absl::string_view text :
       {"INSERT INTO t VALUES (1)", "INSERT INTO t (a) SELECT lower(b) FROM s",
        "INSERT INTO t DEFAULT VALUES", "INSERT INTO t VALUES (DEFAULT, now()) RETURNING id",
        "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) WHERE b DO NOTHING",
        "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
        // MySQL's own schemas, a table in one of the application's, and a temporary one.
        "INSERT INTO mysql.user VALUES (1)", "INSERT INTO sys.t VALUES (1)",
        "INSERT INTO app.pg_jobs VALUES (1)", "INSERT INTO pg_temp.jobs VALUES (1)"}) {
    const Verdict verdict = Of(text);
    EXPECT_TRUE(verdict.adds_only) << text << absl::StrJoin(verdict.reasons, "; ");
    EXPECT_EQ(SafetyIn(EnvironmentClass::kProduction, verdict), Safety::kDestructive) << text;
    EXPECT_EQ(SafetyIn(EnvironmentClass::kDevelopment, verdict), Safety::kSafe) << text;
  }
  for (absl::string_view text :
       {"INSERT INTO t VALUES (f())",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1",
        "WITH x AS (DELETE FROM s RETURNING *) INSERT INTO t SELECT * FROM x",
        "INSERT INTO t SELECT * FROM s FOR UPDATE", "INSERT INTO t VALUES ('x'::my_type)",
        "INSERT INTO t SELECT * FROM pg_authid", "INSERT INTO t VALUES (1) RETURNING f()",
        "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", "UPDATE t SET a = 1",
        "INSERT INTO t VALUES ('a\\', f(), ' b')", "COPY t FROM STDIN",
        "INSERT INTO pg_authid (rolname) VALUES ('x')",
        "INSERT INTO pg_catalog.pg_auth_members VALUES (1)",
        "INSERT INTO pg_toast.pg_toast_1 VALUES (1)", "INSERT INTO PG_CATALOG.pg_class VALUES (1)",
        "INSERT INTO information_schema.sql_features VALUES ('x')"}) {
    EXPECT_FALSE(Of(text).adds_only) << text;
  }
}

TEST(VerdictTest, AFunctionCalledAsAColumnIsACall) {
  for (absl::string_view text :
       {"SELECT (0.1::float8).pg_sleep", "SELECT s.pg_sleep FROM generate_series(1, 9) s",
        "SELECT ('q'::regclass).nextval", "SELECT s.nextval FROM regclass('q') s",
        "SELECT ('primary_conninfo'::text).current_setting",
        "SELECT s.current_setting FROM unnest(ARRAY['primary_conninfo']) s",
        "SELECT (x).pg_advisory_lock FROM (SELECT 1::bigint AS x) q",
        "SELECT ((SELECT 1::bigint)).pg_advisory_lock", "SELECT (ARRAY['f'])[1].pg_read_file",
        "SELECT s.pg_read_file FROM unnest(ARRAY['f']) AS s(x)", "SELECT ($1).pg_sleep",
        "SELECT generate_series.pg_sleep FROM generate_series(1, 9)",
        "SELECT s.pg_sleep FROM ROWS FROM (generate_series(1, 9)) s",
        "SELECT a.pid FROM pg_stat_activity a WHERE (a.pid).pg_terminate_backend",
        "SELECT \"coalesce\".my_own FROM COALESCE(1, 2)", "SELECT (1).my_own",
        "SELECT 1 FROM t, unnest(t.a) u WHERE u.my_own IS NULL",
        "SELECT (t.address).city FROM t"}) {
    EXPECT_EQ(Of(text).safety, Safety::kDestructive) << text;
  }
  for (absl::string_view text :
       {"SELECT (aclexplode(relacl)).grantee FROM pg_class", "SELECT (pg_control_system()).*",
        "SELECT s.x, s.s FROM generate_series(1, 9) s(x)",
        "SELECT g.g FROM generate_series(1, 9) g",
        "SELECT e.key, e.value FROM t, jsonb_each(t.j) e", "SELECT t.pg_sleep FROM t",
        "SELECT r.a FROM jsonb_to_recordset('[]') AS r(a int)",
        "SELECT u.x, u.ordinality FROM unnest(ARRAY[1]) WITH ORDINALITY AS u(x)",
        "SELECT generate_series.generate_series FROM generate_series(1, 9)",
        "SELECT (ARRAY[1, 2])[1]"}) {
    EXPECT_EQ(Of(text).safety, Safety::kSafe)
        << text << ": " << absl::StrJoin(Of(text).reasons, "; ");
  }
}

TEST(VerdictTest, NamesInQuotesThatOnlyTheGrammarKnowsAreAUsers) {
  EXPECT_EQ(Of("SELECT 1::integer, '1'::double precision, trim(' x ')").safety, Safety::kSafe);
  for (absl::string_view text :
       {"SELECT 1::\"integer\"", "SELECT 'x'::\"national\"", "SELECT \"trim\"('x')"}) {
    EXPECT_EQ(Of(text).safety, Safety::kDestructive) << text;
  }
}

TEST(VerdictTest, FormatAndPaddingMakeNoValuesAsLongAsTheyLike) {
  EXPECT_EQ(Of("SELECT lpad(a, 8, '0'), rpad('x', 20), repeat('-', 20) FROM t").safety,
            Safety::kSafe);
  EXPECT_EQ(Of("SELECT format('%I.%-20s %1$5s 100%%', a, b) FROM t").safety, Safety::kSafe);
  for (absl::string_view text :
       {"SELECT format('%1000000000s', '')", "SELECT length(format('%*s', 1000000000, ''))",
        "SELECT format(a, b) FROM t", "SELECT format('%1$-99999s', '')",
        "SELECT lpad('', 1000000000)", "SELECT lpad('', a) FROM t",
        "SELECT repeat('x', 1000000000)", "SELECT rpad('', b => 5)",
        "SELECT repeat(repeat('x', 900), 900)"}) {
    EXPECT_EQ(Of(text).safety, Safety::kDestructive) << text;
  }
}

TEST(VerdictTest, AnOlderServerDoesNotKnowEverything) {
  const std::pair<absl::string_view, int> cases[] = {
      {"MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", 15},
      {"CREATE UNIQUE INDEX i ON t (a) NULLS NOT DISTINCT", 15},
      {"ALTER TABLE t SET ACCESS METHOD heap", 15},
      {"CREATE PUBLICATION p FOR TABLES IN SCHEMA s", 15},
      {"WITH RECURSIVE x AS (SELECT 1 AS a) SEARCH DEPTH FIRST BY a SET o SELECT * FROM x", 14},
      {"SELECT a FROM t GROUP BY DISTINCT a", 14},
      {"ALTER TABLE t DETACH PARTITION p CONCURRENTLY", 14},
      {"SELECT 1 FROM a JOIN b USING (i) AS x", 14}};
  for (const auto& [text, since] : cases) {
    EXPECT_TRUE(Of(text).understood) << text;
    EXPECT_TRUE(Of(text, since).understood) << text;
    const Verdict before = Of(text, since - 1);
    EXPECT_FALSE(before.understood) << text;
    EXPECT_THAT(absl::StrJoin(before.reasons, "; "),
                HasSubstr(absl::StrCat("came with PostgreSQL ", since)))
        << text;
    EXPECT_EQ(before.safety, Safety::kDestructive) << text;
  }
}

TEST(VerdictTest, WhatCannotBeParsedIsGuessedByItsFirstWords) {
  struct Guess {
    absl::string_view text;
    Kind kind;
    bool transactional;
    bool control;
  };
  const Guess guesses[] = {
      {"MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING 1", Kind::kDataFix, true,
       false},
      {"CREATE UNIQUE INDEX CONCURRENTLY ,", Kind::kSchemaMigration, false, false},
      {"CREATE SOMETHING new", Kind::kSchemaMigration, true, false},
      {"ALTER TABLE t ALTER a SET EXPRESSION AS (1)", Kind::kSchemaMigration, true, false},
      {"DROP SOMETHING x", Kind::kSchemaMigration, true, false},
      {"COMMIT something", Kind::kControl, false, true},
      {"VACUUM (", Kind::kMaintenance, false, false},
      {"WITH x AS (SELECT 1) SOMETHING", Kind::kDataFix, true, false},
      {"frobnicate", Kind::kControl, false, false}};
  for (const Guess& guess : guesses) {
    const Verdict verdict = Of(guess.text);
    EXPECT_FALSE(verdict.understood) << guess.text;
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << guess.text;
    EXPECT_EQ(NameOf(verdict.kind), NameOf(guess.kind)) << guess.text;
    EXPECT_EQ(verdict.transactional, guess.transactional) << guess.text;
    EXPECT_EQ(verdict.transaction_control, guess.control) << guess.text;
    EXPECT_EQ(verdict.effects.blocks, Blocking::kReadsAndWrites) << guess.text;
  }
}

TEST(VerdictTest, AnEnumsValueIsAddedInsideATransactionSince12) {
  EXPECT_FALSE(Of("ALTER TYPE e ADD VALUE 'x'", 11).transactional);
  EXPECT_TRUE(Of("ALTER TYPE e ADD VALUE 'x'", 15).transactional);
}

TEST(VerdictTest, ReasonsSayWhatAStatementDoes) {
  struct Case {
    absl::string_view text;
    absl::string_view reason;
  };
  for (const Case& c :
       {Case{"BEGIN", "BEGIN begins or ends a transaction, or a part of one"},
        Case{"SAVEPOINT a", "SAVEPOINT begins or ends a transaction, or a part of one"},
        Case{"SET lock_timeout = '5s'", "SET changes the session or the server"},
        Case{"GRANT SELECT ON t TO a", "GRANT changes privileges"},
        Case{"GRANT a TO b", "GRANT changes privileges"},
        Case{"LOCK TABLE t", "LOCK takes a lock that others may wait for"},
        Case{"CREATE ROLE a", "CREATE ROLE changes accounts or what they may do"},
        Case{"ALTER SYSTEM SET work_mem = '1GB'", "ALTER SYSTEM changes the server"},
        Case{"NOTIFY a", "NOTIFY sends messages to other sessions, or asks for theirs"},
        Case{"DROP PUBLICATION p", "DROP PUBLICATION changes the session or the server"}}) {
    const Verdict verdict = Of(c.text);
    EXPECT_EQ(verdict.safety, Safety::kDestructive) << c.text;
    EXPECT_THAT(verdict.reasons, testing::Contains(std::string(c.reason))) << c.text;
  }
}

}  // namespace
}  // namespace dbfleet::sql
