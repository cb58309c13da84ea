#include <string>

#include "tests/unit/common/sql/lint_cases.h"

// PostgreSQL's partitioned tables, for which the server refuses CONCURRENTLY, USING INDEX and
// NOT VALID. What is advised instead was tried on PostgreSQL 15.
namespace dbfleet::sql {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string& PartOf() {
  static const std::string& part = *new std::string(
      "SET lock_timeout = '1s'; CREATE TABLE app.p1 PARTITION OF app.orders FOR VALUES IN (1);");
  return part;
}

std::string AdviceOf(absl::string_view rule, const std::string& script) {
  const std::string said = Said(Postgres(), script);
  const size_t at = said.find(std::string(rule) + ": ");
  return at == std::string::npos ? "" : said.substr(at, said.find('\n', at) - at);
}

SchemaSnapshot Live(bool partitioned, int64_t rows) {
  LiveTable table;
  table.name = {"app", "orders"};
  table.rows = rows;
  table.partitioned = partitioned;
  table.indexes = {{"idx_orders_a", {"a"}, false, false, false}};
  SchemaSnapshot snapshot;
  snapshot.Add(std::move(table));
  return snapshot;
}

TEST(PartitionedTablesTest, AnIndexIsMadePartitionByPartition) {
  for (const std::string& shown :
       {PartOf(), std::string("ALTER TABLE app.orders ATTACH PARTITION app.p1 DEFAULT;"),
        std::string("ALTER TABLE app.orders DETACH PARTITION app.p1 CONCURRENTLY;")}) {
    EXPECT_THAT(
        AdviceOf("dbf-index-not-concurrent", shown + "CREATE UNIQUE INDEX i ON app.orders (a, b)"),
        HasSubstr("write CREATE UNIQUE INDEX i ON ONLY app.orders (a, b); then on each "
                  "partition, in a migration of its own, CREATE UNIQUE INDEX CONCURRENTLY "
                  "of the same, and ALTER INDEX app.i ATTACH PARTITION"))
        << shown;
  }
  // An heir makes no partitioned table.
  EXPECT_THAT(AdviceOf("dbf-index-not-concurrent",
                       "CREATE TABLE app.c () INHERITS (app.orders);"
                       "CREATE INDEX i ON app.orders (a)"),
              HasSubstr("CREATE INDEX CONCURRENTLY i ON app.orders (a)"));
}

TEST(PartitionedTablesTest, TheDocumentedStepsHaveNoFinding) {
  for (const char* step :
       {"CREATE INDEX i ON ONLY app.orders (a)", "CREATE UNIQUE INDEX i ON ONLY app.orders (a)",
        "ALTER INDEX app.i ATTACH PARTITION app.i1"}) {
    EXPECT_THAT(Found(Postgres(), step),
                AllOf(Not(Contains(StartsWith("dbf-index-not-concurrent"))),
                      Not(Contains(StartsWith("dbf-unique-on-existing"))),
                      Not(Contains(StartsWith("dbf-attach-partition")))))
        << step;
  }
  const std::string key = "ALTER TABLE ONLY app.orders ADD CONSTRAINT u UNIQUE (a, b)";
  EXPECT_THAT(Found(Postgres(), PartOf() + key),
              AllOf(Not(Contains(StartsWith("dbf-unique-constraint"))),
                    Not(Contains(StartsWith("dbf-unique-on-existing")))));
  // Of a plain table ONLY has no meaning.
  EXPECT_THAT(Found(Postgres(), key), Contains("dbf-unique-constraint 1"));
  const SchemaSnapshot plain = Live(false, 5000);
  EXPECT_THAT(Found(Postgres(), "CREATE INDEX i ON ONLY app.orders (a)", &plain),
              Contains("dbf-index-not-concurrent 1"));
}

TEST(PartitionedTablesTest, KeysAreMadePartitionByPartition) {
  EXPECT_THAT(AdviceOf("dbf-unique-constraint",
                       PartOf() + "ALTER TABLE app.orders ADD CONSTRAINT u UNIQUE (a, b)"),
              HasSubstr("write ALTER TABLE ONLY app.orders ADD CONSTRAINT u UNIQUE (a, b); then on "
                        "each partition, in a migration of its own, CREATE UNIQUE INDEX "
                        "CONCURRENTLY, ADD UNIQUE USING INDEX of the same, and ALTER INDEX app.u "
                        "ATTACH PARTITION"));
  const std::string fk =
      "ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES app.c (id)";
  const std::string advice = AdviceOf("dbf-fk-not-valid", PartOf() + fk);
  EXPECT_THAT(advice, HasSubstr("of each partition first ADD CONSTRAINT f FOREIGN KEY (c) "
                                "REFERENCES app.c (id) NOT VALID"));
  EXPECT_THAT(advice, HasSubstr("ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (c) "
                                "REFERENCES app.c (id)"));
  EXPECT_THAT(AdviceOf("dbf-fk-not-valid", fk),
              HasSubstr("write ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES "
                        "app.c (id) NOT VALID"));
}

TEST(PartitionedTablesTest, WhereThereIsNoSafeFormAShortWaitIsAdvised) {
  const std::string part = "CREATE TABLE app.d PARTITION OF app.orders DEFAULT;";
  const std::string detach = "ALTER TABLE app.orders DETACH PARTITION app.p1";
  EXPECT_THAT(AdviceOf("dbf-detach-partition", part + detach),
              AllOf(HasSubstr("set a short lock_timeout"), Not(HasSubstr("CONCURRENTLY"))));
  EXPECT_THAT(AdviceOf("dbf-detach-partition", detach),
              HasSubstr("DETACH PARTITION app.p1 CONCURRENTLY; beside a default partition"));
  EXPECT_EQ(AdviceOf("dbf-detach-partition", "SET lock_timeout = '1s';" + part + detach), "");
  const SchemaSnapshot live = Live(true, 5000);
  EXPECT_THAT(Found(Postgres(), "DROP INDEX app.idx_orders_a", &live),
              Contains("dbf-drop-index-not-concurrent 1"));
  EXPECT_THAT(Found(Postgres(), "SET lock_timeout = '1s'; DROP INDEX app.idx_orders_a", &live),
              Not(Contains("dbf-drop-index-not-concurrent 2")));
  EXPECT_THAT(Found(Postgres(), "SET lock_timeout = '1s'; DROP INDEX app.other", &live),
              Contains("dbf-drop-index-not-concurrent 2"));
}

TEST(PartitionedTablesTest, NoRowsOfTheWholeAreNotBelieved) {
  const std::string unique = "CREATE UNIQUE INDEX i ON app.orders (a)";
  LiveTable old;  // Of a snapshot that does not know of partitions.
  old.name = {"app", "orders"};
  old.rows = 0;
  SchemaSnapshot snapshot;
  snapshot.Add(old);
  EXPECT_THAT(Found(Postgres(), PartOf() + unique, &snapshot),
              Contains("dbf-unique-on-existing 3"));
  const SchemaSnapshot empty = Live(true, 0);
  EXPECT_THAT(Found(Postgres(), unique, &empty), Not(Contains("dbf-unique-on-existing 1")));
}

TEST(PartitionedTablesTest, ASnapshotKnowsThem) {
  const auto advice = [](const SchemaSnapshot& snapshot, absl::string_view sql) {
    const auto statements = Split(Postgres(), sql);
    const LintConfig config;
    Linter linter(Postgres(), config, &snapshot);
    ScriptReader reader(Postgres());
    for (const Statement& statement : *statements) linter.Add(statement, reader.Read(statement));
    std::string all;
    for (const Finding& finding : linter.Finish()) all += finding.advice + "\n";
    return all;
  };
  const SchemaSnapshot live = Live(true, 5'000'000);
  EXPECT_THAT(advice(live, "CREATE INDEX i ON app.orders (b)"),
              HasSubstr("ON ONLY app.orders (b)"));
  EXPECT_THAT(
      advice(live, "SELECT id FROM app.orders WHERE b = 5"),
      HasSubstr("CREATE INDEX idx_orders_b ON ONLY app.orders (b); then on each partition"));
  EXPECT_THAT(advice(Live(false, 5'000'000), "SELECT id FROM app.orders WHERE b = 5"),
              HasSubstr("CREATE INDEX CONCURRENTLY idx_orders_b ON app.orders (b)"));
  EXPECT_THAT(advice(live, "DROP INDEX app.idx_orders_a"), HasSubstr("short lock_timeout"));
}

// As tried on PostgreSQL 15.
TEST(PartitionedTablesTest, WhatTheServerRefusesIsAnErrorWithTheFormThatItTakes) {
  const std::string rule = "dbf-partitioned-refusal";
  EXPECT_THAT(AdviceOf(rule, PartOf() + "CREATE INDEX CONCURRENTLY i ON app.orders (a)"),
              AllOf(HasSubstr("CREATE INDEX i ON ONLY app.orders (a); then on each partition"),
                    HasSubstr("ALTER INDEX app.i ATTACH PARTITION")));
  EXPECT_THAT(AdviceOf(rule, PartOf() + "CREATE INDEX i ON app.orders (a); "
                                        "DROP INDEX CONCURRENTLY IF EXISTS app.i"),
              HasSubstr("write DROP INDEX IF EXISTS app.i"));
  EXPECT_THAT(AdviceOf(rule, PartOf() + "ALTER TABLE app.orders ADD CONSTRAINT f FOREIGN KEY (c) "
                                        "REFERENCES app.c (id) NOT VALID"),
              AllOf(HasSubstr("of each partition first ADD CONSTRAINT f FOREIGN KEY (c) "
                              "REFERENCES app.c (id) NOT VALID"),
                    Not(HasSubstr("NOT VALID NOT VALID"))));
  EXPECT_THAT(AdviceOf(rule,
                       "CREATE TABLE app.p (id int) PARTITION BY RANGE (id);"
                       "ALTER TABLE app.p ADD CONSTRAINT u UNIQUE USING INDEX i"),
              HasSubstr("ADD CONSTRAINT u with its columns"));
  // Those that it takes, and the same of a plain table.
  for (const char* taken :
       {"ALTER TABLE app.orders ADD CONSTRAINT k CHECK (a > 0) NOT VALID",
        "REINDEX TABLE CONCURRENTLY app.orders",
        "ALTER TABLE app.p1 ADD CONSTRAINT f FOREIGN KEY (c) REFERENCES app.c (id) NOT VALID",
        "CREATE INDEX CONCURRENTLY i ON app.p1 (a)", "DROP INDEX CONCURRENTLY app.other"}) {
    EXPECT_EQ(AdviceOf(rule, PartOf() + taken), "") << taken;
  }
  const SchemaSnapshot live = Live(true, 5000);
  const SchemaSnapshot plain = Live(false, 5000);
  for (const char* refused :
       {"CREATE INDEX CONCURRENTLY i ON app.orders (a)", "DROP INDEX CONCURRENTLY app.idx_orders_a",
        "ALTER TABLE app.orders ADD FOREIGN KEY (c) REFERENCES app.c "
        "NOT VALID"}) {
    EXPECT_THAT(Found(Postgres(), refused, &live), Contains("dbf-partitioned-refusal 1"))
        << refused;
    EXPECT_THAT(Found(Postgres(), refused, &plain), Not(Contains("dbf-partitioned-refusal 1")))
        << refused;
  }
  // 14 goes through the partitions, and 18 takes such a foreign key.
  const char* const reindex = "REINDEX INDEX CONCURRENTLY app.idx_orders_a";
  EXPECT_THAT(Found(*ParseTarget("postgresql-13"), reindex, &live),
              Contains("dbf-partitioned-refusal 1"));
  EXPECT_THAT(Found(*ParseTarget("postgresql-14"), reindex, &live),
              Not(Contains("dbf-partitioned-refusal 1")));
}

}  // namespace
}  // namespace dbfleet::sql
