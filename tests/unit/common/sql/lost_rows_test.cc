// Statements of MySQL and MariaDB that lose rows without saying so. Seen on MariaDB 10.11, but for
// MySQL's own.
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/unit/common/sql/lint_cases.h"

namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

Verdict VerdictOf(const Target& target, absl::string_view sql) {
  return Read(target, (*Split(target, sql))[0]).verdict;
}

Effects EffectsOf(const Target& target, absl::string_view sql) {
  return VerdictOf(target, sql).effects;
}

void ExpectOnlyABackupBringsBack(const Target& target, absl::string_view statement) {
  EXPECT_EQ(EffectsOf(target, statement).undo, Undo::kBackup) << statement;
}

TEST(LostRowsTest, ADatabaseThatIsReplacedIsDropped) {
  const char* const replaced = "CREATE OR REPLACE DATABASE shop";
  EXPECT_THAT(Found(Maria(), replaced), Contains("dbf-drop-table 1"));
  EXPECT_THAT(Found(Maria(), "CREATE OR REPLACE SCHEMA shop"), Contains("dbf-drop-table 1"));
  EXPECT_THAT(Found(Maria(), "CREATE DATABASE shop"), Not(Contains("dbf-drop-table 1")));
  EXPECT_EQ(EffectsOf(Maria(), replaced).blocks, Blocking::kReadsAndWrites);
  ExpectOnlyABackupBringsBack(Maria(), replaced);
  const Verdict verdict = VerdictOf(Maria(), replaced);
  ASSERT_EQ(verdict.uses.size(), 1u);
  EXPECT_EQ(verdict.uses[0].name, "shop");
  // What the script made in it is gone: a column of t is not known any more.
  EXPECT_THAT(Found(Maria(),
                    "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); "
                    "CREATE OR REPLACE DATABASE shop; ALTER TABLE shop.t ADD INDEX i (id)"),
              Contains("dbf-no-algorithm 4"));
}

TEST(LostRowsTest, AlterIgnoreDeletesRowsThatAreNotUnique) {
  for (const char* statement :
       {"ALTER IGNORE TABLE t ADD UNIQUE (a)", "ALTER IGNORE TABLE t ADD PRIMARY KEY (a)"}) {
    EXPECT_THAT(Found(Maria(), statement), Contains("dbf-unique-on-existing 1")) << statement;
    ExpectOnlyABackupBringsBack(Maria(), statement);
    EXPECT_EQ(EffectsOf(Maria(), statement).blocks, Blocking::kWrites) << statement;
  }
  EXPECT_EQ(EffectsOf(Maria(), "ALTER TABLE t ADD UNIQUE (a)").undo, Undo::kInverse);
}

TEST(LostRowsTest, EnginesThatKeepNoRows) {
  for (const char* engine : {"BLACKHOLE", "MRG_MyISAM", "MERGE"}) {
    const std::string statement = absl::StrCat("ALTER TABLE t ENGINE=", engine);
    EXPECT_THAT(Found(Maria(), statement), Contains("dbf-truncate 1")) << engine;
    ExpectOnlyABackupBringsBack(Maria(), statement);
  }
  ExpectOnlyABackupBringsBack(Maria(), "ALTER TABLE t ENGINE=MEMORY");
  EXPECT_THAT(Found(Maria(), "ALTER TABLE t ENGINE=MyISAM"), Not(Contains("dbf-truncate 1")));
  EXPECT_EQ(EffectsOf(Maria(), "ALTER TABLE t ENGINE=MyISAM").undo, Undo::kInverse);
}

TEST(LostRowsTest, ATablespaceThatIsDiscarded) {
  for (const char* statement :
       {"ALTER TABLE t DISCARD TABLESPACE", "ALTER TABLE t DISCARD PARTITION p TABLESPACE"}) {
    EXPECT_THAT(Found(Maria(), statement), Contains("dbf-truncate 1")) << statement;
    EXPECT_THAT(Found(Maria(), statement), Not(Contains("dbf-table-rebuild 1"))) << statement;
    EXPECT_THAT(Found(Maria(), statement), Not(Contains("dbf-no-algorithm 1"))) << statement;
    ExpectOnlyABackupBringsBack(Maria(), statement);
    EXPECT_EQ(EffectsOf(Maria(), statement).blocks, Blocking::kReadsAndWrites) << statement;
  }
}

TEST(LostRowsTest, HistoryIsNotThePresentRows) {
  EXPECT_THAT(Said(Maria(), "DELETE HISTORY FROM t"), HasSubstr("DELETE HISTORY FROM t BEFORE"));
  EXPECT_THAT(Said(Maria(), "DELETE HISTORY FROM t"), Not(HasSubstr("DELETE FROM t")));
  EXPECT_THAT(Said(Maria(), "ALTER TABLE t DROP SYSTEM VERSIONING"),
              HasSubstr("deletes the history of t"));
  EXPECT_THAT(Said(Maria(), "ALTER TABLE t DROP SYSTEM VERSIONING"), Not(HasSubstr("`system")));
}

// MariaDB 10.11 refuses it with error 1064, in front and behind, or takes it for a partition.
TEST(LostRowsTest, NoAlgorithmBesidePartitions) {
  for (const char* change :
       {"DROP PARTITION p", "TRUNCATE PARTITION p", "EXCHANGE PARTITION p WITH TABLE u",
        "ADD PARTITION (PARTITION q VALUES LESS THAN (9))", "ANALYZE PARTITION p",
        "CHECK PARTITION p", "REORGANIZE PARTITION p INTO (PARTITION q VALUES LESS THAN (5))"}) {
    EXPECT_THAT(Found(Maria(), absl::StrCat("ALTER TABLE t ", change)),
                Not(Contains("dbf-no-algorithm 1")))
        << change;
  }
}

TEST(LostRowsTest, WhatWasThereBeforeIsNotKnownAfterwards) {
  for (const char* statement :
       {"ALTER VIEW v AS SELECT 1", "ALTER USER u IDENTIFIED BY 'x'", "ALTER SEQUENCE s RESTART"}) {
    ExpectOnlyABackupBringsBack(Maria(), statement);
  }
  // In PostgreSQL as long as its transaction lasts.
  for (const char* statement :
       {"CREATE OR REPLACE VIEW v AS SELECT 1",
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE OR REPLACE RULE r AS ON INSERT TO t DO INSTEAD NOTHING",
        "ALTER SEQUENCE s RESTART WITH 5", "ALTER TABLE t ALTER COLUMN a DROP EXPRESSION",
        "ALTER TABLE t DROP CONSTRAINT c CASCADE"}) {
    EXPECT_EQ(EffectsOf(Postgres(), statement).undo, Undo::kRollback) << statement;
  }
  for (const char* statement :
       {"CREATE VIEW v AS SELECT 1", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER SEQUENCE s INCREMENT BY 2", "ALTER TABLE t DROP CONSTRAINT c"}) {
    EXPECT_EQ(EffectsOf(Postgres(), statement).undo, Undo::kInverse) << statement;
  }
}

// A function that is built in from then on has a stored function's name before.
TEST(LostRowsTest, FunctionsThatCameLater) {
  const auto safe = [](const Target& target, absl::string_view statement) {
    return VerdictOf(target, statement).safety == Safety::kSafe;
  };
  for (const char* name : {"JSON_ARRAYAGG(a)", "JSON_PRETTY(a)", "JSON_MERGE_PATCH(a, b)"}) {
    const std::string query = absl::StrCat("SELECT ", name, " FROM t");
    EXPECT_FALSE(safe(Target(Dialect::kMySql, {5, 7, 21}), query)) << name;
    EXPECT_TRUE(safe(Target(Dialect::kMySql, {5, 7, 22}), query)) << name;
    EXPECT_FALSE(safe(Target(Dialect::kMySql, {}), query)) << name;
  }
  EXPECT_FALSE(safe(Target(Dialect::kPostgres, {13, 0, 0}), "SELECT bit_xor(a) FROM t"));
  EXPECT_TRUE(safe(Target(Dialect::kPostgres, {14, 0, 0}), "SELECT bit_xor(a) FROM t"));
}

}  // namespace
}  // namespace dbfleet::sql
