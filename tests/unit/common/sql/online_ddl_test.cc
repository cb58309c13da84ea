#include <algorithm>

#include "absl/strings/str_cat.h"

#include "tests/unit/common/sql/lint_cases.h"

// What ALTER TABLE of MySQL and MariaDB does to the table and to others. MariaDB's part was
// measured on 10.11: TABLE_ID of information_schema.INNODB_SYS_TABLES, and which ALGORITHM and LOCK
// it takes.
namespace dbfleet::sql {
namespace {

using testing::Contains;
using testing::Not;

Target At(absl::string_view name, absl::string_view version = "") {
  Target target = *ParseTarget(name);
  if (!version.empty()) target.version = *ParseVersion(version);
  return target;
}
Target Maria() { return At("mariadb", "10.11.19"); }
Target MySql() { return At("mysql", "8.0.36"); }

std::string EffectsOf(const Target& target, const std::string& sql) {
  const Reading reading = Read(target, (*Split(target, sql))[0]);
  EXPECT_TRUE(reading.verdict.understood) << sql;
  const Effects& effects = reading.verdict.effects;
  return absl::StrCat(effects.rewrites_table ? "rebuild" : "same", " ", NameOf(effects.blocks));
}

struct Measured {
  const char* alter;
  const char* effects;
};

TEST(OnlineDdlTest, WhatIsInstantAloneRebuildsTheTableBesideAnIndex) {
  constexpr Measured kBoth[] = {
      {"ADD COLUMN c INT", "same nothing"},
      {"ADD INDEX i (note)", "same nothing"},
      {"ADD COLUMN c INT, ADD INDEX i (note)", "rebuild nothing"},
      {"ADD INDEX i (note), ADD COLUMN c INT FIRST", "rebuild nothing"},
      {"ADD COLUMN c INT, ADD UNIQUE INDEX i (note)", "rebuild nothing"},
      {"DROP COLUMN dd, ADD INDEX i (note)", "rebuild nothing"},
      {"ADD COLUMN c INT, ADD SPATIAL INDEX i (g)", "rebuild writes"},
      {"ADD COLUMN c INT, ADD COLUMN d INT", "same nothing"},
      {"RENAME COLUMN p TO q, ADD INDEX i (note)", "same nothing"},
      {"ALTER COLUMN p SET DEFAULT 5, ADD INDEX i (note)", "same nothing"},
      {"DROP INDEX k, ADD INDEX i (note)", "same nothing"},
      // A column that is computed goes together with few others.
      {"ADD COLUMN v INT AS (n + 1) VIRTUAL", "same nothing"},
      {"ADD COLUMN v INT AS (n + 1) VIRTUAL, ADD INDEX i (note)", "same nothing"},
      {"ADD COLUMN v INT AS (n + 1) VIRTUAL, ADD INDEX i (v)", "same writes"},
      {"ADD INDEX i (V), ADD COLUMN v INT AS (n + 1) VIRTUAL", "same writes"},
      {"ADD COLUMN v INT AS (n + 1) VIRTUAL, DROP COLUMN dd", "same nothing"},
      {"ADD COLUMN v INT AS (n + 1) VIRTUAL, ADD COLUMN c INT", "rebuild writes"},
      {"ADD COLUMN v INT AS (n + 1) VIRTUAL, RENAME COLUMN p TO q", "rebuild writes"},
      {"ADD COLUMN v INT AS (n + 1) VIRTUAL, ADD UNIQUE INDEX i (note)", "rebuild writes"},
      {"ADD COLUMN v INT AS (n + 1) VIRTUAL, ADD INDEX i (note), DROP COLUMN d", "rebuild writes"},
  };
  for (const Target& target : {Maria(), MySql()}) {
    for (const Measured& m : kBoth) {
      EXPECT_EQ(EffectsOf(target, absl::StrCat("ALTER TABLE o ", m.alter)), m.effects) << m.alter;
    }
  }
  for (const char* cheap :
       {"ADD COLUMN c INT, DROP INDEX k", "ADD COLUMN c INT, RENAME INDEX k TO l",
        "ADD COLUMN c INT, ALTER INDEX k IGNORED, COMMENT = 'x'"}) {
    EXPECT_EQ(EffectsOf(Maria(), absl::StrCat("ALTER TABLE o ", cheap)), "same nothing") << cheap;
  }
  // MySQL's INSTANT takes no index at all.
  EXPECT_EQ(EffectsOf(MySql(), "ALTER TABLE o ADD COLUMN c INT, DROP INDEX k"), "rebuild nothing");
}

TEST(OnlineDdlTest, WhatTheServersRebuildAndCopy) {
  for (const Target& target : {Maria(), MySql()}) {
    EXPECT_EQ(EffectsOf(target, "ALTER TABLE o ADD FULLTEXT INDEX f (t)"), "rebuild writes");
    EXPECT_EQ(EffectsOf(target, "CREATE FULLTEXT INDEX f ON o (t)"), "rebuild writes");
    EXPECT_EQ(EffectsOf(target, "ALTER TABLE o ADD SPATIAL INDEX f (g)"), "same writes");
    EXPECT_EQ(EffectsOf(target, "CREATE SPATIAL INDEX f ON o (g)"), "same writes");
    EXPECT_EQ(EffectsOf(target, "ALTER TABLE o ORDER BY n"), "rebuild writes");
  }
  EXPECT_EQ(EffectsOf(Maria(), "ALTER TABLE o ADD SYSTEM VERSIONING"), "rebuild writes");
  EXPECT_EQ(EffectsOf(Maria(), "ALTER TABLE o DROP SYSTEM VERSIONING"), "rebuild writes");
}

TEST(OnlineDdlTest, MergingIsAdvisedWhereItIsNotWorse) {
  DoesNotFind(
      Maria(),
      {
          {"ALTER TABLE o ADD COLUMN c INT; ALTER TABLE o ADD INDEX i (note)",
           "dbf-merge-alters 2"},
          {"ALTER TABLE o ADD INDEX i (note); ALTER TABLE o DROP COLUMN d", "dbf-merge-alters 2"},
          {"ALTER TABLE o ADD COLUMN v INT AS (n) VIRTUAL; ALTER TABLE o ADD COLUMN c INT",
           "dbf-merge-alters 2"},
          {"ALTER TABLE o ADD COLUMN v INT AS (n) VIRTUAL; ALTER TABLE o ADD INDEX i (v)",
           "dbf-merge-alters 2"},
          {"ALTER TABLE o ADD COLUMN c INT, ALGORITHM=INSTANT;"
           "ALTER TABLE o DROP INDEX i, ALGORITHM=INPLACE",
           "dbf-merge-alters 2"},
      });
  Finds(
      Maria(),
      {
          {"ALTER TABLE o ADD COLUMN c INT; ALTER TABLE o ADD COLUMN d INT", "dbf-merge-alters 2"},
          {"ALTER TABLE o ADD INDEX i (a); ALTER TABLE o ADD INDEX j (b)", "dbf-merge-alters 2"},
          {"ALTER TABLE o ADD COLUMN c INT; ALTER TABLE o DROP INDEX i", "dbf-merge-alters 2"},
          // The table is copied in any case.
          {"ALTER TABLE o MODIFY a BIGINT, ADD COLUMN c INT;"
           "ALTER TABLE o ADD INDEX i (note)",
           "dbf-merge-alters 2"},
      });
  Finds(*ParseTarget("postgresql-15"),
        {{"ALTER TABLE o ADD COLUMN c int; ALTER TABLE o ADD COLUMN d int", "dbf-merge-alters 2"}});
}

// What the server needs for it is what is advised.
TEST(OnlineDdlTest, TheFormThatIsAdvisedIsOneThatTheServerTakes) {
  const auto advice = [](const std::string& sql) {
    const Target target = Maria();
    const LintConfig config;
    Linter linter(target, config, nullptr);
    const auto statements = Split(target, sql);
    for (const Statement& statement : *statements) {
      linter.Add(statement, Read(target, statement));
    }
    std::string all;
    for (const Finding& finding : linter.Finish()) {
      if (finding.rule_id == "dbf-no-algorithm") all += finding.advice;
    }
    return all;
  };
  using testing::HasSubstr;
  EXPECT_THAT(advice("ALTER TABLE o ADD COLUMN c INT"), HasSubstr("ALGORITHM=INSTANT"));
  EXPECT_THAT(advice("ALTER TABLE o ADD COLUMN c INT, ADD INDEX i (note)"),
              HasSubstr("ALGORITHM=INPLACE, LOCK=NONE"));
  EXPECT_THAT(advice("ALTER TABLE o ADD COLUMN v INT AS (n) VIRTUAL, ADD INDEX i (v)"),
              HasSubstr("ALGORITHM=INPLACE, LOCK=SHARED"));
  for (const char* copies :
       {"ADD SYSTEM VERSIONING", "ORDER BY n", "ADD FULLTEXT INDEX f (a), ADD FULLTEXT INDEX g (b)",
        "ADD COLUMN v INT AS (n) VIRTUAL, ADD COLUMN c INT"}) {
    EXPECT_THAT(advice(absl::StrCat("ALTER TABLE o ", copies)), Not(HasSubstr("INPLACE")))
        << copies;
  }
}

TEST(OnlineDdlTest, AnIndexChangesNoTypes) {
  SchemaSnapshot snapshot;
  LiveTable orders;
  orders.name = {"shop", "orders"};
  orders.rows = 5'000'000;
  orders.columns = {{"id", "int", false, true}, {"st", "enum('a','b')", true}};
  snapshot.Add(orders);
  const std::string append = "ALTER TABLE orders MODIFY st ENUM('a','b','c')";
  const auto rebuilds = [&](const std::string& before) {
    const Target target = Maria();
    const LintConfig config;
    Linter linter(target, config, &snapshot);
    Effects effects;
    const auto statements = Split(target, before + append);
    for (const Statement& statement : *statements) {
      Reading reading = Read(target, statement);
      linter.HoldAgainstSnapshot(&reading);
      linter.Add(statement, reading);
      effects = reading.verdict.effects;
    }
    return effects.rewrites_table;
  };
  for (const char* before :
       {"", "CREATE INDEX i ON orders (id);", "ALTER TABLE orders ADD INDEX i (st);",
        "ALTER TABLE orders DROP INDEX i;", "ALTER TABLE orders RENAME INDEX i TO j;",
        "DROP INDEX i ON orders;", "DELETE FROM orders WHERE id = 1;"}) {
    EXPECT_FALSE(rebuilds(before)) << before;
  }
  for (const char* before :
       {"ALTER TABLE orders CONVERT TO CHARACTER SET latin1;", "ALTER TABLE orders CHARSET latin1;",
        "ALTER TABLE orders MODIFY st ENUM('x');", "ALTER TABLE orders RENAME COLUMN st TO su;",
        "ALTER TABLE orders ADD PRIMARY KEY (st);", "ALTER TABLE orders ENGINE=MyISAM;",
        "ALTER TABLE orders ADD INDEX i (id), MODIFY st ENUM('x');"}) {
    EXPECT_TRUE(rebuilds(before)) << before;
  }
}

// Tried on MariaDB 10.11: it is refused as INSTANT and INPLACE, and waits for writers.
TEST(OnlineDdlTest, AForeignKeyBesideAColumnCopiesTheTableWhereItIsHonoured) {
  constexpr char kSql[] = "ALTER TABLE t ADD COLUMN c INT REFERENCES p (id)";
  for (const Target& target :
       {Maria(), At("mariadb", "10.5.0"), At("mariadb", "11.4.2"), At("mysql", "9.0.0")}) {
    EXPECT_EQ(EffectsOf(target, kSql), "rebuild writes");
    const Reading reading = Read(target, (*Split(target, kSql))[0]);
    const auto& uses = reading.verdict.uses;
    EXPECT_TRUE(std::any_of(uses.begin(), uses.end(), [](const ObjectUse& use) {
      return use.name == "p" && use.access == Access::kLock;
    }));
  }
  EXPECT_EQ(EffectsOf(MySql(), kSql), "same nothing");  // Which ignores it.
}

}  // namespace
}  // namespace dbfleet::sql
