#include "controller/api/window_queue.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"
#include "controller/api/convert.h"
#include "controller/api/job_services.h"
#include "controller/domain/names.h"
#include "controller/jobs/no_such_window.h"

namespace dbfleet::controller {
namespace {

constexpr char kCollection[] = "maintenancewindows/";

api::v1::QueuedJob ToApi(const QueuePicture::Row& row, int place) {
  api::v1::QueuedJob out;
  out.set_place(place);
  out.set_job(absl::StrCat("jobs/", row.job.id));
  out.set_kind(std::string(NameOf(row.job.kind)));
  out.set_environment(row.job.environment);
  out.set_title(row.job.title);
  out.set_requester(row.job.requester);
  *out.mutable_queue() = ToApi(row.job.queue);
  out.set_state(row.state == QueueEntry::State::kRuns    ? api::v1::QueuedJob::STATE_RUNS
                : row.state == QueueEntry::State::kReady ? api::v1::QueuedJob::STATE_READY
                                                         : api::v1::QueuedJob::STATE_WAITS);
  out.set_window_gone(row.window_gone);
  for (const std::string& rule : row.waits_for) out.add_waits_for(rule);
  for (const PolicyBlocker& blocker : row.blockers) *out.add_blockers() = ToApi(blocker);
  if (row.expected.begin != absl::InfiniteFuture()) {
    *out.mutable_expected_begin() = ToProto(row.expected.begin);
    *out.mutable_occurrence_begin() = ToProto(row.expected.occurrence.begin);
    *out.mutable_occurrence_end() = ToProto(row.expected.occurrence.end);
  }
  return out;
}

// A window of environments that the caller does not see, and nothing in its queue that they do.
bool IsHidden(const QueuePicture& picture, const api::v1::ListWindowQueueResponse& response,
              const EnvironmentFilter& visible) {
  if (picture.window.empty() || response.jobs_size() > 0 || visible.all()) return false;
  if (!picture.declared.has_value()) return true;
  const std::vector<std::string>& environments = picture.declared->environments;
  return !environments.empty() &&
         std::none_of(environments.begin(), environments.end(),
                      [&](const std::string& name) { return visible.Has(name); });
}

}  // namespace

QueueAsk QueueFromApi(const api::v1::QueuePlace& place) {
  QueueAsk ask;
  ask.window = place.window();
  if (place.has_priority()) ask.priority = place.priority();
  if (place.has_estimate()) ask.estimate = FromProto(place.estimate());
  return ask;
}

api::v1::QueuePlace ToApi(const QueuePlace& place) {
  api::v1::QueuePlace out;
  out.set_window(kCollection + place.window);
  out.set_priority(place.priority);
  *out.mutable_estimate() = ToProto(place.estimate);
  out.set_estimate_source(std::string(NameOf(place.source)));
  out.set_estimate_runs(place.runs);
  return out;
}

api::v1::ListWindowQueueResponse ToApi(const QueuePicture& picture,
                                       const EnvironmentFilter& visible) {
  api::v1::ListWindowQueueResponse out;
  if (!picture.window.empty()) out.set_window(kCollection + picture.window);
  out.set_time_zone("UTC");
  if (picture.declared.has_value()) {
    if (picture.declared->window.effect == WindowEffect::kAllow) {
      out.set_parallel(picture.declared->parallel);
    }
    if (!picture.declared->time_zone.empty()) out.set_time_zone(picture.declared->time_zone);
  }
  int place = 0;
  std::string window;
  for (const QueuePicture::Row& row : picture.rows) {
    place = row.job.queue.window == window ? place + 1 : 1;
    window = row.job.queue.window;
    if (visible.Has(row.job.environment)) *out.add_jobs() = ToApi(row, place);
  }
  return out;
}

grpc::ServerUnaryReactor* JobServiceImpl::ReprioritizeJob(grpc::CallbackServerContext* context,
                                                          const api::v1::ReprioritizeJobRequest* in,
                                                          api::v1::Job* out) {
  return gate_.Unary<api::v1::ReprioritizeJobRequest, api::v1::Job>(
      "dbfleet.api.v1.JobService/ReprioritizeJob", context, in, out,
      [this](const Caller& caller, const api::v1::ReprioritizeJobRequest& request,
             api::v1::Job* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string id;
        RETURN_IF_ERROR(ParseResourceName("jobs", request.name(), &id));
        std::optional<int> priority;
        std::optional<absl::Duration> estimate;
        if (request.has_priority()) priority = request.priority();
        if (request.has_estimate()) estimate = FromProto(request.estimate());
        RETURN_IF_ERROR(
            jobs_.Reprioritize(meta, id, priority, estimate, request.reason()).status());
        ASSIGN_OR_RETURN(*response, views_.ById(id));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* JobServiceImpl::ListWindowQueue(grpc::CallbackServerContext* context,
                                                          const api::v1::ListWindowQueueRequest* in,
                                                          api::v1::ListWindowQueueResponse* out) {
  return gate_.Unary<api::v1::ListWindowQueueRequest, api::v1::ListWindowQueueResponse>(
      "dbfleet.api.v1.JobService/ListWindowQueue", context, in, out,
      [this](const Caller& caller, const api::v1::ListWindowQueueRequest& request,
             api::v1::ListWindowQueueResponse* response) -> absl::Status {
        const std::string window(absl::StripPrefix(request.window(), kCollection));
        QueuePicture picture;
        RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
          ASSIGN_OR_RETURN(picture, jobs_.ShowQueue(tx, window, views_.why_no_work()));
          return absl::OkStatus();
        }));
        const EnvironmentFilter visible = ListedOf(caller, "");
        *response = ToApi(picture, visible);
        return IsHidden(picture, *response, visible) ? NoSuchWindow(window) : absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
