#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "tests/unit/common/sql/lint_cases.h"

// What lint says of single queries, and of which it is silent.
namespace dbfleet::sql {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const Target kMySql(Dialect::kMySql, {8, 0, 36});
const Target kRedis(Dialect::kRedis);

TEST(LeadingWildcardTest, OfEveryFormOfPostgres) {
  for (const char* condition :
       {"name LIKE '%x'", "name LIKE '%' || $1 || '%'", "name LIKE '%' || $1",
        "name ILIKE concat('%', $1::text, '%')", "name LIKE concat('%', $1)::text", "name ~~ '%x'",
        "name ~~* '%x'", "name LIKE ANY (ARRAY['a%', '%x'])", "name LIKE ALL ('{a%,%x}'::text[])",
        "name LIKE ANY ('{\"%x\"}')", "name LIKE '%x' COLLATE \"C\""}) {
    const std::string query = absl::StrCat("SELECT id FROM app.t WHERE ", condition);
    EXPECT_THAT(Found(Postgres(), query), Contains("dbf-leading-wildcard 1")) << query;
    EXPECT_THAT(Said(Postgres(), query), HasSubstr("(name gin_trgm_ops)")) << query;
  }
  for (const char* condition :
       {"name LIKE 'x%'", "name LIKE $1 || '%'", "name LIKE concat($1::text, '%')",
        "name LIKE 'x' || '%'", "name = '%' || $1", "name LIKE ANY (ARRAY['a%', 'x%'])",
        "name LIKE ANY ('{a%,x%}')", "name LIKE $1"}) {
    const std::string query = absl::StrCat("SELECT id FROM app.t WHERE ", condition);
    EXPECT_THAT(Found(Postgres(), query), Not(Contains("dbf-leading-wildcard 1"))) << query;
  }
}

TEST(EqualsNullTest, InCaseAndInLists) {
  for (const Target* target : {&Maria(), &kMySql, &Postgres()}) {
    for (const char* query :
         {"SELECT CASE WHEN a = NULL THEN 1 ELSE 2 END FROM t",
          "SELECT CASE WHEN b > 1 AND (a <> NULL) THEN 1 END FROM t",
          "UPDATE t SET b = CASE WHEN a = NULL THEN 1 ELSE b END WHERE id = 1",
          "SELECT id FROM t WHERE a NOT IN (1, NULL)", "SELECT id FROM t WHERE a NOT IN (NULL, 1)",
          "DELETE FROM t WHERE a NOT IN (NULL)"}) {
      EXPECT_THAT(Found(*target, query), Contains("dbf-equals-null 1")) << query;
    }
    for (const char* query :
         {"UPDATE t SET a = NULL WHERE id = 1",
          "UPDATE t SET a = CASE WHEN b = 1 THEN NULL ELSE 2 END, c = NULL WHERE id = 1",
          "SELECT CASE WHEN a IS NULL THEN 1 END FROM t", "SELECT id FROM t WHERE a IN (1, NULL)",
          "SELECT id FROM t WHERE a NOT IN (1, coalesce(b, NULL))",
          "SELECT id FROM t WHERE a NOT IN (SELECT NULL)",
          "INSERT INTO t (a, b) VALUES (1, NULL)"}) {
      EXPECT_THAT(Found(*target, query), Not(Contains("dbf-equals-null 1"))) << query;
    }
  }
  EXPECT_THAT(Said(Maria(), "SELECT CASE WHEN a <> NULL THEN 1 END FROM t"),
              HasSubstr("write a IS NOT NULL"));
  const std::string said = Said(Postgres(), "SELECT id FROM t WHERE a NOT IN (1, NULL)");
  EXPECT_THAT(said, HasSubstr("leave NULL out of the list"));
  EXPECT_THAT(said, HasSubstr("write a IS NOT NULL beside it"));
}

SchemaSnapshot SnapshotOfOrders() {
  LiveTable table;
  table.name = {"app", "orders"};
  for (const char* name : {"id", "shop", "number", "state"}) {
    table.columns.push_back({name, "bigint", false, false, false});
  }
  table.columns.push_back({"code", "varchar(20)", false, false, false});
  table.indexes.push_back({"orders_pkey", {"id"}, true, true, false});
  table.indexes.push_back({"orders_number", {"shop", "number"}, true, false, false});
  table.indexes.push_back({"orders_code", {"code"}, true, false, false});
  table.indexes.push_back({"orders_state", {"state"}, false, false, false});
  SchemaSnapshot snapshot;
  snapshot.Add(std::move(table));
  return snapshot;
}

// A key that is given by = picks one row, so that there is no order to miss.
TEST(LimitWithoutOrderTest, OfOneRowByItsKey) {
  const SchemaSnapshot snapshot = SnapshotOfOrders();
  Target maria = Maria();
  maria.database = "app";
  Target mysql = kMySql;
  mysql.database = "app";
  for (const Target& target : {maria, mysql, Postgres()}) {
    for (const char* where : {"id = 1", "1 = id", "orders.id = 1", "shop = 1 AND number = 2",
                              "state > 5 AND id = 1", "(id = 1) AND (state = 2)", "code = 'x'"}) {
      const std::string query =
          absl::StrCat("SELECT state FROM app.orders WHERE ", where, " LIMIT 1");
      EXPECT_THAT(Found(target, query, &snapshot), Not(Contains("dbf-limit-without-order 1")))
          << query;
      EXPECT_THAT(Found(target, query), Contains("dbf-limit-without-order 1")) << query;
    }
    for (const char* where :
         {"id = 1 OR state = 2", "id > 1", "id IN (1, 2)", "shop = 1", "NOT (id = 1)", "state = 1",
          "id = state", "state BETWEEN 1 AND 2 OR id = 1", "id = 1 + state", "NOT id = 1",
          "coalesce(id = 1, true)", "id = 1 IS NULL", "id = NULL",
          "(id = 1 OR state = 2) AND state = 3"}) {
      const std::string query =
          absl::StrCat("SELECT state FROM app.orders WHERE ", where, " LIMIT 1");
      EXPECT_THAT(Found(target, query, &snapshot), Contains("dbf-limit-without-order 1")) << query;
    }
    for (const char* query :
         {"SELECT o.id FROM app.orders o JOIN app.lines l ON l.x = o.state WHERE o.id = 1 LIMIT 1",
          "SELECT 1 FROM (SELECT state AS id FROM app.orders) x WHERE id = 1 LIMIT 1"}) {
      EXPECT_THAT(Found(target, query, &snapshot), Contains("dbf-limit-without-order 1")) << query;
    }
  }
  // Many texts are the number 0.
  EXPECT_THAT(Found(maria, "SELECT id FROM app.orders WHERE code = 0 LIMIT 1", &snapshot),
              Contains("dbf-limit-without-order 1"));
}

TEST(LimitWithoutOrderTest, OfATableThatTheScriptMade) {
  for (const char* table :
       {"CREATE TABLE t (id BIGINT PRIMARY KEY, a INT);",
        "CREATE TABLE t (id BIGINT UNIQUE, a INT);",
        "CREATE TABLE t (id BIGINT NOT NULL, a INT, PRIMARY KEY (id));",
        "CREATE TABLE t (id BIGINT, a INT); CREATE UNIQUE INDEX i ON t (id);"}) {
    for (const Target* target : {&Maria(), &Postgres()}) {
      const std::string said =
          Said(*target, absl::StrCat(table, " SELECT a FROM t WHERE id = 1 LIMIT 1"));
      EXPECT_THAT(said, Not(HasSubstr("dbf-limit-without-order"))) << table;
    }
  }
  for (const char* table : {"CREATE TABLE IF NOT EXISTS t (id BIGINT PRIMARY KEY, a INT);",
                            "CREATE TABLE t (id BIGINT, a INT, PRIMARY KEY (a));",
                            "CREATE TABLE t (id BIGINT PRIMARY KEY, a INT); DROP TABLE t;"}) {
    for (const Target* target : {&Maria(), &Postgres()}) {
      const std::string said =
          Said(*target, absl::StrCat(table, " SELECT a FROM t WHERE id = 1 LIMIT 1"));
      EXPECT_THAT(said, HasSubstr("dbf-limit-without-order")) << table;
    }
  }
  EXPECT_THAT(
      Said(Postgres(),
           "CREATE TABLE t (id BIGINT, a INT); CREATE UNIQUE INDEX i ON t (id) WHERE a = 1; "
           "SELECT a FROM t WHERE id = 1 LIMIT 1"),
      HasSubstr("dbf-limit-without-order"));
}

TEST(TimestampTest, EndsIn2038InOlderServersOnly) {
  constexpr char kTable[] = "CREATE TABLE t (id BIGINT PRIMARY KEY, at TIMESTAMP NOT NULL)";
  for (const Target& target : {Target(Dialect::kMariaDb, {11, 4, 2}), Target(Dialect::kMariaDb),
                               Target(Dialect::kMySql, {8, 4, 0})}) {
    EXPECT_THAT(Found(target, kTable), Contains("dbf-timestamp-2038 1"));
  }
  for (const Version version : {Version{11, 5, 0}, Version{11, 8, 2}}) {
    EXPECT_THAT(Found(Target(Dialect::kMariaDb, version), kTable),
                Not(Contains("dbf-timestamp-2038 1")));
  }
}

TEST(RedisTest, WhatIsKnownToOnlyReadIsNoDanger) {
  for (const char* command : {"INFO", "LASTSAVE", "ROLE", "CLIENT LIST", "SLOWLOG GET 10",
                              "MODULE LIST", "CONFIG GET maxmemory"}) {
    EXPECT_EQ(Classify(kRedis, command).safety, Safety::kSafe) << command;
    EXPECT_THAT(Found(kRedis, command), Not(Contains("dbf-redis-dangerous 1"))) << command;
  }
  for (const char* command : {"SHUTDOWN", "CLIENT KILL ID 5", "CONFIG GET *", "MONITOR"}) {
    EXPECT_THAT(Found(kRedis, command), Contains("dbf-redis-dangerous 1")) << command;
  }
}

TEST(RedisTest, AWholeValueIsUnbounded) {
  EXPECT_THAT(Found(kRedis, "DUMP carts:5"), Contains("dbf-redis-unbounded-read 1"));
  EXPECT_THAT(Said(kRedis, "DUMP carts:5"), HasSubstr("MEMORY USAGE carts:5"));
}

}  // namespace
}  // namespace dbfleet::sql
