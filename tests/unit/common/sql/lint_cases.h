#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/lint/linter.h"
#include "common/sql/script_reader.h"
#include "common/sql/sql.h"

// For tests of what lint finds in whole scripts, through the readers.
namespace dbfleet::sql {

inline const Target& Maria() {
  static const Target& target = *new Target(Dialect::kMariaDb, {10, 11, 0});
  return target;
}

inline const Target& Postgres() {
  static const Target& target = *new Target(Dialect::kPostgres, {15, 0, 0});
  return target;
}

// "rule statement", the statement counted from 1.
inline std::vector<std::string> Found(const Target& target, absl::string_view script,
                                      const SchemaSnapshot* snapshot = nullptr) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  if (!statements.ok()) return {};
  const LintConfig config;
  Linter linter(target, config, snapshot);
  ScriptReader reader(target);
  for (const Statement& statement : *statements) linter.Add(statement, reader.Read(statement));
  std::vector<std::string> found;
  for (const Finding& finding : linter.Finish()) {
    found.push_back(finding.rule_id + " " + std::to_string(finding.statement + 1));
  }
  return found;
}

// All advice and messages of a script.
inline std::string Said(const Target& target, absl::string_view script) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  std::string said;
  for (const Finding& finding : Lint(target, *statements)) {
    said += finding.rule_id + ": " + finding.message + ": " + finding.advice + "\n";
  }
  return said;
}

struct LintCase {
  const char* script;
  const char* found;  // "rule statement".
};

inline void Finds(const Target& target, const std::vector<LintCase>& cases) {
  for (const LintCase& c : cases) {
    EXPECT_THAT(Found(target, c.script), testing::Contains(c.found)) << c.script;
  }
}

inline void DoesNotFind(const Target& target, const std::vector<LintCase>& cases) {
  for (const LintCase& c : cases) {
    EXPECT_THAT(Found(target, c.script), testing::Not(testing::Contains(c.found))) << c.script;
  }
}

}  // namespace dbfleet::sql
