#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/sql/model/charsets.h"
#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Texts(Dialect dialect, absl::string_view script) {
  const auto statements = Split(dialect, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  std::vector<std::string> texts;
  if (!statements.ok()) return texts;
  for (const Statement& statement : *statements) texts.push_back(statement.text);
  return texts;
}

void ExpectBad(Dialect dialect, absl::string_view script, const std::string& message) {
  const auto statements = Split(dialect, script);
  ASSERT_FALSE(statements.ok()) << script;
  EXPECT_EQ(statements.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReasonOf(statements.status()), "BAD_SQL");
  EXPECT_THAT(std::string(statements.status().message()), HasSubstr(message)) << script;
}

constexpr Dialect kSqlDialects[] = {Dialect::kMySql, Dialect::kMariaDb, Dialect::kPostgres};

TEST(SplitTest, NothingGivesNoStatements) {
  for (Dialect dialect : kSqlDialects) {
    for (absl::string_view script : {"", " \n\t", ";", " ; ;; ", "-- c", "/* c */;", "-- c\n;\n"}) {
      EXPECT_THAT(Texts(dialect, script), ElementsAre()) << script;
    }
  }
}

TEST(SplitTest, CutsAtSemicolonsAndKeepsTheLastWithoutOne) {
  for (Dialect dialect : kSqlDialects) {
    EXPECT_THAT(Texts(dialect, "SELECT 1; SELECT 2 ;\nSELECT 3"),
                ElementsAre("SELECT 1", "SELECT 2", "SELECT 3"));
  }
}

TEST(SplitTest, PositionsAreThoseOfTheFirstCharacterThatIsNoComment) {
  const absl::string_view script =
      "-- first\n  SELECT 1;  /* a\n b */ SELECT 2;\r\n\n\tSELECT\n3;SELECT 4";
  for (Dialect dialect : kSqlDialects) {
    const auto statements = Split(dialect, script);
    ASSERT_TRUE(statements.ok());
    ASSERT_EQ(statements->size(), 4u);
    EXPECT_EQ((*statements)[0].text, "-- first\n  SELECT 1");
    EXPECT_EQ((*statements)[0].line, 2);
    EXPECT_EQ((*statements)[0].column, 3);
    EXPECT_EQ((*statements)[1].text, "/* a\n b */ SELECT 2");
    EXPECT_EQ((*statements)[1].line, 3);
    EXPECT_EQ((*statements)[1].column, 7);
    EXPECT_EQ((*statements)[2].line, 5);
    EXPECT_EQ((*statements)[2].column, 2);
    EXPECT_EQ((*statements)[3].line, 6);
    EXPECT_EQ((*statements)[3].column, 3);
  }
}

TEST(SplitTest, AByteOrderMarkIsLeftOut) {
  const auto statements = Split(Dialect::kPostgres, "\xEF\xBB\xBFSELECT 1");
  ASSERT_TRUE(statements.ok());
  EXPECT_EQ((*statements)[0].text, "SELECT 1");
  EXPECT_EQ((*statements)[0].column, 1);
}

TEST(SplitTest, QuotesHideSemicolons) {
  for (Dialect dialect : kSqlDialects) {
    EXPECT_THAT(Texts(dialect, "SELECT 'a;''b;'; SELECT \"c;\"\"d\""),
                ElementsAre("SELECT 'a;''b;'", "SELECT \"c;\"\"d\""));
  }
  EXPECT_THAT(Texts(Dialect::kMariaDb, "SELECT `a;``b`; SELECT 'a\\';b'; SELECT \"\\\";\""),
              ElementsAre("SELECT `a;``b`", "SELECT 'a\\';b'", "SELECT \"\\\";\""));
}

TEST(SplitTest, PostgresStringsKnowBackslashesOnlyWithE) {
  EXPECT_THAT(Texts(Dialect::kPostgres, "SELECT 'a\\'; SELECT E'b\\';c'; SELECT e'\\\\'"),
              ElementsAre("SELECT 'a\\'", "SELECT E'b\\';c'", "SELECT e'\\\\'"));
  EXPECT_THAT(Texts(Dialect::kPostgres, "SELECT U&'a\\'; SELECT U&\"b;\""),
              ElementsAre("SELECT U&'a\\'", "SELECT U&\"b;\""));
  // The word before a string is no prefix when it is longer.
  EXPECT_THAT(Texts(Dialect::kPostgres, "SELECT like'a\\';SELECT 1"),
              ElementsAre("SELECT like'a\\'", "SELECT 1"));
}

TEST(SplitTest, PostgresContinuesAnEscapeStringOverALineBreak) {
  EXPECT_THAT(Texts(Dialect::kPostgres, "SELECT E'a' -- c\n 'b\\';c'; SELECT 2"),
              ElementsAre("SELECT E'a' -- c\n 'b\\';c'", "SELECT 2"));
  // Without a line break it is no continuation (and no valid SQL either).
  EXPECT_THAT(Texts(Dialect::kPostgres, "SELECT E'a' 'b\\';SELECT 2"),
              ElementsAre("SELECT E'a' 'b\\'", "SELECT 2"));
}

TEST(SplitTest, PostgresDollarQuotes) {
  EXPECT_THAT(Texts(Dialect::kPostgres, "DO $$ a; b $$; SELECT $x$ $$ ; $y$ $x$, $1; SELECT a$b$"),
              ElementsAre("DO $$ a; b $$", "SELECT $x$ $$ ; $y$ $x$, $1", "SELECT a$b$"));
  EXPECT_THAT(Texts(Dialect::kPostgres, "SELECT 1$x$;$x$; SELECT $\xC3\xA4$;$\xC3\xA4$"),
              ElementsAre("SELECT 1$x$;$x$", "SELECT $\xC3\xA4$;$\xC3\xA4$"));
}

TEST(SplitTest, PostgresCommentsNest) {
  EXPECT_THAT(Texts(Dialect::kPostgres, "/* a /* ; */ ; */ SELECT 1; SELECT 2 /* * / /**/ ; */"),
              ElementsAre("/* a /* ; */ ; */ SELECT 1", "SELECT 2 /* * / /**/ ; */"));
}

TEST(SplitTest, MySqlCommentsDoNotNestAndHaveThreeForms) {
  EXPECT_THAT(
      Texts(Dialect::kMySql, "SELECT 1 # ;\n; SELECT 2 -- ;\n; SELECT 3 /* /* ; */;SELECT 4"),
      ElementsAre("SELECT 1 # ;", "SELECT 2 -- ;", "SELECT 3 /* /* ; */", "SELECT 4"));
  // Two minus signs without a space are an operator.
  EXPECT_THAT(Texts(Dialect::kMySql, "SELECT 5--1; SELECT 6 --\n;"),
              ElementsAre("SELECT 5--1", "SELECT 6 --"));
  // In PostgreSQL they are a comment, and # is an operator.
  EXPECT_THAT(Texts(Dialect::kPostgres, "SELECT 5--1; x\n; SELECT 1 # 2;"),
              ElementsAre("SELECT 5--1; x", "SELECT 1 # 2"));
}

TEST(SplitTest, ACarriageReturnEndsAPostgresCommentOnly) {
  EXPECT_EQ(Texts(Dialect::kPostgres, "-- c\rSELECT 1").size(), 1u);
  EXPECT_EQ(Texts(Dialect::kMySql, "-- c\rSELECT 1").size(), 0u);
}

TEST(SplitTest, ExecutableCommentsAreStatementsAndStayWhole) {
  EXPECT_THAT(
      Texts(Dialect::kMariaDb, "/*!40101 SET NAMES utf8 */; /*M! SELECT ';' ; */ ;SELECT 1"),
      ElementsAre("/*!40101 SET NAMES utf8 */", "/*M! SELECT ';' ; */", "SELECT 1"));
}

TEST(SplitTest, DelimiterCarriesBodies) {
  const absl::string_view script =
      "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; SELECT ';//'; END//\n"
      "delimiter $$\nCREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a=1; END$$\n"
      "DELIMITER ;\nSELECT 2;";
  EXPECT_THAT(Texts(Dialect::kMariaDb, script),
              ElementsAre("CREATE PROCEDURE p() BEGIN SELECT 1; SELECT ';//'; END",
                          "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SET @a=1; END",
                          "SELECT 2"));
}

TEST(SplitTest, DelimiterIsACommandOnlyWhereAStatementBegins) {
  EXPECT_THAT(Texts(Dialect::kMySql, "SELECT delimiter FROM t;"),
              ElementsAre("SELECT delimiter FROM t"));
  EXPECT_THAT(Texts(Dialect::kPostgres, "DELIMITER //"), ElementsAre("DELIMITER //"));
  ExpectBad(Dialect::kMySql, "SELECT 1;\nDELIMITER\n", "line 2, column 1: DELIMITER needs");
  ExpectBad(Dialect::kMySql, "DELIMITER '", "DELIMITER needs");
  ExpectBad(Dialect::kMySql, "DELIMITER --", "DELIMITER needs");
}

TEST(SplitTest, WithoutDelimiterABodyIsCut) {
  EXPECT_EQ(Texts(Dialect::kMySql, "CREATE PROCEDURE p() BEGIN SELECT 1; END;").size(), 2u);
}

TEST(SplitTest, PostgresRulesAndAtomicBodiesStayWhole) {
  EXPECT_THAT(
      Texts(Dialect::kPostgres,
            "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b); SELECT 1"),
      ElementsAre("CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)", "SELECT 1"));
  const absl::string_view function =
      "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; "
      "SELECT 2; END";
  EXPECT_THAT(Texts(Dialect::kPostgres, std::string(function) + "; SELECT 3"),
              ElementsAre(std::string(function), "SELECT 3"));
  EXPECT_THAT(Texts(Dialect::kPostgres, "BEGIN; SELECT 1; END"),
              ElementsAre("BEGIN", "SELECT 1", "END"));
}

TEST(SplitTest, WhatIsNotClosedIsAnErrorWithItsPosition) {
  for (Dialect dialect : kSqlDialects) {
    ExpectBad(dialect, "SELECT 1;\n SELECT 'abc", "line 2, column 9: a string is not closed");
    ExpectBad(dialect, "SELECT 1 /* a\n\n", "line 1, column 10: a comment is not closed");
  }
  ExpectBad(Dialect::kMySql, "SELECT `a", "a quoted name is not closed");
  ExpectBad(Dialect::kMySql, "SELECT 'a\\'", "a string is not closed");
  ExpectBad(Dialect::kMySql, "\n/*!50000 SELECT 1", "an executable comment is not closed");
  ExpectBad(Dialect::kPostgres, "SELECT \"a", "a quoted name is not closed");
  ExpectBad(Dialect::kPostgres, "/* a /* b */ SELECT 1", "line 1, column 1: a comment");
  ExpectBad(Dialect::kPostgres, "SELECT $a$ x $b$", "line 1, column 8: a dollar-quoted string");
  ExpectBad(Dialect::kPostgres, "SELECT E'\\'", "line 1, column 8: a string");
}

TEST(SplitTest, AnErrorShowsNothingOfTheScript) {
  const auto statements = Split(Dialect::kMySql, "SET PASSWORD = 'hunter2");
  EXPECT_THAT(std::string(statements.status().message()), ::testing::Not(HasSubstr("hunter2")));
}

TEST(SplitTest, NulBytesAreErrorsWhereverTheyStand) {
  for (Dialect dialect : kSqlDialects) {
    for (absl::string_view before : {"SELECT ", "SELECT '", "-- ", "/* "}) {
      ExpectBad(dialect, std::string(before) + std::string("\0 x'*/\n", 7),
                "column " + std::to_string(before.size() + 1) + ": a NUL byte");
    }
  }
  ExpectBad(Dialect::kRedis, absl::string_view("GET a\nGET \0", 11), "line 2, column 5: a NUL");
}

TEST(SplitTest, ClientCommandsInsideOfAStatementAreErrors) {
  ExpectBad(Dialect::kPostgres, "SELECT 1\n\\echo x\n;", "line 2, column 1: a backslash");
  ExpectBad(Dialect::kMySql, "SELECT 1\\G", "a backslash outside quotes");
}

std::vector<Safety> Classes(const Target& target, absl::string_view script) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  std::vector<Safety> classes;
  if (!statements.ok()) return classes;
  for (const Statement& one : *statements) classes.push_back(Read(target, one).verdict.safety);
  return classes;
}

TEST(SplitTest, ModesThatAScriptChangesAreNotThoseThatWereGiven) {
  constexpr Safety kSafe = Safety::kSafe;
  constexpr Safety kBad = Safety::kDestructive;
  Target target(Dialect::kMySql, {8, 0, 36});
  target.modes = *ParseSqlModes("NO_BACKSLASH_ESCAPES");
  // By default the last one reads: SELECT '...', then DELETE FROM t.
  const std::string slips = "SELECT 'a\\', ' ; DELETE FROM t; -- ';";
  EXPECT_THAT(Classes(target, slips), ElementsAre(kSafe));
  for (absl::string_view before :
       {"SET sql_mode = ''", "set @@session . `sql_mode` = ''", "/*!40101 SET SQL_MODE=@OLD */",
        "SET @a = 1, sql_mode = DEFAULT", "EXECUTE IMMEDIATE CONCAT('SET sql_', 'mode = 0')",
        "BEGIN NOT ATOMIC SET sql_mode = ''"}) {
    EXPECT_THAT(Classes(target, std::string(before) + "; SELECT 'x'; " + slips),
                ElementsAre(kBad, kSafe, kBad))
        << before;
  }
  for (absl::string_view before : {"SELECT @@sql_mode", "SHOW VARIABLES LIKE 'sql_mode'"}) {
    EXPECT_THAT(Classes(target, std::string(before) + "; " + slips), ElementsAre(kSafe, kSafe))
        << before;
  }
}

TEST(SplitTest, InACharacterSetWhoseBytesMayBeQuotesOnlyAsciiIsUnderstood) {
  constexpr Safety kSafe = Safety::kSafe;
  constexpr Safety kBad = Safety::kDestructive;
  Target target(Dialect::kMariaDb, {10, 11, 6});
  target.modes = *ParseSqlModes("");
  // In sjis the first name goes on behind its backquote.
  const std::string slips = "SELECT `\xe3\x81\x81`, ` INTO OUTFILE 'x' -- `;";
  for (absl::string_view before : {"SET NAMES 'sjis'", "SET CHARACTER SET gbk",
                                   "SET character_set_client = BIG5", "SET NAMES `cp932`"}) {
    EXPECT_THAT(Classes(target, std::string(before) + "; SELECT 'x'; " + slips),
                ElementsAre(kBad, kSafe, kBad))
        << before;
  }
  EXPECT_THAT(Classes(target, "SET NAMES utf8mb4; " + slips), ElementsAre(kBad, kSafe));
}

TEST(SplitTest, WhatNamesNoKnownCharacterSetCountsAsTheWorst) {
  constexpr Safety kSafe = Safety::kSafe;
  constexpr Safety kBad = Safety::kDestructive;
  Target target(Dialect::kMariaDb, {10, 11, 6});
  target.modes = *ParseSqlModes("");
  for (absl::string_view before :
       {"SET character_set_client = 28", "SET NAMES swe7", "SET NAMES klingon",
        "SET @@session.character_set_client := concat('g', 'bk')", "SET character_set_client = @x",
        "SET @a = 1, NAMES utf8 + 1", "charset x"}) {
    EXPECT_THAT(Classes(target, std::string(before) + "; SELECT 1"), ElementsAre(kBad, kBad))
        << before;
  }
  for (absl::string_view before :
       {"SET NAMES DEFAULT", "SET NAMES 'latin1' COLLATE 'latin1_bin'",
        "/*!40101 SET @saved_cs_client = @@character_set_client */",
        "/*!50503 SET character_set_client = utf8mb4 */",
        "SET @a = 1, @OLD_character_set_client := @@session.CHARACTER_SET_CLIENT",
        "SET CHARACTER SET utf8, @a = 1"}) {
    EXPECT_THAT(Classes(target, std::string(before) + "; SELECT 'é'"), ElementsAre(kBad, kSafe))
        << before;
  }
}

// Dumps set again what they found, from a variable.
TEST(SplitTest, TheCharacterSetThatADumpKeptIsKnownOnlyWhereNothingElseMaySetIt) {
  Target target(Dialect::kMariaDb, {10, 11, 6});
  target.modes = *ParseSqlModes("");
  const std::string keep = "/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;\n";
  const std::string back = "/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;\n";
  const auto last = [&](const std::string& script) {
    return Classes(target, script + "SELECT 1").back();
  };
  for (const std::string& good :
       {keep + back, "/*M!999999\\- enable the sandbox mode */ \n" + keep + back,
        keep + "SELECT 1;" + back, keep + "SET @a = 'gbk1';" + back,
        keep + "/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;" + back,
        "SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0;" + keep + back + keep + back,
        std::string("SET @`saved_cs_client` := @@local.character_set_client;"
                    "/*!50503 SET character_set_client = utf8mb4 */;"
                    "SET character_set_client = @'saved_cs_client';")}) {
    EXPECT_EQ(last(good), Safety::kSafe) << good;
  }
  for (absl::string_view between :
       {"SELECT @OLD_CHARACTER_SET_CLIENT := 'swe7';", "SET @old_character_set_client = 'swe7';",
        "SELECT 'swe7' INTO @OLD_CHARACTER_SET_CLIENT;",
        "SET @`OLD_CHARACTER_SET_CLIENT` = 'swe7';", "SET @'\\OLD_CHARACTER_SET_CLIENT' = 'swe7';",
        "SET @a = 1, @OLD_CHARACTER_SET_CLIENT = concat('swe', 7);",
        "SET @OLD_CHARACTER_SET_CLIENT = @@character_set_client + 1;",
        "SET @OLD_CHARACTER_SET_CLIENT = @@global.character_set_client;",
        "SET @OLD_CHARACTER_SET_CLIENT = /*!99999 @@character_set_client, @x = */ 'swe7';",
        "SET @OLD_CHARACTER_SET_CLIENT /*!99999 = @@character_set_client, @x */ = 'swe7';",
        "INSERT INTO t VALUES (@OLD_CHARACTER_SET_CLIENT := 'swe7');", "CALL p();",
        "LOAD DATA INFILE 'x' INTO TABLE t (a, @OLD_CHARACTER_SET_CLIENT);",
        "CREATE FUNCTION f() RETURNS int DETERMINISTIC SET @OLD_CHARACTER_SET_CLIENT = 'swe7';"}) {
    const std::string after = keep + std::string(between) + back;
    EXPECT_EQ(last(after), Safety::kDestructive) << after;
    // To keep it once more is no proof: a server may skip that comment.
    const std::string before = std::string(between) + keep + back;
    EXPECT_EQ(last(before), Safety::kDestructive) << before;
  }
  EXPECT_EQ(last(back), Safety::kDestructive) << "nobody kept it";
}

TEST(SplitTest, ASkippedCommentDoesNotHideACharacterSet) {
  Target target(Dialect::kMariaDb, {10, 11, 6});
  target.modes = *ParseSqlModes("");
  for (absl::string_view before :
       {"SET NAMES /*!99999 utf8mb4, @x = */ swe7", "/*!99999 SELECT */ SET NAMES swe7",
        "SET NAMES utf8mb4 /*!99999 , @x = 1 */ COLLATE x",
        "SET character_set_client /*!99999 = utf8, @x */ = swe7"}) {
    EXPECT_EQ(Classes(target, std::string(before) + "; SELECT 1").back(), Safety::kDestructive)
        << before;
  }
  for (absl::string_view before :
       {"/*!40101 SET NAMES utf8mb4 */", "/*!50503 SET character_set_client = utf8mb4 */",
        "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER t BEFORE INSERT ON t FOR "
        "EACH ROW SET NEW.a = 1 */",
        "/*!50001 CREATE ALGORITHM=UNDEFINED */ /*!50013 DEFINER=`a`@`b` SQL SECURITY DEFINER */ "
        "/*!50001 VIEW v AS select cast(a as char charset utf8mb4) AS a from t */"}) {
    EXPECT_EQ(Classes(target, std::string(before) + "; SELECT 1").back(), Safety::kSafe) << before;
  }
}

// Also ASCII may change its meaning: by another sql_mode.
TEST(SplitTest, WhatMySqlExecutesFromATextMayChangeTheSession) {
  Target target(Dialect::kMariaDb, {10, 11, 6});
  target.modes = *ParseSqlModes("STRICT_TRANS_TABLES");
  const std::string next = "SELECT 'a\\'; DROP TABLE t; -- ';";
  for (absl::string_view before :
       {"EXECUTE IMMEDIATE CONCAT('SET sql_', 'mode=NO_BACKSLASH_ESCAPES');",
        "SET STATEMENT max_statement_time=1 FOR EXECUTE IMMEDIATE CONCAT('SET sql_', 'mode=X');",
        "SET STATEMENT max_statement_time=1 FOR EXECUTE s;"}) {
    for (const Safety safety : Classes(target, std::string(before) + next)) {
      EXPECT_EQ(safety, Safety::kDestructive) << before;
    }
  }
  const std::string high = "SELECT '\xe4\xb8\x81\\'; DROP TABLE t; -- ';";
  for (absl::string_view before :
       {"DELIMITER //\nBEGIN NOT ATOMIC EXECUTE IMMEDIATE CONCAT('SET NAMES g', 'bk'); "
        "END//\nDELIMITER ;\n",
        "DELIMITER //\nIF 1 THEN EXECUTE IMMEDIATE 'SET NAMES gbk'; END IF//\nDELIMITER ;\n"}) {
    for (const Safety safety : Classes(target, std::string(before) + high)) {
      EXPECT_EQ(safety, Safety::kDestructive) << before;
    }
  }
}

// What psql sends behind the first statement runs wipe() in GBK, where 0xAD 0x5C is a character.
constexpr absl::string_view kRunsWipe = "SELECT E'\xe4\xb8\xad\\' , wipe(t) from t -- '\n;";

TEST(SplitTest, AnEncodingOfPostgresWhoseBytesMayBeQuotesIsSeenWhereverItIsSet) {
  constexpr Safety kSafe = Safety::kSafe;
  constexpr Safety kBad = Safety::kDestructive;
  const Target target(Dialect::kPostgres);
  for (absl::string_view before :
       {"SET client_encoding='GBK';",
        "SET client_encoding TO sjis;",
        "SET NAMES 'SJIS';",
        "SET SESSION client_encoding TO 'Big5';",
        "set local \"client_encoding\" = 'uhc';",
        "SET client_encoding = johab;",
        "SET client_encoding = 'Shift-JIS-2004';",
        "SET client_encoding = 'klingon';",
        "SET U&\"client\\005fencoding\" = 'GBK';",
        "SELECT set_config('client_encoding','GBK',false);",
        "SELECT pg_catalog.set_config('client_encoding', 'gb18030', true);",
        "SELECT 1 FROM t WHERE set_config('client_' || 'encoding', 'GBK', false) = '';",
        "SELECT set_config(name, 'GBK', false) FROM t;",
        "SELECT set_config('client_encoding', 'UTF8' || x, false) FROM t;",
        "ALTER ROLE a SET client_encoding = 'GBK';",
        "ALTER DATABASE d SET NAMES 'GBK';",
        "ALTER SYSTEM SET client_encoding = 'GBK';",
        "UPDATE pg_settings SET setting = 'GBK';",
        "EXPLAIN ANALYZE UPDATE pg_settings SET setting = 'SJIS' WHERE name = 'x';",
        "PREPARE p AS UPDATE pg_settings SET setting = 'SJIS';",
        "WITH x AS (UPDATE pg_settings SET setting = 'SJIS') TABLE x;",
        "CREATE VIEW v AS SELECT * FROM pg_settings;",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'SET client_' || "
        "'encoding TO SJIS'; END $$;",
        "CREATE FUNCTION f(text, text, bool) RETURNS text AS 'set_config_by_name' LANGUAGE "
        "internal;",
        "DO LANGUAGE plperl $$ spi_exec_query(\"SET client_\" . \"encoding TO SJIS\") $$;",
        "DO $$ BEGIN SET client_encoding = 'GBK'; END $$;",
        "DO $$ BEGIN EXECUTE 'SET client_' || 'encoding = gbk'; END $$;",
        "\\encoding GBK\n",
        "\\encoding 'sjis'\n",
        "\\encoding :x\n",
        "\\connect \"dbname=d client_encoding=GBK\"\n",
        "\\c x:y\n",
        "\\c shop me:x db :port\n",
        "\\connect postgresql://db/shop?client_encoding=GBK\n",
        "\\connect postgresql://db:port/shop\n",
        "\\connect postgresql://db/shop?client%5fencoding=GBK\n"}) {
    EXPECT_THAT(Classes(target, std::string(before) + " SELECT 'x'; " + std::string(kRunsWipe)),
                ElementsAre(kBad, kSafe, kBad))
        << before;
  }
  for (absl::string_view before :
       {"SET client_encoding = 'UTF8';",
        "SET client_encoding TO DEFAULT;",
        "SET NAMES 'utf-8';",
        "SET NAMES;",
        "RESET client_encoding;",
        "RESET ALL;",
        "DISCARD ALL;",
        "SELECT pg_catalog.set_config('search_path', '', false);",
        "SELECT set_config('client_encoding', 'LATIN1', false);",
        "SET standard_conforming = on;",
        "CREATE FUNCTION f() RETURNS int LANGUAGE 'plpgsql' IMMUTABLE AS $$ BEGIN RETURN 1; END "
        "$$;",
        "CREATE FUNCTION f() RETURNS int AS 'SELECT 1' LANGUAGE sql STABLE;",
        "UPDATE t SET names = 'gbk';",
        "INSERT INTO t VALUES ('client_encoding');",
        "SET SESSION client_encoding TO EUC_JIS_2004;",
        "\\encoding UTF8\n",
        "\\encoding\n",
        "\\connect shop\n",
        "\\c shop me db 5432\n",
        "\\connect postgresql://me@db/shop\n",
        "\\connect \"host=db dbname=shop\"\n"}) {
    EXPECT_THAT(Classes(target, std::string(before) + " SELECT 'é';"), ElementsAre(kBad, kSafe))
        << before;
  }
  // Where the next one begins is not known either.
  EXPECT_THAT(Classes(target, "SET NAMES 'GBK'; SELECT 'é'; SELECT 1"),
              ElementsAre(kBad, kBad, kBad));
}

TEST(SplitTest, TheClientsOwnCharacterSetCountsFromTheStart) {
  constexpr Safety kSafe = Safety::kSafe;
  constexpr Safety kBad = Safety::kDestructive;
  Target target(Dialect::kMariaDb, {10, 11, 6});
  target.modes = *ParseSqlModes("");
  const std::string slips = "SELECT 1 AS `中`, 2 AS ` INTO OUTFILE '/tmp/x' -- `";
  EXPECT_EQ(Classify(target, slips).safety, kSafe);
  target.charset = *ParseCharset(Dialect::kMariaDb, "GBK");
  EXPECT_EQ(Classify(target, slips).safety, kBad);
  EXPECT_THAT(Classes(target, "SELECT 1;" + slips + "; SELECT 1"), ElementsAre(kSafe, kBad, kBad));
  target.charset = *ParseCharset(Dialect::kMariaDb, "swe7");
  EXPECT_EQ(Classify(target, "SELECT 1").safety, kBad);
  target.charset = *ParseCharset(Dialect::kMariaDb, "latin1");
  EXPECT_EQ(Classify(target, slips).safety, kSafe);
  Target postgres(Dialect::kPostgres);
  postgres.charset = *ParseCharset(Dialect::kPostgres, "Shift-JIS");
  EXPECT_EQ(Classify(postgres, kRunsWipe).safety, kBad);
  EXPECT_EQ(Classify(postgres, "SELECT 1").safety, kSafe);
  EXPECT_FALSE(ParseCharset(Dialect::kPostgres, "utf8mb4").ok());
  EXPECT_FALSE(ParseCharset(Dialect::kMySql, "utf16").ok());
}

TEST(SplitTest, ClientCommandsOfDumpsAreKnown) {
  const absl::string_view script =
      "\\restrict abc\n-- note\nSELECT 1;\n\\unrestrict abc\n\\connect shop\n\\restrict abc\n"
      "SELECT 2;\n\\unrestrict abc\n";
  const auto statements = Split(Dialect::kPostgres, script);
  ASSERT_TRUE(statements.ok()) << statements.status();
  ASSERT_EQ(statements->size(), 3u);
  EXPECT_EQ((*statements)[1].text, "\\connect shop");
  EXPECT_TRUE((*statements)[1].client_command);
  EXPECT_EQ((*statements)[1].line, 5);
  EXPECT_EQ((*statements)[2].text, "SELECT 2");
  EXPECT_FALSE((*statements)[2].client_command);
  EXPECT_EQ(Classify(Dialect::kPostgres, "\\connect shop").safety, Safety::kDestructive);
}

TEST(SplitTest, RowsBehindCopyBelongToIt) {
  const std::string script =
      "COPY a (x) FROM stdin;\n1\tit's; \\N\n\\.\n\nCOPY b FROM STDIN WITH (FORMAT "
      "csv);\n\\.\nSELECT "
      "1; COPY c FROM stdin;\n";
  const auto statements = Split(Dialect::kPostgres, script);
  ASSERT_TRUE(statements.ok()) << statements.status();
  ASSERT_EQ(statements->size(), 4u);
  const Statement& first = (*statements)[0];
  EXPECT_EQ(first.text, "COPY a (x) FROM stdin");
  EXPECT_EQ(script.substr(first.data_begin, first.data_end - first.data_begin),
            "1\tit's; \\N\n\\.\n");
  const Statement& second = (*statements)[1];
  EXPECT_EQ(second.line, 5);
  EXPECT_EQ(script.substr(second.data_begin, second.data_end - second.data_begin), "\\.\n");
  EXPECT_FALSE((*statements)[2].has_data());
  EXPECT_EQ((*statements)[2].line, 7);
  EXPECT_FALSE((*statements)[3].has_data());
  ExpectBad(Dialect::kPostgres, "COPY t FROM stdin;\n1\t2\n", "are not ended");
  ExpectBad(Dialect::kPostgres, "COPY t FROM stdin; SELECT 1;\n1\n\\.\n", "on the next line");
  // These read no rows from the script.
  EXPECT_EQ(Texts(Dialect::kPostgres, "COPY t FROM 'stdin'; SELECT 1;").size(), 2u);
  EXPECT_EQ(Texts(Dialect::kPostgres, "COPY t TO STDOUT; SELECT 1;").size(), 2u);
}

TEST(SplitTest, CommentsThatNoServerExecutesMayHoldAnything) {
  EXPECT_THAT(
      Texts(Dialect::kMariaDb, "/*M!999999\\- enable the sandbox mode */ \n-- Dump\nSELECT 1;"),
      ElementsAre("/*M!999999\\- enable the sandbox mode */ \n-- Dump\nSELECT 1"));
}

TEST(SplitTest, PiecesStandWhereTheySay) {
  const std::string script =
      "\xEF\xBB\xBF-- a\nSELECT 1 ;\n\nDELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; "
      "END//\nDELIMITER "
      ";\n  SELECT 2";
  const auto statements = Split(Dialect::kMariaDb, script);
  ASSERT_TRUE(statements.ok());
  ASSERT_EQ(statements->size(), 3u);
  size_t end = 0;
  for (const Statement& statement : *statements) {
    EXPECT_GE(statement.begin, end);
    EXPECT_EQ(script.substr(statement.begin, statement.end - statement.begin), statement.text);
    end = statement.end;
  }
  EXPECT_EQ(end, script.size());
}

TEST(SplitTest, TheServersModesDecideWhereStringsEnd) {
  const char* script = "SELECT 'a\\'; SELECT 'b'";
  Target target(Dialect::kMySql);
  EXPECT_FALSE(Split(target, script).ok()) << "as the server does by default";
  target.modes = *ParseSqlModes("NO_BACKSLASH_ESCAPES");
  const auto statements = Split(target, script);
  ASSERT_TRUE(statements.ok()) << statements.status();
  EXPECT_EQ(statements->size(), 2u);
}

TEST(SplitTest, RedisHasOneCommandPerLine) {
  const auto statements =
      Split(Dialect::kRedis, "# note\nSET a \"b c\\n\"\r\n\n-- dbfleet:down\n  DEL a\n");
  ASSERT_TRUE(statements.ok());
  ASSERT_EQ(statements->size(), 2u);
  EXPECT_EQ((*statements)[0].text, "SET a \"b c\\n\"");
  EXPECT_EQ((*statements)[0].line, 2);
  EXPECT_EQ((*statements)[1].text, "DEL a");
  EXPECT_EQ((*statements)[1].line, 5);
  EXPECT_EQ((*statements)[1].column, 3);
}

TEST(SplitTest, RedisQuotesMustBeClosedOnTheirLine) {
  ExpectBad(Dialect::kRedis, "GET a\nSET b \"x\nDEL b\"", "line 2, column 1");
  ExpectBad(Dialect::kRedis, "SET b 'x", "not closed");
  ExpectBad(Dialect::kRedis, "SET b \"x\"y", "space behind");
  ExpectBad(Dialect::kRedis, "SET b x\"y\"", "quote inside");
}

}  // namespace
}  // namespace dbfleet::sql
