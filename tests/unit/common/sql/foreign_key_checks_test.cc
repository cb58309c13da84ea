#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/linter.h"
#include "common/sql/script_reader.h"
#include "common/sql/sql.h"

// A foreign key while foreign_key_checks is off. What is said was tried on MariaDB 10.11.
namespace dbfleet::sql {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string Said(absl::string_view dialect, absl::string_view script) {
  const Target target = *ParseTarget(dialect);
  const LintConfig config;
  Linter linter(target, config, nullptr);
  ScriptReader reader(target);
  const auto statements = Split(target, script);
  for (const Statement& statement : *statements) {
    Reading reading = reader.Read(statement);
    linter.HoldAgainstSnapshot(&reading);
    linter.Add(statement, reading);
  }
  std::string said;
  for (const Finding& finding : linter.Finish()) {
    absl::StrAppend(&said, finding.rule_id, ": ", finding.message, " > ", finding.advice, "\n");
  }
  return said;
}

constexpr char kAdd[] = "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id)";

TEST(ForeignKeyChecksTest, WithThemOffAForeignKeyIsAddedInPlaceAndUnchecked) {
  for (absl::string_view dialect : {"mysql-8.0", "mariadb-10.11"}) {
    for (absl::string_view off :
         {"SET foreign_key_checks = 0;", "SET SESSION FOREIGN_KEY_CHECKS=OFF;",
          "SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0;",
          "SET @@session.foreign_key_checks = 0;",
          "SET GLOBAL max_connections = 100, SESSION foreign_key_checks = 0;"}) {
      EXPECT_THAT(Said(dialect, absl::StrCat(off, kAdd)),
                  AllOf(HasSubstr("ALGORITHM=INPLACE, LOCK=NONE"), Not(HasSubstr("copies")),
                        Not(HasSubstr("ALGORITHM=COPY")),
                        HasSubstr("the rows that are there are not checked"),
                        HasSubstr("look first for rows of t whose a has no match in p")))
          << dialect << ": " << off;
    }
    for (absl::string_view on :
         {"", "SET GLOBAL foreign_key_checks = 0;", "SET @foreign_key_checks = 0;",
          "SET foreign_key_checks = 0; SET foreign_key_checks = 1;",
          "SET GLOBAL max_connections = 100, foreign_key_checks = 0;",
          "SET foreign_key_checks = 0 + 1;",
          "SET foreign_key_checks = 0; SET foreign_key_checks = @before;"}) {
      EXPECT_THAT(Said(dialect, absl::StrCat(on, kAdd)),
                  AllOf(HasSubstr("copies"), Not(HasSubstr("not checked"))))
          << dialect << ": " << on;
    }
    if (dialect == "mariadb-10.11") {
      // Of that statement alone.
      EXPECT_THAT(
          Said(dialect, absl::StrCat("SET STATEMENT foreign_key_checks = 0 FOR SELECT 1;", kAdd)),
          HasSubstr("copies"));
    }
    // What else it does decides then.
    EXPECT_THAT(
        Said(dialect, absl::StrCat("SET foreign_key_checks = 0;", kAdd, ", MODIFY b BIGINT")),
        AllOf(HasSubstr("rewrites the table"), Not(HasSubstr("in place"))));
  }
}

}  // namespace
}  // namespace dbfleet::sql
