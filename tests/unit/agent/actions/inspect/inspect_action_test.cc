#include "agent/actions/inspect/inspect_action.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/proto_time/proto_time.h"
#include "tests/fakes/fake_action_context.h"
#include "tests/unit/agent/actions/scripted_engine.h"

namespace dbfleet::agent {
namespace {

namespace v1 = ::dbfleet::agent::v1;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class InspectActionTest : public testing::Test {
 protected:
  ActionResult Run(const std::string& statement) {
    work::v1::JobSpec spec;
    spec.mutable_inspect()->set_statement(statement);
    return InspectAction().Run(context_, spec);
  }
  ScriptedEngine engine_;
  FakeActionContext context_{engine_, ""};
};

TEST_F(InspectActionTest, RunsASafeStatementOnce) {
  const ActionResult result = Run("SELECT id FROM orders WHERE id = 1");
  EXPECT_EQ(result.outcome, v1::OUTCOME_SUCCEEDED) << result.error_message;
  EXPECT_THAT(engine_.inspected, ElementsAre("SELECT id FROM orders WHERE id = 1"));
  EXPECT_EQ(result.result.inspect().safety(), work::v1::SAFETY_CLASS_SAFE);
  EXPECT_EQ(engine_.inspect_options.max_rows, 100);
  EXPECT_EQ(engine_.inspect_options.timeout, absl::Seconds(10));
}

TEST_F(InspectActionTest, WhatIsNotSafeNeverReachesTheEngine) {
  for (const char* statement :
       {"DELETE FROM orders", "DROP TABLE orders", "SELECT 1; DELETE FROM orders", "COMMIT",
        "SELECT * FROM orders INTO OUTFILE '/tmp/x'", "SET GLOBAL read_only = 0",
        "EXPLAIN ANALYZE DELETE FROM orders", "no such language"}) {
    const ActionResult result = Run(statement);
    EXPECT_EQ(result.outcome, v1::OUTCOME_FAILED) << statement;
    EXPECT_EQ(result.error_reason, "INSPECTION_NOT_SAFE") << statement;
    EXPECT_THAT(engine_.inspected, IsEmpty()) << statement;
  }
}

TEST_F(InspectActionTest, TheRefusalTellsWhy) {
  EXPECT_THAT(Run("SELECT 1; SELECT 2").error_message, HasSubstr("2 statements"));
  EXPECT_THAT(Run("DELETE FROM orders").error_message, HasSubstr("refused: "));
}

TEST_F(InspectActionTest, AStreamIsNoResultThatCouldBeShown) {
  for (const char* text : {"COPY (SELECT 1) TO STDOUT", "COPY (TABLE orders) TO STDOUT"}) {
    const absl::Status status = CheckInspection(sql::Dialect::kPostgres, text, "");
    EXPECT_EQ(ReasonOf(status), "INSPECTION_NOT_SAFE") << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("send its SELECT")) << text;
  }
}

TEST_F(InspectActionTest, AnEmptyOrBrokenStatementIsBadSql) {
  EXPECT_EQ(Run("  ").error_reason, "BAD_SQL");
  EXPECT_EQ(Run("SELECT 'x").error_reason, "BAD_SQL");
}

TEST_F(InspectActionTest, ReadsTheStatementInTheServersDialect) {
  engine_.target = sql::Target(sql::Dialect::kRedis);
  EXPECT_EQ(Run("GET key").outcome, v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(Run("FLUSHALL").error_reason, "INSPECTION_NOT_SAFE");
  engine_.target = absl::UnavailableError("down");
  EXPECT_EQ(Run("GET key").outcome, v1::OUTCOME_FAILED);
}

// With a backslash that escapes nothing, a second statement stands where a string seemed to be; and
// what an executable comment does depends on the version.
TEST_F(InspectActionTest, ReadsTheStatementAsTheServersSessionWould) {
  sql::Target target = *sql::ParseTarget("mariadb-10.11.6");
  const std::string text = "SELECT 'a\\'', 'b'";
  const std::string comment = "SELECT 1 /*!110000 INTO OUTFILE '/tmp/x' */";
  const std::string executed = "SELECT 1 /*!100000 INTO OUTFILE '/tmp/x' */";
  EXPECT_EQ(Run(text).error_reason, "INSPECTION_NOT_SAFE") << "modes and version are not known";
  EXPECT_EQ(Run(comment).error_reason, "INSPECTION_NOT_SAFE");
  target.modes = *sql::ParseSqlModes("");
  engine_.target = target;
  EXPECT_EQ(Run(text).outcome, v1::OUTCOME_SUCCEEDED) << "a backslash takes the quote";
  EXPECT_EQ(Run(comment).outcome, v1::OUTCOME_SUCCEEDED) << "it is 11.0's";
  EXPECT_EQ(engine_.inspect_options.read_for, target.version);
  EXPECT_EQ(Run(executed).error_reason, "INSPECTION_NOT_SAFE");
  target.modes = *sql::ParseSqlModes("NO_BACKSLASH_ESCAPES");
  engine_.target = target;
  EXPECT_EQ(Run(text).error_reason, "BAD_SQL") << "the last string is open";
  EXPECT_EQ(Run("SELECT 'a\\'; DROP TABLE x; -- '").error_reason, "INSPECTION_NOT_SAFE");
  EXPECT_EQ(Run("SELECT 'a\\', 'b'").outcome, v1::OUTCOME_SUCCEEDED);
}

TEST_F(InspectActionTest, ATimeoutOfTheDatabaseIsATimeout) {
  engine_.inspect_result = absl::DeadlineExceededError("slow");
  EXPECT_EQ(Run("SELECT 1").outcome, v1::OUTCOME_TIMED_OUT);
}

TEST_F(InspectActionTest, DoesNothingAfterACancellation) {
  context_.set_may_go_on(absl::CancelledError("stop"));
  EXPECT_EQ(Run("SELECT 1").outcome, v1::OUTCOME_CANCELLED);
  EXPECT_THAT(engine_.inspected, IsEmpty());
}

TEST(InspectLimitsTest, RefusesLimitsOutsideTheBounds) {
  work::v1::InspectSpec spec;
  EXPECT_TRUE(InspectLimits(spec).ok());
  *spec.mutable_timeout() = ToProto(absl::Minutes(5));
  spec.set_max_rows(10'000);
  EXPECT_EQ(InspectLimits(spec)->max_rows, 10'000);
  spec.set_max_rows(10'001);
  EXPECT_EQ(ReasonOf(InspectLimits(spec).status()), "BAD_LIMIT");
  spec.set_max_rows(-1);
  EXPECT_FALSE(InspectLimits(spec).ok());
  spec.set_max_rows(1);
  *spec.mutable_timeout() = ToProto(absl::Seconds(301));
  EXPECT_FALSE(InspectLimits(spec).ok());
  *spec.mutable_timeout() = ToProto(absl::Seconds(-1));
  EXPECT_FALSE(InspectLimits(spec).ok());
}

}  // namespace
}  // namespace dbfleet::agent
