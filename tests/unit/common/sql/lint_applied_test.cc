#include "common/sql/lint/applied.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/sql/script_reader.h"
#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

// orders (id, name) with the index by_name (name); customers (id).
SchemaSnapshot Live() {
  SchemaSnapshot snapshot;
  snapshot.complete = true;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.columns = {{"id", "bigint", false}, {"name", "varchar(20)"}};
  orders.indexes = {{"by_name", {"name"}}};
  snapshot.Add(orders);
  LiveTable customers;
  customers.name = {"app", "customers"};
  customers.columns = {{"id", "bigint", false}};
  snapshot.Add(customers);
  return snapshot;
}

// How many of the files are taken as applied.
size_t Applied(const std::vector<std::string>& files, const char* dialect = "mariadb-10.11") {
  const Target target = *ParseTarget(dialect);
  const SchemaSnapshot snapshot = Live();
  AppliedSigns signs(target, snapshot);
  size_t count = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    signs.BeginFile();
    ScriptReader reader(target);
    const auto statements = Split(target, files[i]);
    EXPECT_TRUE(statements.ok()) << files[i];
    for (const Statement& statement : *statements) signs.Note(reader.Read(statement).facts);
    if (signs.EndFile()) count = i + 1;
  }
  return count;
}

TEST(AppliedSignsTest, WhatIsThereAsTheFilesLeaveItWasMadeByThem) {
  EXPECT_EQ(Applied({"CREATE TABLE orders (id BIGINT, name VARCHAR(20))",
                     "CREATE TABLE later (id BIGINT)"}),
            1u);
  EXPECT_EQ(Applied({"CREATE TABLE orders (id BIGINT, name VARCHAR(20), gone INT)",
                     "ALTER TABLE orders DROP COLUMN gone", "ALTER TABLE orders ADD COLUMN c INT"}),
            2u);
  EXPECT_EQ(Applied({"CREATE TABLE orders (id BIGINT, fullname VARCHAR(20))",
                     "ALTER TABLE orders RENAME COLUMN fullname TO name", "SELECT 1"}),
            2u);
  EXPECT_EQ(Applied({"CREATE TABLE purchases (id BIGINT, name VARCHAR(20))",
                     "ALTER TABLE purchases RENAME TO orders"}),
            2u);
  EXPECT_EQ(Applied({"CREATE TABLE orders (id BIGINT, name VARCHAR(20))",
                     "CREATE TABLE old (id BIGINT)", "DROP TABLE old"}),
            3u);
  for (const char* dialect : {"mariadb-10.11", "postgresql-15"}) {
    EXPECT_EQ(Applied({"CREATE INDEX by_name ON orders (name)"}, dialect), 1u) << dialect;
  }
}

TEST(AppliedSignsTest, WhatIsMissingSpeaksAgainstTheFileAndTheOnesBehindIt) {
  EXPECT_EQ(
      Applied({"ALTER TABLE orders ADD COLUMN aa INT", "ALTER TABLE orders ADD COLUMN name INT"}),
      0u);
  EXPECT_EQ(Applied({"CREATE TABLE customers (id BIGINT)",
                     "ALTER TABLE orders ADD COLUMN vip INT, ADD COLUMN name INT"}),
            1u);
  EXPECT_EQ(
      Applied({"CREATE TABLE customers (id BIGINT)",
               "ALTER TABLE orders RENAME TO orders_old; CREATE TABLE orders (id INT, y INT)"}),
      1u);
}

TEST(AppliedSignsTest, AnotherOneOfThatNameIsNone) {
  EXPECT_EQ(Applied({"CREATE INDEX by_name ON orders (id)"}), 0u);
  EXPECT_EQ(Applied({"DROP INDEX by_name ON orders; CREATE INDEX by_name ON orders (id)"}), 0u);
  EXPECT_EQ(Applied({"CREATE TABLE orders (id BIGINT, other INT)"}), 0u);
}

TEST(AppliedSignsTest, WhatTellsNothingIsNoSign) {
  for (const char* file :
       {"CREATE TABLE IF NOT EXISTS orders (id BIGINT)",
        "CREATE TEMPORARY TABLE orders (id BIGINT)", "ALTER TABLE orders DROP COLUMN zzz",
        "UPDATE orders SET name = 'x' WHERE id = 1", "CREATE TABLE t (id BIGINT); DROP TABLE t",
        "DROP TABLE nope", "SELECT 1"}) {
    EXPECT_EQ(Applied({file}), 0u) << file;
  }
}

TEST(AppliedSignsTest, OneTableThatSomebodyDroppedByHandDoesNotMakeTheRestNew) {
  std::vector<std::string> files = {"CREATE TABLE dropped_by_hand (id BIGINT)"};
  files.push_back("CREATE TABLE orders (id BIGINT, name VARCHAR(20), KEY by_name (name))");
  EXPECT_EQ(Applied(files), 0u) << "too much speaks against it";
  for (int i = 0; i < 10; ++i) {
    const std::string table = "t" + std::to_string(i);
    files.push_back("CREATE TABLE " + table + " (id BIGINT)");
    files.push_back("DROP TABLE " + table);
  }
  files.push_back("CREATE TABLE customers (id BIGINT)");
  EXPECT_EQ(Applied(files), files.size());
}

}  // namespace
}  // namespace dbfleet::sql
