#include "common/sql/postgres/injection.h"

#include <gtest/gtest.h>

#include "common/sql/postgres/postgres.h"

namespace dbfleet::sql {
namespace {

TEST(PostgresInjectionTest, ASecondStatementIsStacked) {
  for (absl::string_view text : {"SELECT 1; DROP TABLE t", "SELECT 1;;SELECT 2",
                                 "SELECT a FROM t WHERE a = ''; --'\nDELETE FROM t"}) {
    EXPECT_TRUE(pg::FindInjection(text).stacked) << text;
  }
  for (absl::string_view text :
       {"SELECT 1", "SELECT 1;", "SELECT 1; -- done", "SELECT ';' ", "SELECT $$;$$",
        "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)"}) {
    EXPECT_FALSE(pg::FindInjection(text).stacked) << text;
  }
}

TEST(PostgresInjectionTest, CommentsThatHideSomethingAreFound) {
  for (absl::string_view text :
       {"SELECT a FROM t WHERE a = '' OR 1=1 --'", "SELECT a FROM t WHERE a = 1 --",
        "SELECT a FROM t WHERE a = 1 UNION/**/SELECT b FROM c", "SELECT/*x*/a FROM t",
        "SELECT a FROM t WHERE a = 'x' -- ' AND b = 1", "SELECT 1 -- -"}) {
    EXPECT_TRUE(pg::FindInjection(text).hidden_by_comment) << text;
  }
  for (absl::string_view text :
       {"SELECT a FROM t -- all of them", "/* orders */ SELECT a FROM t", "SELECT a /* b */ FROM t",
        "SELECT a, -- it's the key\n b FROM t", "SELECT '--'"}) {
    EXPECT_FALSE(pg::FindInjection(text).hidden_by_comment) << text;
  }
}

TEST(PostgresInjectionTest, TheReaderTellsThem) {
  const Reading reading = ReadPostgres(Dialect::kPostgres, "SELECT 1; DROP TABLE t --");
  EXPECT_TRUE(reading.facts.injection.stacked);
  EXPECT_TRUE(reading.facts.injection.hidden_by_comment);
  EXPECT_EQ(reading.facts.injection.text, "DROP TABLE t --");
}

}  // namespace
}  // namespace dbfleet::sql
