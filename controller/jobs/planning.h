#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/plan/digest.h"
#include "controller/domain/approval_policy.h"
#include "controller/domain/types.h"
#include "controller/policy/policy.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Lifts what policy needs out of the tasks' plans into the job: safety, schema change, rollback
// plan, estimates, and the digest that approvals bind to. A plan with statements is destructive
// whatever the agent calls them. Tasks' target digests are recomputed from the plans as stored.
// `policy_digest` is of the policy under which it was planned.
absl::Status LiftPlans(const std::string& policy_digest, Job* job, std::vector<Task>* tasks);

// The digest of a planned job, under the policy that `job.policy_digest` names.
absl::StatusOr<std::string> ComputeJobDigest(const Job& job, const std::vector<Task>& tasks);

// What the digest covers, for the agent to compute it itself.
absl::StatusOr<JobDigestInput> DigestInputOf(const Job& job, const std::vector<Task>& tasks);

// The plan's estimate; -1 when it is not known or there is no plan.
int64_t PlannedRows(const Task& task);

// The gravest finding of the plan's statements; kError for a plan that cannot be read.
Gravity GravestFinding(const Task& task);

// What blocks, in the words that everybody reads, for an audit record: cut, as it may name
// thousands of targets.
std::string RecordedWords(const PolicyDecision& decision);

// Sum of the plans' estimates; -1 when any is not known.
int64_t EstimatedRows(const std::vector<Task>& tasks);

// Target -> its plan's estimate, -1 when it is not known.
std::map<std::string, int64_t> RowsByTarget(const std::vector<Task>& tasks);

// The rows of the target that may be touched: the fewest that any of the approvals, which all
// count, was given for. Nothing if there is none, or none of them knew the number.
std::optional<int64_t> ApprovedRows(const std::vector<Approval>& counted,
                                    const std::string& target);

}  // namespace dbfleet::controller
