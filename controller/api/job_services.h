#pragma once

#include "common/time/clock.h"
#include "controller/api/gate.h"
#include "controller/api/job_views.h"
#include "controller/dispatch/dispatcher.h"
#include "controller/jobs/job_hub.h"
#include "controller/jobs/job_manager.h"
#include "controller/logs/log_store.h"
#include "controller/store/store.h"
#include "dbfleet/api/v1/backup_service.grpc.pb.h"
#include "dbfleet/api/v1/change_service.grpc.pb.h"
#include "dbfleet/api/v1/job_service.grpc.pb.h"

// Thin handlers: they parse names, call the managers, and show the result. Thread-safe; nothing
// owned.
namespace dbfleet::controller {

class JobServiceImpl : public api::v1::JobService::CallbackService {
 public:
  JobServiceImpl(const Gate& gate, JobViews& views, JobManager& jobs, JobHub& hub, LogStore& logs,
                 Store& store)
      : gate_(gate), views_(views), jobs_(jobs), hub_(hub), logs_(logs), store_(store) {}

  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext*, const api::v1::GetJobRequest*,
                                   api::v1::Job*) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext*, const api::v1::ListJobsRequest*,
                                     api::v1::ListJobsResponse*) override;
  grpc::ServerWriteReactor<api::v1::Job>* WatchJob(grpc::CallbackServerContext*,
                                                   const api::v1::WatchJobRequest*) override;
  grpc::ServerWriteReactor<api::v1::JobLogLine>* ReadJobLog(
      grpc::CallbackServerContext*, const api::v1::ReadJobLogRequest*) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext*,
                                      const api::v1::CancelJobRequest*, api::v1::Job*) override;
  grpc::ServerUnaryReactor* PauseJob(grpc::CallbackServerContext*, const api::v1::PauseJobRequest*,
                                     api::v1::Job*) override;
  grpc::ServerUnaryReactor* ResumeJob(grpc::CallbackServerContext*,
                                      const api::v1::ResumeJobRequest*, api::v1::Job*) override;
  grpc::ServerUnaryReactor* ResolveTask(grpc::CallbackServerContext*,
                                        const api::v1::ResolveTaskRequest*, api::v1::Job*) override;
  // window_queue.cc.
  grpc::ServerUnaryReactor* ReprioritizeJob(grpc::CallbackServerContext*,
                                            const api::v1::ReprioritizeJobRequest*,
                                            api::v1::Job*) override;
  grpc::ServerUnaryReactor* ListWindowQueue(grpc::CallbackServerContext*,
                                            const api::v1::ListWindowQueueRequest*,
                                            api::v1::ListWindowQueueResponse*) override;

 private:
  const Gate& gate_;
  JobViews& views_;
  JobManager& jobs_;
  JobHub& hub_;
  LogStore& logs_;
  Store& store_;
};

class ChangeServiceImpl : public api::v1::ChangeService::CallbackService {
 public:
  ChangeServiceImpl(const Gate& gate, JobViews& views, JobManager& jobs)
      : gate_(gate), views_(views), jobs_(jobs) {}

  grpc::ServerUnaryReactor* SubmitChange(grpc::CallbackServerContext*,
                                         const api::v1::SubmitChangeRequest*,
                                         api::v1::Job*) override;
  grpc::ServerUnaryReactor* GetChange(grpc::CallbackServerContext*, const api::v1::GetJobRequest*,
                                      api::v1::Job*) override;
  grpc::ServerUnaryReactor* ListChanges(grpc::CallbackServerContext*,
                                        const api::v1::ListJobsRequest*,
                                        api::v1::ListJobsResponse*) override;
  grpc::ServerUnaryReactor* ApproveChange(grpc::CallbackServerContext*,
                                          const api::v1::ApproveChangeRequest*,
                                          api::v1::Job*) override;
  grpc::ServerUnaryReactor* WithdrawApproval(grpc::CallbackServerContext*,
                                             const api::v1::WithdrawApprovalRequest*,
                                             api::v1::Job*) override;
  grpc::ServerUnaryReactor* RejectChange(grpc::CallbackServerContext*,
                                         const api::v1::RejectChangeRequest*,
                                         api::v1::Job*) override;
  grpc::ServerUnaryReactor* RollbackChange(grpc::CallbackServerContext*,
                                           const api::v1::RollbackChangeRequest*,
                                           api::v1::Job*) override;

 private:
  const Gate& gate_;
  JobViews& views_;
  JobManager& jobs_;
};

class BackupServiceImpl : public api::v1::BackupService::CallbackService {
 public:
  BackupServiceImpl(const Gate& gate, JobViews& views, JobManager& jobs, Store& store)
      : gate_(gate), views_(views), jobs_(jobs), store_(store) {}

  grpc::ServerUnaryReactor* RunBackup(grpc::CallbackServerContext*,
                                      const api::v1::RunBackupRequest*, api::v1::Job*) override;
  grpc::ServerUnaryReactor* VerifyBackup(grpc::CallbackServerContext*,
                                         const api::v1::VerifyBackupRequest*,
                                         api::v1::Job*) override;
  grpc::ServerUnaryReactor* GetBackup(grpc::CallbackServerContext*,
                                      const api::v1::GetBackupRequest*, api::v1::Backup*) override;
  grpc::ServerUnaryReactor* ListBackups(grpc::CallbackServerContext*,
                                        const api::v1::ListBackupsRequest*,
                                        api::v1::ListBackupsResponse*) override;

 private:
  const Gate& gate_;
  JobViews& views_;
  JobManager& jobs_;
  Store& store_;
};

}  // namespace dbfleet::controller
