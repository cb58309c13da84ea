// Properties that hold for every statement, tried on generated ones. The seed is fixed, so that a
// failure comes back.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

constexpr int kRounds = 3000;
constexpr Dialect kDialects[] = {Dialect::kMySql, Dialect::kMariaDb, Dialect::kPostgres};

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  size_t Below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  template <size_t N>
  std::string Pick(const char* const (&items)[N]) {
    return items[Below(N)];
  }

  // Tokens of a plausible read; now and then one that is not.
  std::vector<std::string> Query() {
    static constexpr const char* kHeads[][2] = {
        {"SELECT", ""}, {"SELECT", "DISTINCT"}, {"EXPLAIN", "SELECT"}};
    std::vector<std::string> tokens;
    for (const char* word : kHeads[Below(3)]) {
      if (*word != '\0') tokens.push_back(word);
    }
    Expression(&tokens, 3);
    if (Below(2) == 0) {
      tokens.insert(tokens.end(), {"FROM", Name()});
      if (Below(2) == 0) {
        tokens.push_back("WHERE");
        Expression(&tokens, 3);
      }
      if (Below(10) == 0) tokens.insert(tokens.end(), {"FOR", "UPDATE"});
    }
    return tokens;
  }

  std::string Destructive() {
    static constexpr const char* kStatements[] = {
        "DELETE FROM t",    "DROP TABLE t",        "UPDATE t SET a = 1", "INSERT INTO t VALUES (1)",
        "TRUNCATE TABLE t", "GRANT ALL ON t TO u", "SET a = 1",          "COMMIT"};
    return Pick(kStatements);
  }

  // White space or a comment that may stand between any two tokens.
  std::string Gap() {
    static constexpr const char* kGaps[] = {
        " ", "\n", "\t ", "  \r\n", "/**/", " /* x; */ ", " -- it's (\n", "/* DELETE \" */"};
    return Pick(kGaps);
  }

  std::string AnyCase(std::string token) {
    if (token[0] == '\'' || token[0] == '"') return token;
    for (char& c : token) c = Below(2) == 0 ? absl::ascii_toupper(c) : absl::ascii_tolower(c);
    return token;
  }

  // Bytes that mean something to a lexer.
  std::string Noise(size_t length) {
    static constexpr const char* kBits[] = {
        "'",   "\"",     "`",        "\\",   "/*", "*/",  "/*!", "--",       "-- ",        "#",
        "\n",  ";",      "$$",       "$a$",  "E'", "(",   ")",   "SELECT",   " ",          "1",
        "1e",  "DELETE", "FROM",     "t",    ",",  ".",   "@",   ":",        "DELIMITER ", "BEGIN",
        "END", "CREATE", "FUNCTION", "WITH", "AS", "U&'", "FOR", "\xC3\xA4", "\xff"};
    std::string noise;
    for (size_t i = 0; i < length; ++i) noise += Pick(kBits);
    return noise;
  }

 private:
  std::string Name() {
    static constexpr const char* kNames[] = {"a", "b", "orders", "t", "x1"};
    return Pick(kNames);
  }

  void Expression(std::vector<std::string>* tokens, int depth) {
    static constexpr const char* kFunctions[] = {"lower", "count",    "coalesce",
                                                 "sleep", "pg_sleep", "f"};
    static constexpr const char* kLiterals[] = {"1", "'it''s'", "'; DELETE'", "NULL", "0"};
    static constexpr const char* kOperators[] = {"+", "=", "AND", "OR", "<", "||"};
    const size_t choice = depth == 0 ? Below(2) : Below(5);
    if (choice == 0) {
      tokens->push_back(Name());
    } else if (choice == 1) {
      tokens->push_back(Pick(kLiterals));
    } else if (choice == 2) {
      // One token: in MySQL a gap between the two makes it another call.
      tokens->push_back(Pick(kFunctions) + "(");
      Expression(tokens, depth - 1);
      tokens->push_back(")");
    } else if (choice == 3) {
      tokens->push_back("(");
      Expression(tokens, depth - 1);
      tokens->push_back(")");
    } else {
      Expression(tokens, depth - 1);
      tokens->push_back(Pick(kOperators));
      Expression(tokens, depth - 1);
    }
  }

  std::mt19937 random_;
};

TEST(PropertiesTest, CaseSpaceAndCommentsDoNotChangeTheVerdict) {
  Generator generator(1);
  int safe = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::vector<std::string> tokens = generator.Query();
    const std::string plain = absl::StrJoin(tokens, " ");
    std::string dressed = generator.Gap();
    for (const std::string& token : tokens) {
      absl::StrAppend(&dressed, generator.AnyCase(token), generator.Gap());
    }
    for (Dialect dialect : kDialects) {
      const Verdict before = Classify(dialect, plain);
      const Verdict after = Classify(dialect, dressed);
      ASSERT_EQ(before.safety, after.safety) << plain << "\n---\n" << dressed;
      ASSERT_EQ(before.kind, after.kind) << plain << "\n---\n" << dressed;
      safe += before.safety == Safety::kSafe;
    }
  }
  // Both classes were tried.
  EXPECT_GT(safe, kRounds / 3);
  EXPECT_LT(safe, kRounds * 5 / 2);
}

TEST(PropertiesTest, AnAppendedDestructiveStatementIsNeverSafe) {
  Generator generator(2);
  for (int i = 0; i < kRounds; ++i) {
    const std::string text =
        absl::StrCat(absl::StrJoin(generator.Query(), generator.Gap()), generator.Gap(), ";",
                     generator.Gap(), generator.Destructive());
    for (Dialect dialect : kDialects) {
      ASSERT_EQ(Classify(dialect, text).safety, Safety::kDestructive) << text;
    }
  }
}

TEST(PropertiesTest, AFunctionThatIsNotListedIsNeverSafe) {
  Generator generator(3);
  for (int i = 0; i < kRounds; ++i) {
    std::vector<std::string> tokens = generator.Query();
    const std::vector<std::string> call = {"+", "my_function", "(", "1", ")"};
    tokens.insert(tokens.end(), call.begin(), call.end());
    const std::string text = absl::StrJoin(tokens, " ");
    for (Dialect dialect : kDialects) {
      ASSERT_EQ(Classify(dialect, text).safety, Safety::kDestructive) << text;
    }
  }
}

TEST(PropertiesTest, JoiningWhatWasSplitGivesTheSameStatements) {
  Generator generator(4);
  int compared = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string script = generator.Noise(1 + generator.Below(30));
    for (Dialect dialect : kDialects) {
      const auto first = Split(dialect, script);
      if (!first.ok()) continue;
      std::string joined;
      bool closed = true;
      for (const Statement& statement : *first) {
        // A semicolon does not end what DELIMITER put semicolons into, nor what leaves one of
        // PostgreSQL's parentheses or bodies open.
        const auto alone = Split(dialect, absl::StrCat(statement.text, "\n;"));
        closed = closed && alone.ok() && alone->size() == 1 && (*alone)[0].text == statement.text;
        absl::StrAppend(&joined, statement.text, "\n;\n");
      }
      if (!closed) continue;
      const auto second = Split(dialect, joined);
      ASSERT_TRUE(second.ok()) << script << "\n---\n" << joined;
      ASSERT_EQ(first->size(), second->size()) << script << "\n---\n" << joined;
      for (size_t k = 0; k < first->size(); ++k) {
        ASSERT_EQ((*first)[k].text, (*second)[k].text) << script;
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, kRounds / 4);
}

// The pieces stand where they say, in order, and nothing but what separates stands between them.
TEST(PropertiesTest, PiecesAndSeparatorsMakeUpTheScript) {
  Generator generator(7);
  int compared = 0;
  for (int i = 0; i < kRounds; ++i) {
    const std::string script = generator.Noise(1 + generator.Below(30));
    for (Dialect dialect : kDialects) {
      const auto statements = Split(dialect, script);
      if (!statements.ok()) continue;
      size_t at = 0;
      std::string separators;
      for (const Statement& statement : *statements) {
        ASSERT_LE(at, statement.begin) << script;
        ASSERT_EQ(script.substr(statement.begin, statement.end - statement.begin), statement.text)
            << script;
        separators = script.substr(at, statement.begin - at);
        at = std::max(statement.end, statement.data_end);
        ++compared;
        // Alone, what separates is no statement. DELIMITER makes other separators.
        if (absl::StrContains(script, "DELIMITER")) continue;
        const auto none = Split(dialect, separators);
        ASSERT_TRUE(none.ok() && none->empty()) << script << "\n---\n" << separators;
      }
      ASSERT_LE(at, script.size()) << script;
      if (absl::StrContains(script, "DELIMITER")) continue;
      const auto behind = Split(dialect, script.substr(at));
      ASSERT_TRUE(behind.ok() && behind->empty()) << script << "\n---\n" << script.substr(at);
    }
  }
  EXPECT_GT(compared, kRounds / 4);
}

TEST(PropertiesTest, PositionsPointAtTheStatement) {
  Generator generator(5);
  for (int i = 0; i < kRounds; ++i) {
    const std::string script = generator.Noise(1 + generator.Below(30));
    const auto statements = Split(Dialect::kPostgres, script);
    if (!statements.ok()) continue;
    const std::vector<std::string> lines = absl::StrSplit(script, '\n');
    for (const Statement& statement : *statements) {
      ASSERT_LE(statement.line, static_cast<int>(lines.size())) << script;
      const std::string& line = lines[static_cast<size_t>(statement.line - 1)];
      ASSERT_LE(statement.column, static_cast<int>(line.size())) << script;
      const char at = line[static_cast<size_t>(statement.column - 1)];
      ASSERT_NE(statement.text.find(at), std::string::npos) << script;
    }
  }
}

TEST(PropertiesTest, NoInputIsTooOdd) {
  Generator generator(6);
  for (int i = 0; i < kRounds; ++i) {
    const std::string text = generator.Noise(1 + generator.Below(60));
    for (Dialect dialect :
         {Dialect::kMySql, Dialect::kMariaDb, Dialect::kPostgres, Dialect::kRedis}) {
      const Verdict verdict = Classify(dialect, text);
      ASSERT_EQ(verdict.safety == Safety::kSafe, verdict.reasons.empty()) << text;
      const auto statements = Split(dialect, text);
      if (statements.ok()) Lint(dialect, *statements);
    }
  }
}

// Each has an answer: what grew with the square of the length would not end here.
TEST(PropertiesTest, LongInputsAreAnswered) {
  constexpr int kRepeats = 20000;
  for (absl::string_view part : {"(",
                                 "'a' ",
                                 "/*",
                                 "/* */",
                                 "-- \n",
                                 "E'a'\n",
                                 "$a$",
                                 "WITH a(b) AS (SELECT 1), ",
                                 ";",
                                 "a.",
                                 "f(",
                                 "UPDATE ",
                                 "ON a ",
                                 ", ",
                                 "SET STATEMENT a=1 FOR ",
                                 "/*! ",
                                 "\"",
                                 "1e+",
                                 "FROM a, ",
                                 "ADD a INT NOT NULL, ",
                                 "EXPLAIN ",
                                 "SELECT a FROM t;\n",
                                 "EXISTS (SELECT 1 FROM u FOR UPDATE) AND ",
                                 "ADD CHECK (a > 0), "}) {
    std::string text = "SELECT ";
    std::string alter = "ALTER TABLE t ";
    for (int i = 0; i < kRepeats; ++i) {
      text.append(part.data(), part.size());
      alter.append(part.data(), part.size());
    }
    for (Dialect dialect : kDialects) {
      for (const std::string& input : {text, alter}) {
        const Verdict verdict = Classify(dialect, input);
        EXPECT_EQ(verdict.safety == Safety::kSafe, verdict.reasons.empty());
        const auto statements = Split(dialect, input);
        if (statements.ok()) Lint(dialect, *statements);
      }
    }
  }
}

// The same where each part has another name, as those have of which something is kept.
TEST(PropertiesTest, LongListsOfNamesAreAnswered) {
  constexpr int kRepeats = 10000;
  std::string tables = "SELECT 1 FROM t";
  std::string locks = " WHERE 1 = 1";
  std::string checks = "ALTER TABLE t ADD COLUMN a INT";
  for (int i = 0; i < kRepeats; ++i) {
    absl::StrAppend(&tables, ", t", i);
    absl::StrAppend(&locks, " AND EXISTS (SELECT 1 FROM u", i, " FOR UPDATE)");
    absl::StrAppend(&checks, ", ADD CHECK (a > ", i, "), ADD CONSTRAINT c", i, " CHECK (b > 0)");
  }
  for (Dialect dialect : kDialects) {
    for (const std::string& input : {absl::StrCat(tables, locks), checks}) {
      EXPECT_EQ(Classify(dialect, input).safety, Safety::kDestructive);
      const auto statements = Split(dialect, input);
      ASSERT_TRUE(statements.ok()) << statements.status();
      EXPECT_EQ(statements->size(), 1u);
      Lint(dialect, *statements);
    }
  }
}

}  // namespace
}  // namespace dbfleet::sql
