#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/linter.h"
#include "common/sql/sql.h"

// What rules say of statements as people write them, where versions and live facts decide.
namespace dbfleet::sql {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

MATCHER_P(OfRule, rule, "") { return arg.rule_id == rule; }

Target At(absl::string_view name) { return *ParseTarget(name); }

const SchemaSnapshot& Live() {
  static const auto& snapshot = *[] {
    auto* made = new SchemaSnapshot;
    made->complete = true;
    LiveTable orders;
    orders.name = {"app", "orders"};
    orders.rows = 5'000'000;
    orders.columns = {{"id", "bigint", false},         {"number", "varchar(20)"},
                      {"state", "enum('new','paid')"}, {"code", "character(3)"},
                      {"price", "numeric(10,2)"},      {"at", "timestamp(3) with time zone"}};
    orders.indexes = {{"pk", {"id"}, true, true}};
    made->Add(orders);
    LiveTable small;
    small.name = {"app", "small"};
    small.rows = 10;
    small.columns = {{"id", "bigint", false}, {"n", "int"}};
    made->Add(small);
    return made;
  }();
  return snapshot;
}

struct Said {
  std::vector<Finding> findings;
  Effects effects;  // Of the last statement.

  // The message and the advice of that rule's first finding; "" without one.
  std::string Of(absl::string_view rule) const {
    for (const Finding& finding : findings) {
      if (finding.rule_id == rule) return absl::StrCat(finding.message, " > ", finding.advice);
    }
    return "";
  }
};

Said Lint(const Target& target, absl::string_view script, bool live = true) {
  const LintConfig config;
  Linter linter(target, config, live ? &Live() : nullptr);
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  Said said;
  for (const Statement& statement : *statements) {
    Reading reading = Read(target, statement);
    linter.HoldAgainstSnapshot(&reading);
    linter.Add(statement, reading);
    said.effects = reading.verdict.effects;
  }
  said.findings = linter.Finish();
  return said;
}

Safety Class(absl::string_view dialect, absl::string_view sql) {
  return Read(At(dialect), (*Split(At(dialect), sql))[0]).verdict.safety;
}

TEST(FunctionVersionTest, AnUnknownVersionHasWhatTheLowestHas) {
  for (absl::string_view call :
       {"REGEXP_REPLACE(a, 'x', 'y')", "UUID_TO_BIN(a)", "JSON_VALUE(a, 'x')",
        "JSON_OVERLAPS(a, b)", "ST_Collect(a)", "RANK(a)"}) {
    EXPECT_EQ(Class("mysql", absl::StrCat("SELECT ", call, " FROM t")), Safety::kDestructive)
        << call;
  }
  for (absl::string_view call : {"JSON_VALUE(a, 'x')", "RANK(a)", "NATURAL_SORT_KEY(a)"}) {
    EXPECT_EQ(Class("mariadb", absl::StrCat("SELECT ", call, " FROM t")), Safety::kDestructive)
        << call;
  }
  EXPECT_EQ(Class("mysql", "SELECT lower(a) FROM t"), Safety::kSafe);
}

TEST(FunctionVersionTest, MySql80IsItsFirstRelease) {
  for (absl::string_view call : {"ROW_NUMBER() OVER (ORDER BY a)", "LAG(a) OVER (ORDER BY a)",
                                 "REGEXP_LIKE(a, 'x')", "BIN_TO_UUID(a)"}) {
    EXPECT_EQ(Class("mysql-8.0", absl::StrCat("SELECT ", call, " FROM t")), Safety::kSafe) << call;
  }
  EXPECT_EQ(Class("mysql-8.0.21", "SELECT JSON_VALUE(a, 'x') FROM t"), Safety::kSafe);
  const Reading later =
      Read(At("mysql-8.0"), (*Split(At("mysql-8.0"), "SELECT JSON_VALUE(a, 'x')"))[0]);
  EXPECT_EQ(later.verdict.safety, Safety::kDestructive);
  EXPECT_THAT(later.verdict.doubt, HasSubstr("built in from 8.0.21 on"));
  EXPECT_THAT(later.verdict.doubt, HasSubstr("--server-version"));
}

TEST(OnlineFormTest, TheStrongestNeedDecides) {
  const auto advice = [](absl::string_view dialect, absl::string_view sql) {
    return Lint(At(dialect), sql, false).Of("dbf-no-algorithm");
  };
  for (absl::string_view sql :
       {"ALTER TABLE a ADD INDEX idx_a_b (b)", "ALTER TABLE a ADD UNIQUE KEY uq_a_b (b)",
        "ALTER TABLE a ADD COLUMN c int, ADD INDEX idx_a_b (b)",
        "ALTER TABLE a DROP INDEX idx_a_b"}) {
    for (absl::string_view dialect : {"mariadb-10.11", "mysql-8.0.36", "mysql-5.7", "mysql"}) {
      EXPECT_THAT(advice(dialect, sql), HasSubstr("ALGORITHM=INPLACE, LOCK=NONE")) << sql;
    }
  }
  EXPECT_THAT(advice("mysql-8.0.36", "ALTER TABLE a ADD FULLTEXT INDEX idx_a_b (b)"),
              HasSubstr("LOCK=SHARED"));
  const absl::string_view column = "ALTER TABLE a ADD COLUMN c int";
  EXPECT_THAT(advice("mysql-8.0.36", column), HasSubstr("ALGORITHM=INSTANT"));
  EXPECT_THAT(advice("mysql-5.7", column), Not(HasSubstr("INSTANT")));
  EXPECT_THAT(advice("mysql-5.7", "ALTER TABLE a ADD COLUMN c int AS (b) VIRTUAL"),
              Not(HasSubstr("INSTANT")));
}

TEST(LiveTypeTest, PostgresKeepsRowsThatAreTheSameBytes) {
  for (const auto& [change, keeps] : std::vector<std::pair<std::string, bool>>{
           {"number TYPE varchar(40)", true},
           {"number TYPE varchar", true},
           {"number TYPE text", true},
           {"number TYPE varchar(10)", false},
           {"number TYPE varchar(40) USING upper(number)", false},
           {"number TYPE varchar(40) COLLATE \"C\"", false},
           {"code TYPE character(5)", false},
           {"code TYPE text", false},
           {"price TYPE numeric(12,2)", true},
           {"price TYPE numeric", true},
           {"price TYPE numeric(12,3)", false},
           {"price TYPE numeric(8,2)", false},
           {"at TYPE timestamptz(6)", true},
           {"at TYPE timestamptz", true},
           {"at TYPE timestamptz(0)", false},
           {"at TYPE timestamp", false},
           {"unknown TYPE text", false},
           {"number TYPE text, ALTER code TYPE text", false}}) {
    const Said said = Lint(At("postgresql-15"), "ALTER TABLE app.orders ALTER " + change);
    EXPECT_EQ(said.effects.rewrites_table, !keeps) << change;
    EXPECT_EQ(said.effects.scans_table, !keeps) << change;
    EXPECT_EQ(said.effects.blocks, Blocking::kReadsAndWrites) << change;
    EXPECT_EQ(said.Of("dbf-table-rebuild").empty(),
              keeps || !said.Of("dbf-change-column-type").empty())
        << change;
  }
  // What the script did before, no snapshot knows.
  EXPECT_TRUE(Lint(At("postgresql-15"),
                   "ALTER TABLE app.orders ALTER number TYPE varchar(60);"
                   "ALTER TABLE app.orders ALTER number TYPE varchar(40)")
                  .effects.rewrites_table);
}

TEST(LiveTypeTest, MySqlAppendsValuesAndWidensWithinALengthByte) {
  for (absl::string_view dialect : {"mysql-8.0", "mysql-5.7", "mariadb-10.11"}) {
    for (const auto& [change, keeps] : std::vector<std::pair<std::string, bool>>{
             {"number VARCHAR(40) NULL", true},
             {"number VARCHAR(40) NULL, ALGORITHM=INPLACE, LOCK=NONE", true},
             {"number VARCHAR(40) NOT NULL", false},
             // In utf8mb4 of 80 to 400 bytes: MariaDB keeps rows of less than 128, as tried out.
             {"number VARCHAR(100) NULL", dialect == "mariadb-10.11"},
             {"number VARCHAR(10) NULL", false},
             {"number VARCHAR(40) CHARACTER SET latin1", false},
             {"number VARCHAR(40) FIRST", false},
             {"number VARCHAR(40) NULL, ALGORITHM=COPY", false},
             {"state ENUM('new','paid','sent') NULL", true},
             {"state ENUM('paid','new','sent') NULL", false},
             {"state ENUM('new') NULL", false}}) {
      const Said said = Lint(At(dialect), "ALTER TABLE app.orders MODIFY " + change);
      EXPECT_EQ(said.effects.rewrites_table, !keeps) << dialect << ": " << change;
      if (!keeps) continue;
      EXPECT_EQ(said.effects.blocks, Blocking::kNothing) << change;
      EXPECT_THAT(said.Of("dbf-table-rebuild"), IsEmpty()) << change;
      EXPECT_THAT(said.Of("dbf-change-column-type"), IsEmpty()) << change;
    }
  }
}

// MariaDB 10.11 takes ALGORITHM=INSTANT for those that are kept.
TEST(LiveTypeTest, ANameThatChangesAloneIsChangedInPlace) {
  for (absl::string_view dialect : {"mysql-8.0", "mysql-5.7", "mariadb-10.11"}) {
    for (const auto& [change, keeps] : std::vector<std::pair<std::string, bool>>{
             {"number reference VARCHAR(20)", true},
             {"number reference VARCHAR(20) NULL, ALGORITHM=INPLACE, LOCK=NONE", true},
             {"id order_id BIGINT NOT NULL", true},
             {"id order_id BIGINT", false},
             {"number reference VARCHAR(40)", false},
             {"number reference VARCHAR(20) FIRST", false},
             {"number reference TEXT", false},
             {"unknown reference VARCHAR(20)", false}}) {
      const Said said = Lint(At(dialect), "ALTER TABLE app.orders CHANGE " + change);
      EXPECT_EQ(said.effects.rewrites_table, !keeps) << dialect << ": " << change;
      if (!keeps) continue;
      EXPECT_THAT(said.Of("dbf-table-rebuild"), IsEmpty()) << dialect << ": " << change;
    }
  }
}

TEST(MergeTest, TheSafeFormOfSetNotNullStaysInItsSteps) {
  const std::string steps =
      "ALTER TABLE app.orders ADD CONSTRAINT c CHECK (number IS NOT NULL) NOT VALID;"
      "ALTER TABLE app.orders VALIDATE CONSTRAINT c;"
      "ALTER TABLE app.orders ALTER number SET NOT NULL;"
      "ALTER TABLE app.orders DROP CONSTRAINT c;";
  EXPECT_THAT(Lint(At("postgresql-15"), steps).Of("dbf-merge-alters"), IsEmpty());
  EXPECT_THAT(
      Lint(At("postgresql-15"), steps + "ALTER TABLE app.orders ADD n int").Of("dbf-merge-alters"),
      Not(IsEmpty()));
}

TEST(AdviceTest, SpeaksOfTheStatementsOwnCallsAndNumbers) {
  const auto call = [](absl::string_view dialect) {
    return Lint(At(dialect), "SELECT a FROM t WHERE lower(b) = 'x'", false)
        .Of("dbf-function-on-column");
  };
  EXPECT_THAT(call("postgresql-15"), HasSubstr("((lower(b)))"));
  EXPECT_THAT(call("mysql-8.0.36"), HasSubstr("((lower(b)))"));
  for (absl::string_view dialect : {"mysql-5.7", "mariadb-10.11", "mysql"}) {
    EXPECT_THAT(call(dialect),
                HasSubstr("ADD COLUMN b_expr with the type of lower(b), AS (lower(b)) VIRTUAL"));
  }
  EXPECT_THAT(Lint(At("mysql-8.4"), "SELECT a FROM t WHERE date_format(b, '%Y') = 'x'", false)
                  .Of("dbf-function-on-column"),
              HasSubstr("((date_format(b, ...)))"));
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11"}) {
    EXPECT_THAT(Lint(At(dialect), "SELECT a FROM t WHERE customer_id = '3'", false)
                    .Of("dbf-implicit-conversion"),
                HasSubstr("customer_id = 3"));
  }
}

TEST(AdviceTest, NullsAreNoDuplicates) {
  const auto probe = [](absl::string_view columns) {
    return Lint(At("postgresql-15"),
                absl::StrCat("CREATE UNIQUE INDEX CONCURRENTLY i ON app.orders (", columns))
        .Of("dbf-unique-on-existing");
  };
  EXPECT_THAT(probe("id, number)"), HasSubstr("FROM app.orders WHERE number IS NOT NULL GROUP BY"));
  EXPECT_THAT(probe("id)"), HasSubstr("FROM app.orders GROUP BY"));
  EXPECT_THAT(probe("number) NULLS NOT DISTINCT"), HasSubstr("FROM app.orders GROUP BY"));
}

TEST(TypesTest, ATextComparedWithANumber) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    const auto said = [&](absl::string_view text) {
      return Lint(At(dialect), text).Of("dbf-text-as-number");
    };
    EXPECT_THAT(said("SELECT id FROM app.orders WHERE number = 123"), HasSubstr("number = '123'"));
    EXPECT_THAT(said("DELETE FROM app.orders WHERE number = 123"), HasSubstr("varchar(20)"));
    EXPECT_THAT(said("SELECT o.id FROM app.orders o JOIN app.small s ON o.number = s.n"),
                HasSubstr("app.orders.number and app.small.n one type"));
    EXPECT_THAT(said("SELECT o.id FROM app.orders AS o JOIN app.small AS s ON s.n = o.code"),
                HasSubstr("character(3)"));
    for (absl::string_view text :
         {"SELECT id FROM app.orders WHERE number = '123'",
          "SELECT id FROM app.orders WHERE id = 3", "SELECT id FROM app.orders WHERE id = '3'",
          "SELECT id FROM app.orders WHERE gone = 3",
          "SELECT o.id FROM app.orders o JOIN app.small s ON o.id = s.n",
          "SELECT o.id FROM app.orders o JOIN app.orders p ON o.number = p.number"}) {
      EXPECT_EQ(said(text), "") << text;
    }
    for (absl::string_view text : {"SELECT id FROM app.orders WHERE 1 + number = 5",
                                   "SELECT id FROM app.orders WHERE number = 5 + 1",
                                   "SELECT id FROM app.orders WHERE - number = 5"}) {
      EXPECT_EQ(said(text), "") << text;
    }
    EXPECT_THAT(Lint(At(dialect), "CREATE TABLE m (c text, n int); SELECT c FROM m WHERE c = 1")
                    .Of("dbf-text-as-number"),
                HasSubstr("c = '1'"));
  }
}

// Which column stands where is not told by its name alone.
TEST(TypesTest, ATextComparedWithANumberIsTheTablesColumn) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    for (absl::string_view text :
         {"WITH orders AS (SELECT 1 AS code) SELECT 1 FROM orders WHERE code = 5",
          "WITH x AS (SELECT count(*) AS code FROM app.orders) SELECT 1 FROM x WHERE code = 5",
          "SELECT 1 FROM (SELECT count(*) AS code FROM app.orders) q WHERE code = 5",
          "WITH orders AS (SELECT 1 AS code) "
          "SELECT 1 FROM orders o JOIN app.small s ON o.code = s.n",
          "WITH Orders (code) AS (SELECT 1) SELECT 1 FROM orders JOIN app.small ON orders.code = "
          "small.n"}) {
      EXPECT_EQ(Lint(At(dialect), text).Of("dbf-text-as-number"), "") << dialect << ": " << text;
    }
    EXPECT_THAT(Lint(At(dialect),
                     "WITH small AS (SELECT 1) SELECT 1 FROM app.orders o JOIN app.small s "
                     "ON o.code = s.n")
                    .Of("dbf-text-as-number"),
                HasSubstr("one type"))
        << "app.small is not the query";
  }
  // In HAVING it may be a name of the list, and nothing in it asks an index. PostgreSQL knows no
  // such names there.
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11"}) {
    for (absl::string_view text :
         {"SELECT count(*) AS code FROM app.orders GROUP BY price HAVING code = 5",
          "SELECT count(*) AS code FROM app.orders GROUP BY price HAVING (code = 5)",
          "SELECT count(*) AS id FROM app.orders GROUP BY price HAVING (1 = 2 OR (id = '5'))"}) {
      EXPECT_THAT(Lint(At(dialect), text).findings, Not(Contains(OfRule("dbf-text-as-number"))));
      EXPECT_THAT(Lint(At(dialect), text).findings,
                  Not(Contains(OfRule("dbf-implicit-conversion"))));
    }
    EXPECT_THAT(Lint(At(dialect),
                     "SELECT 1 FROM app.small GROUP BY n HAVING n IN "
                     "(SELECT id FROM app.orders WHERE id = '5')")
                    .findings,
                Not(Contains(OfRule("dbf-dry-run"))));
  }
  EXPECT_THAT(Lint(At("postgresql-15"),
                   "SELECT count(*) AS code FROM app.orders GROUP BY code HAVING code = 5")
                  .Of("dbf-text-as-number"),
              HasSubstr("PostgreSQL refuses"));
}

// What stands beside "=" is all that is compared.
TEST(TypesTest, ANumberInQuotesThatIsPartOfAnExpression) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11"}) {
    const auto said = [&](absl::string_view where) {
      return Lint(At(dialect), absl::StrCat("SELECT id FROM app.orders WHERE ", where))
          .Of("dbf-implicit-conversion");
    };
    EXPECT_THAT(said("id = '5'"), HasSubstr("id = 5"));
    EXPECT_THAT(said("'5' = orders.id AND price > 1"), HasSubstr("id = 5"));
    for (absl::string_view where : {"1 + id = '5'", "id = '5' + 1", "'5' = id - 1", "- id = '5'",
                                    "id | 1 = '5'", "'5' = id | 1", "id = '5' & 1"}) {
      EXPECT_EQ(said(where), "") << dialect << ": " << where;
    }
  }
}

// In MySQL and MariaDB a hexadecimal literal is a text.
TEST(TypesTest, ATextComparedWithAHexadecimalText) {
  EXPECT_EQ(Lint(At("mariadb-10.11"), "SELECT id FROM app.orders WHERE number = 0x61")
                .Of("dbf-text-as-number"),
            "");
}

TEST(DryRunTest, ColumnsThatAreWrittenAndListed) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    const auto said = [&](absl::string_view text) {
      return Lint(At(dialect), text).Of("dbf-dry-run");
    };
    for (absl::string_view text :
         {"UPDATE app.orders SET gone = 1 WHERE id = 1", "SELECT gone FROM app.orders WHERE id = 1",
          "UPDATE app.orders SET number = '1', gone = 2 WHERE id = 1",
          "SELECT id, gone AS g FROM app.orders WHERE id = 1",
          "SELECT o.gone FROM app.orders o WHERE o.id = 1", "DELETE FROM app.orders WHERE gone = 1",
          "INSERT INTO app.orders (id, gone) VALUES (1, 2)"}) {
      EXPECT_THAT(said(text), HasSubstr("has no column gone")) << text;
    }
    for (absl::string_view text :
         {"UPDATE app.orders SET number = '1', code = 'a,gone = 1' WHERE id = 1",
          "SELECT id, number AS gone, coalesce(code, 'x') gone2 FROM app.orders WHERE id = 1",
          "SELECT current_date, NULL, TRUE, count(*) FROM app.orders",
          "SELECT gone FROM app.orders, app.small", "SELECT gone FROM app.unknown",
          "SELECT (SELECT gone FROM app.unknown) FROM app.orders"}) {
      EXPECT_THAT(said(text), Not(HasSubstr("has no column"))) << text;
    }
  }
}

TEST(FullScanTest, AColumnInAQuerysRowsIsOneOfTheCondition) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    EXPECT_EQ(Lint(At(dialect),
                   "DELETE FROM app.orders WHERE id IN (SELECT q.i FROM "
                   "(SELECT count(*) AS code, 1 AS i FROM app.orders) q WHERE code = 5)")
                  .Of("dbf-full-scan"),
              "")
        << dialect;
    EXPECT_EQ(Lint(At(dialect), "SELECT 1 FROM t GROUP BY a HAVING lower(a) = 'x'", false)
                  .Of("dbf-function-on-column"),
              "")
        << dialect;
  }
}

TEST(DryRunTest, WhatIsNoColumn) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11"}) {
    for (absl::string_view text :
         {"SELECT count(*) AS c FROM app.orders GROUP BY price HAVING (c > 5 AND c IN (6, 7))",
          "SELECT count(*) AS c FROM app.orders GROUP BY price HAVING c > 5 ORDER BY c",
          "SELECT id FROM app.orders WHERE code COLLATE utf8_bin = 'a'",
          "SELECT id FROM app.orders WHERE 'a' = code COLLATE utf8_bin",
          "SELECT current_role FROM app.orders", "SELECT id, CURRENT_ROLE AS r FROM app.orders",
          "SELECT id FROM app.orders WHERE number = current_role",
          "SELECT id FROM app.orders WHERE current_role IS NULL"}) {
      EXPECT_EQ(Lint(At(dialect), text).Of("dbf-dry-run"), "") << dialect << ": " << text;
    }
    for (absl::string_view text :
         {"SELECT `current_role` FROM app.orders", "SELECT o FROM app.orders o",
          "SELECT id FROM app.orders WHERE `current_role` = 1",
          "SELECT id FROM app.orders WHERE gone COLLATE utf8_bin LIKE 'a' OR gone = 1"}) {
      EXPECT_THAT(Lint(At(dialect), text).Of("dbf-dry-run"), HasSubstr("has no column")) << text;
    }
  }
  const auto said = [](absl::string_view text) {
    return Lint(At("postgresql-15"), text).Of("dbf-dry-run");
  };
  // A row as a whole goes by its table's name, and by the alias alone if it has one.
  for (absl::string_view text :
       {"SELECT o FROM app.orders o", "SELECT orders FROM app.orders",
        "SELECT o.id FROM app.orders AS o WHERE o IS NOT NULL",
        "DELETE FROM app.orders WHERE orders IS NULL",
        "UPDATE app.orders o SET price = 1 WHERE o = o", "SELECT current_role FROM app.orders",
        "SELECT id FROM app.orders WHERE code COLLATE \"C\" = 'a'"}) {
    EXPECT_EQ(said(text), "") << text;
  }
  for (absl::string_view text :
       {"SELECT orders FROM app.orders o", "SELECT o.o FROM app.orders o",
        "SELECT orders.orders FROM app.orders", "SELECT id FROM app.orders WHERE o IS NOT NULL"}) {
    EXPECT_THAT(said(text), HasSubstr("has no column")) << text;
  }
}

TEST(DryRunTest, ColumnsThatAreNotThereAreNamed) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    for (absl::string_view sql :
         {"UPDATE app.orders SET price = 1 WHERE gone = 2", "DELETE FROM app.orders WHERE gone = 2",
          "SELECT price FROM app.orders WHERE gone = 2",
          "INSERT INTO app.orders (id, gone) VALUES (1, 2)"}) {
      const Said said = Lint(At(dialect), sql);
      EXPECT_THAT(said.Of("dbf-dry-run"), HasSubstr("has no column gone"))
          << dialect << ": " << sql;
      EXPECT_THAT(said.Of("dbf-full-scan"), IsEmpty()) << sql;
    }
    for (absl::string_view sql : {"UPDATE app.orders SET price = 1 WHERE id = 2",
                                  "DELETE FROM app.orders WHERE number = 'x'",
                                  "SELECT o.price FROM app.orders o JOIN x ON x.gone = o.id",
                                  "SELECT 1 FROM app.orders o, (SELECT 1 AS gone) q WHERE gone = 1",
                                  "INSERT INTO app.orders (id) VALUES (1)"}) {
      EXPECT_THAT(Lint(At(dialect), sql).Of("dbf-dry-run"), IsEmpty()) << dialect << ": " << sql;
    }
  }
  for (absl::string_view sql : {"SELECT 1 FROM app.orders, generate_series(1, 2) g WHERE g = 1",
                                "SELECT 1 FROM app.orders WHERE ctid = '(0,1)'"}) {
    EXPECT_THAT(Lint(At("postgresql-15"), sql).Of("dbf-dry-run"), IsEmpty()) << sql;
  }
}

TEST(DryRunTest, AQueryOfATableThatIsNotThere) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    for (absl::string_view sql : {"SELECT id FROM nosuch WHERE id = 1", "SELECT id FROM app.nosuch",
                                  "SELECT count(*) FROM app.nosuch x"}) {
      EXPECT_THAT(Lint(At(dialect), sql).Of("dbf-dry-run"), HasSubstr("there is no table"))
          << dialect << ": " << sql;
      EXPECT_EQ(Lint(At(dialect), sql, false).Of("dbf-dry-run"), "") << dialect << ": " << sql;
    }
    for (absl::string_view sql :
         {"SELECT id FROM orders WHERE id = 1", "SELECT 1",
          "WITH q AS (SELECT 1 AS id) SELECT id FROM q",
          "SELECT table_name FROM information_schema.tables",
          "CREATE TABLE made (id int); SELECT id FROM made",
          "CREATE VIEW seen AS SELECT id FROM app.orders; SELECT id FROM seen",
          "CREATE TEMPORARY TABLE made AS SELECT id FROM app.orders; SELECT id FROM made"}) {
      EXPECT_EQ(Lint(At(dialect), sql).Of("dbf-dry-run"), "") << dialect << ": " << sql;
    }
  }
  for (absl::string_view sql : {"SELECT relname FROM pg_class", "SELECT 1 FROM pg_catalog.pg_class",
                                "SELECT g FROM generate_series(1, 2) g",
                                "SELECT id INTO made FROM app.orders; SELECT id FROM made"}) {
    EXPECT_EQ(Lint(At("postgresql-15"), sql).Of("dbf-dry-run"), "") << sql;
  }
  for (absl::string_view sql :
       {"SELECT 1 FROM dual", "SELECT seq FROM seq_1_to_10", "SELECT user FROM mysql.user",
        "SELECT 1 FROM performance_schema.threads"}) {
    EXPECT_EQ(Lint(At("mariadb-10.11"), sql).Of("dbf-dry-run"), "") << sql;
  }
}

TEST(RowLimitTest, InsertSelectWritesWhatItReads) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11", "postgresql-15"}) {
    const auto said = [&](absl::string_view sql) {
      return Lint(At(dialect), sql).Of("dbf-affected-rows");
    };
    EXPECT_THAT(said("INSERT INTO app.small (id, n) SELECT id, 1 FROM app.orders"),
                HasSubstr("may write up to 5000000 rows"));
    EXPECT_THAT(said("INSERT INTO app.small (id, n) SELECT id, 1 FROM app.orders WHERE id = 5"),
                IsEmpty());
    EXPECT_THAT(said("INSERT INTO app.small (id, n) SELECT 1, count(*) FROM app.orders"),
                IsEmpty());
    EXPECT_THAT(said("INSERT INTO app.orders (id) SELECT id FROM app.small"), IsEmpty());
  }
}

// A snapshot does not say how many bytes a character takes. Lengths as tried out on MariaDB 10.11.
TEST(LiveRulesTest, ALongerVarcharIsCertainOnlyInEveryCharacterSet) {
  const auto of = [](absl::string_view dialect, absl::string_view before, absl::string_view after) {
    SchemaSnapshot snapshot;
    LiveTable table;
    table.name = {"app", "users"};
    table.rows = 5'000'000;
    table.columns = {{"email", std::string(before)}};
    snapshot.Add(table);
    const Target target = At(dialect);
    const LintConfig config;
    Linter linter(target, config, &snapshot);
    const auto statements =
        Split(target, absl::StrCat("ALTER TABLE app.users MODIFY email ", after, " NULL"));
    Reading reading = Read(target, (*statements)[0]);
    linter.HoldAgainstSnapshot(&reading);
    linter.Add((*statements)[0], reading);
    for (const Finding& finding : linter.Finish()) {
      if (finding.rule_id == "dbf-change-column-type") return finding.message;
    }
    return std::string();
  };
  constexpr char kMaria[] = "mariadb-10.11";
  EXPECT_EQ(of(kMaria, "varchar(20)", "VARCHAR(64)"), "");
  EXPECT_EQ(of(kMaria, "varchar(300)", "VARCHAR(400)"), "");
  EXPECT_EQ(of(kMaria, "varchar(20)", "VARCHAR(63)"), "");
  EXPECT_THAT(of(kMaria, "varchar(100)", "VARCHAR(255)"), HasSubstr("unless its length takes"));
  EXPECT_THAT(of(kMaria, "varchar(60)", "VARCHAR(70)"), HasSubstr("unless its length takes"));
  EXPECT_THAT(of("mysql-8.0", "varchar(20)", "VARCHAR(64)"), HasSubstr("unless its length takes"));
  EXPECT_THAT(of(kMaria, "varchar(100)", "VARCHAR(50)"),
              testing::AllOf(HasSubstr("rewrites the table"), Not(HasSubstr("unless"))));
  EXPECT_THAT(of(kMaria, "int", "BIGINT"),
              testing::AllOf(HasSubstr("rewrites the table"), Not(HasSubstr("unless"))));
}

}  // namespace
}  // namespace dbfleet::sql
