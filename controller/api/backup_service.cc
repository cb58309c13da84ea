#include "absl/strings/strip.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/api/convert.h"
#include "controller/api/job_services.h"
#include "controller/api/window_queue.h"

namespace dbfleet::controller {

grpc::ServerUnaryReactor* BackupServiceImpl::RunBackup(grpc::CallbackServerContext* context,
                                                       const api::v1::RunBackupRequest* in,
                                                       api::v1::Job* out) {
  return gate_.Unary<api::v1::RunBackupRequest, api::v1::Job>(
      "dbfleet.api.v1.BackupService/RunBackup", context, in, out,
      [this](const Caller& caller, const api::v1::RunBackupRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string instance;
        RETURN_IF_ERROR(ParseResourceName("instances", request.instance(), &instance));
        ASSIGN_OR_RETURN(
            const Job job,
            jobs_.SubmitBackup(
                meta, instance, {request.databases().begin(), request.databases().end()},
                !request.skip_verify(), request.reason(), QueueFromApi(request.queue())));
        ASSIGN_OR_RETURN(*response, views_.ById(job.id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* BackupServiceImpl::VerifyBackup(grpc::CallbackServerContext* context,
                                                          const api::v1::VerifyBackupRequest* in,
                                                          api::v1::Job* out) {
  return gate_.Unary<api::v1::VerifyBackupRequest, api::v1::Job>(
      "dbfleet.api.v1.BackupService/VerifyBackup", context, in, out,
      [this](const Caller& caller, const api::v1::VerifyBackupRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string backup;
        RETURN_IF_ERROR(ParseResourceName("backups", request.name(), &backup));
        ASSIGN_OR_RETURN(const Job job,
                         jobs_.SubmitVerify(meta, backup, QueueFromApi(request.queue())));
        ASSIGN_OR_RETURN(*response, views_.ById(job.id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* BackupServiceImpl::GetBackup(grpc::CallbackServerContext* context,
                                                       const api::v1::GetBackupRequest* in,
                                                       api::v1::Backup* out) {
  return gate_.Unary<api::v1::GetBackupRequest, api::v1::Backup>(
      "dbfleet.api.v1.BackupService/GetBackup", context, in, out,
      [this](const Caller&, const api::v1::GetBackupRequest& request,
             api::v1::Backup* response) -> absl::Status {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("backups", request.name(), &id));
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(const Backup backup, tx.GetBackup(id));
          *response = ToApi(backup);
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* BackupServiceImpl::ListBackups(grpc::CallbackServerContext* context,
                                                         const api::v1::ListBackupsRequest* in,
                                                         api::v1::ListBackupsResponse* out) {
  return gate_.Unary<api::v1::ListBackupsRequest, api::v1::ListBackupsResponse>(
      "dbfleet.api.v1.BackupService/ListBackups", context, in, out,
      [this](const Caller& caller, const api::v1::ListBackupsRequest& request,
             api::v1::ListBackupsResponse* response) -> absl::Status {
        const std::string environment = EnvironmentId(request.environment());
        BackupFilter filter;
        filter.environment = ListedOf(caller, environment);
        filter.instance_id = std::string(absl::StripPrefix(request.instance(), "instances/"));
        return store_.Read([&](ReadTx& tx) -> absl::Status {
          RETURN_IF_ERROR(CheckEnvironmentFilter(tx, environment));
          if (!filter.instance_id.empty()) {
            RETURN_IF_ERROR(tx.GetInstance(filter.instance_id).status());
          }
          ASSIGN_OR_RETURN(const Page<Backup> page,
                           tx.ListBackups(filter, {request.page_size(), request.page_token()}));
          for (const Backup& backup : page.items) *response->add_backups() = ToApi(backup);
          response->set_next_page_token(page.next_token);
          return absl::OkStatus();
        });
      });
}

}  // namespace dbfleet::controller
