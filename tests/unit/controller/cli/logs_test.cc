// The log of a job tells its attempts apart.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using ::testing::HasSubstr;

TEST_F(CliTest, TheEndOfAnAttemptIsTheEndOfANamedOne) {
  auto* task = controller_.job.add_tasks();
  task->set_target("instances/db");
  auto* attempt = task->add_attempts();
  attempt->set_name("jobs/01J/tasks/T/attempts/A1");
  attempt->set_number(1);
  attempt->set_purpose("plan");
  auto& line = controller_.log.emplace_back();
  line.set_attempt("A1");
  line.set_text("OUTCOME_SUCCEEDED");
  EXPECT_EQ(RunCli({"job", "logs", "01J"}), 0);
  EXPECT_THAT(out_, HasSubstr("attempt 1 (plan) on instances/db ended: succeeded"));
}

}  // namespace
}  // namespace dbfleet::cli
