#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

bool Finds(Dialect dialect, absl::string_view rule, absl::string_view sql) {
  const auto statements = Split(dialect, sql);
  if (!statements.ok()) return false;
  for (const Finding& finding : Lint(dialect, *statements)) {
    if (finding.rule_id == absl::StrCat("dbf-injection-", rule)) return true;
  }
  return false;
}

TEST(SqlInjectionTest, ConditionsThatAlwaysHoldAreFoundInEveryDialect) {
  for (absl::string_view sql :
       {"SELECT a FROM t WHERE b = 'x' OR 1=1",
        "SELECT a FROM t WHERE b = 'x' OR '1'='1'",
        "SELECT a FROM t WHERE b = 'x' OR 'a' LIKE 'a'",
        "SELECT a FROM t WHERE b = 'x' OR 'a' IN ('a')",
        "SELECT a FROM t WHERE b = 'x' OR 1 IN (1)",
        "SELECT a FROM t WHERE b = 'x' OR 1 IN (0,1)",
        "SELECT a FROM t WHERE b = 'x' OR 1 BETWEEN 0 AND 2",
        "SELECT a FROM t WHERE b = 'x' OR 2 > 1",
        "SELECT a FROM t WHERE b = 'x' OR 1 < 2",
        "SELECT a FROM t WHERE b = 'x' OR 1 <> 2",
        "SELECT a FROM t WHERE b = 'x' OR 1 != 2",
        "SELECT a FROM t WHERE b = 'x' OR 1 >= 1",
        "SELECT a FROM t WHERE b = 'x' OR NOT FALSE",
        "SELECT a FROM t WHERE b = 'x' OR NOT (1=2)",
        "SELECT a FROM t WHERE b = 'x' OR b = b",
        "SELECT a FROM t WHERE b = 'x' OR t.b = t.b",
        "SELECT a FROM t WHERE b = 'x' OR EXISTS(SELECT 1)",
        "SELECT a FROM t WHERE b = 'x' OR EXISTS (SELECT 1)",
        "SELECT a FROM t WHERE b = 'x' OR TRUE",
        "SELECT a FROM t WHERE b = 'x' OR (1=1)",
        "SELECT a FROM t WHERE b = 'x' OR ((1)=(1))",
        "SELECT a FROM t WHERE b = 'x' OR 1 IS NOT NULL",
        "SELECT a FROM t WHERE b = 'x' OR 'a' IS NOT NULL",
        "SELECT a FROM t WHERE b = 'x' OR NULL IS NULL",
        "SELECT a FROM t WHERE b = 'x' OR 1+1=2",
        "SELECT a FROM t WHERE b = 'x' OR 3-2=1",
        "SELECT a FROM t WHERE b = 'x' OR 'a'<'b'",
        "SELECT a FROM t WHERE b = 'x' OR 'b'>'a'",
        "SELECT a FROM t WHERE b = 'x' OR 'a' <> 'b'",
        "SELECT a FROM t WHERE b = 'x' OR 1=1 AND 2=2",
        "SELECT a FROM t WHERE b = 'x' OR TRUE IS TRUE",
        "SELECT a FROM t WHERE b = 'x' OR 1=1 OR 2=3",
        "SELECT a FROM t WHERE b = 'x' OR b LIKE '%'",
        "SELECT a FROM t WHERE b = 'x' OR b >= b",
        "SELECT a FROM t WHERE b = 'x' OR length('a')=1",
        "SELECT a FROM t WHERE b = 'x' OR ascii('a')=97",
        "SELECT a FROM t WHERE b = 'x' OR 1 NOT IN (2)",
        "SELECT a FROM t WHERE b = 'x' OR 1 NOT BETWEEN 2 AND 3",
        "SELECT a FROM t WHERE b = 'x' OR 'a' NOT LIKE 'b'",
        "SELECT a FROM t WHERE b = 'x' OR (SELECT 1)=1",
        "SELECT a FROM t WHERE b = 'x' OR 1 = (SELECT 1)",
        "SELECT a FROM t WHERE b = 'x' OR CASE WHEN 1=1 THEN TRUE ELSE FALSE END",
        "SELECT a FROM t WHERE b = 'x' OR coalesce(1,2)=1",
        "SELECT a FROM t WHERE b = 'x' OR concat('a','b')='ab'",
        "SELECT a FROM t WHERE b = 'x' OR upper('a')='A'",
        "SELECT a FROM t WHERE b = 'x' OR 1.0=1",
        "SELECT a FROM t WHERE b = 'x' OR .5 < 1.00",
        "SELECT a FROM t WHERE b = 'x' OR (1,2)=(1,2)",
        "SELECT a FROM t WHERE b = 'x' OR ROW(1,'a')=ROW(1,'a')",
        "SELECT a FROM t WHERE b = 'x' OR COALESCE(NULL,1)=1",
        "SELECT a FROM t WHERE 1.0=1",
        "SELECT a FROM t WHERE 1=1",
        "DELETE FROM t WHERE b = 1 OR 1=1",
        "UPDATE t SET a = 1 WHERE b = 1 OR 'x'='x'"}) {
    for (Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb, Dialect::kPostgres}) {
      EXPECT_TRUE(Finds(dialect, "tautology", sql)) << NameOf(dialect) << ": " << sql;
    }
  }
}

TEST(SqlInjectionTest, ConditionsThatAlwaysHoldInMySql) {
  for (absl::string_view sql : {"SELECT a FROM t WHERE b = 'x' OR x'31'='1'",
                                "SELECT a FROM t WHERE b = 'x' OR b'1'=1",
                                "SELECT a FROM t WHERE b = 'x' OR _utf8'a'=N'a'",
                                "SELECT a FROM t WHERE b = 'x' OR 1 LIKE 1",
                                "SELECT a FROM t WHERE b = 'x' || 1",
                                "SELECT a FROM t WHERE b = 'x' || 1=1",
                                "SELECT a FROM t WHERE b = 'x' OR NOT 0",
                                "SELECT a FROM t WHERE b = 'x' OR !0",
                                "SELECT a FROM t WHERE b = 'x' OR 0x61='a'",
                                "SELECT a FROM t WHERE b = 'x' OR char(97)='a'",
                                "SELECT a FROM t WHERE b = 'x' OR CHAR(49)=CHAR(49)",
                                "SELECT a FROM t WHERE b = 'x' OR 0x31=0x31",
                                "SELECT a FROM t WHERE b = 'x' OR 1 RLIKE 1",
                                "SELECT a FROM t WHERE b = 'x' OR 'a' REGEXP 'a'",
                                "SELECT a FROM t WHERE b = 'x' OR 'a' SOUNDS LIKE 'a'",
                                "SELECT a FROM t WHERE b = 'x' OR 1 <=> 1",
                                "SELECT a FROM t WHERE b = 'x' OR ''=''",
                                "SELECT a FROM t WHERE b = 'x' OR 1",
                                "SELECT a FROM t WHERE b = 'x' OR 2",
                                "SELECT a FROM t WHERE b = 'x' OR '1'",
                                "SELECT a FROM t WHERE b = 'x' OR 1 XOR 0",
                                "SELECT a FROM t WHERE b = 'x' OR 1 DIV 1",
                                "SELECT a FROM t WHERE b = 'x' OR 1='1'",
                                "SELECT a FROM t WHERE b = 'x' OR ~0",
                                "SELECT a FROM t WHERE b = 'x' OR -1",
                                "SELECT a FROM t WHERE b = 'x' OR strcmp('a','b')",
                                "SELECT a FROM t WHERE b = 'x' OR if(1=1,1,0)",
                                "SELECT a FROM t WHERE b = 'x' OR b RLIKE '.*'",
                                "SELECT a FROM t WHERE b = 'x' OR greatest(1,2)=2",
                                "SELECT a FROM t WHERE b = 'x' OR ord('a')=97",
                                "SELECT a FROM t WHERE b = 'x' OR hex('a')=61",
                                "SELECT a FROM t WHERE b = 'x' OR 1 IS TRUE",
                                "SELECT a FROM t WHERE b = 'x' or/**/1/**/like/**/1",
                                "SELECT a FROM t WHERE b = 'x' OR isnull(NULL)",
                                "SELECT a FROM t WHERE b = 'x' OR 0=0",
                                "SELECT a FROM t WHERE b = 'x' OR '' = 0",
                                "SELECT a FROM t WHERE b = 'x' OR 'a' = 'A'",
                                "SELECT a FROM t WHERE b = 'x' OR elt(1,1)",
                                "SELECT a FROM t WHERE b = 'x' OR 1 && 1",
                                "SELECT a FROM t WHERE b = 'x' OR 8 <=> 8",
                                "SELECT a FROM t WHERE b=''OR''=''"}) {
    for (Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb}) {
      EXPECT_TRUE(Finds(dialect, "tautology", sql)) << NameOf(dialect) << ": " << sql;
    }
  }
}

TEST(SqlInjectionTest, ConditionsThatAlwaysHoldInPostgres) {
  for (absl::string_view sql :
       {"SELECT a FROM t WHERE b = 'x' OR '1' LIKE '1'",
        "SELECT a FROM t WHERE b = 'x' OR 1::int = 1",
        "SELECT a FROM t WHERE b = 'x' OR chr(97) = 'a'",
        "SELECT a FROM t WHERE b = 'x' OR 'a' ~ 'a'",
        "SELECT a FROM t WHERE b = 'x' OR 'a' ILIKE 'A'",
        "SELECT a FROM t WHERE b = 'x' OR 'a'||'b' = 'ab'",
        "SELECT a FROM t WHERE b = 'x' OR 1 = ANY(ARRAY[1,2])",
        "SELECT a FROM t WHERE b = 'x' OR true::bool", "SELECT a FROM t WHERE b = 'x' OR 't'::bool",
        "SELECT a FROM t WHERE b = 'x' OR 1 IS NOT DISTINCT FROM 1",
        "SELECT a FROM t WHERE b = 'x' OR 1 IS DISTINCT FROM 2",
        "SELECT a FROM t WHERE b = 'x' OR $$a$$ = $$a$$",
        "SELECT a FROM t WHERE b = 'x' OR 1=1 IS TRUE", "SELECT a FROM t WHERE b = 'x' OR (TRUE)",
        "SELECT a FROM t WHERE b = 'x' OR '1'::int = 1",
        "SELECT a FROM t WHERE b = 'x' OR b IS NOT DISTINCT FROM b"}) {
    for (Dialect dialect : {Dialect::kPostgres}) {
      EXPECT_TRUE(Finds(dialect, "tautology", sql)) << NameOf(dialect) << ": " << sql;
    }
  }
}

TEST(SqlInjectionTest, ConditionsThatDependOnRowsDoNot) {
  for (absl::string_view sql : {"SELECT a FROM t WHERE b = 'x'",
                                "SELECT a FROM t WHERE b = 'x' OR c = 'x'",
                                "SELECT a FROM t WHERE b IN (1, 2)",
                                "SELECT a FROM t WHERE b BETWEEN 1 AND 2",
                                "SELECT a FROM t WHERE b LIKE 'a%'",
                                "SELECT a FROM t JOIN u ON t.a = u.a",
                                "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.a = t.a)",
                                "SELECT a FROM t WHERE b IS NOT NULL",
                                "SELECT a FROM t WHERE b = 1 OR c = 2 OR NOT d = 3",
                                "SELECT a FROM t WHERE a = 1 AND 0 = 1",
                                "SELECT a FROM t WHERE b = b2",
                                "SELECT 1 = 1",
                                "SELECT CASE WHEN 1 = 1 THEN 2 END",
                                "SELECT a FROM t WHERE t.a = u.a",
                                "SELECT a FROM t WHERE b > 1 OR b < 0",
                                "SELECT a FROM t WHERE b = 1 OR c LIKE '%x%'",
                                "SELECT a FROM t WHERE b = 1 OR EXISTS (SELECT 1 FROM u)",
                                "SELECT a FROM t WHERE b + 1 = 2",
                                "SELECT a FROM t WHERE length(b) = 1",
                                "SELECT a FROM t WHERE (SELECT max(a) FROM u) = 1",
                                "SELECT a FROM t WHERE 1 = b",
                                "SELECT a FROM t WHERE 1 IN (b, c)",
                                "SELECT a FROM t WHERE 1 BETWEEN b AND c",
                                "/* orders */ SELECT a FROM t",
                                "SELECT a /* b */ FROM t",
                                "SELECT a FROM t JOIN u ON TRUE",
                                "SELECT a FROM t"}) {
    for (Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb, Dialect::kPostgres}) {
      EXPECT_FALSE(Finds(dialect, "tautology", sql)) << NameOf(dialect) << ": " << sql;
    }
  }
}

TEST(SqlInjectionTest, CommentsThatHideAreFound) {
  for (absl::string_view sql :
       {"SELECT a FROM t WHERE b = '' OR 1=1 -- ", "SELECT a FROM t WHERE b = '' OR 1=1 #",
        "SELECT a FROM t WHERE b = '' OR 1=1 # ' AND c = 1",
        "SELECT a FROM t WHERE b = '' /*!50000 OR 1=1 */",
        "SELECT a FROM t WHERE b = 1 /*!UNION*/ /*!SELECT*/ c FROM u", "SELECT/**/a/**/FROM/**/t",
        "SELECT a FROM t WHERE b = '' OR/**/1=1", "SELECT a FROM t WHERE b = 'x' -- -",
        "SELECT a FROM t WHERE b = ''/*' AND c = '*/ OR 1=1",
        "SELECT a FROM t WHERE b = '' UNION/*x*/SELECT c FROM u",
        "SELECT a FROM t WHERE b = '' OR 1=1 -- x' AND c = 2",
        "SELECT a FROM t WHERE b = ''/**/OR/**/1=1",
        "SELECT a FROM t WHERE b = 'a'/*x*/OR/*y*/'1'='1'",
        "SELECT a FROM t WHERE id = 1 OR 1=1 --  AND secret = 1",
        "SELECT a FROM t WHERE id = 1 -- AND owner = 5",
        "SELECT a FROM t WHERE id=1# AND owner = 5",
        "SELECT a FROM t WHERE b = 1/**/UNION/**/SELECT 1"}) {
    for (Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb}) {
      EXPECT_TRUE(Finds(dialect, "comment", sql)) << NameOf(dialect) << ": " << sql;
    }
  }
}

TEST(SqlInjectionTest, CommentsThatHideAreFoundInPostgres) {
  for (absl::string_view sql :
       {"SELECT a FROM t WHERE b = '' OR 1=1 -- ",
        "SELECT a FROM t WHERE b = '' OR 1=1 --' AND c = 1", "SELECT/**/a/**/FROM/**/t",
        "SELECT a FROM t WHERE b = '' OR/**/1=1",
        "SELECT a FROM t WHERE b = ''/*' AND c = '*/ OR 1=1",
        "SELECT a FROM t WHERE b = '' UNION/*x*/SELECT c FROM u",
        "SELECT a FROM t WHERE b = ''/**/OR/**/1=1",
        "SELECT a FROM t WHERE b = 1 UNION/*/**/*/SELECT c FROM u",
        "SELECT a FROM t WHERE id = 1 -- AND owner = 5",
        "SELECT a FROM t WHERE b = 'a'/*x*/OR/*y*/'1'='1'"}) {
    for (Dialect dialect : {Dialect::kPostgres}) {
      EXPECT_TRUE(Finds(dialect, "comment", sql)) << NameOf(dialect) << ": " << sql;
    }
  }
}

TEST(SqlInjectionTest, CommentsThatSaySomethingDoNotHide) {
  for (absl::string_view sql :
       {"SELECT a FROM t -- all of them", "/* orders */ SELECT a FROM t", "SELECT a /* b */ FROM t",
        "SELECT a FROM t # the list", "SELECT a, -- it's the key\n b FROM t",
        "SELECT /*+ MAX_EXECUTION_TIME(1) */ a FROM t", "-- head\nSELECT a FROM t",
        "SELECT a FROM t WHERE b = 1 -- only the first"}) {
    for (Dialect dialect : {Dialect::kMySql, Dialect::kMariaDb}) {
      EXPECT_FALSE(Finds(dialect, "comment", sql)) << NameOf(dialect) << ": " << sql;
    }
  }
}

TEST(SqlInjectionTest, LongAndDeepConditionsEnd) {
  for (const std::string piece : {"(", "NOT ", "-", "1 + ", "f(", "(SELECT ", "EXISTS(SELECT ",
                                  "1 = 1 OR ", "a IN (1, ", "CASE WHEN ", "1 BETWEEN ", "! "}) {
    std::string sql = "SELECT a FROM t WHERE b = 1 OR ";
    for (int i = 0; i < 20000; ++i) sql += piece;
    (void)Classify(Dialect::kMySql, sql);
    (void)Classify(Dialect::kPostgres, sql);
  }
}

}  // namespace
}  // namespace dbfleet::sql
