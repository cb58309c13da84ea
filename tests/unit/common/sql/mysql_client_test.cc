// Where the clients of MySQL and MariaDB cut a script otherwise than the servers would. Each of
// these lost a table, wrote a file or ran a command of the shell.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

// The client acts on them also where the server skips the comment, or reads one that the client
// does not see.
TEST(MySqlClientTest, WhereItCutsOtherwiseNothingIsSafe) {
  for (const Dialect dialect : {Dialect::kMariaDb, Dialect::kMySql}) {
    for (absl::string_view script :
         {"SELECT 1 --\x01; DROP TABLE t;\n;", "SELECT 1 --\x1b\\! touch x\n;",
          "--\x7f; DROP TABLE t;", "SELECT 1 /*!99999 \\! touch x\n*/ ;",
          "SELECT 1 /*M!999999\\! touch x\n*/ ;", "SELECT 1 /*!99999 \\c\nDROP TABLE t; */ ;",
          "SELECT 1 /*!99999 \\- x */;"}) {
      EXPECT_FALSE(Split(dialect, script).ok()) << script;
    }
    for (absl::string_view script :
         {"SELECT 1 /*!99999 ; DROP TABLE t; */ ;", "SELECT 1 /*M!999999 ; DROP TABLE t; */ ;"}) {
      const auto statements = Split(dialect, absl::StrCat(script, " SELECT 2;"));
      ASSERT_TRUE(statements.ok()) << script;
      for (const Statement& statement : *statements) {
        EXPECT_EQ(Read(dialect, statement).verdict.safety, Safety::kDestructive) << script;
      }
    }
    for (absl::string_view script : {
             // The client ends these comments elsewhere.
             "/* /*! */ SELECT 1 # */ DROP TABLE t;\n;",
             "SELECT 1, /* /*! */ ' */ 2 ; DROP TABLE t; -- ' ;",
             "/* /*+ */ SHOW TABLES LIKE ' */ DROP TABLE t; -- ' ;",
             "SELECT 1 /*!40101 +1 /* */ + ' */ */ ; DROP TABLE t; -- ' */ ;",
             "SELECT 1 /*!99999 # /*\n */ INTO OUTFILE '/tmp/x' # */\n;",
             "SELECT 1 /*!99999 -- /*\n */ INTO OUTFILE '/tmp/x' # */\n;",
             "--'\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
             "DELIMITER xx\nSELECT 1 /*!99999 axx DROP TABLE t; */ xx",
             "DELIMITER 99999\nSELECT 1 /*!99999 DROP TABLE t; */ 99999",
             "DELIMITER /x\nSELECT 1 /*!99999 */xDELETE FROM t /x",
             "DELIMITER //\nSELECT 1 /*!99999 *//* DROP TABLE t// */",
             "SELECT /*+ \\! touch x\n */ 1;",
             "SELECT /*+\n ; DROP TABLE t; */ 1;",
             // What the client sends has a blank in the place of a comment: "-- " begins one for
             // the server.
             "SELECT 1 --/**/'\n INTO OUTFILE '+x+' -- ';",
             "SELECT 1 --/*+ a */'\n INTO OUTFILE '+x+' -- ';",
             "SELECT 1 --# a\n, 2;",
             "SELECT 1 ----\n, 2;",
             // And none in front of a character of several bytes.
             "SELECT a/**/\xc3\xa9 FROM t;",
             "SELECT a/*+ b */\xc3\xa9 FROM t;",
             "; /* a */  \xc3\xa9x\n;",
             // It takes the line break away behind such a line, in the middle of a statement.
             "SELECT x.\ndelimiter -\n- '\n FROM (SELECT 1 AS delimiter) x INTO OUTFILE '+x+' -- "
             "';",
             "SELECT 1,\nDelimiter_a /\n*! INTO OUTFILE 'x' */;",
             "SELECT 1 AS\n/**/delimiter -\n- 1;",
             "DELIMITERSELECT 1\n; SHOW TABLES;",
             "  delimiterx 1\n; SHOW TABLES;",
             "; delimiterx -\n- 1;",
             "SELECT 1,\n/* a\n*/delimiter -\n- 1;",
             "SELECT 'a\ndelimiter' -\n- 1;",
             "SELECT /*\nDELIMITER */ 1 -- x\n, '\n INTO OUTFILE \"y\" -- ';",
             // "*/*" ends an executable comment, and begins a comment.
             "SELECT 1 /*!99999 */* ' */ */ ; DROP TABLE t; -- ' ;",
             // With --binary-mode it takes what follows the line for escaped.
             "SELECT 'a\\\n; DROP TABLE t; -- ';",
             "SELECT \"a\\\r\n\", 1;",
             "SELECT `a\\\nb`;",
             "SELECT 'a\\\\\\\n; DROP TABLE t; -- ';",
             // With --comments it only knows DELIMITER where nothing stands in front of it.
             "DELIMITER xx\n \nDELIMITER ;\nSELECT 1 xxdelete FROM t;",
             "DELIMITER $$\n  -- a\nDELIMITER ;\nSELECT 1 $$delete FROM t;",
             "DELIMITER |\n/* a */\nDELIMITER ;\nSELECT 1 |delete FROM t;",
             "DELIMITER |\n| --\nDELIMITER ;\nSELECT 1 |delete FROM t;",
             "DELIMITER |\n| --\r\nDELIMITER ;\nSELECT 1 |delete FROM t;",
             "DELIMITER |\n| /* a */\nDELIMITER ;\nSELECT 1 |delete FROM t;",
             "\xef\xbb\xbf #\nDELIMITER _lock\nSELECT release_lock((SELECT 'a'))_lock",
             " #\nDELIMITER _lock\nSELECT release_lock((SELECT 'a'))_lock",
             // With --binary-mode the delimiter ends with the carriage return.
             "DELIMITER _lock\r\nSELECT release_lock((SELECT 'a'))_lock\r\n",
             // It is a comment for it, behind which its commands may stand.
             "/*m!0x */\nsource '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
             // Its own commands end with the line.
             "tee x '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
             "/* a */ Source '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
             "help '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
             "? '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
             "USE\nSHUTDOWN;",
             "USE a '\nSELECT '; SHOW TABLES LIKE '; DROP TABLE t; -- ';",
         }) {
      const auto statements = Split(dialect, script);
      if (!statements.ok()) continue;
      EXPECT_FALSE(statements->empty()) << script;
      for (const Statement& statement : *statements) {
        EXPECT_EQ(Read(dialect, statement).verdict.safety, Safety::kDestructive) << script;
      }
    }
    // With no statement behind it there is nobody to tell of it.
    EXPECT_FALSE(Split(dialect, "SELECT 1;\n/* /*! */ # */ DROP TABLE t;\n;").ok());
    // DELIMITER is one for the client where it begins a line, and of so many characters.
    for (absl::string_view script :
         {"SELECT 1; DELIMITER ;TRUNCATE/**/t", "/**/DELIMITER ;TRUNCATE/**/t",
          "SELECT 1 # ;\n;DELIMITER ;TRUNCATE/**/t", "DELIMITER;TRUNCATE/**/t", "DELIMITER ;x\n",
          "DELIMITER aaaaaaaaaaaaa/*x\nSELECT 1 aaaaaaaaaaaaa/*x", "DELIMITER 1234567890123456\n",
          "DELIMITER x\t\nSELECT 1x", "DELIMITER \xc3\xa9\nSELECT 1;",
          "DELIMITER Delimiter\nDELIMITER '//'\n", "DELIMITER e\nSELECT 1e"}) {
      EXPECT_FALSE(Split(dialect, script).ok()) << script;
    }
    Target quotes(dialect);
    quotes.modes.known = quotes.modes.ansi_quotes = true;
    const auto quoted = Split(quotes, "SELECT 1 AS \"a\\\" -- \"; DROP TABLE t;\n;");
    ASSERT_TRUE(quoted.ok()) << quoted.status();
    EXPECT_NE(quoted->back().client_doubt, "");
    const auto sound = Split(dialect,
                             "SELECT 1--1 --\t; x\n;\nDELIMITER ;;\n  /*!50003 SELECT 2; */;;\n  "
                             "DELIMITER ;  \r\n/* a */ -- b\nUSE a; SELECT\n a, delimiter_b;");
    ASSERT_TRUE(sound.ok()) << sound.status();
    EXPECT_EQ(sound->size(), 4u);
    EXPECT_EQ(sound->back().client_doubt, "");
    for (absl::string_view script :
         {"DELIMITER $$\nSELECT 1 $$\n-- a\n\n#\n  DELIMITER ;\nSELECT 1;",
          "/* a */\nDELIMITER $$\nSELECT 1$$\r\nDELIMITER ;\r\nSELECT 1;",
          "DELIMITER //\nSELECT 1 // /* b */\n \nDELIMITER ;\nSELECT 1;"}) {
      const auto delimited = Split(dialect, script);
      ASSERT_TRUE(delimited.ok()) << delimited.status();
      EXPECT_EQ(delimited->back().client_doubt, "") << script;
    }
  }
}

// Compared with what MariaDB's client sends, with and without --comments and --binary-mode.
TEST(MySqlClientTest, WhereItSendsTheVerySameNothingIsInDoubt) {
  for (const Dialect dialect : {Dialect::kMariaDb, Dialect::kMySql}) {
    for (absl::string_view script : {
             // It takes no line break away where the line is indented.
             "CREATE TABLE csv (\n  id INT PRIMARY KEY,\n  delimiter CHAR(1) NOT NULL,\n\tquote "
             "INT);",
             "SELECT a,\n\tdelimiter_id\nFROM t;",
             "SELECT a,\n/* b */ delimiter_id\nFROM t;",
             "SELECT a, /* b\n */ delimiter_id\nFROM t;",
             // A blank behind a comment is enough for it.
             "SELECT /* \xe6\xb3\xa8 */ \xe5\x90\x8d FROM t;",
             "SELECT /* x */  \xc3\xa4z, /* y */\t\xc3\xa4z FROM t;",
             "SELECT a -- x\n, \xc3\xa4z FROM t;",
             "/* a */ SELECT \xc3\xa4z FROM t;",
             // What stands behind the delimiter on its line is sent with the statement.
             "DELIMITER $$\nSELECT 1 $$ \t\nDELIMITER ;\nSELECT 1;",
             "DELIMITER |\nSELECT 1 | \nDELIMITER ;\nSELECT 1;",
             "DELIMITER |\n| -- a | b\nDELIMITER ;\nSELECT 1;",
             "DELIMITER |\nSELECT 1 |# a\n-- b\n\nDELIMITER ;\nSELECT 1;",
             // The backslash at the end of the line is escaped itself.
             "SELECT 'C:\\\\temp\\\\\nnext';",
             "SELECT \"a\\\\\\\\\r\nb\";",
             "SELECT '\\n\nb';",
         }) {
      const auto statements = Split(dialect, script);
      ASSERT_TRUE(statements.ok()) << script << statements.status();
      EXPECT_EQ(statements->back().client_doubt, "") << script;
    }
  }
}

}  // namespace
}  // namespace dbfleet::sql
