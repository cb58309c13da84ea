#include "agent/actions/check/check_action.h"

#include <utility>

#include "agent/engine/account.h"
#include "common/base/status.h"

namespace dbfleet::agent {

absl::Status CheckAction::Supports(Engine& engine) {
  return AccountFor(engine.spec(), AccountUse::kInspect).status();
}

ActionResult CheckAction::Run(ActionContext& context, const work::v1::JobSpec& spec) {
  if (absl::Status status = context.MayGoOn(); !status.ok()) {
    return ActionResult::FromStatus(status);
  }
  work::v1::TaskResult result;
  *result.mutable_check()->mutable_health() = context.engine().Check(kDeadline);
  return ActionResult::Succeeded(std::move(result));
}

ActionResult CheckAction::Recover(ActionContext& context, const work::v1::JobSpec& spec,
                                  absl::string_view checkpoint) {
  return Run(context, spec);
}

}  // namespace dbfleet::agent
