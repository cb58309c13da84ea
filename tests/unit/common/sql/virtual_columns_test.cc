#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"
#include "tests/unit/common/sql/lint_cases.h"

// What MariaDB does instantly it copies where a virtual column would move: tried out on MariaDB
// 10.11 with ALGORITHM=INPLACE, which it then refuses with error 1846.
namespace dbfleet::sql {
namespace {

SchemaSnapshot With(bool is_virtual) {
  SchemaSnapshot snapshot;
  LiveTable table;
  table.name = {"", "f"};
  LiveColumn computed = {"c", "int"};
  computed.is_virtual = is_virtual;
  table.columns = {{"a", "int"}, {"b", "int"}, computed, {"d", "int"}};
  snapshot.Add(table);
  return snapshot;
}

// Of the last statement, as it is reported.
Effects EffectsOf(const Target& target, absl::string_view script, const SchemaSnapshot* snapshot) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  const LintConfig config;
  Linter linter(target, config, snapshot);
  Effects effects;
  for (const Statement& statement : *statements) {
    Reading reading = Read(target, statement);
    linter.HoldAgainstSnapshot(&reading);
    linter.Add(statement, reading);
    effects = reading.verdict.effects;
  }
  return effects;
}

constexpr const char* kMoves[] = {"ALTER TABLE f ADD COLUMN y INT FIRST",
                                  "ALTER TABLE f ADD COLUMN y INT AFTER a",
                                  "ALTER TABLE f DROP COLUMN b, ADD INDEX i (d)",
                                  "ALTER TABLE f DROP COLUMN b, ADD COLUMN q INT"};

TEST(VirtualColumnsTest, WhatWouldMoveOneCopiesTheTable) {
  const SchemaSnapshot with = With(true);
  for (const char* sql : kMoves) {
    const Effects effects = EffectsOf(Maria(), sql, &with);
    EXPECT_TRUE(effects.rewrites_table) << sql;
    EXPECT_EQ(effects.blocks, Blocking::kWrites) << sql;
    // The script tells, too.
    const std::string added = "ALTER TABLE f ADD COLUMN c INT AS (a + 1) VIRTUAL; ";
    EXPECT_EQ(EffectsOf(Maria(), added + sql, nullptr).blocks, Blocking::kWrites) << sql;
  }
  for (const char* sql : {"ALTER TABLE f ADD COLUMN y INT", "ALTER TABLE f DROP COLUMN b",
                          "ALTER TABLE f DROP COLUMN b, DROP COLUMN d"}) {
    EXPECT_EQ(EffectsOf(Maria(), sql, &with).blocks, Blocking::kNothing) << sql;
  }
}

TEST(VirtualColumnsTest, WhereThereIsNoneOrNobodyKnowsItStaysAsItWas) {
  const SchemaSnapshot without = With(false);
  for (const char* sql : kMoves) {
    EXPECT_EQ(EffectsOf(Maria(), sql, &without).blocks, Blocking::kNothing) << sql;
    EXPECT_EQ(EffectsOf(Maria(), sql, nullptr).blocks, Blocking::kNothing) << sql;
  }
}

}  // namespace
}  // namespace dbfleet::sql
