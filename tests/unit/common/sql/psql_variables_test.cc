#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Texts(absl::string_view script) {
  const auto statements = Split(Dialect::kPostgres, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  std::vector<std::string> texts;
  if (!statements.ok()) return texts;
  for (const Statement& statement : *statements) texts.push_back(statement.text);
  return texts;
}

TEST(PsqlVariablesTest, NoneWithATextStandsInAStatement) {
  for (absl::string_view statement :
       {"SELECT a[1:HISTFILE]", "SELECT a[1:'HISTFILE']", "SELECT a[1:\"PROMPT1\"]"}) {
    const auto statements =
        Split(Dialect::kPostgres,
              absl::StrCat("\\set HISTFILE '1]; DROP TABLE t; --'\n", statement, ";"));
    ASSERT_TRUE(statements.ok()) << statement;
    EXPECT_EQ(Read(Dialect::kPostgres, statements->back()).verdict.safety, Safety::kDestructive);
    EXPECT_THAT(Texts(absl::StrCat(statement, ";")), ElementsAre(statement));
  }
  EXPECT_THAT(Texts("\\set HISTFILE x\nSELECT a[1:2], histfile;"),
              ElementsAre("SELECT a[1:2], histfile"));
}

TEST(PsqlVariablesTest, AVariableWhereSqlIsBrokenIsNamed) {
  const Target target = *ParseTarget("postgresql-15");
  for (const char* sql :
       {"SELECT count(*) FROM :schema.orders", "SELECT :'v'", "SELECT * FROM ${schema}.orders"}) {
    EXPECT_NE(Read(target, (*Split(target, sql))[0]).verdict.doubt.find("where a variable stands"),
              std::string::npos)
        << sql;
  }
  const char* plain = "SELECT FROM WHERE";
  EXPECT_EQ(Read(target, (*Split(target, plain))[0]).verdict.doubt.find("variable"),
            std::string::npos);
}

}  // namespace
}  // namespace dbfleet::sql
