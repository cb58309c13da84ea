#include <string>

#include "absl/strings/str_cat.h"

#include "agent/runner/start_hooks.h"
#include "agent/runner/work_kind.h"
#include "common/base/status.h"
#include "common/plan/digest.h"
#include "common/plan/digest_tree.h"
#include "common/plan/estimate.h"

namespace dbfleet::agent {
namespace {

absl::Status Mismatch(absl::string_view what) {
  return Error(absl::StatusCode::kFailedPrecondition, "DIGEST_MISMATCH",
               absl::StrCat(what,
                            "; nothing was executed. Plan the job again and have the new "
                            "plan approved"));
}

JobDigestInput InputOf(const v1::DigestInputs& inputs) {
  JobDigestInput input;
  input.job_kind = inputs.job_kind();
  input.params_sha256 = inputs.params_sha256();
  input.policy_digest = inputs.policy_digest();
  input.rollout = inputs.rollout();
  for (const v1::TargetDigest& target : inputs.targets()) {
    input.targets.push_back({target.target(), target.digest()});
  }
  return input;
}

absl::StatusOr<std::string> DigestOf(const v1::DigestInputs& inputs) {
  if (inputs.target_count() == 0) return JobDigest(InputOf(inputs));
  return JobDigestFromPlace(InputOf(inputs),
                            {inputs.target_index(),
                             inputs.target_count(),
                             inputs.targets_root(),
                             {inputs.target_path().begin(), inputs.target_path().end()}});
}

// The digest that the approved job has for this target, "" if the target is not in it.
std::string ApprovedDigestOf(const std::string& target, const v1::DigestInputs& inputs) {
  for (const v1::TargetDigest& listed : inputs.targets()) {
    if (listed.target() == target) return listed.digest();
  }
  return "";
}

}  // namespace

absl::Status CheckDigest(StartContext& context) {
  LiveAttempt& attempt = context.attempt;
  const v1::Offer& offer = attempt.offer();
  const v1::Grant grant = attempt.grant();
  if (offer.purpose() != v1::PURPOSE_EXECUTE) return absl::OkStatus();
  const bool planned = NeedsDigest(offer) || !grant.digest().empty() || offer.has_digest_inputs();
  if (!planned) return absl::OkStatus();
  if (grant.digest().empty()) return Mismatch("the grant names no digest for planned work");

  const v1::DigestInputs& inputs = offer.digest_inputs();
  if (inputs.job_kind() != attempt.action().name()) {
    return Mismatch("the approved job is of another kind");
  }
  if (inputs.params_sha256() != ParamsDigest(offer.spec())) {
    return Mismatch("the approved parameters are not those of this offer");
  }
  const std::string target = TargetOf(offer);
  const std::string approved = ApprovedDigestOf(target, inputs);
  if (approved.empty()) return Mismatch(absl::StrCat(target, " is not in the approved job"));
  const absl::StatusOr<std::string> digest = DigestOf(inputs);
  if (!digest.ok()) return Mismatch(digest.status().message());
  if (*digest != grant.digest()) {
    return Mismatch("the grant's digest is not that of the approved job");
  }
  const absl::StatusOr<work::v1::Plan> plan = attempt.action().Plan(attempt, offer.spec());
  if (!plan.ok()) return Annotate(plan.status(), "planning again before the start");
  if (PlanDigest(target, *plan) != approved) {
    return Mismatch(absl::StrCat("what would be done on ", target,
                                 " is no longer what was "
                                 "approved: its schema, its history or its server has changed"));
  }
  if (offer.has_approved_rows() && EstimateGrown(offer.approved_rows(), plan->estimated_rows())) {
    return Error(absl::StatusCode::kFailedPrecondition, "ESTIMATE_GROWN",
                 absl::StrCat("on ", target, " now some ", plan->estimated_rows(),
                              " rows would be touched, more than twice the ", offer.approved_rows(),
                              " that were approved; nothing was executed. The job is to be planned "
                              "and approved again"));
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::agent
