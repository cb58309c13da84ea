#include "tests/unit/common/sql/lint_cases.h"

// Advice that the server takes, and findings that are not there where it has nothing to say.
namespace dbfleet::sql {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(TakenAdviceTest, TemporaryTablesOfTheScriptHaveNoSchemaToName) {
  DoesNotFind(Postgres(), {{"CREATE TEMP TABLE x (id int PRIMARY KEY); CREATE INDEX i ON x (id)",
                            "dbf-unqualified-name 2"},
                           {"CREATE TEMP TABLE x (id int PRIMARY KEY); DROP TABLE x",
                            "dbf-unqualified-name 2"}});
  Finds(Postgres(), {{"CREATE TEMP TABLE x (id int PRIMARY KEY); CREATE TABLE x (id int)",
                      "dbf-unqualified-name 2"},
                     {"CREATE TEMP TABLE x (id int PRIMARY KEY); DROP TABLE x; DROP TABLE x",
                      "dbf-unqualified-name 3"}});
}

TEST(TakenAdviceTest, NoNameIsAdvisedThatIsAWordOfSql) {
  EXPECT_THAT(Said(Postgres(), "ALTER TABLE app.t ADD COLUMN \"Order\" int"),
              AllOf(HasSubstr("order is a word of SQL"), Not(HasSubstr("write order"))));
  EXPECT_THAT(Said(Postgres(), "ALTER TABLE app.t ADD COLUMN \"OrderId\" int"),
              HasSubstr("write order_id"));
}

TEST(TakenAdviceTest, ShortCollationsOfMariaDbAreOfAnyCharacterSet) {
  DoesNotFind(Maria(), {{"CREATE TABLE t (id INT PRIMARY KEY) CHARACTER SET utf8mb4 "
                         "COLLATE uca1400_ai_ci",
                         "dbf-charset 1"}});
  Finds(Maria(),
        {{"CREATE TABLE t (id INT PRIMARY KEY) CHARACTER SET latin1 COLLATE uca1400_ai_ci",
          "dbf-charset 1"},
         {"CREATE TABLE t (id INT PRIMARY KEY) COLLATE latin1_swedish_ci", "dbf-charset 1"}});
}

TEST(TakenAdviceTest, DropIndexSaysHow) {
  // MariaDB's DROP INDEX knows no ALGORITHM.
  EXPECT_THAT(Said(Maria(), "DROP INDEX a ON t"),
              HasSubstr("write ALTER TABLE t DROP INDEX a, ALGORITHM=INPLACE, LOCK=NONE"));
  DoesNotFind(*ParseTarget("mysql-8.0"),
              {{"DROP INDEX a ON t ALGORITHM=INPLACE LOCK=NONE", "dbf-no-algorithm 1"}});
  DoesNotFind(Maria(),
              {{"ALTER TABLE t DROP INDEX a, ALGORITHM=INPLACE, LOCK=NONE", "dbf-no-algorithm 1"},
               {"CREATE TABLE t (id INT PRIMARY KEY, a INT, KEY a (a)); DROP INDEX a ON t",
                "dbf-no-algorithm 2"}});
}

}  // namespace
}  // namespace dbfleet::sql
