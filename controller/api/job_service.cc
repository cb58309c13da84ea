#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/api/convert.h"
#include "controller/api/job_log_stream.h"
#include "controller/api/job_services.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

bool IsOver(const api::v1::Job& job) { return job.state() >= api::v1::Job::STATE_SUCCEEDED; }

// The job as it is, then again after each change. Several changes between two reads are one
// message: a watcher wants the state, not the history.
class JobWatch : public rpc::StreamProducer<api::v1::Job> {
 public:
  JobWatch(JobViews& views, JobHub& hub, std::string job_id, rpc::Wake wake)
      : views_(views),
        job_id_(std::move(job_id)),
        subscription_(hub.Subscribe(job_id_, [wake](const JobChanges&) { wake(); })) {}

  absl::StatusOr<Next> Produce(api::v1::Job* job) override {
    if (over_) return Next::kDone;
    ASSIGN_OR_RETURN(*job, views_.ById(job_id_));
    const std::string seen = job->SerializeAsString();
    if (seen == last_) return Next::kWait;
    last_ = seen;
    over_ = IsOver(*job);
    return Next::kMessage;
  }

 private:
  JobViews& views_;
  const std::string job_id_;
  std::string last_;
  bool over_ = false;
  const std::unique_ptr<JobHub::Subscription> subscription_;
};

// "jobs/J" or "jobs/J/tasks/T".
absl::Status ParseTaskName(const std::string& name, std::string* job_id, std::string* task_id) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  if (parts.size() == 4 && parts[2] == "tasks" && !parts[3].empty()) {
    *task_id = parts[3];
    return ParseResourceName("jobs", absl::StrCat(parts[0], "/", parts[1]), job_id);
  }
  return ParseResourceName("jobs", name, job_id);
}

}  // namespace

grpc::ServerUnaryReactor* JobServiceImpl::GetJob(grpc::CallbackServerContext* context,
                                                 const api::v1::GetJobRequest* in,
                                                 api::v1::Job* out) {
  return gate_.Unary<api::v1::GetJobRequest, api::v1::Job>(
      "dbfleet.api.v1.JobService/GetJob", context, in, out,
      [this](const Caller&, const api::v1::GetJobRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(*response, views_.ByName(request.name()));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* JobServiceImpl::ListJobs(grpc::CallbackServerContext* context,
                                                   const api::v1::ListJobsRequest* in,
                                                   api::v1::ListJobsResponse* out) {
  return gate_.Unary<api::v1::ListJobsRequest, api::v1::ListJobsResponse>(
      "dbfleet.api.v1.JobService/ListJobs", context, in, out,
      [this](const Caller& caller, const api::v1::ListJobsRequest& request,
             api::v1::ListJobsResponse* response) {
        return views_.List(request, caller.where, false, response);
      });
}

grpc::ServerWriteReactor<api::v1::Job>* JobServiceImpl::WatchJob(
    grpc::CallbackServerContext* context, const api::v1::WatchJobRequest* in) {
  return gate_.Stream<api::v1::Job>(
      "dbfleet.api.v1.JobService/WatchJob", context, in,
      [this, in](const Caller&, const rpc::Wake& wake)
          -> absl::StatusOr<std::unique_ptr<rpc::StreamProducer<api::v1::Job>>> {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", in->name(), &id));
        RETURN_IF_ERROR(views_.ById(id).status());
        return std::make_unique<JobWatch>(views_, hub_, id, wake);
      });
}

grpc::ServerWriteReactor<api::v1::JobLogLine>* JobServiceImpl::ReadJobLog(
    grpc::CallbackServerContext* context, const api::v1::ReadJobLogRequest* in) {
  return gate_.Stream<api::v1::JobLogLine>(
      "dbfleet.api.v1.JobService/ReadJobLog", context, in,
      [this, in](const Caller&, const rpc::Wake& wake)
          -> absl::StatusOr<std::unique_ptr<rpc::StreamProducer<api::v1::JobLogLine>>> {
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", in->name(), &id));
        RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) { return tx.GetJob(id).status(); }));
        return MakeJobLogStream(store_, logs_, hub_, id, in->follow(), wake);
      });
}

grpc::ServerUnaryReactor* JobServiceImpl::CancelJob(grpc::CallbackServerContext* context,
                                                    const api::v1::CancelJobRequest* in,
                                                    api::v1::Job* out) {
  return gate_.Unary<api::v1::CancelJobRequest, api::v1::Job>(
      "dbfleet.api.v1.JobService/CancelJob", context, in, out,
      [this](const Caller& caller, const api::v1::CancelJobRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &id));
        RETURN_IF_ERROR(jobs_.Cancel(meta, id, request.reason()).status());
        ASSIGN_OR_RETURN(*response, views_.ById(id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* JobServiceImpl::PauseJob(grpc::CallbackServerContext* context,
                                                   const api::v1::PauseJobRequest* in,
                                                   api::v1::Job* out) {
  return gate_.Unary<api::v1::PauseJobRequest, api::v1::Job>(
      "dbfleet.api.v1.JobService/PauseJob", context, in, out,
      [this](const Caller& caller, const api::v1::PauseJobRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &id));
        RETURN_IF_ERROR(jobs_.Pause(meta, id, request.reason()).status());
        ASSIGN_OR_RETURN(*response, views_.ById(id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* JobServiceImpl::ResumeJob(grpc::CallbackServerContext* context,
                                                    const api::v1::ResumeJobRequest* in,
                                                    api::v1::Job* out) {
  return gate_.Unary<api::v1::ResumeJobRequest, api::v1::Job>(
      "dbfleet.api.v1.JobService/ResumeJob", context, in, out,
      [this](const Caller& caller, const api::v1::ResumeJobRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &id));
        RETURN_IF_ERROR(jobs_.Resume(meta, id).status());
        ASSIGN_OR_RETURN(*response, views_.ById(id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* JobServiceImpl::ResolveTask(grpc::CallbackServerContext* context,
                                                      const api::v1::ResolveTaskRequest* in,
                                                      api::v1::Job* out) {
  return gate_.Unary<api::v1::ResolveTaskRequest, api::v1::Job>(
      "dbfleet.api.v1.JobService/ResolveTask", context, in, out,
      [this](const Caller& caller, const api::v1::ResolveTaskRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string job_id;
        std::string task_id;
        RETURN_IF_ERROR(ParseTaskName(request.name(), &job_id, &task_id));
        if (request.resolution() != api::v1::ResolveTaskRequest::RESOLUTION_APPLIED &&
            request.resolution() != api::v1::ResolveTaskRequest::RESOLUTION_NOT_APPLIED) {
          return Error(absl::StatusCode::kInvalidArgument, "RESOLUTION_REQUIRED",
                       "say whether the work was applied or not (--as applied|not-applied)");
        }
        const Resolution resolution =
            request.resolution() == api::v1::ResolveTaskRequest::RESOLUTION_APPLIED
                ? Resolution::kApplied
                : Resolution::kNotApplied;
        RETURN_IF_ERROR(
            jobs_.Resolve(meta, job_id, task_id, resolution, request.reason()).status());
        ASSIGN_OR_RETURN(*response, views_.ById(job_id));
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
