#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/linter.h"
#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

LiveTable Table(const std::string& schema, const std::string& name,
                const std::vector<std::string>& columns) {
  LiveTable table;
  table.name = {schema, name};
  for (const std::string& column : columns) {
    table.columns.emplace_back();
    table.columns.back().name = column;
  }
  return table;
}

// Of the last statement of the script, with a snapshot of t(a, b, "Mixed"), u(a, evil), "T"(evil),
// n("É") and archive.u(a, evil, only_archived).
Safety Held(absl::string_view script) {
  static const auto& snapshot = *[] {
    auto* made = new SchemaSnapshot;
    made->Add(Table("public", "t", {"a", "b", "Mixed"}));
    made->Add(Table("public", "u", {"a", "evil"}));
    made->Add(Table("public", "T", {"evil"}));
    made->Add(Table("archive", "u", {"a", "evil", "only_archived"}));
    made->Add(Table("public", "n", {"É"}));
    return made;
  }();
  const Target target(Dialect::kPostgres);
  const LintConfig config;
  Linter linter(target, config, &snapshot);
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  Reading reading;
  for (const Statement& statement : *statements) {
    reading = Read(target, statement);
    linter.HoldAgainstSnapshot(&reading);
    linter.Add(statement, reading);
  }
  return reading.verdict.safety;
}

TEST(SnapshotTest, WhatIsNoColumnOfTheTableMayBeACall) {
  for (absl::string_view sql :
       {"SELECT t.evil FROM t", "SELECT x.evil FROM t x", "SELECT x.evil FROM t AS x (c, d)",
        // "a" has another name here.
        "SELECT x.a FROM t AS x (c)", "SELECT x.b FROM t AS x (c, d)",
        // Letter case counts.
        "SELECT t.mixed FROM t", "SELECT t.\"A\" FROM t", "SELECT t.evil FROM public.t",
        // A WITH of another query, or one that cannot be meant.
        "SELECT t.evil FROM t, (WITH t AS (SELECT 1) SELECT * FROM t) q",
        "SELECT t.evil FROM t WHERE EXISTS (WITH t AS (SELECT 1) SELECT 1 FROM t)",
        "WITH t AS (SELECT t.evil FROM t) SELECT * FROM t",
        "WITH t AS (SELECT 1) SELECT t.evil FROM public.t",
        "WITH x AS (SELECT t.evil FROM t), t AS (SELECT 1) SELECT * FROM x",
        // The same name for another table in a query of its own.
        "SELECT x.evil FROM t x, (SELECT x.a FROM unknown x) q",
        "SELECT (SELECT q.e FROM unknown x, (SELECT x.evil AS e) q) FROM t x",
        "SELECT (SELECT 1 FROM unknown x, u y JOIN u z ON x.evil) FROM t x",
        "SELECT 1 FROM t x WHERE EXISTS (SELECT 1 FROM u WHERE x.evil)",
        "SELECT a FROM u UNION SELECT t.evil FROM t",
        "ALTER TABLE t ADD COLUMN c int; SELECT t.evil FROM t",
        "ALTER TABLE u DROP COLUMN evil; SELECT u.evil FROM u",
        "ALTER TABLE u RENAME COLUMN evil TO good; SELECT u.evil FROM u",
        "CREATE TABLE v (a int); SELECT v.evil FROM v",
        // Of a query in FROM or WITH.
        "SELECT s.evil FROM (SELECT 1 AS a) s", "SELECT s.evil FROM (SELECT u.a FROM u) s",
        "SELECT s.evil FROM (SELECT * FROM t) s", "SELECT s.evil FROM (TABLE t) s",
        "SELECT s.evil FROM (SELECT 1 AS evil) s (a)", "SELECT s.evil FROM (VALUES (1)) s",
        "SELECT s.evil FROM (SELECT 1 AS a UNION SELECT 2 AS evil) s",
        "SELECT s.evil FROM (SELECT * FROM t, u) s",
        "WITH s AS (SELECT 1 AS a) SELECT s.evil FROM s",
        "WITH s (a) AS (SELECT 1 AS evil) SELECT x.evil FROM s x",
        "SELECT j.evil FROM (t JOIN u USING (a)) j",
        // Another table under the name of one.
        "ALTER TABLE u RENAME TO o; ALTER TABLE t RENAME TO u; SELECT u.evil FROM u",
        "CREATE TABLE n (a int); DROP TABLE u; ALTER TABLE n RENAME TO u; SELECT u.evil FROM u",
        "ALTER TABLE u RENAME TO o; CREATE TABLE u (a int); SELECT u.evil FROM u",
        // Another table in its place, from another schema.
        "ALTER TABLE t SET SCHEMA s; SELECT t.evil FROM s.t",
        "ALTER TABLE public.t SET SCHEMA s; SELECT t.evil FROM s.t",
        "ALTER TABLE archive.u SET SCHEMA old; ALTER TABLE public.u SET SCHEMA archive; "
        "SELECT u.only_archived FROM archive.u",
        "ALTER TABLE t SET SCHEMA s; ALTER TABLE s.t RENAME TO r; SELECT r.evil FROM s.r",
        "ALTER TABLE t ADD COLUMN c int; ALTER TABLE public.t SET SCHEMA s; "
        "SELECT t.evil FROM s.t",
        // The server may fold what stands without quotes to another name, or not.
        "SELECT n.É FROM n", "SELECT n.é FROM n", "SELECT \"n\".É FROM n",
        "SELECT public.n.É FROM n", "ALTER TABLE t ADD COLUMN \"É\" int; SELECT t.É FROM t",
        "SELECT n.\"É\", n.É FROM n", "SELECT n.\"é\" FROM n"}) {
    EXPECT_EQ(Held(sql), Safety::kDestructive) << sql;
  }
}

TEST(SnapshotTest, ColumnsAndWhatTheSnapshotDoesNotTellAreNoCalls) {
  for (absl::string_view sql :
       {"SELECT t.a, t.b, t.\"Mixed\", t.ctid FROM t",
        "SELECT x.c, x.d, x.\"Mixed\" FROM t x (c, d)",
        "SELECT \"T\".evil FROM \"T\"",
        "SELECT u.evil FROM t JOIN u ON t.a = u.a",
        "SELECT unknown.evil FROM unknown",
        "SELECT c.relname FROM pg_catalog.pg_class c",
        "WITH t AS (SELECT 1 AS evil) SELECT t.evil FROM t",
        "WITH RECURSIVE t AS (SELECT 1 AS evil UNION SELECT t.evil FROM t) SELECT t.evil FROM t",
        "WITH t AS (SELECT 1 AS evil), x AS (SELECT t.evil FROM t) SELECT x.evil FROM x",
        "SELECT t.evil FROM (SELECT 1 AS evil) t",
        "SELECT x.a FROM t x WHERE EXISTS (SELECT 1 FROM u x WHERE x.evil = 1)",
        "SELECT q.evil FROM t x, LATERAL (SELECT u.evil FROM u WHERE u.a = x.a) q",
        "ALTER TABLE t ADD COLUMN evil int; SELECT t.evil FROM t",
        "ALTER TABLE t RENAME COLUMN a TO evil; SELECT t.evil FROM t",
        "CREATE TABLE v (evil int); SELECT v.evil FROM v",
        "SELECT s.evil FROM (SELECT u.evil FROM u) s",
        "SELECT s.evil FROM (SELECT * FROM u) s",
        "SELECT s.evil FROM (SELECT 1) s (evil)",
        "SELECT s.column2 FROM (VALUES (1, 2)) s",
        "SELECT s.lower FROM (SELECT lower('A')) s",
        "WITH s (evil) AS (SELECT 1) SELECT x.evil FROM s x",
        "ALTER TABLE u RENAME TO o; SELECT o.evil FROM o",
        "ALTER TABLE t RENAME TO o; ALTER TABLE u RENAME TO t; SELECT t.evil FROM t",
        "CREATE TABLE n (evil int); ALTER TABLE n RENAME TO m; SELECT m.evil FROM m",
        "CREATE TABLE v AS SELECT 1 AS evil; SELECT v.evil FROM v",
        "ALTER TABLE u SET SCHEMA s; SELECT u.evil FROM s.u",
        "ALTER TABLE public.u SET SCHEMA s; SELECT u.evil FROM s.u",
        "ALTER TABLE t ADD COLUMN c int; ALTER TABLE public.t SET SCHEMA s; SELECT t.c FROM s.t",
        "ALTER TABLE t SET SCHEMA s; CREATE TABLE t (evil int); SELECT t.evil FROM public.t",
        "SELECT u.only_archived FROM archive.u",
        "SELECT n.\"É\" FROM n",
        "SELECT public . n /* É */ . \"É\" FROM n"}) {
    EXPECT_EQ(Held(sql), Safety::kSafe) << sql;
  }
}

TEST(SnapshotTest, MoreColumnsThanAreKeptAreNotUnderstood) {
  std::string same = "SELECT t.a";
  std::string many = "SELECT t.a";
  for (int i = 0; i < 6000; ++i) {
    absl::StrAppend(&same, ", t.a");
    absl::StrAppend(&many, ", x", i, ".a");
  }
  absl::StrAppend(&same, " FROM t");
  absl::StrAppend(&many, " FROM t");
  for (int i = 0; i < 6000; ++i) absl::StrAppend(&many, ", unknown", i, " x", i);
  EXPECT_EQ(Held(same), Safety::kSafe);
  EXPECT_EQ(Read(Dialect::kPostgres, same).facts.query.qualified_columns.size(), 1u);
  EXPECT_EQ(Held(many), Safety::kDestructive);
}

}  // namespace
}  // namespace dbfleet::sql
