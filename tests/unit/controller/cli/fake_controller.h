#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/server_context.h"

#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "common/rpc/status.h"
#include "dbfleet/api/v1/audit_service.grpc.pb.h"
#include "dbfleet/api/v1/backup_service.grpc.pb.h"
#include "dbfleet/api/v1/change_service.grpc.pb.h"
#include "dbfleet/api/v1/environment_service.grpc.pb.h"
#include "dbfleet/api/v1/event_rule_service.grpc.pb.h"
#include "dbfleet/api/v1/instance_service.grpc.pb.h"
#include "dbfleet/api/v1/job_service.grpc.pb.h"
#include "dbfleet/api/v1/meta_service.grpc.pb.h"
#include "dbfleet/api/v1/proposal_service.grpc.pb.h"
#include "dbfleet/api/v1/resource_service.grpc.pb.h"
#include "dbfleet/api/v1/schedule_service.grpc.pb.h"
#include "dbfleet/api/v1/user_service.grpc.pb.h"

namespace dbfleet::cli {

using api::v1::Job;

inline constexpr char kToken[] = "dbft_CANARY";
inline constexpr char kDigest[] =
    "abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789";

// Answers like a controller with one job. Everything is set up before the first call.
class FakeController : public api::v1::JobService::Service,
                       public api::v1::ChangeService::Service,
                       public api::v1::InstanceService::Service,
                       public api::v1::UserService::Service,
                       public api::v1::BackupService::Service,
                       public api::v1::AuditService::Service,
                       public api::v1::ResourceService::Service,
                       public api::v1::ScheduleService::Service,
                       public api::v1::ProposalService::Service,
                       public api::v1::EventRuleService::Service,
                       public api::v1::EnvironmentService::Service,
                       public api::v1::MetaService::Service {
 public:
  using Context = grpc::ServerContext;

  Job job;
  std::vector<Job::State> watch_states;  // What WatchJob sends, one after the other.
  bool hang_after_watch = false;
  int unavailable_times = 0;
  grpc::StatusCode unavailable_code = grpc::StatusCode::UNAVAILABLE;
  absl::Status next_error;
  std::vector<std::string> request_ids;
  api::v1::SubmitChangeRequest submitted;
  api::v1::ApproveChangeRequest approved;
  api::v1::ResolveTaskRequest resolved;
  std::vector<api::v1::Instance> instances;
  std::vector<api::v1::AuditRecord> records;
  std::vector<std::string> job_names;  // What ListJobs and ListChanges list, newest first.
  std::vector<std::string> backup_names;
  std::vector<api::v1::JobLogLine> log;
  int lists = 0;
  std::string asked_actor;
  api::v1::RunBackupRequest backed_up;
  std::optional<absl::Time> time;  // That it tells; none: it is of a version that does not.
  api::v1::ApplyResourcesRequest applied;
  absl::Status apply_error;
  std::vector<std::string> apply_warnings;               // Of each change.
  resource::v1::Proposal apply_proposal;                 // With a name: what applying becomes.
  std::optional<resource::v1::Proposal> later_proposal;  // What has become of it when asked.
  std::string approved_digest;                           // Of a proposal.
  std::vector<api::v1::Schedule> schedules;
  std::vector<api::v1::Environment> environments;
  api::v1::ResourceChange::Action change_action = api::v1::ResourceChange::ACTION_CREATED;
  std::vector<api::v1::Resource> resources;
  api::v1::DeleteResourceRequest deleted;
  std::vector<std::string> queued_jobs;  // For what is deleted.
  api::v1::ListWindowQueueResponse queue;
  api::v1::ListAuditRecordsRequest asked_records;
  std::vector<api::v1::TestEventRuleRequest> tested_rules;
  std::string refused_rule;  // In its manifest.
  api::v1::ListWindowOccurrencesRequest asked_occurrences;
  api::v1::ListWindowOccurrencesResponse occurrences;

  grpc::Status Enter(Context* context, const std::string& request_id = "") {
    auto it = context->client_metadata().find("authorization");
    const std::string wanted = absl::StrCat("Bearer ", kToken);
    if (it == context->client_metadata().end() ||
        std::string(it->second.data(), it->second.size()) != wanted) {
      return rpc::ToGrpc(Error(absl::StatusCode::kUnauthenticated, "NO_TOKEN", "who are you?"));
    }
    if (!request_id.empty()) request_ids.push_back(request_id);
    if (unavailable_times > 0) {
      --unavailable_times;
      return grpc::Status(unavailable_code, "restarting");
    }
    return rpc::ToGrpc(next_error);
  }

  grpc::Status GetVersion(Context*, const api::v1::GetVersionRequest*,
                          api::v1::Version* out) override {
    if (time.has_value()) *out->mutable_time() = ToProto(*time);
    return grpc::Status::OK;
  }
  grpc::Status ApplyResources(Context* context, const api::v1::ApplyResourcesRequest* in,
                              api::v1::ApplyResourcesResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    applied = *in;
    if (!apply_error.ok()) return rpc::ToGrpc(apply_error);
    if (!apply_proposal.name().empty()) *out->mutable_proposal() = apply_proposal;
    for (const api::v1::Manifest& manifest : in->manifests()) {
      auto* change = out->add_changes();
      change->set_action(change_action);
      change->mutable_resource()->set_name("maintenancewindows/" + manifest.path());
      change->add_diff("+spec: new");
      for (const std::string& warning : apply_warnings) change->add_warnings(warning);
    }
    return grpc::Status::OK;
  }
  grpc::Status GetResource(Context* context, const api::v1::GetResourceRequest* in,
                           api::v1::Resource* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    for (const api::v1::Resource& resource : resources) {
      if (resource.name() != in->name()) continue;
      *out = resource;
      return grpc::Status::OK;
    }
    return rpc::ToGrpc(Error(absl::StatusCode::kNotFound, "RESOURCE_NOT_FOUND", "there is none"));
  }
  grpc::Status ListResources(Context* context, const api::v1::ListResourcesRequest* in,
                             api::v1::ListResourcesResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    for (const api::v1::Resource& resource : resources) *out->add_resources() = resource;
    return grpc::Status::OK;
  }
  grpc::Status DeleteResource(Context* context, const api::v1::DeleteResourceRequest* in,
                              api::v1::Resource* out) override {
    if (auto status = Enter(context, in->request_id()); !status.ok()) return status;
    deleted = *in;
    out->set_name(in->name());
    if (!apply_proposal.name().empty()) *out->mutable_proposal() = apply_proposal;
    for (const std::string& name : queued_jobs) out->add_queued_jobs(name);
    return grpc::Status::OK;
  }
  grpc::Status ListWindowQueue(Context* context, const api::v1::ListWindowQueueRequest*,
                               api::v1::ListWindowQueueResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    *out = queue;
    return grpc::Status::OK;
  }
  grpc::Status ListWindowOccurrences(Context* context,
                                     const api::v1::ListWindowOccurrencesRequest* in,
                                     api::v1::ListWindowOccurrencesResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    asked_occurrences = *in;
    *out = occurrences;
    return grpc::Status::OK;
  }

  grpc::Status TestEventRule(Context* context, const api::v1::TestEventRuleRequest* in,
                             api::v1::TestEventRuleResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    tested_rules.push_back(*in);
    if (!refused_rule.empty() && in->manifest().find(refused_rule) != std::string::npos) {
      return rpc::ToGrpc(
          Error(absl::StatusCode::kInvalidArgument, "BAD_MANIFEST", "it is no such rule"));
    }
    out->set_events(static_cast<int64_t>(tested_rules.size()));
    return grpc::Status::OK;
  }

  grpc::Status GetProposal(Context* context, const api::v1::GetProposalRequest*,
                           resource::v1::Proposal* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    *out = later_proposal.value_or(apply_proposal);
    return grpc::Status::OK;
  }
  grpc::Status ListProposals(Context* context, const api::v1::ListProposalsRequest*,
                             api::v1::ListProposalsResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    *out->add_proposals() = apply_proposal;
    return grpc::Status::OK;
  }
  grpc::Status ApproveProposal(Context* context, const api::v1::ApproveProposalRequest* in,
                               resource::v1::Proposal* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    approved_digest = in->digest();
    *out = apply_proposal;
    out->set_state(resource::v1::Proposal::STATE_APPLIED);
    return grpc::Status::OK;
  }

  grpc::Status ListSchedules(Context* context, const api::v1::ListSchedulesRequest*,
                             api::v1::ListSchedulesResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    for (const api::v1::Schedule& schedule : schedules) *out->add_schedules() = schedule;
    return grpc::Status::OK;
  }
  grpc::Status ListEnvironments(Context* context, const api::v1::ListEnvironmentsRequest*,
                                api::v1::ListEnvironmentsResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    for (const auto& environment : environments) *out->add_environments() = environment;
    return grpc::Status::OK;
  }

  grpc::Status GetJob(Context* context, const api::v1::GetJobRequest* in, Job* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    if (in->name() != job.name()) {
      return rpc::ToGrpc(Error(absl::StatusCode::kNotFound, "JOB_NOT_FOUND", "no such job"));
    }
    *out = job;
    return grpc::Status::OK;
  }
  size_t page_rows = 2;  // Whatever is asked for.
  template <typename Response, typename Add>
  grpc::Status Page(const std::vector<std::string>& names, const std::string& token, Add add,
                    Response* out) {
    ++lists;
    const size_t from = token.empty() ? 0 : std::stoul(token);
    const size_t to = std::min(from + page_rows, names.size());
    for (size_t i = from; i < to; ++i) (out->*add)()->set_name(names[i]);
    if (to < names.size()) out->set_next_page_token(absl::StrCat(to));
    return grpc::Status::OK;
  }
  grpc::Status ListJobs(Context* context, const api::v1::ListJobsRequest* in,
                        api::v1::ListJobsResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    return Page(job_names, in->page_token(), &api::v1::ListJobsResponse::add_jobs, out);
  }
  grpc::Status ListChanges(Context* context, const api::v1::ListJobsRequest* in,
                           api::v1::ListJobsResponse* out) override {
    return ListJobs(context, in, out);
  }
  grpc::Status ListBackups(Context* context, const api::v1::ListBackupsRequest* in,
                           api::v1::ListBackupsResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    return Page(backup_names, in->page_token(), &api::v1::ListBackupsResponse::add_backups, out);
  }
  grpc::Status GetBackup(Context* context, const api::v1::GetBackupRequest* in,
                         api::v1::Backup* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    out->set_name(in->name());
    return grpc::Status::OK;
  }
  grpc::Status RunBackup(Context* context, const api::v1::RunBackupRequest* in, Job* out) override {
    if (auto status = Enter(context, in->request_id()); !status.ok()) return status;
    backed_up = *in;
    *out = job;
    return grpc::Status::OK;
  }
  grpc::Status ReadJobLog(Context* context, const api::v1::ReadJobLogRequest*,
                          grpc::ServerWriter<api::v1::JobLogLine>* writer) override {
    if (auto status = Enter(context); !status.ok()) return status;
    for (const auto& line : log) writer->Write(line);
    return grpc::Status::OK;
  }
  grpc::Status GetInstance(Context* context, const api::v1::GetInstanceRequest* in,
                           api::v1::Instance* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    for (const auto& instance : instances) {
      if (instance.name() != in->name()) continue;
      *out = instance;
      return grpc::Status::OK;
    }
    return rpc::ToGrpc(Error(absl::StatusCode::kNotFound, "INSTANCE_NOT_FOUND", "no instance"));
  }
  grpc::Status DisableUser(Context* context, const api::v1::DisableUserRequest* in,
                           api::v1::User* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    out->set_name(in->name());
    out->set_disabled(true);
    for (const std::string& warning : apply_warnings) out->add_warnings(warning);
    return grpc::Status::OK;
  }
  grpc::Status EnableUser(Context* context, const api::v1::EnableUserRequest* in,
                          api::v1::User* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    out->set_name(in->name());
    return grpc::Status::OK;
  }
  grpc::Status GetUser(Context* context, const api::v1::GetUserRequest* in,
                       api::v1::User* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    if (in->name() != "users/ada") {
      return rpc::ToGrpc(Error(absl::StatusCode::kNotFound, "NOT_FOUND", "no such user"));
    }
    out->set_name(in->name());
    return grpc::Status::OK;
  }
  grpc::Status ListAuditRecords(Context* context, const api::v1::ListAuditRecordsRequest* in,
                                api::v1::ListAuditRecordsResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    asked_actor = in->actor();
    asked_records = *in;
    for (const auto& record : records) {
      if (in->actor().empty() || in->actor() == record.actor()) *out->add_records() = record;
    }
    return grpc::Status::OK;
  }
  grpc::Status WatchJob(Context* context, const api::v1::WatchJobRequest*,
                        grpc::ServerWriter<Job>* writer) override {
    if (auto status = Enter(context); !status.ok()) return status;
    for (const Job::State state : watch_states) {
      job.set_state(state);
      writer->Write(job);
    }
    while (hang_after_watch && !context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::OK;
  }
  grpc::Status ResolveTask(Context* context, const api::v1::ResolveTaskRequest* in,
                           Job* out) override {
    if (auto status = Enter(context, in->request_id()); !status.ok()) return status;
    resolved = *in;
    *out = job;
    return grpc::Status::OK;
  }
  grpc::Status SubmitChange(Context* context, const api::v1::SubmitChangeRequest* in,
                            Job* out) override {
    if (auto status = Enter(context, in->request_id()); !status.ok()) return status;
    submitted = *in;
    *out = job;
    return grpc::Status::OK;
  }
  grpc::Status GetChange(Context* context, const api::v1::GetJobRequest* in, Job* out) override {
    return GetJob(context, in, out);
  }
  grpc::Status ApproveChange(Context* context, const api::v1::ApproveChangeRequest* in,
                             Job* out) override {
    if (auto status = Enter(context, in->request_id()); !status.ok()) return status;
    approved = *in;
    *out = job;
    return grpc::Status::OK;
  }
  grpc::Status ListInstances(Context* context, const api::v1::ListInstancesRequest* in,
                             api::v1::ListInstancesResponse* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    // Pages of two, so that the client has to go on.
    const size_t from = in->page_token().empty() ? 0 : std::stoul(in->page_token());
    const size_t to = std::min(from + 2, instances.size());
    for (size_t i = from; i < to; ++i) *out->add_instances() = instances[i];
    if (to < instances.size()) out->set_next_page_token(absl::StrCat(to));
    return grpc::Status::OK;
  }
  grpc::Status WhoAmI(Context* context, const api::v1::WhoAmIRequest*,
                      api::v1::User* out) override {
    if (auto status = Enter(context); !status.ok()) return status;
    out->set_name("users/ada");
    out->add_roles(api::v1::ROLE_OPERATOR);
    return grpc::Status::OK;
  }
  grpc::Status CreateToken(Context* context, const api::v1::CreateTokenRequest* in,
                           api::v1::CreateTokenResponse* out) override {
    if (auto status = Enter(context, in->request_id()); !status.ok()) return status;
    out->mutable_token()->set_name(in->user() + "/tokens/T1");
    out->set_secret("dbft_FRESH");
    for (const std::string& warning : apply_warnings) out->add_warnings(warning);
    return grpc::Status::OK;
  }
  grpc::Status ExportAudit(Context* context, const api::v1::ExportAuditRequest*,
                           grpc::ServerWriter<api::v1::AuditRecord>* writer) override {
    if (auto status = Enter(context); !status.ok()) return status;
    for (const auto& record : records) writer->Write(record);
    return rpc::ToGrpc(next_error);
  }
};

}  // namespace dbfleet::cli
