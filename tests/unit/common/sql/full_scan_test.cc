// When a statement is told to read a whole table, and when an index may serve it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/linter.h"
#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr absl::string_view kDialects[] = {"mysql-8.0", "mariadb-10.11", "postgresql-15"};

SchemaSnapshot Orders() {
  SchemaSnapshot snapshot;
  LiveTable orders;
  orders.name = {"app", "orders"};
  orders.rows = 5'000'000;
  for (const char* column : {"id", "customer_id", "state", "email", "created_at", "note", "tags"}) {
    orders.columns.push_back({column, "text"});
  }
  orders.indexes = {{"pk", {"id"}, true, true}, {"by_customer", {"customer_id"}}};
  snapshot.Add(orders);
  return snapshot;
}

// What the rule says of the query; "" if nothing.
std::string Said(absl::string_view dialect, absl::string_view sql, const SchemaSnapshot& snapshot,
                 absl::string_view rule = "dbf-full-scan") {
  const Target target = *ParseTarget(dialect);
  const LintConfig config;
  Linter linter(target, config, &snapshot);
  const auto statements = Split(target, sql);
  EXPECT_TRUE(statements.ok()) << statements.status();
  for (const Statement& statement : *statements) linter.Add(statement, Read(target, statement));
  for (const Finding& finding : linter.Finish()) {
    if (finding.rule_id == rule) return absl::StrCat(finding.message, " > ", finding.advice);
  }
  return "";
}

std::string Where(absl::string_view dialect, absl::string_view condition) {
  return Said(dialect, absl::StrCat("SELECT id FROM app.orders WHERE ", condition), Orders());
}

TEST(FullScanTest, OnePartOfAnAndIsEnough) {
  for (absl::string_view dialect : kDialects) {
    for (absl::string_view condition :
         {"customer_id = 5", "state = 'a' AND customer_id = 5", "customer_id IN (1, 2)",
          "customer_id BETWEEN 1 AND 5", "(state = 'a' OR state = 'b') AND customer_id = 5",
          "customer_id IS NULL", "(id, customer_id) IN ((1, 2))", "(customer_id, id) = (1, 2)"}) {
      EXPECT_EQ(Where(dialect, condition), "") << dialect << ": " << condition;
    }
    EXPECT_THAT(Where(dialect, "state = 'a'"),
                HasSubstr("no index of app.orders begins with state"));
  }
}

TEST(FullScanTest, EachPartOfAnOrWantsItsOwn) {
  for (absl::string_view dialect : kDialects) {
    for (absl::string_view condition :
         {"customer_id = 5 OR state = 'a'", "(customer_id = 5 OR state = 'a')",
          "customer_id = 5 OR id = 1 OR (state = 'a' AND note = 'b')"}) {
      EXPECT_THAT(Where(dialect, condition), HasSubstr("begins with state"))
          << dialect << condition;
    }
    for (absl::string_view condition :
         {"customer_id = 5 OR id = 6", "(id = 1 AND state = 'a') OR customer_id = 7",
          "customer_id = 5 OR id IN (1, 2) OR customer_id IS NULL"}) {
      EXPECT_EQ(Where(dialect, condition), "") << dialect << ": " << condition;
    }
  }
  EXPECT_THAT(Where("mariadb-10.11", "customer_id = 5 || state = 'a'"), HasSubstr("with state"));
}

TEST(FullScanTest, WhatIsUnequalIsNotLookedUp) {
  for (absl::string_view dialect : kDialects) {
    for (absl::string_view condition : {"customer_id <> 5", "customer_id NOT IN (5, 6)"}) {
      EXPECT_THAT(Where(dialect, condition), HasSubstr("reads all of app.orders")) << condition;
      EXPECT_THAT(Where(dialect, condition), Not(HasSubstr("CREATE INDEX"))) << "there is one";
    }
    EXPECT_EQ(Where(dialect, "customer_id <> 5 AND id = 1"), "");
  }
  EXPECT_THAT(Where("postgresql-15", "NOT (customer_id = 5)"), HasSubstr("reads all"));
}

TEST(FullScanTest, TheFirstRowsInAnOrderWantAnIndexOfIt) {
  for (absl::string_view dialect : kDialects) {
    const auto said = [&](absl::string_view tail) {
      return Said(dialect, absl::StrCat("SELECT id FROM app.orders ", tail), Orders());
    };
    EXPECT_THAT(said("ORDER BY created_at LIMIT 5"),
                HasSubstr("no index of app.orders begins with created_at, so the statement reads "
                          "all of app.orders, 5000000 rows and sorts them"));
    EXPECT_THAT(said("ORDER BY created_at DESC, id LIMIT 5"), HasSubstr("sorts them"));
    for (absl::string_view tail :
         {"LIMIT 5", "ORDER BY id LIMIT 5", "ORDER BY customer_id DESC LIMIT 5",
          "ORDER BY made_up LIMIT 5", "ORDER BY lower(note) LIMIT 5"}) {
      EXPECT_EQ(said(tail), "") << dialect << ": " << tail;
    }
  }
}

TEST(FullScanTest, IndexesThatServeSomeConditionsSilenceWhatIsNotKnown) {
  SchemaSnapshot snapshot;
  LiveTable orders = *Orders().Find({"app", "orders"});
  orders.other_indexes = {{"lower_email", {"email"}}, {"tags_gin", {"tags"}}};
  snapshot.Add(orders);
  for (absl::string_view dialect : kDialects) {
    for (absl::string_view condition : {"lower(email) = 'a'", "email LIKE '%x'", "email = 'a'"}) {
      const std::string sql = absl::StrCat("SELECT id FROM app.orders WHERE ", condition);
      for (absl::string_view rule :
           {"dbf-full-scan", "dbf-function-on-column", "dbf-leading-wildcard"}) {
        EXPECT_EQ(Said(dialect, sql, snapshot, rule), "") << dialect << ": " << condition;
      }
    }
    EXPECT_THAT(Said(dialect, "SELECT id FROM app.orders WHERE note = 'a'", snapshot),
                HasSubstr("begins with note"));
    EXPECT_THAT(Said(dialect, "SELECT id FROM app.orders WHERE lower(note) = 'a'", snapshot,
                     "dbf-function-on-column"),
                HasSubstr("note"));
  }
  EXPECT_EQ(Said("postgresql-15", "SELECT id FROM app.orders WHERE tags @> ARRAY['a']", snapshot),
            "");
  // One that does not tell its columns may serve all.
  orders.other_indexes = {{"functional", {}}};
  SchemaSnapshot unknown;
  unknown.Add(orders);
  EXPECT_EQ(Said("mysql-8.0", "SELECT id FROM app.orders WHERE lower(note) = 'a'", unknown), "");
}

TEST(AffectedRowsTest, OnlyWhatNamesRowsByAKeyIsSmall) {
  for (absl::string_view dialect : kDialects) {
    const auto said = [&](absl::string_view condition) {
      return Said(dialect, absl::StrCat("DELETE FROM app.orders WHERE ", condition), Orders(),
                  "dbf-affected-rows");
    };
    for (absl::string_view condition : {"id = 5", "state = 'a' AND id = 5", "id = 5 OR id = 6"}) {
      EXPECT_EQ(said(condition), "") << dialect << ": " << condition;
    }
    for (absl::string_view condition : {"id <> 5", "id = 5 OR state = 'a'", "customer_id = 5"}) {
      EXPECT_THAT(said(condition), HasSubstr("may touch up to")) << dialect << ": " << condition;
    }
  }
}

}  // namespace
}  // namespace dbfleet::sql
