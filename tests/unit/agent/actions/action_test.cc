#include "agent/actions/action.h"

#include <gtest/gtest.h>

#include "common/base/status.h"
#include "tests/fakes/fake_action_context.h"
#include "tests/unit/agent/actions/scripted_engine.h"

namespace dbfleet::agent {
namespace {

namespace v1 = ::dbfleet::agent::v1;

class NothingAction : public Action {
 public:
  absl::string_view name() const override { return "nothing"; }
  absl::Status Supports(Engine& engine) override { return absl::OkStatus(); }
  ActionResult Run(ActionContext& context, const work::v1::JobSpec& spec) override {
    return ActionResult::Succeeded({});
  }
};

TEST(ActionResultTest, OutcomeFollowsTheCode) {
  const auto outcome = [](absl::StatusCode code) {
    return ActionResult::FromStatus(Error(code, "R", "m")).outcome;
  };
  EXPECT_EQ(outcome(absl::StatusCode::kCancelled), v1::OUTCOME_CANCELLED);
  EXPECT_EQ(outcome(absl::StatusCode::kDeadlineExceeded), v1::OUTCOME_TIMED_OUT);
  EXPECT_EQ(outcome(absl::StatusCode::kUnknown), v1::OUTCOME_INTERRUPTED);
  EXPECT_EQ(outcome(absl::StatusCode::kUnavailable), v1::OUTCOME_FAILED);
  EXPECT_EQ(outcome(absl::StatusCode::kInternal), v1::OUTCOME_FAILED);
}

TEST(ActionResultTest, AnOkStatusIsNeverTurnedIntoSuccess) {
  EXPECT_EQ(ActionResult::FromStatus(absl::OkStatus()).outcome, v1::OUTCOME_INTERRUPTED);
}

TEST(ActionResultTest, CarriesReasonAndMessage) {
  const auto with = ActionResult::FromStatus(Error(absl::StatusCode::kInternal, "WHY", "text"));
  EXPECT_EQ(with.error_reason, "WHY");
  EXPECT_EQ(with.error_message, "text");
  EXPECT_EQ(ActionResult::FromStatus(absl::InternalError("text")).error_reason, "INTERNAL");
}

TEST(ActionTest, ByDefaultAnInterruptedAttemptHasAnUnknownOutcomeAndNoPlan) {
  NothingAction action;
  ScriptedEngine engine;
  FakeActionContext context(engine, "");
  EXPECT_EQ(action.Recover(context, {}, "").outcome, v1::OUTCOME_INTERRUPTED);
  EXPECT_EQ(action.Plan(context, {}).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace dbfleet::agent
