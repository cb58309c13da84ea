#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

#include "common/plan/digest.h"
#include "controller/domain/types.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Lifts what policy needs out of the tasks' plans into the job: safety, schema change, rollback
// plan, estimates, and the digest that approvals bind to. A plan with statements is destructive
// whatever the agent calls them. Tasks' target digests are recomputed from the plans as stored.
absl::Status LiftPlans(ReadTx& tx, Job* job, std::vector<Task>* tasks);

// The digest of a planned job, under the policy that `job.policy_digest` names.
absl::StatusOr<std::string> ComputeJobDigest(const Job& job, const std::vector<Task>& tasks);

// What the digest covers, for the agent to compute it itself.
absl::StatusOr<JobDigestInput> DigestInputOf(const Job& job, const std::vector<Task>& tasks);

// Sum of the plans' estimates; -1 when any is not known.
int64_t EstimatedRows(const std::vector<Task>& tasks);

// The rows of `task`, one of the job's `all`, that the approvers saw; nothing if the job was not
// approved or an estimate is not known. Of several targets the sum alone was recorded, so the
// task's part of it is its present plan's.
std::optional<int64_t> ApprovedRows(const Job& job, const Task& task, const std::vector<Task>& all);

}  // namespace dbfleet::controller
