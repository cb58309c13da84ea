#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "controller/domain/types.h"
#include "controller/identity/role_book.h"
#include "controller/jobs/job_manager.h"
#include "controller/policy/policy.h"
#include "controller/store/store.h"
#include "dbfleet/api/v1/agent_service.pb.h"
#include "dbfleet/api/v1/audit_service.pb.h"
#include "dbfleet/api/v1/backup_service.pb.h"
#include "dbfleet/api/v1/environment_service.pb.h"
#include "dbfleet/api/v1/instance_service.pb.h"
#include "dbfleet/api/v1/job_service.pb.h"
#include "dbfleet/api/v1/user_service.pb.h"

// From the controller's values to the operator API's resources, and back where requests need it.
namespace dbfleet::controller {

namespace api_v1 = ::dbfleet::api::v1;

// The etag of a stored version.
std::string EtagOf(uint64_t version);

api_v1::Environment ToApi(const Environment& environment);
api_v1::Backup ToApi(const Backup& backup);
// With the roles that the book gives as well.
api_v1::User ToApi(const User& user, const RoleBook& book);
api_v1::Token ToApi(const ApiToken& token);
api_v1::AuditRecord ToApi(const AuditRow& row);
// Without what is known only while the agent is connected.
api_v1::Agent ToApi(const Agent& agent, bool connected);
// Without health.
api_v1::Instance ToApi(const Instance& instance);

// The job without its tasks, for listings.
absl::StatusOr<api_v1::Job> ToApi(const Job& job, absl::Time now);
// Adds tasks with plans, results, steps and attempts. File contents are never part of it.
absl::Status AddTasks(const JobPicture& picture, api_v1::Job* out);
// The tasks' names, states and targets alone, for listings.
absl::Status AddTargets(ReadTx& tx, const Job& job, api_v1::Job* out);
api_v1::Blocker ToApi(const PolicyBlocker& blocker);
void AddBlockers(const std::vector<PolicyBlocker>& blockers, api_v1::Job* out);

absl::StatusOr<std::vector<Role>> RolesFromApi(const google::protobuf::RepeatedField<int>& roles);
// INVALID_ARGUMENT (UNKNOWN_ON_FAILURE).
absl::StatusOr<OnFailure> OnFailureFromApi(api_v1::Rollout::OnFailure on_failure);
// The verbs of the roles are added to those of the scope. INVALID_ARGUMENT (BAD_VERB).
absl::StatusOr<TokenScope> ScopeFromApi(const api_v1::TokenScope& scope,
                                        const google::protobuf::RepeatedField<int>& roles);
BackupGate GateFromApi(api_v1::BackupGate gate);
absl::StatusOr<JobState> StateFromApi(api_v1::Job::State state);

}  // namespace dbfleet::controller
