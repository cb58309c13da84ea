#include "controller/api/schedule_service.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

constexpr int kDefaultTimes = 10;
constexpr int kMostTimes = 1000;

api::v1::Occurrence::State ToApi(RunState state) {
  switch (state) {
    case RunState::kPending:
      return api::v1::Occurrence::STATE_PENDING;
    case RunState::kSubmitting:
      return api::v1::Occurrence::STATE_SUBMITTING;
    case RunState::kRunning:
      return api::v1::Occurrence::STATE_RUNNING;
    case RunState::kSucceeded:
      return api::v1::Occurrence::STATE_SUCCEEDED;
    case RunState::kFailed:
      return api::v1::Occurrence::STATE_FAILED;
    case RunState::kSkipped:
      return api::v1::Occurrence::STATE_SKIPPED;
    case RunState::kCancelled:
      return api::v1::Occurrence::STATE_CANCELLED;
    case RunState::kUnknown:
      break;
  }
  return api::v1::Occurrence::STATE_UNKNOWN;
}

api::v1::Occurrence ToApi(const OccurrenceView& view) {
  const Occurrence& occurrence = view.occurrence;
  api::v1::Occurrence out;
  out.set_name(absl::StrCat("schedules/", occurrence.schedule, "/occurrences/", occurrence.id));
  out.set_state(ToApi(view.state));
  *out.mutable_nominal_time() = ToProto(occurrence.nominal);
  *out.mutable_due_time() = ToProto(occurrence.due_time);
  if (occurrence.begin_time != absl::InfinitePast()) {
    *out.mutable_begin_time() = ToProto(occurrence.begin_time);
  }
  if (!occurrence.IsOpen()) *out.mutable_end_time() = ToProto(occurrence.end_time);
  out.set_missed(occurrence.missed);
  out.set_requester(occurrence.requester);
  out.set_reason(occurrence.reason);
  out.set_message(view.message);
  out.set_targets(occurrence.targets);
  out.set_refused(occurrence.refused);
  for (const auto& [state, count] : view.jobs) {
    (*out.mutable_jobs())[std::string(NameOf(state))] = count;
  }
  for (const std::string& id : view.job_ids) out.add_job_names(absl::StrCat("jobs/", id));
  return out;
}

api::v1::Schedule ToApi(const ScheduleView& view) {
  api::v1::Schedule out;
  out.set_name(absl::StrCat("schedules/", view.name));
  if (!view.environment.empty()) {
    out.set_environment(absl::StrCat("environments/", view.environment));
  }
  out.set_cron(view.cron);
  out.set_time_zone(view.time_zone);
  out.set_action(view.action);
  out.set_suspended(view.suspended);
  if (view.next != absl::InfiniteFuture()) *out.mutable_next_time() = ToProto(view.next);
  if (view.last.has_value()) *out.mutable_last() = ToApi(*view.last);
  out.set_problem(view.problem);
  return out;
}

// "schedules/nightly/occurrences/ID".
absl::StatusOr<std::string> OccurrenceIdOf(const std::string& name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '/');
  if (parts.size() == 4 && parts[0] == "schedules" && parts[2] == "occurrences" &&
      !parts[3].empty()) {
    return parts[3];
  }
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_RESOURCE_NAME",
               absl::StrCat("\"", SanitizeForDisplay(Truncate(name, 200)),
                            "\" is no occurrence: schedules/NAME/occurrences/ID is wanted"));
}

}  // namespace

grpc::ServerUnaryReactor* ScheduleServiceImpl::ListSchedules(
    grpc::CallbackServerContext* context, const api::v1::ListSchedulesRequest* in,
    api::v1::ListSchedulesResponse* out) {
  return gate_.Unary<api::v1::ListSchedulesRequest, api::v1::ListSchedulesResponse>(
      "dbfleet.api.v1.ScheduleService/ListSchedules", context, in, out,
      [this](const Caller& caller, const api::v1::ListSchedulesRequest& request,
             api::v1::ListSchedulesResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(
            const Page<ScheduleView> page,
            runs_.Schedules({request.page_size(), request.page_token()}, caller.rights));
        for (const ScheduleView& view : page.items) *response->add_schedules() = ToApi(view);
        response->set_next_page_token(page.next_token);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ScheduleServiceImpl::ListScheduleTimes(
    grpc::CallbackServerContext* context, const api::v1::ListScheduleTimesRequest* in,
    api::v1::ListScheduleTimesResponse* out) {
  return gate_.Unary<api::v1::ListScheduleTimesRequest, api::v1::ListScheduleTimesResponse>(
      "dbfleet.api.v1.ScheduleService/ListScheduleTimes", context, in, out,
      [this](const Caller&, const api::v1::ListScheduleTimesRequest& request,
             api::v1::ListScheduleTimesResponse* response) -> absl::Status {
        std::string schedule;
        RETURN_IF_ERROR(ParseResourceName("schedules", request.schedule(), &schedule));
        if (request.count() < 0 || request.count() > kMostTimes) {
          return Error(absl::StatusCode::kInvalidArgument, "BAD_COUNT",
                       absl::StrCat("`count` must be from 1 to ", kMostTimes));
        }
        ASSIGN_OR_RETURN(
            const ScheduleTimesView view,
            runs_.Next(schedule, request.count() == 0 ? kDefaultTimes : request.count()));
        response->set_time_zone(view.time_zone);
        response->set_suspended(view.suspended);
        for (const DueTime& time : view.times) {
          api::v1::ScheduleTime& shown = *response->add_times();
          *shown.mutable_nominal_time() = ToProto(time.nominal);
          *shown.mutable_due_time() = ToProto(time.due);
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ScheduleServiceImpl::GetOccurrence(
    grpc::CallbackServerContext* context, const api::v1::GetOccurrenceRequest* in,
    api::v1::Occurrence* out) {
  return gate_.Unary<api::v1::GetOccurrenceRequest, api::v1::Occurrence>(
      "dbfleet.api.v1.ScheduleService/GetOccurrence", context, in, out,
      [this](const Caller&, const api::v1::GetOccurrenceRequest& request,
             api::v1::Occurrence* response) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id, OccurrenceIdOf(request.name()));
        ASSIGN_OR_RETURN(const OccurrenceView view, runs_.Get(id));
        *response = ToApi(view);
        // The gate has looked at the schedule in the name, so the occurrence has to be its own.
        if (response->name() != request.name()) {
          response->Clear();
          return Error(
              absl::StatusCode::kNotFound, "OCCURRENCE_NOT_FOUND",
              absl::StrCat("there is no ", SanitizeForDisplay(Truncate(request.name(), 200))));
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ScheduleServiceImpl::ListOccurrences(
    grpc::CallbackServerContext* context, const api::v1::ListOccurrencesRequest* in,
    api::v1::ListOccurrencesResponse* out) {
  return gate_.Unary<api::v1::ListOccurrencesRequest, api::v1::ListOccurrencesResponse>(
      "dbfleet.api.v1.ScheduleService/ListOccurrences", context, in, out,
      [this](const Caller&, const api::v1::ListOccurrencesRequest& request,
             api::v1::ListOccurrencesResponse* response) -> absl::Status {
        std::string schedule;
        RETURN_IF_ERROR(ParseResourceName("schedules", request.schedule(), &schedule));
        ASSIGN_OR_RETURN(const Page<OccurrenceView> page,
                         runs_.List(schedule, {request.page_size(), request.page_token()}));
        for (const OccurrenceView& view : page.items) *response->add_occurrences() = ToApi(view);
        response->set_next_page_token(page.next_token);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* ScheduleServiceImpl::RunSchedule(grpc::CallbackServerContext* context,
                                                           const api::v1::RunScheduleRequest* in,
                                                           api::v1::Occurrence* out) {
  return gate_.Unary<api::v1::RunScheduleRequest, api::v1::Occurrence>(
      "dbfleet.api.v1.ScheduleService/RunSchedule", context, in, out,
      [this](const Caller& caller, const api::v1::RunScheduleRequest& request,
             api::v1::Occurrence* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        std::string schedule;
        RETURN_IF_ERROR(ParseResourceName("schedules", request.schedule(), &schedule));
        ASSIGN_OR_RETURN(const OccurrenceView view, runs_.Run(meta, schedule, request.reason()));
        *response = ToApi(view);
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
