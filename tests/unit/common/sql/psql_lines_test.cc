// Commands of psql in a script: which are left out, which count, and what counts behind them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/sql/report/redact.h"
#include "common/sql/script_reader.h"
#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;

const Target kPg(Dialect::kPostgres, {15, 4, 0});

// "safe: SELECT 1", each by itself and as a part of the script.
std::vector<std::string> Read(const std::string& script) {
  std::vector<std::string> found;
  const auto statements = Split(kPg, script);
  if (!statements.ok()) return {std::string(statements.status().message())};
  ScriptReader reader(kPg);
  for (const Statement& statement : *statements) {
    const bool safe = reader.Read(statement).verdict.safety == Safety::kSafe;
    if (!statement.client_command) {
      EXPECT_LE(safe, sql::Read(kPg, statement).verdict.safety == Safety::kSafe);
    }
    found.push_back(absl::StrCat(safe ? "safe: " : "destructive: ", statement.text));
    // Where it stands is where it says.
    EXPECT_EQ(script.substr(statement.begin, statement.text.size()), statement.text);
  }
  return found;
}

TEST(PsqlLinesTest, WhatOnlyShowsIsLeftOut) {
  EXPECT_THAT(Read("\\echo a\n\\d orders\n\\dt+ public.*\n\\l\n\\timing on\nSELECT 1;\n"),
              ElementsAre("safe: SELECT 1"));
}

TEST(PsqlLinesTest, WhatExecutesEndsAStatement) {
  EXPECT_THAT(Read("SELECT 1 \\g\nSELECT 2 \\gx\nSELECT 3 \\gdesc\nSELECT 4;"),
              ElementsAre("safe: SELECT 1", "safe: SELECT 2", "safe: SELECT 3", "safe: SELECT 4"));
  EXPECT_THAT(Read("SELECT 1\n\\g\nSELECT 2;"), ElementsAre("safe: SELECT 1", "safe: SELECT 2"));
  EXPECT_THAT(Read("SELECT 1 \\g /tmp/x\nSELECT 2;"),
              ElementsAre("safe: SELECT 1", "destructive: \\g /tmp/x", "safe: SELECT 2"));
  EXPECT_THAT(Read("SELECT 1 \\g | sh\n"), ElementsAre("safe: SELECT 1", "destructive: \\g | sh"));
  EXPECT_THAT(Read("SELECT 1 \\watch 5\n"),
              ElementsAre("safe: SELECT 1", "destructive: \\watch 5"));
  EXPECT_THAT(Read("DROP TABLE t;\n\\g\nSELECT 2;"),
              ElementsAre("destructive: DROP TABLE t", "destructive: \\g", "safe: SELECT 2"));
}

TEST(PsqlLinesTest, BehindWhatBindsOrBringsInNothingIsKnown) {
  for (absl::string_view line : {"\\set x 1",
                                 "\\i other.sql",
                                 "\\ir other.sql",
                                 "\\copy t from 'x'",
                                 "\\! rm -rf /",
                                 "\\o /tmp/x",
                                 "\\lo_import x",
                                 "\\password",
                                 "\\setenv A b",
                                 "\\echo `date`",
                                 "\\echo a \\set x 1",
                                 "\\if `true`",
                                 "\\unknown",
                                 "\\",
                                 "\\set SINGLELINE on",
                                 "\\prompt x",
                                 "\\e",
                                 "\\ef f",
                                 "\\r",
                                 "\\dx \\! rm",
                                 "\\d :x",
                                 "\\cd /tmp"}) {
    EXPECT_THAT(
        Read(absl::StrCat("SELECT 1;\n", line, "\nSELECT 2;\n")),
        ElementsAre("safe: SELECT 1", absl::StrCat("destructive: ", line), "destructive: SELECT 2"))
        << line;
  }
  EXPECT_THAT(Read("SELECT 'a' AS x \\gset\nSELECT 2;"),
              ElementsAre("safe: SELECT 'a' AS x", "destructive: \\gset", "destructive: SELECT 2"));
  EXPECT_THAT(
      Read("SELECT 'DROP TABLE t' \\gexec\nSELECT 2;"),
      ElementsAre("safe: SELECT 'DROP TABLE t'", "destructive: \\gexec", "destructive: SELECT 2"));
}

TEST(PsqlLinesTest, WhichStatementsRunIsNotWhatTheySay) {
  EXPECT_THAT(Read("\\if :x\nSELECT 1;\n\\else\nSELECT 2;\n\\endif\n\\q\n"),
              ElementsAre("destructive: \\if :x", "safe: SELECT 1", "destructive: \\else",
                          "safe: SELECT 2", "destructive: \\endif", "destructive: \\q"));
}

std::vector<std::string> TextsOf(const std::string& script) {
  std::vector<std::string> texts;
  const auto statements = Split(Dialect::kPostgres, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  for (const Statement& statement : *statements) texts.push_back(statement.text);
  return texts;
}

// All from the command at that place on is destructive.
void ExpectInDoubt(const std::string& script, size_t command) {
  const auto statements = Split(Dialect::kPostgres, script);
  ASSERT_TRUE(statements.ok()) << statements.status() << script;
  ASSERT_GT(statements->size(), command) << script;
  EXPECT_TRUE((*statements)[command].client_command) << script;
  for (size_t i = command; i < statements->size(); ++i) {
    EXPECT_EQ(sql::Read(Dialect::kPostgres, (*statements)[i]).verdict.safety, Safety::kDestructive)
        << script;
  }
}

TEST(PsqlLinesTest, BehindClientCommandsThatRunOrChangeOtherThingsNothingIsKnown) {
  ExpectInDoubt("SELECT 1;\n\\i other.sql", 1);
  for (absl::string_view command :
       {"\\i x.sql", "\\ir x.sql", "\\! rm x", "\\copy t from 'x'", "\\gexec", "\\gset", "\\o x",
        "\\set x 1", "\\lo_import x", "\\.", "\\", "\\\\", "\\;"}) {
    ExpectInDoubt(std::string(command) + "\nSELECT 1;", 0);
  }
  ExpectInDoubt("\\echo x \\! rm y\nSELECT 1;\n", 0);
}

TEST(PsqlLinesTest, PsqlsOwnVariablesChangeNothingInTheScript) {
  for (absl::string_view command :
       {"\\set ON_ERROR_STOP on", "\\set ON_ERROR_STOP 1", "\\set ON_ERROR_STOP 'on'",
        "\\set ON_ERROR_STOP", "\\set\tVERBOSITY  verbose", "\\set QUIET 1", "\\set ECHO all",
        "\\unset ECHO", "\\set HISTFILE ~/.psql-:DBNAME", "\\set PROMPT1 '%n@%/%R%# '",
        "\\set HISTSIZE 2000", "\\set IGNOREEOF 10", "\\unset HISTFILE"}) {
    EXPECT_THAT(TextsOf(std::string(command) + "\nSELECT 1;"), ElementsAre("SELECT 1")) << command;
  }
  for (absl::string_view command :
       // Statements that fail are passed over, or not committed.
       {"\\set ON_ERROR_ROLLBACK on", "\\set AUTOCOMMIT off", "\\set SINGLELINE on",
        "\\set on_error_stop on", "\\unset AUTOCOMMIT", "\\set", "\\unset",
        // Texts that ":NAME" puts into statements.
        "\\set HISTFILE2 x", "\\set ECHO '1];'", "\\set ECHO all all", "\\set ECHO --",
        "\\set QUIET :x"}) {
    ExpectInDoubt(std::string(command) + "\nSELECT 1;", 0);
  }
}

TEST(PsqlLinesTest, BackquotesInClientCommandsRunTheShell) {
  for (absl::string_view command : {"\\echo `rm x`", "\\set PROMPT1 `rm x`", "\\C `rm x`",
                                    "\\connect `rm x`", "\\pset null `rm`"}) {
    ExpectInDoubt(absl::StrCat("SELECT 1;\n", command, "\nSELECT 2;\n"), 1);
  }
}

TEST(PsqlLinesTest, WhatTheyAreGivenIsNotShown) {
  for (const std::string command :
       {"\\set pw hunter2X", "\\! mysql -phunter2X", "\\g | psql --password hunter2X",
        "\\copy t from program 'x hunter2X'", "\\connect \"password=hunter2X\"",
        "\\setenv PGPASSWORD hunter2X"}) {
    const auto statements = Split(kPg, command + "\n");
    ASSERT_EQ(statements->size(), 1u) << command;
    StatementReport report;
    HideSecrets(kPg, statements->front(), &report);
    EXPECT_THAT(report.text, ::testing::Not(::testing::HasSubstr("hunter2X"))) << command;
  }
}

TEST(PsqlLinesTest, InsideOfAStatementTheyAreAnError) {
  for (absl::string_view script : {"SELECT 1 \\echo a\n;", "SELECT 1 \\r\nSELECT 2;",
                                   "SELECT 1 \\; SELECT 2;", "COPY t FROM STDIN \\g\n1\n\\.\n"}) {
    EXPECT_FALSE(Split(kPg, std::string(script)).ok()) << script;
  }
}

}  // namespace
}  // namespace dbfleet::sql
