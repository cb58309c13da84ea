// What a migration's gate is told with a snapshot of production beside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/linter.h"
#include "common/sql/script_reader.h"
#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

SchemaSnapshot Production() {
  SchemaSnapshot snapshot;
  snapshot.complete = true;
  LiveTable parent;
  parent.name = {"app", "parent"};
  parent.rows = 150;
  parent.columns = {{"id", "bigint"}, {"old", "text"}, {"code", "text"}};
  parent.indexes = {{"pk", {"id"}, true, true}, {"by_code", {"code"}}};
  snapshot.Add(parent);
  LiveTable ord = parent;
  ord.name = {"app", "ord"};
  ord.rows = 50'000'000;
  snapshot.Add(ord);
  return snapshot;
}

// "rule severity: message > advice" of each finding.
std::vector<std::string> Found(absl::string_view dialect, absl::string_view script, bool down) {
  const Target target = *ParseTarget(dialect);
  const SchemaSnapshot snapshot = Production();
  const LintConfig config;
  Linter::Options options;
  options.down = down;
  Linter linter(target, config, &snapshot, options);
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  for (const Statement& statement : *statements) linter.Add(statement, Read(target, statement));
  std::vector<std::string> found;
  for (const Finding& finding : linter.Finish()) {
    found.push_back(absl::StrCat(finding.rule_id, " ", static_cast<int>(finding.severity), ": ",
                                 finding.message, " > ", finding.advice));
  }
  return found;
}

TEST(LintWayBackTest, TheSnapshotIsOfBeforeTheWayThere) {
  for (absl::string_view dialect : {"mariadb-10.11", "postgresql-15"}) {
    for (absl::string_view script :
         {"ALTER TABLE app.parent DROP COLUMN nick", "ALTER TABLE app.parent ADD COLUMN old text",
          "UPDATE app.parent SET nick = 'x' WHERE id = 1"}) {
      EXPECT_THAT(Found(dialect, script, true), Not(Contains(HasSubstr("dbf-dry-run"))))
          << dialect << ": " << script;
      EXPECT_THAT(Found(dialect, script, false), Contains(HasSubstr("dbf-dry-run")))
          << dialect << ": " << script;
    }
  }
}

TEST(LintWayBackTest, AnAttachedPartitionIsTheOneThatIsRead) {
  const auto severity = [](absl::string_view script) {
    for (const std::string& found : Found("postgresql-15", script, false)) {
      if (found.find("dbf-attach-partition ") == 0) return found.substr(21, 1);
    }
    return std::string("none");
  };
  const std::string large =
      severity("ALTER TABLE app.parent ATTACH PARTITION app.ord FOR VALUES FROM (1) TO (2)");
  const std::string small =
      severity("ALTER TABLE app.ord ATTACH PARTITION app.parent FOR VALUES FROM (1) TO (2)");
  EXPECT_EQ(large, absl::StrCat(static_cast<int>(Severity::kError)));
  EXPECT_EQ(small, absl::StrCat(static_cast<int>(Severity::kInfo)));
}

TEST(LintWayBackTest, AnIndexThatGoesWithItsColumnIsNotDroppedAtOnce) {
  EXPECT_THAT(Found("mariadb-10.11", "ALTER TABLE app.parent DROP COLUMN code", false),
              Contains(HasSubstr("ALGORITHM=INPLACE, LOCK=NONE")));
  EXPECT_THAT(Found("mariadb-10.11", "ALTER TABLE app.parent DROP COLUMN old", false),
              Contains(HasSubstr("ALGORITHM=INSTANT")));
}

TEST(LintWayBackTest, WhatIsTooLargeIsNoSyntaxError) {
  std::string many = "SELECT id FROM app.parent WHERE id IN (0";
  for (int i = 1; i < 110'000; ++i) absl::StrAppend(&many, ",", i);
  const auto found = Found("postgresql-15", absl::StrCat(many, ")"), false);
  EXPECT_THAT(found, Contains(HasSubstr("dbf-not-understood")));
  EXPECT_THAT(found, Contains(HasSubstr("more than 200000 words")));
  EXPECT_THAT(found, Not(Contains(HasSubstr("dbf-syntax-error"))));
}

TEST(LintWayBackTest, BatchesAreTheSafeFormItself) {
  const auto found = [](absl::string_view script) {
    return Found("activerecord-ruby", script, false);
  };
  EXPECT_THAT(found("Order.update_all(a: 1)"), Contains(HasSubstr("dbf-ar-without-conditions")));
  for (absl::string_view script :
       {"Order.in_batches.update_all(a: 1)", "Order.unscoped.in_batches(of: 10).delete_all"}) {
    EXPECT_THAT(found(script), Not(Contains(HasSubstr("dbf-ar-without-conditions")))) << script;
    EXPECT_THAT(found(script), Not(Contains(HasSubstr("dbf-no-where")))) << script;
  }
}

TEST(LintWayBackTest, AQueryOfTheSettingsChangesNone) {
  const Target target = *ParseTarget("postgresql-15");
  const auto last = [&](absl::string_view script) {
    ScriptReader reader(target);
    Verdict verdict;
    const auto statements = Split(target, script);
    for (const Statement& statement : *statements) verdict = reader.Read(statement).verdict;
    return verdict.safety;
  };
  EXPECT_EQ(last("SELECT setting FROM pg_settings; SELECT id FROM t"), Safety::kSafe);
  for (absl::string_view first :
       {"UPDATE pg_settings SET setting = 'x' WHERE name = 'search_path'",
        "WITH x AS (UPDATE pg_settings SET setting = 'x' RETURNING 1) SELECT * FROM x"}) {
    EXPECT_EQ(last(absl::StrCat(first, "; SELECT id FROM t")), Safety::kDestructive) << first;
  }
}

}  // namespace
}  // namespace dbfleet::sql
