#include "common/sql/reference/reference.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace dbfleet::sql {
namespace {

std::string ReadPage(const std::string& name) {
  std::ifstream in(std::string(DBFLEET_SOURCE_DIR) + "/docs/reference/" + name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Where they differ: dbfleet sql reference lint > docs/reference/lint.md
TEST(ReferenceTest, ThePageOfRulesIsThatOfTheCode) {
  EXPECT_TRUE(ReadPage("lint.md") == LintReference());
}

TEST(ReferenceTest, ThePageOfStatementsIsThatOfTheCode) {
  EXPECT_TRUE(ReadPage("classification.md") == ClassificationReference());
}

}  // namespace
}  // namespace dbfleet::sql
