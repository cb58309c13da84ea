// Every statement of tests/testdata/sql/postgres_statements.sql is what the line before it says.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/sql/postgres/postgres.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kSafeLine = "-- safe";
constexpr absl::string_view kDestructiveLine = "-- destructive: ";

struct Case {
  bool safe = false;
  std::string words;
  std::string text;
  int line = 0;
};

std::vector<Case> Cases() {
  std::ifstream file(
      absl::StrCat(DBFLEET_SOURCE_DIR, "/tests/testdata/sql/postgres_statements.sql"));
  std::vector<Case> cases;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    absl::string_view words = line;
    if (line == kSafeLine) {
      cases.push_back({true, "", "", number + 1});
    } else if (absl::ConsumePrefix(&words, kDestructiveLine)) {
      cases.push_back({false, std::string(words), "", number + 1});
    } else if (!cases.empty()) {
      absl::StrAppend(&cases.back().text, line, "\n");
    }
  }
  return cases;
}

TEST(StatementsTest, EachIsWhatTheLineBeforeItSays) {
  int safe = 0;
  const std::vector<Case> cases = Cases();
  for (const Case& c : cases) {
    const Verdict verdict = ReadPostgres(Dialect::kPostgres, c.text).verdict;
    const std::string reasons = absl::StrJoin(verdict.reasons, "; ");
    EXPECT_EQ(NameOf(verdict.safety), c.safe ? "safe" : "destructive")
        << "line " << c.line << ": " << c.text << reasons;
    EXPECT_TRUE(absl::StrContains(reasons, c.words))
        << "line " << c.line << ": " << c.text << reasons << "\n  lacks: " << c.words;
    safe += c.safe;
    if (!c.safe) continue;
    EXPECT_EQ(verdict.kind, Kind::kInspection) << c.text;
    EXPECT_TRUE(verdict.understood) << c.text;
    EXPECT_TRUE(verdict.transactional) << c.text;
    EXPECT_EQ(verdict.effects.undo, Undo::kNothingToUndo) << c.text;
    EXPECT_EQ(verdict.effects.blocks, Blocking::kNothing) << c.text;
  }
  EXPECT_GE(cases.size(), 500u);
  EXPECT_GE(safe, 200);
}

// INSERT, UPDATE, DELETE and MERGE, of which plain EXPLAIN makes no more than a plan.
bool OnlyChangesRows(const Case& c) {
  const Reading reading = ReadPostgres(Dialect::kPostgres, c.text);
  const bool upserts = absl::StrContains(c.text, "DO UPDATE");
  return reading.verdict.reasons.size() == (upserts ? 2u : 1u) &&
         (reading.facts.verb == Verb::kInsert || reading.facts.verb == Verb::kUpdate ||
          reading.facts.verb == Verb::kDelete || reading.facts.verb == Verb::kMerge);
}

// What is appended, and what stands around it, never makes a destructive statement safe.
TEST(StatementsTest, NothingAroundADestructiveStatementMakesItSafe) {
  for (const Case& c : Cases()) {
    if (c.safe) continue;
    for (const std::string& text :
         {absl::StrCat("/* x */", c.text), absl::StrCat("-- x\n", c.text),
          absl::StrCat("SELECT 1; ", c.text, "; SELECT 1"),
          absl::StrCat("EXPLAIN ANALYZE ", c.text), absl::StrCat("EXPLAIN ", c.text),
          absl::StrCat("(", c.text, ")"), absl::StrCat("SELECT (", c.text, ")"),
          absl::StrCat("WITH x AS (", c.text, ") SELECT 1")}) {
      if (absl::StartsWith(text, "EXPLAIN ") && !absl::StartsWith(text, "EXPLAIN ANALYZE") &&
          OnlyChangesRows(c)) {
        continue;
      }
      if (c.words == "no statement" || absl::StrContains(c.text, ";\n;")) continue;
      EXPECT_EQ(ReadPostgres(Dialect::kPostgres, text).verdict.safety, Safety::kDestructive)
          << text;
    }
  }
}

}  // namespace
}  // namespace dbfleet::sql
