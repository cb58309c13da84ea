#pragma once

#include "absl/status/statusor.h"

#include "agent/actions/action.h"

namespace dbfleet::agent {

// One read-only statement. Three lines hold it: the classifier must call it safe, the engine's
// session is read-only and bounded, and the inspection account has no right to write. Stateless and
// thread-safe.
class InspectAction : public Action {
 public:
  static constexpr absl::Duration kDefaultTimeout = absl::Seconds(10);
  static constexpr absl::Duration kMaxTimeout = absl::Minutes(5);
  static constexpr int kDefaultRows = 100;
  static constexpr int kMaxRows = 10'000;

  absl::string_view name() const override { return "inspect"; }
  absl::Status Supports(Engine& engine) override;
  ActionResult Run(ActionContext& context, const work::v1::JobSpec& spec) override;
  // Reading changes nothing, so the outcome is known: there is none. The controller may ask again.
  ActionResult Recover(ActionContext& context, const work::v1::JobSpec& spec,
                       absl::string_view checkpoint) override;
};

// The specification's limits with their defaults; INVALID_ARGUMENT (BAD_LIMIT) outside of them.
// Pure.
absl::StatusOr<QueryOptions> InspectLimits(const work::v1::InspectSpec& spec);

// OK if `text` is one statement that only reads; else INVALID_ARGUMENT (BAD_SQL) or
// FAILED_PRECONDITION (INSPECTION_NOT_SAFE) with all the reasons. Pure.
absl::Status CheckInspection(const sql::Target& target, absl::string_view text,
                             absl::string_view database);

}  // namespace dbfleet::agent
