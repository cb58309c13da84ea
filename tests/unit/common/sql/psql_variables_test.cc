#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "common/sql/sql.h"

namespace dbfleet::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> Texts(absl::string_view script) {
  const auto statements = Split(Dialect::kPostgres, script);
  EXPECT_TRUE(statements.ok()) << statements.status();
  std::vector<std::string> texts;
  if (!statements.ok()) return texts;
  for (const Statement& statement : *statements) texts.push_back(statement.text);
  return texts;
}

void ExpectBad(absl::string_view script, const std::string& message) {
  const auto statements = Split(Dialect::kPostgres, script);
  ASSERT_FALSE(statements.ok()) << script;
  EXPECT_THAT(std::string(statements.status().message()), HasSubstr(message)) << script;
}

TEST(PsqlVariablesTest, NoneWithATextStandsInAStatement) {
  for (absl::string_view statement :
       {"SELECT a[1:HISTFILE]", "SELECT a[1:'HISTFILE']", "SELECT a[1:\"PROMPT1\"]"}) {
    ExpectBad(absl::StrCat("\\set HISTFILE '1]; DROP TABLE t; --'\n", statement, ";"), "psql puts");
    EXPECT_THAT(Texts(absl::StrCat(statement, ";")), ElementsAre(statement));
  }
  EXPECT_THAT(Texts("\\set HISTFILE x\nSELECT a[1:2], histfile;"),
              ElementsAre("SELECT a[1:2], histfile"));
}

}  // namespace
}  // namespace dbfleet::sql
