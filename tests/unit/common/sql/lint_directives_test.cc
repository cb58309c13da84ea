#include "tests/unit/common/sql/lint_cases.h"

// What comments tell the linter, and what they only seem to tell it.
namespace dbfleet::sql {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<Finding> Lint(const std::string& sql) {
  const Target target = *ParseTarget("mariadb-10.11");
  const LintConfig config;
  Linter linter(target, config, nullptr);
  const auto statements = Split(target, sql);
  for (const Statement& statement : *statements) {
    linter.Add(statement, Read(target, statement));
  }
  return linter.Finish();
}

// The messages and advice of dbf-ignore-unknown-rule.
std::string Unknown(const std::string& sql) {
  std::string all;
  for (const Finding& finding : Lint(sql)) {
    if (finding.rule_id == "dbf-ignore-unknown-rule") all += finding.message + finding.advice;
  }
  return all;
}

TEST(DirectivesTest, ASecondRuleIsNoReason) {
  for (const char* behind : {"dbf-no-lock-timeout why", "dbf-no-lock-timeout",
                             "dbf-no-lock-timeout, why", "dbf-no-such-rule why"}) {
    const std::string sql =
        std::string("-- dbfleet:ignore dbf-drop-table ") + behind + "\nDROP TABLE q";
    EXPECT_THAT(Unknown(sql), HasSubstr("silences dbf-drop-table alone")) << behind;
    EXPECT_THAT(Unknown(sql), HasSubstr("name one rule in each comment")) << behind;
    for (const Finding& finding : Lint(sql)) {
      EXPECT_EQ(finding.ignored, finding.rule_id == "dbf-drop-table") << finding.rule_id;
    }
  }
  EXPECT_THAT(Unknown("-- dbfleet:ignore dbf-drop-table it is empty, see dbf-no-lock-timeout\n"
                      "DROP TABLE q"),
              IsEmpty());
}

TEST(DirectivesTest, WhatIsNoDirectiveIsNamed) {
  for (const char* comment :
       {"dbfleet:disable dbf-drop-table why", "dbfleet:disable-next-line dbf-drop-table",
        "dbfleet-disable dbf-drop-table", "dbfleet: disable dbf-drop-table", "dbfleet:nolint",
        "dbfleet:off", "dbfleet:allow dbf-drop-table why"}) {
    EXPECT_THAT(Unknown(std::string("-- ") + comment + "\nDROP TABLE q"),
                HasSubstr("is no directive, so it silences nothing"))
        << comment;
  }
  for (const char* comment :
       {"dbfleet:up", "dbfleet:down", "dbfleet:irreversible the rows are gone", "dbfleet runs this",
        "dbfleet: made by hand", "made for dbfleet:disable"}) {
    EXPECT_THAT(Unknown(std::string("-- ") + comment + "\nDROP TABLE q"), IsEmpty()) << comment;
  }
}

}  // namespace
}  // namespace dbfleet::sql
