#include "agent/actions/check/check_action.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_action_context.h"
#include "tests/unit/agent/actions/scripted_engine.h"

namespace dbfleet::agent {
namespace {

TEST(CheckActionTest, ACriticalVerdictIsASuccessfulCheck) {
  ScriptedEngine engine;
  engine.health.set_status(work::v1::HEALTH_STATUS_CRITICAL);
  FakeActionContext context(engine, "");
  const ActionResult result = CheckAction().Run(context, {});
  EXPECT_EQ(result.outcome, ::dbfleet::agent::v1::OUTCOME_SUCCEEDED);
  EXPECT_EQ(result.result.check().health().status(), work::v1::HEALTH_STATUS_CRITICAL);
  EXPECT_EQ(engine.check_deadline, CheckAction::kDeadline);
}

TEST(CheckActionTest, DoesNotProbeAfterACancellation) {
  ScriptedEngine engine;
  FakeActionContext context(engine, "");
  context.set_may_go_on(absl::CancelledError("stop"));
  EXPECT_EQ(CheckAction().Run(context, {}).outcome, ::dbfleet::agent::v1::OUTCOME_CANCELLED);
  EXPECT_EQ(engine.check_deadline, absl::ZeroDuration());
}

TEST(CheckActionTest, NeedsTheInspectionAccount) {
  ScriptedEngine engine;
  EXPECT_EQ(ReasonOf(CheckAction().Supports(engine)), "NO_ACCOUNT");
  engine.instance.inspect = AccountConfig{"u", ""};
  EXPECT_TRUE(CheckAction().Supports(engine).ok());
}

}  // namespace
}  // namespace dbfleet::agent
