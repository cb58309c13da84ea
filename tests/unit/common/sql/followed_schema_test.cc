#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/linter.h"
#include "common/sql/script_reader.h"
#include "common/sql/sql.h"

// What a server would certainly refuse, by a snapshot and the statements before. Each was tried on
// MariaDB 10.11 and PostgreSQL 15.
namespace dbfleet::sql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const SchemaSnapshot& Live() {
  static const auto& snapshot = *[] {
    auto* made = new SchemaSnapshot;
    made->complete = true;
    LiveTable orders;
    orders.name = {"public", "orders"};
    orders.columns = {{"id", "int", false}, {"a", "int"}, {"b", "int"}};
    orders.indexes = {{"pk", {"id"}, true, true}, {"ka", {"a"}}};
    made->Add(orders);
    return made;
  }();
  return snapshot;
}

struct File {
  std::string text;
  bool applied = false;
};

// What dbf-dry-run says, of files that are run one after the other.
std::vector<std::string> OfFiles(absl::string_view dialect, const std::vector<File>& files,
                                 bool in_series, const SchemaSnapshot& snapshot = Live()) {
  const Target target = *ParseTarget(dialect);
  const LintConfig config;
  std::vector<std::string> said;
  std::optional<FollowedSchema> left;
  for (const File& file : files) {
    Linter::Options options;
    options.before = left;
    options.applied = file.applied;
    Linter linter(target, config, &snapshot, options);
    ScriptReader reader(target);
    const auto statements = Split(target, file.text);
    for (const Statement& statement : *statements) {
      Reading reading = reader.Read(statement);
      linter.HoldAgainstSnapshot(&reading);
      linter.Add(statement, reading);
    }
    for (const Finding& finding : linter.Finish()) {
      if (finding.rule_id == "dbf-dry-run") said.push_back(finding.message);
    }
    left = linter.TakeLeft(in_series);
  }
  return said;
}

std::vector<std::string> Said(absl::string_view dialect, absl::string_view script) {
  return OfFiles(dialect, {{std::string(script)}}, false);
}

TEST(DryRunTest, ColumnsThatADefinitionNames) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    for (absl::string_view sql :
         {"CREATE INDEX i ON orders (a, zzz)", "ALTER TABLE orders ADD UNIQUE (zzz)",
          "ALTER TABLE orders ADD CHECK (zzz > 0)", "ALTER TABLE orders DROP COLUMN zzz",
          "ALTER TABLE orders ADD FOREIGN KEY (zzz) REFERENCES orders (id)",
          "ALTER TABLE orders ALTER COLUMN zzz SET DEFAULT 1",
          "ALTER TABLE orders RENAME COLUMN zzz TO y"}) {
      EXPECT_THAT(Said(dialect, sql), ElementsAre(HasSubstr("orders has no column zzz")))
          << dialect << ": " << sql;
    }
    for (absl::string_view sql :
         {"CREATE INDEX i ON orders (a, b)", "ALTER TABLE orders ADD CHECK (a + 1 > b)",
          "ALTER TABLE orders ADD COLUMN c INT, ADD UNIQUE (c)",
          "ALTER TABLE orders DROP COLUMN a, ADD COLUMN a BIGINT"}) {
      EXPECT_THAT(Said(dialect, sql), IsEmpty()) << dialect << ": " << sql;
    }
    EXPECT_THAT(Said(dialect, "ALTER TABLE orders RENAME COLUMN a TO b"),
                ElementsAre(HasSubstr("has a column b already")));
  }
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11"}) {
    for (absl::string_view sql :
         {"ALTER TABLE orders ADD COLUMN c INT AFTER zzz", "ALTER TABLE orders MODIFY zzz INT",
          "ALTER TABLE orders CHANGE zzz y INT", "ALTER TABLE orders ADD INDEX i (zzz)",
          "ALTER TABLE orders ADD PRIMARY KEY (zzz)"}) {
      EXPECT_THAT(Said(dialect, sql), ElementsAre(HasSubstr("orders has no column zzz")))
          << dialect << ": " << sql;
    }
    for (absl::string_view sql :
         {"ALTER TABLE orders ADD COLUMN c INT AFTER b, ADD COLUMN d INT AFTER c",
          "ALTER TABLE orders CHANGE b c INT, ADD INDEX i (c)",
          "ALTER TABLE orders ADD INDEX i ((a + 1))"}) {
      EXPECT_THAT(Said(dialect, sql), IsEmpty()) << dialect << ": " << sql;
    }
    EXPECT_THAT(Said(dialect, "ALTER TABLE orders ADD COLUMN A INT"),
                ElementsAre(HasSubstr("has a column A already")));
  }
  // PostgreSQL tells them apart; and a row as a whole is no column.
  EXPECT_THAT(Said("postgresql-15", "ALTER TABLE orders ADD COLUMN \"A\" int"), IsEmpty());
  EXPECT_THAT(Said("postgresql-15", "ALTER TABLE orders ADD CHECK (orders IS NOT NULL)"),
              IsEmpty());
}

TEST(DryRunTest, TablesAndIndexesThatAreThereOrNot) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    EXPECT_THAT(Said(dialect, "CREATE TABLE orders (id INT)"),
                ElementsAre("there is a table orders already in the snapshot"));
    EXPECT_THAT(Said(dialect, "CREATE TABLE public.orders (id INT)"),
                ElementsAre(HasSubstr("orders already")));
    EXPECT_THAT(Said(dialect, "DROP TABLE gone"), ElementsAre(HasSubstr("no table gone")));
    EXPECT_THAT(Said(dialect, "CREATE INDEX ka ON orders (b)"),
                ElementsAre(HasSubstr("there is an index ka already")));
    for (absl::string_view sql :
         {"CREATE TABLE IF NOT EXISTS orders (id INT)", "DROP TABLE IF EXISTS gone",
          "CREATE TABLE elsewhere.orders (id INT)", "CREATE TEMPORARY TABLE orders (id INT)",
          "DROP TABLE orders; CREATE TABLE orders (id INT)",
          "CREATE TABLE gone (id INT); DROP TABLE gone"}) {
      EXPECT_THAT(Said(dialect, sql), IsEmpty()) << dialect << ": " << sql;
    }
  }
  EXPECT_THAT(Said("mariadb-10.11", "DROP INDEX zz ON orders"),
              ElementsAre(HasSubstr("orders has no index zz")));
  EXPECT_THAT(Said("mariadb-10.11", "ALTER TABLE orders DROP INDEX ka, ADD INDEX ka (b)"),
              IsEmpty());
  // With the column its index goes.
  EXPECT_THAT(
      Said("mariadb-10.11", "ALTER TABLE orders DROP COLUMN a; CREATE INDEX ka ON orders (b)"),
      IsEmpty());
  // A foreign key makes an index of its name.
  EXPECT_THAT(Said("mariadb-10.11",
                   "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES orders (id);"
                   "ALTER TABLE orders DROP FOREIGN KEY f; DROP INDEX f ON orders"),
              IsEmpty());
  // The documented query leaves invalid ones out, which are what one drops.
  EXPECT_THAT(Said("postgresql-15", "DROP INDEX zz"), IsEmpty());
  EXPECT_THAT(Said("mariadb-10.11", "CREATE OR REPLACE TABLE orders (id INT)"), IsEmpty());
}

TEST(DryRunTest, ASchemaOfAnotherPathIsNotTakenForThatOfTheSnapshot) {
  EXPECT_THAT(Said("postgresql-15", "SET search_path = app; CREATE TABLE orders (id int)"),
              IsEmpty());
  EXPECT_THAT(Said("mariadb-10.11", "USE app; CREATE TABLE orders (id int)"), IsEmpty());
}

TEST(FollowedSchemaTest, WhatTheScriptChangesIsFollowed) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    const auto said = [&](absl::string_view script) { return Said(dialect, script); };
    EXPECT_THAT(said("ALTER TABLE orders ADD COLUMN c INT; UPDATE orders SET c = 1 WHERE id = 1;"
                     "UPDATE orders SET zzz = 1 WHERE id = 1"),
                ElementsAre("orders has no column zzz, by the snapshot and the statements before "
                            "this one"));
    EXPECT_THAT(said("ALTER TABLE orders DROP COLUMN a; UPDATE orders SET a = 1 WHERE id = 1"),
                ElementsAre(HasSubstr("no column a,")));
    EXPECT_THAT(said("ALTER TABLE orders RENAME COLUMN a TO c;"
                     "UPDATE orders SET c = 1 WHERE id = 1; UPDATE orders SET a = 1 WHERE id = 1"),
                ElementsAre(HasSubstr("no column a,")));
    EXPECT_THAT(said("CREATE TABLE n (id INT, x INT); INSERT INTO n (id, x) VALUES (1, 2);"
                     "INSERT INTO n (id, y) VALUES (1, 2)"),
                ElementsAre(HasSubstr("n has no column y")));
    EXPECT_THAT(said("ALTER TABLE orders RENAME TO moved; UPDATE moved SET a = 1 WHERE id = 1;"
                     "UPDATE moved SET zzz = 1 WHERE id = 1"),
                ElementsAre(HasSubstr("moved has no column zzz")));
    EXPECT_THAT(said("DROP TABLE orders; ALTER TABLE orders ADD COLUMN c INT"),
                ElementsAre("there is no table orders any more: a statement before this one took "
                            "it away"));
    EXPECT_THAT(said("CREATE TABLE n (id INT); CREATE TABLE n (id INT)"),
                ElementsAre("there is a table n already"));
  }
}

TEST(FollowedSchemaTest, BehindWhatCannotBeFollowedNothingIsSaid) {
  for (absl::string_view dialect : {"mariadb-10.11", "postgresql-15"}) {
    for (absl::string_view before :
         {"CREATE TABLE n AS SELECT * FROM orders", "CREATE TABLE n (LIKE orders)",
          "CREATE VIEW n AS SELECT 1 AS x"}) {
      EXPECT_THAT(Said(dialect, absl::StrCat(before, "; UPDATE n SET zzz = 1 WHERE id = 1")),
                  IsEmpty())
          << dialect << ": " << before;
    }
  }
  const auto postgres = [](absl::string_view script) { return Said("postgresql-15", script); };
  EXPECT_THAT(postgres("DO $$ BEGIN PERFORM 1; END $$; UPDATE orders SET zzz = 1 WHERE id = 1"),
              IsEmpty());
  EXPECT_THAT(postgres("BEGIN; ALTER TABLE orders DROP COLUMN a; ROLLBACK;"
                       "UPDATE orders SET a = 1 WHERE id = 1"),
              IsEmpty());
  // An heir has what its parent was given.
  EXPECT_THAT(postgres("CREATE TABLE heir (id int); CREATE TABLE parent (id int);"
                       "ALTER TABLE heir INHERIT parent; ALTER TABLE parent ADD COLUMN c int;"
                       "UPDATE heir SET c = 1 WHERE id = 1"),
              IsEmpty());
  // What a ROLLBACK took back may be made elsewhere.
  EXPECT_THAT(postgres("CREATE TABLE n (id int);"
                       "BEGIN; CREATE INDEX i ON orders (a); ROLLBACK; CREATE INDEX i ON n (id);"
                       "BEGIN; ALTER TABLE orders ADD CONSTRAINT uq UNIQUE (a); ROLLBACK;"
                       "ALTER TABLE n ADD CONSTRAINT uq UNIQUE (id)"),
              IsEmpty());
  // ALTER TABLE renames an index too.
  EXPECT_THAT(postgres("ALTER TABLE ka RENAME TO kb; CREATE INDEX ka ON orders (b)"), IsEmpty());
  // Partitions and heirs that the script made go with their parent as well.
  EXPECT_THAT(postgres("CREATE TABLE p (d date) PARTITION BY RANGE (d);"
                       "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO "
                       "('2026-02-01'); DROP TABLE p; CREATE TABLE p1 (id int);"),
              IsEmpty());
  // Its partitions went with it.
  EXPECT_THAT(postgres("DROP TABLE parted CASCADE; CREATE TABLE orders (id int)"),
              ElementsAre(HasSubstr("no table parted")));
}

// A schema for each tenant: more tables of one name than are followed, so that nothing is said.
TEST(FollowedSchemaTest, TooManyOfOneNameAreNotFollowed) {
  std::string script;
  for (int i = 0; i < 300; ++i) {
    absl::StrAppend(&script, "CREATE TABLE s", i, ".t (id int); CREATE INDEX ix ON s", i,
                    ".t (id);");
  }
  EXPECT_THAT(Said("postgresql-15", script), IsEmpty());
  EXPECT_THAT(Said("postgresql-15", script + "UPDATE s7.t SET zzz = 1 WHERE id = 1"), IsEmpty());
  EXPECT_THAT(Said("postgresql-15", "CREATE TABLE s7.t (id int); UPDATE s7.t SET zzz = 1"),
              ElementsAre(HasSubstr("no column zzz")));
}

TEST(FollowedSchemaTest, FilesOfOneSeriesMeetWhatTheFormerOnesMade) {
  const std::vector<File> files = {
      {"CREATE TABLE n (id INT, x INT); ALTER TABLE orders ADD COLUMN c INT"},
      {"INSERT INTO n (id, x) VALUES (1, 2); UPDATE orders SET c = 1 WHERE id = 1"},
      {"INSERT INTO n (id, y) VALUES (1, 2); UPDATE orders SET zzz = 1 WHERE id = 1"}};
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    EXPECT_THAT(OfFiles(dialect, files, true),
                ElementsAre(HasSubstr("n has no column y"), HasSubstr("no column zzz")));
    // Of others it is not known whether they are run before.
    EXPECT_THAT(OfFiles(dialect, files, false), IsEmpty());
    // What the snapshot has already is neither made again nor an error.
    EXPECT_THAT(OfFiles(dialect,
                        {{"CREATE TABLE orders (id INT, a INT, b INT)", true},
                         {"ALTER TABLE orders ADD COLUMN c INT; UPDATE orders SET zzz = 1"}},
                        true),
                ElementsAre(HasSubstr("no column zzz")));
  }
  // A column of an earlier file is no call of a function.
  EXPECT_THAT(OfFiles("postgresql-15",
                      {{"ALTER TABLE orders ADD COLUMN c int"},
                       {"SELECT orders.c FROM orders; UPDATE orders SET zzz = 1 WHERE id = 1"}},
                      true),
              ElementsAre(HasSubstr("no column zzz")));
}

}  // namespace
}  // namespace dbfleet::sql
