#include "common/sql/text/statement_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/sql/text/split.h"

namespace dbfleet::sql {
namespace {

using ::testing::HasSubstr;

// Gives a text in pieces of a size.
StatementStream::Source Pieces(absl::string_view text, size_t piece) {
  return
      [text, piece, at = size_t{0}](char* buffer, size_t size) mutable -> absl::StatusOr<size_t> {
        const size_t count = std::min({piece, size, text.size() - at});
        std::memcpy(buffer, text.data() + at, count);
        at += count;
        return count;
      };
}

absl::StatusOr<std::vector<Statement>> All(Dialect dialect, absl::string_view text,
                                           StatementStream::Limits limits, size_t piece = 7) {
  StatementStream stream(dialect, Pieces(text, piece), limits);
  std::vector<Statement> statements;
  for (;;) {
    ASSIGN_OR_RETURN(std::optional<Statement> statement, stream.Next());
    if (!statement.has_value()) return statements;
    statements.push_back(*std::move(statement));
  }
}

constexpr absl::string_view kMySqlScript =
    "\xEF\xBB\xBF-- head\nSELECT 'it''s; \\'x', \"a;\\\"\" FROM `b;``c`; # note ;\n/*!40101 SET "
    "NAMES utf8 "
    "*/;\n"
    "SELECT 5--1, 1e+5, a.b /* ; */ ;;\nDELIMITER $$$\nCREATE PROCEDURE p() BEGIN SELECT 1; "
    "END$$$\n"
    "delimiter ;\nINSERT INTO t VALUES (1,'x'),(2,'y');\n/*M!999999\\- sandbox */ SELECT 3";
constexpr absl::string_view kPostgresScript =
    "-- head\nSELECT 'a\\', E'b\\';c' -- x\n 'd;' , $x$ ; $$ $x$, \"e;\"; /* a /* ; */ ; */ SELECT "
    "1;\n"
    "COPY t FROM stdin;\n1\tx;'\n2\ty\\\\\n\\.\n\\restrict abc\nSELECT U&'x;', $1;\n"
    "\\unrestrict abc\n\\connect other\n"
    "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b);\n"
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; SELECT "
    "$a_tag_that_is_longer_than_what_is_looked_ahead$ ; $a_tag_that_is_longer_than_what_is_looked_"
    "ahead$; SELECT 2";

TEST(StatementStreamTest, PiecesOfAnySizeGiveTheSameStatements) {
  for (const auto& [dialect, script] : {std::pair{Dialect::kMySql, kMySqlScript},
                                        {Dialect::kMariaDb, kMySqlScript},
                                        {Dialect::kPostgres, kPostgresScript}}) {
    const auto whole = SplitSql(dialect, script);
    ASSERT_TRUE(whole.ok()) << whole.status();
    ASSERT_GE(whole->size(), 6u);
    for (size_t chunk = 1; chunk < script.size(); ++chunk) {
      StatementStream::Limits limits;
      limits.chunk_bytes = chunk;
      const auto pieces = All(dialect, script, limits, 1 + chunk % 5);
      ASSERT_TRUE(pieces.ok()) << pieces.status() << " at " << chunk;
      ASSERT_EQ(pieces->size(), whole->size()) << chunk;
      for (size_t i = 0; i < whole->size(); ++i) {
        const Statement& a = (*whole)[i];
        const Statement& b = (*pieces)[i];
        ASSERT_EQ(a.text, b.text) << chunk;
        ASSERT_EQ(a.line, b.line) << chunk << a.text;
        ASSERT_EQ(a.column, b.column) << chunk << a.text;
        ASSERT_EQ(a.begin, b.begin) << chunk;
        ASSERT_EQ(a.end, b.end) << chunk;
        ASSERT_EQ(a.data_begin, b.data_begin) << chunk;
        ASSERT_EQ(a.data_end, b.data_end) << chunk;
        ASSERT_EQ(a.client_command, b.client_command) << chunk;
        ASSERT_EQ(a.client_doubt, b.client_doubt) << chunk;
      }
    }
  }
}

TEST(StatementStreamTest, ErrorsStandWhereTheyStoodInTheWhole) {
  for (absl::string_view script : {"SELECT 1;\n\nSELECT 'abc;\n", "SELECT 1;\n  SELECT 2; /* a",
                                   "SELECT 1;\nSELECT $a$ x $b$"}) {
    const auto whole = SplitSql(Dialect::kPostgres, script);
    StatementStream::Limits limits;
    limits.chunk_bytes = 5;
    const auto pieces = All(Dialect::kPostgres, script, limits);
    EXPECT_FALSE(whole.ok());
    EXPECT_EQ(whole.status(), pieces.status());
  }
}

TEST(StatementStreamTest, AStatementThatIsTooLongIsAnErrorWithItsPlace) {
  StatementStream::Limits limits;
  limits.max_statement_bytes = 1000;
  limits.chunk_bytes = 100;
  const std::string script =
      absl::StrCat("SELECT 1;\nSELECT '", std::string(5000, 'x'), "'; SELECT 2");
  const auto pieces = All(Dialect::kMySql, script, limits);
  EXPECT_EQ(ReasonOf(pieces.status()), "BAD_SQL");
  EXPECT_THAT(std::string(pieces.status().message()), HasSubstr("line 1, column 10"));
  EXPECT_THAT(std::string(pieces.status().message()), HasSubstr("longer than 1000 bytes"));
  EXPECT_THAT(std::string(pieces.status().message()), HasSubstr("--rows-per-insert"));
}

TEST(StatementStreamTest, AnErrorOfTheSourceComesBackEachTime) {
  StatementStream stream(Dialect::kMySql, [](char*, size_t) -> absl::StatusOr<size_t> {
    return absl::DataLossError("disk");
  });
  EXPECT_EQ(stream.Next().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(stream.Next().status().code(), absl::StatusCode::kDataLoss);
}

TEST(StatementStreamTest, NothingButTheStatementAtHandIsKept) {
  // 64 MiB that are made as they are asked for; rows of COPY are no statement and are not kept.
  constexpr size_t kBytes = size_t{64} << 20;
  const std::string line = "1\tsome text of a row\t2026-01-01 00:00:00\n";
  size_t given = 0;
  bool head = false;
  bool tail = false;
  size_t largest = 0;
  StatementStream stream(Dialect::kPostgres,
                         [&](char* buffer, size_t size) -> absl::StatusOr<size_t> {
                           largest = std::max(largest, size);
                           const auto give = [&](absl::string_view text) {
                             std::memcpy(buffer, text.data(), text.size());
                             given += text.size();
                             return text.size();
                           };
                           if (!head) return head = true, give("COPY t FROM stdin;\n");
                           if (given < kBytes && size >= line.size()) return give(line);
                           if (given >= kBytes && !tail)
                             return tail = true, give("\\.\nSELECT 1;\n");
                           // A chunk's end too short for a line is filled by a row's beginning of
                           // its own.
                           return given < kBytes ? give("\n") : size_t{0};
                         });
  const auto first = stream.Next();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_GT((*first)->data_end, kBytes);
  const auto second = stream.Next();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ((*second)->text, "SELECT 1");
  EXPECT_FALSE((*stream.Next()).has_value());
  EXPECT_LE(largest, size_t{256} << 10);
}

}  // namespace
}  // namespace dbfleet::sql
