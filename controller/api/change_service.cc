#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/migration/migration_set.h"
#include "controller/api/convert.h"
#include "controller/api/job_services.h"
#include "controller/api/window_queue.h"
#include "controller/dispatch/wire.h"

namespace dbfleet::controller {
namespace {

absl::Status ReadRollout(const api::v1::Rollout& in, int targets, ChangeRequest* request) {
  if (in.canary() < 0) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_WAVES",
                 "`rollout.canary` must not be negative");
  }
  // A single target is first and all at once; with more of them somebody relies on the others.
  if (targets > 1 && in.canary() >= targets) {
    return Error(
        absl::StatusCode::kInvalidArgument, "BAD_WAVES",
        absl::StrCat("a canary of ", in.canary(), " is all of the ", targets,
                     " targets: none would wait for it; at most ", targets - 1, " can go first"));
  }
  Rollout& rollout = request->rollout;
  if (in.canary() > 0) rollout.waves.push_back(absl::StrCat(in.canary()));
  rollout.waves.insert(rollout.waves.end(), in.waves().begin(), in.waves().end());
  // A canary alone is followed by all the others.
  if (in.canary() > 0 && in.waves().empty()) rollout.waves.push_back("100%");
  if (in.has_pause_between()) rollout.pause_between = FromProto(in.pause_between());
  request->failure_budget = in.failure_budget();
  ASSIGN_OR_RETURN(rollout.on_failure, OnFailureFromApi(in.on_failure()));
  rollout.health_check = !in.has_health_check() || in.health_check();
  return absl::OkStatus();
}

absl::StatusOr<ChangeRequest> ToRequest(const api::v1::SubmitChangeRequest& in) {
  ChangeRequest request;
  request.environment = EnvironmentId(in.environment());
  if (request.environment.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "ENVIRONMENT_REQUIRED",
                 "`environment` is empty; name one: dbfleet environment list");
  }
  for (const std::string& name : in.instances()) {
    RETURN_IF_ERROR(ParseResourceName("instances", name, &request.instances.emplace_back()));
  }
  std::vector<migration::File> files;
  for (const api::v1::MigrationFile& file : in.files()) {
    files.push_back({file.path(), file.content()});
  }
  ASSIGN_OR_RETURN(const std::vector<work::v1::Migration> migrations, migration::ParseFiles(files));
  work::v1::MigrateSpec& spec = request.spec;
  for (const work::v1::Migration& migration : migrations) *spec.add_migrations() = migration;
  spec.set_database(in.database());
  spec.set_database_kind(in.database_kind());
  spec.set_account_id(in.account_id());
  spec.set_allow_out_of_order(in.allow_out_of_order());
  if (in.has_lock_timeout()) *spec.mutable_lock_timeout() = in.lock_timeout();
  if (in.has_statement_timeout()) *spec.mutable_statement_timeout() = in.statement_timeout();
  request.title = in.title();
  request.reason = in.reason();
  request.approve_destructive = in.approve_destructive();
  request.plan_only = in.plan_only();
  request.validate_only = in.validate_only();
  request.backup_gate = GateFromApi(in.backup_gate());
  request.max_parallel = in.max_parallel() == 0 ? 1 : in.max_parallel();
  RETURN_IF_ERROR(ReadRollout(in.rollout(), in.instances_size(), &request));
  if (in.has_expire_after()) request.expire_after = FromProto(in.expire_after());
  request.queue = QueueFromApi(in.queue());
  return request;
}

}  // namespace

grpc::ServerUnaryReactor* ChangeServiceImpl::SubmitChange(grpc::CallbackServerContext* context,
                                                          const api::v1::SubmitChangeRequest* in,
                                                          api::v1::Job* out) {
  return gate_.Unary<api::v1::SubmitChangeRequest, api::v1::Job>(
      "dbfleet.api.v1.ChangeService/SubmitChange", context, in, out,
      [this](const Caller& caller, const api::v1::SubmitChangeRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        ASSIGN_OR_RETURN(ChangeRequest change, ToRequest(request));
        ASSIGN_OR_RETURN(const Job job, jobs_.SubmitChange(meta, std::move(change)));
        if (job.id.empty()) {  // validate_only
          response->set_kind("migrate");
          response->set_title(job.title);
          ASSIGN_OR_RETURN(const std::vector<int> waves,
                           WaveSizes(job.rollout.waves, request.instances_size()));
          response->mutable_rollout()->set_wave_count(static_cast<int>(waves.size()));
          return absl::OkStatus();
        }
        ASSIGN_OR_RETURN(*response, views_.ById(job.id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ChangeServiceImpl::GetChange(grpc::CallbackServerContext* context,
                                                       const api::v1::GetJobRequest* in,
                                                       api::v1::Job* out) {
  return gate_.Unary<api::v1::GetJobRequest, api::v1::Job>(
      "dbfleet.api.v1.ChangeService/GetChange", context, in, out,
      [this](const Caller&, const api::v1::GetJobRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(*response, views_.ByName(request.name()));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ChangeServiceImpl::ListChanges(grpc::CallbackServerContext* context,
                                                         const api::v1::ListJobsRequest* in,
                                                         api::v1::ListJobsResponse* out) {
  return gate_.Unary<api::v1::ListJobsRequest, api::v1::ListJobsResponse>(
      "dbfleet.api.v1.ChangeService/ListChanges", context, in, out,
      [this](const Caller& caller, const api::v1::ListJobsRequest& request,
             api::v1::ListJobsResponse* response) {
        return views_.List(request, caller.where, true, response);
      });
}

grpc::ServerUnaryReactor* ChangeServiceImpl::ApproveChange(grpc::CallbackServerContext* context,
                                                           const api::v1::ApproveChangeRequest* in,
                                                           api::v1::Job* out) {
  return gate_.Unary<api::v1::ApproveChangeRequest, api::v1::Job>(
      "dbfleet.api.v1.ChangeService/ApproveChange", context, in, out,
      [this](const Caller& caller, const api::v1::ApproveChangeRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &id));
        const std::map<std::string, int64_t> seen(request.seen_rows().begin(),
                                                  request.seen_rows().end());
        RETURN_IF_ERROR(jobs_.Approve(meta, id, request.digest(), request.reason(), seen).status());
        ASSIGN_OR_RETURN(*response, views_.ById(id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ChangeServiceImpl::WithdrawApproval(
    grpc::CallbackServerContext* context, const api::v1::WithdrawApprovalRequest* in,
    api::v1::Job* out) {
  return gate_.Unary<api::v1::WithdrawApprovalRequest, api::v1::Job>(
      "dbfleet.api.v1.ChangeService/WithdrawApproval", context, in, out,
      [this](const Caller& caller, const api::v1::WithdrawApprovalRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &id));
        RETURN_IF_ERROR(jobs_.WithdrawApproval(meta, id, request.reason()).status());
        ASSIGN_OR_RETURN(*response, views_.ById(id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ChangeServiceImpl::RejectChange(grpc::CallbackServerContext* context,
                                                          const api::v1::RejectChangeRequest* in,
                                                          api::v1::Job* out) {
  return gate_.Unary<api::v1::RejectChangeRequest, api::v1::Job>(
      "dbfleet.api.v1.ChangeService/RejectChange", context, in, out,
      [this](const Caller& caller, const api::v1::RejectChangeRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &id));
        RETURN_IF_ERROR(jobs_.Reject(meta, id, request.reason()).status());
        ASSIGN_OR_RETURN(*response, views_.ById(id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ChangeServiceImpl::RollbackChange(
    grpc::CallbackServerContext* context, const api::v1::RollbackChangeRequest* in,
    api::v1::Job* out) {
  return gate_.Unary<api::v1::RollbackChangeRequest, api::v1::Job>(
      "dbfleet.api.v1.ChangeService/RollbackChange", context, in, out,
      [this](const Caller& caller, const api::v1::RollbackChangeRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        RollbackRequest rollback;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &rollback.job_id));
        rollback.reason = request.reason();
        rollback.approve_destructive = request.approve_destructive();
        rollback.backup_gate = GateFromApi(request.backup_gate());
        rollback.queue = QueueFromApi(request.queue());
        ASSIGN_OR_RETURN(const Job job, jobs_.SubmitRollback(meta, rollback));
        ASSIGN_OR_RETURN(*response, views_.ById(job.id));
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
