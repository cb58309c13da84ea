// Where the clients of MySQL and MariaDB cut a script otherwise than the servers would. Each of
// these lost a table, wrote a file or ran a command of the shell.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using Scripts = std::initializer_list<absl::string_view>;

void ExpectRefused(Scripts scripts) {
  for (const Dialect dialect : {Dialect::kMariaDb, Dialect::kMySql}) {
    for (absl::string_view script : scripts) {
      EXPECT_FALSE(Split(dialect, script).ok()) << script;
    }
  }
}

// Or it is refused.
void ExpectNothingSafe(Scripts scripts) {
  for (const Dialect dialect : {Dialect::kMariaDb, Dialect::kMySql}) {
    for (absl::string_view script : scripts) {
      const auto statements = Split(dialect, script);
      if (!statements.ok()) continue;
      EXPECT_FALSE(statements->empty()) << script;
      for (const Statement& statement : *statements) {
        EXPECT_EQ(Read(dialect, statement).verdict.safety, Safety::kDestructive) << script;
      }
    }
  }
}

// Compared with what MariaDB's client sends, with and without --comments and --binary-mode.
void ExpectNoDoubt(Scripts scripts) {
  for (const Dialect dialect : {Dialect::kMariaDb, Dialect::kMySql}) {
    for (absl::string_view script : scripts) {
      const auto statements = Split(dialect, script);
      ASSERT_TRUE(statements.ok()) << script << statements.status();
      EXPECT_EQ(statements->back().client_doubt, "") << script;
    }
  }
}

// It acts on them also where the server skips the comment, or reads one that it does not see.
TEST(MySqlClientTest, ItsCommandsBehindABackslash) {
  ExpectRefused({"SELECT 1 --\x01; DROP TABLE t;\n;", "SELECT 1 --\x1b\\! touch x\n;",
                 "--\x7f; DROP TABLE t;", "SELECT 1 /*!99999 \\! touch x\n*/ ;",
                 "SELECT 1 /*M!999999\\! touch x\n*/ ;",
                 "SELECT 1 /*!99999 \\c\nDROP TABLE t; */ ;", "SELECT 1 /*!99999 \\- x */;"});
}

TEST(MySqlClientTest, ADelimiterInAnExecutableCommentEndsTheStatement) {
  ExpectNothingSafe({"SELECT 1 /*!99999 ; DROP TABLE t; */ ; SELECT 2;",
                     "SELECT 1 /*M!999999 ; DROP TABLE t; */ ; SELECT 2;",
                     "DELIMITER xx\nSELECT 1 /*!99999 axx DROP TABLE t; */ xx",
                     "DELIMITER 99999\nSELECT 1 /*!99999 DROP TABLE t; */ 99999",
                     "DELIMITER /x\nSELECT 1 /*!99999 */xDELETE FROM t /x",
                     "DELIMITER //\nSELECT 1 /*!99999 *//* DROP TABLE t// */"});
}

// Clients do not know DELIMITER behind some comments and blanks, and go on with a former one. What
// stands in a comment that the server skips nobody has judged.
TEST(MySqlClientTest, ADelimiterOfBeforeInACommentThatIsSkipped) {
  const absl::string_view hidden[] = {
      "/*!999999 ; DROP TABLE t ; */", "/*!99999x; DROP TABLE t; */",
      "/*M!999999 ; DROP TABLE t ; */", "/*!50700 ; DROP TABLE t ; */"};
  Target server(Dialect::kMariaDb, {10, 11, 0});
  for (const absl::string_view one : hidden) {
    for (const absl::string_view head :
         {"DELIMITER //\n", " \nDELIMITER //\n", "/* c */\nDELIMITER //\n",
          "SELECT 0;\n \n\nDELIMITER //\n", "\r\nDELIMITER //\r\n"}) {
      const std::string script = absl::StrCat(head, "SELECT 1 ", one, " //");
      const auto statements = Split(server, script);
      ASSERT_TRUE(statements.ok()) << script;
      EXPECT_NE(statements->back().client_doubt, "") << script;
    }
  }
  const auto back = Split(server,
                          "DELIMITER //\nSELECT 1//\n/* c */\nDELIMITER ;\n"
                          "SELECT 2 /*!999999 // DROP TABLE t // */ ;");
  ASSERT_TRUE(back.ok());
  EXPECT_NE(back->back().client_doubt, "");
  // A comment for MySQL, and none for MariaDB's client.
  const auto other = Split(Target(Dialect::kMySql, {8, 0, 0}),
                           "DELIMITER //\nSELECT 2 /*M! ; DROP TABLE t ; */ //");
  ASSERT_TRUE(other.ok());
  EXPECT_NE(other->back().client_doubt, "");
}

// Everyday dumps are full of the like: what the server executes is judged.
TEST(MySqlClientTest, ADelimiterOfBeforeInACommentThatIsExecuted) {
  const absl::string_view dump =
      "/*M!999999\\- enable the sandbox mode */ \n/*!40101 SET NAMES utf8mb4 */;\n"
      "CREATE TABLE t (id int) /*!80016 DEFAULT ENCRYPTION='N' */;\nDELIMITER ;;\n"
      "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER x BEFORE INSERT ON t FOR EACH "
      "ROW BEGIN SET @a=1; SET @b=2; END */;;\nDELIMITER ;\nDELIMITER ;;\n"
      "/*!50106 CREATE*/ /*!50117 DEFINER=`a`@`b`*/ /*!50106 EVENT `e` ON SCHEDULE EVERY 1 DAY DO "
      "BEGIN SELECT 1; SELECT 2; END */ ;;\nDELIMITER ;\n/*!80023 INVISIBLE */ SELECT 1;";
  for (const Target& server :
       {Target(Dialect::kMariaDb, {10, 11, 0}), Target(Dialect::kMySql, {8, 0, 0}),
        Target(Dialect::kMySql, {5, 7, 0})}) {
    const auto statements = Split(server, dump);
    ASSERT_TRUE(statements.ok()) << statements.status();
    EXPECT_EQ(statements->back().client_doubt, "");
  }
}

TEST(MySqlClientTest, AMarkInsideOfACommentMovesItsEnd) {
  ExpectNothingSafe({"/* /*! */ SELECT 1 # */ DROP TABLE t;\n;",
                     "SELECT 1, /* /*! */ ' */ 2 ; DROP TABLE t; -- ' ;",
                     "/* /*+ */ SHOW TABLES LIKE ' */ DROP TABLE t; -- ' ;",
                     "SELECT 1 /*!40101 +1 /* */ + ' */ */ ; DROP TABLE t; -- ' */ ;",
                     "SELECT 1 /*!99999 # /*\n */ INTO OUTFILE '/tmp/x' # */\n;",
                     "SELECT 1 /*!99999 -- /*\n */ INTO OUTFILE '/tmp/x' # */\n;",
                     // Of the server's "*/" in "/*/" it takes the star for a part of "/*".
                     "/* a /*/ SELECT 1 # */ DROP TABLE t;\n;"});
  // With no statement behind it there is nobody to tell of it.
  ExpectRefused({"SELECT 1;\n/* /*! */ # */ DROP TABLE t;\n;"});
  ExpectNoDoubt({"/* all of src/*.c */ SELECT 1;", "/** http://a.b/*.html **/\nSELECT 1;",
                 "/* a /**/ SELECT 1;", "SELECT /* a /*b\n/*c */ 1;", "/*/*x*/ SELECT 1;"});
}

TEST(MySqlClientTest, AHintMayEndElsewhere) {
  ExpectNothingSafe({"SELECT /*+ \\! touch x\n */ 1;", "SELECT /*+\n ; DROP TABLE t; */ 1;",
                     "SELECT /*+ a /* b */ 1;"});
}

// "*/*" ends it, and begins a comment.
TEST(MySqlClientTest, TheEndOfAnExecutableCommentMayBeginAnother) {
  ExpectNothingSafe({"SELECT 1 /*!99999 */* ' */ */ ; DROP TABLE t; -- ' ;"});
}

// What it sends has a blank in the place of a comment: "-- " begins one for the server.
TEST(MySqlClientTest, TwoMinusSignsWithoutABlank) {
  ExpectNothingSafe({"--'\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
                     "SELECT 1 --/**/'\n INTO OUTFILE '+x+' -- ';",
                     "SELECT 1 --/*+ a */'\n INTO OUTFILE '+x+' -- ';", "SELECT 1 --# a\n, 2;",
                     "SELECT 1 ----\n, 2;"});
}

// Its formatted SQL is no comment for the servers.
TEST(MySqlClientTest, TheReasonNamesLiquibase) {
  const auto statements =
      Split(Dialect::kMariaDb, "--liquibase formatted sql\n--changeset a:1\nSELECT 1;\n");
  ASSERT_TRUE(statements.ok());
  EXPECT_TRUE(absl::StrContains(statements->back().client_doubt, "\"-- changeset\""));
  ExpectNothingSafe({"--changeset a:1\nSELECT 1;", "--rollback DROP TABLE t;\nSELECT 1;"});
  ExpectNoDoubt({"-- liquibase formatted sql\n-- changeset a:1\nSELECT 1;"});
}

TEST(MySqlClientTest, NoBlankStandsForACommentInFrontOfACharacterBeyondAscii) {
  ExpectNothingSafe({"SELECT a/**/\xc3\xa9 FROM t;", "SELECT a/*+ b */\xc3\xa9 FROM t;",
                     "; /* a */  \xc3\xa9x\n;"});
  ExpectNoDoubt({"SELECT /* \xe6\xb3\xa8 */ \xe5\x90\x8d FROM t;",
                 "SELECT /* x */  \xc3\xa4z, /* y */\t\xc3\xa4z FROM t;",
                 "SELECT a -- x\n, \xc3\xa4z FROM t;", "/* a */ SELECT \xc3\xa4z FROM t;"});
}

// It takes the line break away behind such a line, in the middle of a statement; not where the line
// is indented.
TEST(MySqlClientTest, ALineThatBeginsWithDelimiter) {
  ExpectNothingSafe(
      {"SELECT x.\ndelimiter -\n- '\n FROM (SELECT 1 AS delimiter) x INTO OUTFILE '+x+' -- ';",
       "SELECT 1,\nDelimiter_a /\n*! INTO OUTFILE 'x' */;", "SELECT 1 AS\n/**/delimiter -\n- 1;",
       "DELIMITERSELECT 1\n; SHOW TABLES;", "  delimiterx 1\n; SHOW TABLES;",
       "; delimiterx -\n- 1;", "SELECT 1,\n/* a\n*/delimiter -\n- 1;",
       "SELECT 'a\ndelimiter' -\n- 1;",
       "SELECT /*\nDELIMITER */ 1 -- x\n, '\n INTO OUTFILE \"y\" -- ';"});
  ExpectNoDoubt(
      {"CREATE TABLE csv (\n  id INT PRIMARY KEY,\n  delimiter CHAR(1) NOT NULL,\n"
       "\tquote INT);",
       "SELECT a,\n\tdelimiter_id\nFROM t;", "SELECT a,\n/* b */ delimiter_id\nFROM t;",
       "SELECT a, /* b\n */ delimiter_id\nFROM t;"});
}

// With --binary-mode it takes what follows the line for escaped.
TEST(MySqlClientTest, ABackslashAtTheEndOfALineInQuotes) {
  ExpectNothingSafe({"SELECT 'a\\\n; DROP TABLE t; -- ';", "SELECT \"a\\\r\n\", 1;",
                     "SELECT `a\\\nb`;", "SELECT 'a\\\\\\\n; DROP TABLE t; -- ';"});
  ExpectNoDoubt(
      {"SELECT 'C:\\\\temp\\\\\nnext';", "SELECT \"a\\\\\\\\\r\nb\";", "SELECT '\\n\nb';"});
}

// With --comments it only knows DELIMITER where nothing stands in front of it; what stands behind
// the delimiter on its line is sent with the statement.
TEST(MySqlClientTest, WhatStandsInFrontOfDelimiter) {
  ExpectNothingSafe({"DELIMITER xx\n \nDELIMITER ;\nSELECT 1 xxdelete FROM t;",
                     "DELIMITER $$\n  -- a\nDELIMITER ;\nSELECT 1 $$delete FROM t;",
                     "DELIMITER |\n/* a */\nDELIMITER ;\nSELECT 1 |delete FROM t;",
                     "DELIMITER |\n| --\nDELIMITER ;\nSELECT 1 |delete FROM t;",
                     "DELIMITER |\n| --\r\nDELIMITER ;\nSELECT 1 |delete FROM t;",
                     "DELIMITER |\n| /* a */\nDELIMITER ;\nSELECT 1 |delete FROM t;",
                     "\xef\xbb\xbf #\nDELIMITER _lock\nSELECT release_lock((SELECT 'a'))_lock",
                     " #\nDELIMITER _lock\nSELECT release_lock((SELECT 'a'))_lock"});
  ExpectNoDoubt({"DELIMITER $$\nSELECT 1 $$ \t\nDELIMITER ;\nSELECT 1;",
                 "DELIMITER |\nSELECT 1 | \nDELIMITER ;\nSELECT 1;",
                 "DELIMITER |\n| -- a | b\nDELIMITER ;\nSELECT 1;",
                 "DELIMITER |\nSELECT 1 |# a\n-- b\n\nDELIMITER ;\nSELECT 1;",
                 "DELIMITER $$\nSELECT 1 $$\n-- a\n\n#\n  DELIMITER ;\nSELECT 1;",
                 "/* a */\nDELIMITER $$\nSELECT 1$$\r\nDELIMITER ;\r\nSELECT 1;",
                 "DELIMITER //\nSELECT 1 // /* b */\n \nDELIMITER ;\nSELECT 1;"});
}

TEST(MySqlClientTest, WithBinaryModeADelimiterEndsWithTheCarriageReturn) {
  ExpectNothingSafe({"DELIMITER _lock\r\nSELECT release_lock((SELECT 'a'))_lock\r\n"});
}

// It is one where it begins a line, and of so many characters.
TEST(MySqlClientTest, WhatIsNoDelimiterCommand) {
  ExpectRefused({"SELECT 1; DELIMITER ;TRUNCATE/**/t", "/**/DELIMITER ;TRUNCATE/**/t",
                 "SELECT 1 # ;\n;DELIMITER ;TRUNCATE/**/t", "DELIMITER;TRUNCATE/**/t",
                 "DELIMITER ;x\n", "DELIMITER aaaaaaaaaaaaa/*x\nSELECT 1 aaaaaaaaaaaaa/*x",
                 "DELIMITER 1234567890123456\n", "DELIMITER x\t\nSELECT 1x",
                 "DELIMITER \xc3\xa9\nSELECT 1;", "DELIMITER Delimiter\nDELIMITER '//'\n",
                 "DELIMITER e\nSELECT 1e",
                 // Only at a blank it stops reading.
                 "DELIMITER ;\t-- end\nSELECT 1;", "DELIMITER ;-- end\nSELECT 1;",
                 "DELIMITER ; x\nSELECT 1;", "DELIMITER ; --end\nSELECT 1;",
                 // They do not know the command in a line with \g.
                 "DELIMITER // -- \\g\nSELECT 1//", "DELIMITER // # c:\\git\nSELECT 1//",
                 "DELIMITER //\r -- a\nSELECT 1//"});
}

TEST(MySqlClientTest, ADelimiterBehindWhatClientsReadOfItsLine) {
  const auto script = [](size_t in_front, size_t between) {
    return absl::StrCat(std::string(in_front, ' '), "DELIMITER", std::string(between, ' '),
                        "//\nSELECT 1//");
  };
  ExpectNoDoubt({script(0, 243), script(100, 143)});
  ExpectRefused({script(0, 244), script(0, 300), script(1, 243), script(300, 1)});
}

TEST(MySqlClientTest, ACommentBehindADelimiterCommandIsLeftOut) {
  for (absl::string_view script :
       {"DELIMITER //\nSELECT 1//\nDELIMITER ; -- end\nSELECT 2; SELECT 3;",
        "DELIMITER // # it's; \"\nSELECT 1//SELECT 2//\nDELIMITER ; --\nSELECT 3;"}) {
    ExpectNoDoubt({script});
    const auto statements = Split(Dialect::kMariaDb, script);
    ASSERT_TRUE(statements.ok());
    EXPECT_EQ(statements->size(), 3u) << script;
  }
}

// Behind it the client's commands may stand.
TEST(MySqlClientTest, WhatOnlySomeClientsTakeForAnExecutableComment) {
  ExpectNothingSafe({"/*m!0x */\nsource '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';"});
}

TEST(MySqlClientTest, ItsOwnCommandsEndWithTheLine) {
  ExpectNothingSafe({"tee x '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
                     "/* a */ Source '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
                     "help '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
                     "? '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';", "USE\nSHUTDOWN;",
                     "USE a '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';"});
  for (absl::string_view script : {"USE a\n;", "USE a\nb;", "USE a -- b\n;", "USE a # b\n;",
                                   "USE a\r\n;", "USE a b\n;", "USE\na;"}) {
    const auto statements = Split(Dialect::kMariaDb, script);
    ASSERT_TRUE(statements.ok()) << script;
    EXPECT_NE(statements->back().client_doubt, "") << script;
  }
  ExpectNoDoubt({"USE shop;\nSELECT 1;", "\n \nUSE `shop` ;\nSELECT 1;"});
}

TEST(MySqlClientTest, WithAnsiQuotesABackslashStaysAnEscape) {
  for (const Dialect dialect : {Dialect::kMariaDb, Dialect::kMySql}) {
    Target quotes(dialect);
    quotes.modes.known = quotes.modes.ansi_quotes = true;
    const auto quoted = Split(quotes, "SELECT 1 AS \"a\\\" -- \"; DROP TABLE t;\n;");
    ASSERT_TRUE(quoted.ok()) << quoted.status();
    EXPECT_NE(quoted->back().client_doubt, "");
  }
}

TEST(MySqlClientTest, AScriptWithAllOfItIsCutAsItSeems) {
  for (const Dialect dialect : {Dialect::kMariaDb, Dialect::kMySql}) {
    const auto sound = Split(dialect,
                             "SELECT 1--1 --\t; x\n;\nDELIMITER ;;\n  /*!50003 SELECT 2; */;;\n  "
                             "DELIMITER ;  \r\n/* a */ -- b\nUSE a; SELECT\n a, delimiter_b;");
    ASSERT_TRUE(sound.ok()) << sound.status();
    EXPECT_EQ(sound->size(), 4u);
    EXPECT_EQ(sound->back().client_doubt, "");
  }
}

}  // namespace
}  // namespace dbfleet::sql
