// What a script says of its sql_mode, by which strings end.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

constexpr char kEscaped[] = "SELECT 'it\\'s';\n";

// Of the last statement.
Safety LastOf(const std::string& script, const Target& target = Target(Dialect::kMariaDb)) {
  const auto statements = Split(target, script);
  EXPECT_TRUE(statements.ok()) << script;
  if (!statements.ok() || statements->empty()) return Safety::kDestructive;
  return Read(target, statements->back()).verdict.safety;
}

TEST(SqlModeTest, WithoutAWordWhereAStringEndsIsNotKnown) {
  EXPECT_EQ(LastOf(kEscaped), Safety::kDestructive);
  EXPECT_EQ(LastOf("SELECT 'it''s'"), Safety::kSafe);
  Target told(Dialect::kMariaDb);
  told.modes = *ParseSqlModes("STRICT_TRANS_TABLES");
  EXPECT_EQ(LastOf(kEscaped, told), Safety::kSafe);
}

TEST(SqlModeTest, AScriptThatSetsItSaysIt) {
  for (absl::string_view set : {
           "SET sql_mode = '';",
           "SET SESSION sql_mode := 'STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER';",
           "SET @@session.sql_mode = 'STRICT_TRANS_TABLES';",
           "SET @@sql_mode = 'ONLY_FULL_GROUP_BY';",
           "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;",
           "/*!50003 SET sql_mode = 'STRICT_TRANS_TABLES' */;",
       }) {
    EXPECT_EQ(LastOf(absl::StrCat(set, "\n", kEscaped)), Safety::kSafe) << set;
  }
}

TEST(SqlModeTest, WhatIsNotWrittenOutOrEndsStringsElsewhereLeavesItUnknown) {
  Target told(Dialect::kMariaDb);
  told.modes = *ParseSqlModes("STRICT_TRANS_TABLES");
  for (absl::string_view set : {
           "SET sql_mode = 'NO_BACKSLASH_ESCAPES';",
           "SET sql_mode = 'ANSI';",
           "SET sql_mode = 'ANSI_QUOTES';",
           "SET sql_mode = 'ORACLE';",
           "SET sql_mode = @x;",
           "SET sql_mode = CONCAT('a', 'b');",
           "SET sql_mode = DEFAULT;",
           "SET sql_mode = @@global.sql_mode;",
           "SET sql_mode = 'NO_SUCH_MODE';",
           "SET sql_mode = 4;",
           "SET GLOBAL sql_mode = '';",
           "SET @x = 1, sql_mode = '';",
           "SET sql_mode = '' '';",
           "SET sql_mode = 'NO_BACKSLASH\\_ESCAPES';",
           "SET STATEMENT sql_mode = '' FOR SELECT 1;",
           "SET `sql_mode` = '';",
           "/*!80000 SET sql_mode = '' */;",
           "/*M! SET sql_mode = '' */;",
           "SET /*!40101 sql_mode = '' */;",
           "SET sql_mode = '' /*!40101 , sql_mode = @x */;",
           "SET sql_mode = 'x', sql_mode = (SELECT @a);",
           "EXECUTE p;",
       }) {
    EXPECT_EQ(LastOf(absl::StrCat(set, "\n", kEscaped)), Safety::kDestructive) << set;
    EXPECT_EQ(LastOf(absl::StrCat(set, "\n", kEscaped), told), Safety::kDestructive) << set;
  }
}

TEST(SqlModeTest, WhatIsTooLongIsNotFollowed) {
  std::string modes = "STRICT_TRANS_TABLES";
  for (int i = 0; i < 60; ++i) modes += ",NO_ZERO_DATE";
  EXPECT_EQ(LastOf(absl::StrCat("SET sql_mode = '", modes, ",NO_BACKSLASH_ESCAPES';\n", kEscaped)),
            Safety::kDestructive);
  EXPECT_EQ(LastOf(absl::StrCat("SET sql_mode = '", modes, "';\n", kEscaped)),
            Safety::kDestructive);
}

TEST(SqlModeTest, WhatWasKeptIsPutBack) {
  const std::string keep = "SET @saved_sql_mode = @@sql_mode;\n";
  const std::string spoil = "SET sql_mode = 'NO_BACKSLASH_ESCAPES';\n";
  const std::string back = "SET sql_mode = @saved_sql_mode;\n";
  const std::string known = "SET sql_mode = '';\n";
  EXPECT_EQ(LastOf(absl::StrCat(known, keep, spoil, back, kEscaped)), Safety::kSafe);
  EXPECT_EQ(LastOf(absl::StrCat(keep, known, back, kEscaped)), Safety::kDestructive)
      << "nobody told what it was before";
  EXPECT_EQ(LastOf(absl::StrCat(known, "SET @saved_sql_mode = @@session.sql_mode;\n", spoil,
                                "/*!50003 SET sql_mode = @saved_sql_mode */;\n", kEscaped)),
            Safety::kSafe);
  for (absl::string_view between :
       {"SET @saved_sql_mode = 'NO_BACKSLASH_ESCAPES';", "SELECT 'x' INTO @saved_sql_mode;",
        "SELECT @saved_sql_mode := 'x';", "SELECT @`saved_sql_mode` := 'x';",
        "SELECT @'saved_sql_mode' := 'x';", "CALL p();", "EXECUTE p;",
        "SET @a = 1, @saved_sql_mode = 'x';", "SELECT 'x' INTO @'saved\\_sql_mode';",
        "SET @saved_sql_mode = 1;", "SET @saved_sql_mode = @@global.sql_mode;",
        "FETCH c INTO @SAVED_SQL_MODE;"}) {
    EXPECT_EQ(LastOf(absl::StrCat(known, keep, between, "\n", spoil, back, kEscaped)),
              Safety::kDestructive)
        << between;
  }
  std::string long_one = "SELECT 1";
  for (int i = 0; i < 100; ++i) long_one += " + 1";
  EXPECT_EQ(LastOf(absl::StrCat(known, keep, long_one, ", @saved_sql_mode := 'x';\n", spoil, back,
                                kEscaped)),
            Safety::kDestructive);
}

TEST(SqlModeTest, ADumpIsUnderstood) {
  constexpr char kDump[] = R"~(
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
INSERT INTO `t` VALUES (1,'it\'s; -- ');
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.a='it\'s' */;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
)~";
  EXPECT_EQ(LastOf(absl::StrCat(kDump, kEscaped)), Safety::kSafe);
  EXPECT_EQ(LastOf(absl::StrCat(kDump, "/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;\n", kEscaped)),
            Safety::kDestructive)
      << "what it was before the dump nobody told";
}

TEST(SqlModeTest, OfAProgramTheOrderIsNotThatOfItsText) {
  EXPECT_EQ(LastOf("$m->query(\"SET sql_mode = ''\");\n$m->query(\"SELECT 'it\\\\'s'\");",
                   Target(Dialect::kActiveRecordPhp)),
            Safety::kDestructive);
}

}  // namespace
}  // namespace dbfleet::sql
