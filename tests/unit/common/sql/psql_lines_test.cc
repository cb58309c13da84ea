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
using ::testing::HasSubstr;

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

TEST(PsqlLinesTest, WhatTellsOrSetsWhatItIsAnywayIsLeftOut) {
  EXPECT_THAT(Read("\\conninfo\n\\h CREATE TABLE\n\\?\n\\copyright\n\\errverbose\n\\p\n"
                   "\\set ON_ERROR_ROLLBACK off\n\\set AUTOCOMMIT 'ON'\n\\set AUTOCOMMIT\n"
                   "SELECT 1;\n"),
              ElementsAre("safe: SELECT 1"));
  for (absl::string_view line :
       {"\\set ON_ERROR_ROLLBACK on", "\\set ON_ERROR_ROLLBACK interactive", "\\set AUTOCOMMIT off",
        "\\set AUTOCOMMIT on off", "\\h \\! rm", "\\p `rm`", "\\unset AUTOCOMMIT"}) {
    EXPECT_THAT(Read(absl::StrCat(line, "\nSELECT 2;")),
                ElementsAre(absl::StrCat("destructive: ", line), "destructive: SELECT 2"));
  }
}

TEST(PsqlLinesTest, WhatExecutesEndsAStatement) {
  EXPECT_THAT(Read("SELECT 1 \\g\nSELECT 2 \\gx \t\f\r\nSELECT 3;"),
              ElementsAre("safe: SELECT 1", "safe: SELECT 2", "safe: SELECT 3"));
  EXPECT_THAT(Read("SELECT 1\n\\g\nSELECT 2;"), ElementsAre("safe: SELECT 1", "safe: SELECT 2"));
  // Where psql refuses the command, the statement goes on behind it.
  for (absl::string_view command : {"\\g /tmp/x", "\\g | sh", "\\g (bad)", "\\watch 5",
                                    "\\crosstabview", "\\gset", "\\gexec"}) {
    EXPECT_THAT(Read(absl::StrCat("SELECT 1 ", command, "\nSELECT 2;")),
                ElementsAre("destructive: SELECT 1", absl::StrCat("destructive: ", command),
                            "destructive: SELECT 2"));
  }
  // Described, and not executed.
  EXPECT_THAT(
      Read("SELECT 1 \\gdesc\nSELECT 2;"),
      ElementsAre("destructive: SELECT 1", "destructive: \\gdesc", "destructive: SELECT 2"));
  for (absl::string_view unknown : {"\\g;", "\\g\v", "\\gdescx"}) {
    EXPECT_THAT(Read(absl::StrCat("SELECT lo_creat ", unknown, "\n((SELECT -1));")),
                ElementsAre(HasSubstr("a backslash outside quotes")));
  }
  // Wherever the statement was: the parentheses and bodies that were open are not any more.
  EXPECT_THAT(
      Read("SELECT ( \\g\nSELECT 1;\nDROP TABLE t;"),
      ElementsAre("destructive: SELECT (", "destructive: SELECT 1", "destructive: DROP TABLE t"));
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
        "\\set QUIET :x",
        // It goes on behind a statement that failed.
        "\\set ON_ERROR_STOP off", "\\set ON_ERROR_STOP 0", "\\unset ON_ERROR_STOP"}) {
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

TEST(PsqlLinesTest, BetweenRestrictAndUnrestrictPsqlTakesNoCommand) {
  EXPECT_THAT(Read("\\restrict k1\nSELECT 1;\n\\unrestrict k1\n\\c shop\n\\restrict k1\nSELECT 2;\n"
                   "\\unrestrict k1\nSELECT 3 \\g\n"),
              ElementsAre("safe: SELECT 1", "safe: \\c shop", "safe: SELECT 2", "safe: SELECT 3"));
  for (absl::string_view script :
       {"\\restrict k1\nSELECT lo_creat \\g\n((SELECT -1));",
        "\\restrict k1\n\\encoding UTF8\nSELECT 1;",
        "\\restrict k1\n\\unrestrict k2\nSELECT lo_creat \\g\n((SELECT -1));",
        "\\restrict k1\n\\echo a\nSELECT 1;", "\\restrict k1\nSELECT 1 \\unrestrict k1\n;"}) {
    EXPECT_THAT(Read(std::string(script)), ElementsAre(HasSubstr("behind \\restrict"))) << script;
  }
  // A key that psql may read otherwise.
  ExpectInDoubt("\\restrict 'a b'\nSELECT 1;", 0);
  ExpectInDoubt("\\if true\n\\restrict a\n\\endif\nSELECT 1;", 0);
}

TEST(PsqlLinesTest, ConditionsMayLeaveOutWhatChangesTheConnection) {
  EXPECT_THAT(Read("\\if :x\n\\c shop\n\\endif\nSELECT 1;"),
              ElementsAre("destructive: \\if :x", "safe: \\c shop", "destructive: \\endif",
                          "destructive: SELECT 1"));
}

TEST(PsqlLinesTest, NamesOfTablesStandInQuotes) {
  EXPECT_THAT(Read("\\d \"a b\".\"C\"\nSELECT 1;"), ElementsAre("safe: SELECT 1"));
  ExpectInDoubt("\\d \"a b\nSELECT 1;", 0);
  ExpectInDoubt("\\d a b\nSELECT 1;", 0);
}

// psql reads line by line, and knows variables: what it sends may be other statements than those
// that stand there. Each of these lost a table on a server.
TEST(PsqlLinesTest, WherePsqlCutsOtherwiseNothingIsSafe) {
  for (absl::string_view script : {
           R"~(SELECT (ARRAY[1])[1:e'\'; DROP TABLE t; --'];)~",
           "SELECT (ARRAY[1])[1:e'\\'\\r\nDROP TABLE t; --'];",
           "SELECT (ARRAY[1])[1:a$$] FROM t; SELECT $$; DROP TABLE t; --$$;",
           "SELECT a[1:LAST_ERROR_MESSAGE] FROM t;",
           "SELECT a[1:'x'] FROM t;",
           "SELECT a[1:\"x\"] FROM t;",
           "SELECT a[1:{?x}] FROM t;",
           "SELECT a[1:::e'\\'; DROP TABLE t; --'];",
           "SELECT E'a'\n'\\'; DROP TABLE t; --';",
           "SELECT E'a' -- b\n'\\'\\! touch x\n';",
           "SELECT 1ab$$; DROP TABLE t; --$$;",
           "SELECT 1.e'\\'; DROP TABLE t; --';",
           "SELECT $1E'\\'; DROP TABLE t; --';",
           "SELECT 1e1$a$ ' $a$; SHOW /* '; DROP TABLE t; -- */ search_path;",
           "SELECT 0x1$a$ ' $a$; SHOW /* '; DROP TABLE t; -- */ search_path;",
       }) {
    const auto statements = Split(kPg, script);
    if (!statements.ok()) continue;  // What is cut as psql cuts it may be open at its end.
    for (const Statement& statement : *statements) {
      EXPECT_EQ(sql::Read(kPg, statement).verdict.safety, Safety::kDestructive)
          << script << ": " << statement.text;
    }
    std::string behind = absl::StrCat(script, "\nSELECT 2;");
    EXPECT_EQ(Read(behind).back().substr(0, 11), "destructive") << script;
  }
  EXPECT_THAT(Read("SELECT a[1:2], a[1 : b], b::int, a[b::int:2], 1::text FROM t;"),
              ElementsAre("safe: SELECT a[1:2], a[1 : b], b::int, a[b::int:2], 1::text FROM t"));
  EXPECT_THAT(Read("SELECT E'a\\n'\n'b\\n\\\\'\n'', E'a'\n'b\\n''c';"),
              ElementsAre("safe: SELECT E'a\\n'\n'b\\n\\\\'\n'', E'a'\n'b\\n''c'"));
  EXPECT_THAT(Read("SELECT E'a\\n'\n'b', 1e5;"), ElementsAre("safe: SELECT E'a\\n'\n'b', 1e5"));
}

// Versions of psql differ in what of it is the number, which a statement that fails may hide.
TEST(PsqlLinesTest, WhatFollowsANumberMayBePartOfIt) {
  for (absl::string_view number : {"1e--", "1.5E+/**/", "1a", "0x1F", "1_000", "1e1$$ $$"}) {
    const auto statements = Split(Dialect::kPostgres, absl::StrCat("SELECT ", number, "\n;"));
    ASSERT_TRUE(statements.ok()) << number;
    EXPECT_NE(statements->front().client_doubt, "") << number;
  }
  for (absl::string_view number :
       {"1", "1.5", ".5e3", "1e-5", "1E+5", "1.", "$1", "a1b", "1::int"}) {
    const auto statements = Split(Dialect::kPostgres, absl::StrCat("SELECT ", number, ";"));
    ASSERT_TRUE(statements.ok()) << number;
    EXPECT_EQ(statements->front().client_doubt, "") << number;
  }
}

// PostgreSQL 16 takes it for white space, older versions and psql do not.
TEST(PsqlLinesTest, AVerticalTabIsInDoubt) {
  const auto statements = Split(Dialect::kPostgres, "\vCOPY t FROM stdin;\nSELECT 1;");
  ASSERT_TRUE(statements.ok()) << statements.status();
  EXPECT_NE(statements->back().client_doubt, "");
  EXPECT_THAT(Read("SELECT '\v' -- \v\n;"), ElementsAre(HasSubstr("safe: SELECT")));
}

// psql looks at the first four words without quotes.
TEST(PsqlLinesTest, WhatIsARoutineIsWhatPsqlTakesForOne) {
  for (absl::string_view head :
       {"CREATE FUNCTION", "CREATE OR REPLACE PROCEDURE", "create or\nreplace function"}) {
    EXPECT_THAT(Read(absl::StrCat(head, " f() BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 3;")),
                ElementsAre(HasSubstr("END"), HasSubstr("SELECT 3")))
        << head;
  }
  for (absl::string_view head :
       {"CREATE CREATE FUNCTION", "CREATE x PROCEDURE", "CREATE OR FUNCTION", "x CREATE FUNCTION",
        "CREATE OR x FUNCTION"}) {
    EXPECT_THAT(Read(absl::StrCat(head, " f() BEGIN ATOMIC SELECT 1; SELECT 2;")),
                ElementsAre(HasSubstr("SELECT 1"), HasSubstr("SELECT 2")))
        << head;
  }
}

TEST(PsqlLinesTest, OnlyCopyFromStdinIsFollowedByRows) {
  for (absl::string_view copy : {"COPY (SELECT relname FROM stdin) TO STDOUT",
                                 "COPY (WITH stdin AS (SELECT 1) SELECT * FROM stdin) TO STDOUT",
                                 "COPY (SELECT extract(year FROM stdin) FROM t) TO STDOUT"}) {
    EXPECT_THAT(Read(absl::StrCat(copy, ";\nDROP TABLE t;\n")),
                ElementsAre(absl::StrCat("safe: ", copy), "destructive: DROP TABLE t"));
  }
  for (absl::string_view copy :
       {"COPY t FROM STDIN", "COPY t (a, b) FROM STDIN WITH (FORMAT csv)", "COPY t FROM STDOUT"}) {
    EXPECT_THAT(Read(absl::StrCat("\\set ON_ERROR_STOP on\n", copy, ";\n1\n\\.\nSELECT 1;")),
                ElementsAre(absl::StrCat("destructive: ", copy), "safe: SELECT 1"));
  }
}

// psql executes the rows where the COPY was left out, or failed and psql goes on.
TEST(PsqlLinesTest, BehindRowsThatMayBeExecutedNothingIsKnown) {
  EXPECT_THAT(Read("\\if false\nCOPY t FROM stdin;\n\\endif\nDROP TABLE t;\n\\.\n"),
              ElementsAre(HasSubstr("inside of \\if")));
  for (absl::string_view row : {"it's", "5$$", "DROP TABLE t\n;", "SELECT lo_creat(-1),", "1"}) {
    const std::string script = absl::StrCat("COPY a FROM stdin;\n", row, "\n\\.\nSELECT 1;");
    EXPECT_THAT(Read(script),
                ElementsAre("destructive: COPY a FROM stdin", "destructive: SELECT 1"))
        << row;
    for (absl::string_view stops : {"\\set ON_ERROR_STOP on", "\\set ON_ERROR_STOP TRUE",
                                    "\\set ON_ERROR_STOP 'Yes'", "\\set ON_ERROR_STOP"}) {
      EXPECT_THAT(Read(absl::StrCat(stops, "\n", script)),
                  ElementsAre("destructive: COPY a FROM stdin", "safe: SELECT 1"))
          << row;
    }
    EXPECT_EQ(Read(absl::StrCat("\\if :x\n\\set ON_ERROR_STOP on\n\\endif\n", script)).back(),
              "destructive: SELECT 1");
  }
  EXPECT_THAT(Read("COPY a FROM stdin;\n\\.\nSELECT 1;"),
              ElementsAre("destructive: COPY a FROM stdin", "safe: SELECT 1"));
}

TEST(PsqlLinesTest, TablesMayBeCalledByWordsOfCopy) {
  for (absl::string_view table : {"public.to", "public.from", "public . stdin"}) {
    EXPECT_THAT(Read(absl::StrCat("\\set ON_ERROR_STOP on\nCOPY ", table,
                                  " FROM stdin;\nSELECT '\n\\.\nDROP TABLE t;\n--';")),
                ElementsAre(absl::StrCat("destructive: COPY ", table, " FROM stdin"),
                            "destructive: DROP TABLE t"))
        << table;
  }
}

TEST(PsqlLinesTest, WhatEndsAStatementThatIsLeftOutLeavesItsDepth) {
  EXPECT_EQ(Read("\\if :x\nSELECT ( \\g\n\\endif\nSELECT 1;").back(), "destructive: SELECT 1");
}

}  // namespace
}  // namespace dbfleet::sql
