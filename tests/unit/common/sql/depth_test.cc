// What anybody may send nests as deep as it likes: nothing recurses with it, on whatever way it is
// read, so that a small stack is enough; and the time does not grow with its square.
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/linter.h"
#include "common/sql/report/redact.h"
#include "common/sql/sql.h"
#include "tests/unit/common/sql/small_stack.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kBytes = 200'000;
// Of the processor; a tenth of one is usual, and what looks at all for each takes many. Sanitizers
// look at each access to memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::clock_t kMostSeconds = 100;
#else
constexpr std::clock_t kMostSeconds = 10;
#endif

// What is repeated in front, the middle, what is repeated behind it.
struct Nest {
  absl::string_view open;
  absl::string_view middle;
  absl::string_view close;
};

std::string Text(absl::string_view before, const Nest& nest) {
  std::string text(before);
  const size_t times = kBytes / (nest.open.size() + nest.close.size());
  for (size_t i = 0; i < times; ++i) absl::StrAppend(&text, nest.open);
  absl::StrAppend(&text, nest.middle);
  for (size_t i = 0; i < times; ++i) absl::StrAppend(&text, nest.close);
  return text;
}

// All that is done with a script. Of the verdict only that there is one.
void ReadInEveryWay(const Target& target, const std::string& script) {
  EXPECT_FALSE(Redact(target, script).text.empty());
  const auto statements = Split(target, script);
  if (!statements.ok()) {
    EXPECT_EQ(Classify(target, script).safety, Safety::kDestructive);
    return;
  }
  const LintConfig config;
  Linter linter(target, config, nullptr);
  for (const Statement& statement : *statements) {
    const Reading reading = Read(target, statement);
    EXPECT_TRUE(reading.verdict.safety == Safety::kSafe || !reading.verdict.reasons.empty());
    linter.Add(statement, reading);
  }
  (void)linter.Finish();
}

void ReadAll(std::initializer_list<Dialect> dialects, absl::string_view before,
             std::initializer_list<Nest> nests) {
  for (const Dialect dialect : dialects) {
    for (const Nest& nest : nests) {
      SCOPED_TRACE(absl::StrCat(NameOf(dialect), ": ", before, nest.open));
      const std::clock_t begin = std::clock();
      OnSmallStack([&] {
        ReadInEveryWay(dialect, Text(before, nest));
        ReadInEveryWay(dialect, Text(before, {nest.open, nest.middle, ""}));
      });
      EXPECT_LT(std::clock() - begin, kMostSeconds * CLOCKS_PER_SEC);
    }
  }
}

constexpr std::initializer_list<Dialect> kSql = {Dialect::kMySql, Dialect::kMariaDb,
                                                 Dialect::kPostgres};

TEST(DepthTest, StatementsInsideOfStatements) {
  ReadAll(kSql, "",
          {{"EXPLAIN ", "SELECT 1", ""},
           {"EXPLAIN ANALYZE ", "SELECT 1", ""},
           {"ANALYZE ", "SELECT 1", ""},
           {"DESC ", "SELECT 1", ""},
           {"EXPLAIN FORMAT=JSON ", "SELECT 1", ""},
           {"EXPLAIN (ANALYZE) ", "SELECT 1", ""},
           {"EXPLAIN INSERT INTO t ", "SELECT 1", ""},
           {"SET STATEMENT a=1 FOR ", "SELECT 1", ""},
           {"PREPARE p AS ", "SELECT 1", ""},
           {"CREATE VIEW v AS ", "SELECT 1", ""},
           {"COPY (", "SELECT 1", ") TO STDOUT"},
           {"CREATE SCHEMA s ", "", ""},
           {"BEGIN ", "", " END"},
           {"IF a THEN ", "", " END IF;"},
           {"CREATE PROCEDURE p() BEGIN ", "", " END"},
           {"/*!", " SELECT 1 ", "*/"},
           {"/* ", "", "*/ SELECT 1"}});
}

TEST(DepthTest, Queries) {
  ReadAll(kSql, "",
          {{"(", "SELECT 1", ")"},
           {"SELECT (", "1", ")"},
           {"SELECT * FROM (", "SELECT 1", ") a"},
           {"SELECT * FROM t JOIN (", "u", ")"},
           {"SELECT 1 UNION (", "SELECT 1", ")"},
           {"SELECT 1 UNION ", "SELECT 1", ""},
           {"WITH a AS (", "SELECT 1", ") SELECT 1"},
           {"WITH RECURSIVE a AS (", "SELECT 1", ") SELECT 1"},
           {"SELECT * FROM t, LATERAL (", "SELECT 1", ") a"},
           {"VALUES ((", "1", "))"}});
}

TEST(DepthTest, Expressions) {
  ReadAll(kSql, "SELECT a FROM t WHERE ",
          {{"(", "1", ")"},
           {"CASE WHEN ", "1", " THEN 1 END"},
           {"CASE 1 WHEN 1 THEN ", "1", " END"},
           {"EXISTS (SELECT 1 WHERE ", "1", ")"},
           {"a IN (SELECT ", "1", ")"},
           {"a IN (1, ", "1", ")"},
           {"lower(", "a", ")"},
           {"CAST(", "a", " AS CHAR)"},
           {"NOT ", "a", ""},
           {"- ", "a", ""},
           {"! ", "a", ""},
           {"a + ", "1", ""},
           {"a = ", "1", ""},
           {"a AND ", "1", ""},
           {"1 = 1 OR ", "1", ""},
           {"a BETWEEN 1 AND ", "1", ""},
           {"INTERVAL ", "1", " DAY"},
           {"ARRAY[", "1", "]"},
           {"a[", "1", "]"},
           {"ROW(", "1", ")"},
           {"{d ", "'a'", "}"},
           {"a::", "int", ""},
           {"a COLLATE ", "b", ""},
           {"b.", "a", ""},
           {"(a).", "b", ""}});
}

TEST(DepthTest, ChainsWithBlocks) {
  ReadAll({Dialect::kActiveRecordPhp}, "<?php User::query()",
          {{"->where('a', 1)", "->get();", ""},
           {"->where(function ($q) { $q->where('a', 1); })", "->get();", ""}});
  ReadAll({Dialect::kActiveRecordRuby}, "User.all",
          {{".where(a: 1)", "", ""}, {".map { |a| a.b }", "", ""}, {".each { a }", "", ""}});
}

TEST(DepthTest, Commands) {
  ReadAll({Dialect::kRedis}, "",
          {{"EVAL ", "x", ""}, {"MULTI\n", "GET a", "\nEXEC"}, {"\"", "a", "\""}, {"(", "a", ")"}});
}

TEST(DepthTest, Programs) {
  ReadAll({Dialect::kActiveRecordPhp}, "<?php ",
          {{"(", "1", ")"},
           {"[", "1", "]"},
           {"{", "", "}"},
           {"foo(", "1", ")"},
           {"User::find(", "1", ")"},
           {"User::where(function ($q) { ", "$q->get();", " })"},
           {"$a->b(", "1", ")->get()"},
           {"$a->", "b", ""},
           {"if ($a) { ", "User::find(1);", " }"},
           {"function f() { ", "User::find(1);", " }"},
           {"class A { function f() { ", "User::find(1);", " } }"},
           {"fn($x) => ", "User::find(1)", ""},
           {"$a ? ", "1", " : 2"},
           {"! ", "$a", ""},
           {"\"{$a[\"", "x", "\"]}\""},
           {"array(", "1", ")"},
           {"$a . ", "$b", ""},
           {"$a = ", "User::find(1)", ""}});
  ReadAll({Dialect::kActiveRecordRuby}, "",
          {{"(", "1", ")"},
           {"[", "1", "]"},
           {"{ ", "1", " }"},
           {"foo(", "1", ")"},
           {"User.find(", "1", ")"},
           {"User.where(a: ", "User.first", ")"},
           {"User.each do |u|\n", "u.x", "\nend"},
           {"User.each { |u| ", "u.x", " }"},
           {"a.", "b", ""},
           {"if a\n", "User.find(1)", "\nend"},
           {"def f\n", "User.find(1)", "\nend"},
           {"class A\n", "User.find(1)", "\nend"},
           {"-> { ", "User.find(1)", " }"},
           {"begin\n", "User.find(1)", "\nend"},
           {"a ? ", "1", " : 2"},
           {"not ", "a", ""},
           {"\"#{", "x", "}\""},
           {"%w[", "a", "]"},
           {"%(", "a", ")"},
           {"a = ", "User.find(1)", ""},
           {"<<A\n", "", "A\n"}});
}

}  // namespace
}  // namespace dbfleet::sql
