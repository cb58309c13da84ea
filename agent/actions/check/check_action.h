#pragma once

#include "agent/actions/action.h"

namespace dbfleet::agent {

// One probe of an instance's health, on demand. It succeeds whenever the probe came to a verdict,
// CRITICAL included: the verdict is the result. Stateless and thread-safe.
class CheckAction : public Action {
 public:
  // No probe takes longer, whatever the server does.
  static constexpr absl::Duration kDeadline = absl::Seconds(10);

  absl::string_view name() const override { return "check"; }
  absl::Status Supports(Engine& engine) override;
  ActionResult Run(ActionContext& context, const work::v1::JobSpec& spec) override;
  // A probe changes nothing, so a new life of the agent simply probes again.
  ActionResult Recover(ActionContext& context, const work::v1::JobSpec& spec,
                       absl::string_view checkpoint) override;
};

}  // namespace dbfleet::agent
