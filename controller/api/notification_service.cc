#include "controller/api/notification_service.h"

#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::controller {
namespace {

constexpr char kRoutes[] = "notificationroutes";

api::v1::Notification::State ToApi(Notification::State state) {
  switch (state) {
    case Notification::State::kSent:
      return api::v1::Notification::STATE_SENT;
    case Notification::State::kDead:
      return api::v1::Notification::STATE_FAILED;
    case Notification::State::kWaiting:
      break;
  }
  return api::v1::Notification::STATE_WAITING;
}

std::optional<Notification::State> FromApi(api::v1::Notification::State state) {
  switch (state) {
    case api::v1::Notification::STATE_WAITING:
      return Notification::State::kWaiting;
    case api::v1::Notification::STATE_SENT:
      return Notification::State::kSent;
    case api::v1::Notification::STATE_FAILED:
      return Notification::State::kDead;
    default:
      return std::nullopt;
  }
}

api::v1::Notification ToApi(const Notification& row) {
  api::v1::Notification out;
  out.set_name(absl::StrCat("notifications/", row.id));
  out.set_route(absl::StrCat(kRoutes, "/", row.route));
  out.set_trigger(row.trigger);
  out.set_state(ToApi(row.state));
  out.set_subject(row.subject);
  out.set_recipient(row.recipient);
  const auto summary = row.fields.find("summary");
  if (summary != row.fields.end()) out.set_title(summary->second);
  out.set_attempts(row.attempts);
  out.set_error(row.error);
  *out.mutable_create_time() = ToProto(row.create_time);
  if (row.state == Notification::State::kWaiting) *out.mutable_next_time() = ToProto(row.next_time);
  if (row.end_time != absl::InfinitePast()) *out.mutable_end_time() = ToProto(row.end_time);
  out.set_audit_seq(row.seq);
  return out;
}

// "" for "".
absl::StatusOr<std::string> IdIn(absl::string_view collection, const std::string& name) {
  std::string id;
  if (name.empty()) return id;
  RETURN_IF_ERROR(ParseResourceName(collection, name, &id));
  return id;
}

}  // namespace

grpc::ServerUnaryReactor* NotificationServiceImpl::TestNotificationRoute(
    grpc::CallbackServerContext* context, const api::v1::TestNotificationRouteRequest* in,
    api::v1::TestNotificationRouteResponse* out) {
  return gate_.Unary<api::v1::TestNotificationRouteRequest, api::v1::TestNotificationRouteResponse>(
      "dbfleet.api.v1.NotificationService/TestNotificationRoute", context, in, out,
      [this](const Caller&, const api::v1::TestNotificationRouteRequest& request,
             api::v1::TestNotificationRouteResponse* response) -> absl::Status {
        std::string route;
        RETURN_IF_ERROR(ParseResourceName(kRoutes, request.name(), &route));
        ASSIGN_OR_RETURN(const std::vector<TestOutcome> outcomes, notifier_.Test(route));
        for (const TestOutcome& outcome : outcomes) {
          auto& shown = *response->add_outcomes();
          shown.set_recipient(outcome.recipient);
          shown.set_delivered(outcome.delivered);
          shown.set_answer(outcome.answer);
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* NotificationServiceImpl::ListNotifications(
    grpc::CallbackServerContext* context, const api::v1::ListNotificationsRequest* in,
    api::v1::ListNotificationsResponse* out) {
  return gate_.Unary<api::v1::ListNotificationsRequest, api::v1::ListNotificationsResponse>(
      "dbfleet.api.v1.NotificationService/ListNotifications", context, in, out,
      [this](const Caller&, const api::v1::ListNotificationsRequest& request,
             api::v1::ListNotificationsResponse* response) -> absl::Status {
        NotificationFilter filter;
        filter.state = FromApi(request.state());
        ASSIGN_OR_RETURN(filter.route, IdIn(kRoutes, request.route()));
        ASSIGN_OR_RETURN(const Page<Notification> page,
                         notifier_.List(filter, {request.page_size(), request.page_token()}));
        for (const Notification& row : page.items) *response->add_notifications() = ToApi(row);
        response->set_next_page_token(page.next_token);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* NotificationServiceImpl::RetryNotifications(
    grpc::CallbackServerContext* context, const api::v1::RetryNotificationsRequest* in,
    api::v1::RetryNotificationsResponse* out) {
  return gate_.Unary<api::v1::RetryNotificationsRequest, api::v1::RetryNotificationsResponse>(
      "dbfleet.api.v1.NotificationService/RetryNotifications", context, in, out,
      [this](const Caller& caller, const api::v1::RetryNotificationsRequest& request,
             api::v1::RetryNotificationsResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(const RequestMeta meta, MetaOf(caller, request.request_id()));
        ASSIGN_OR_RETURN(const std::string id, IdIn("notifications", request.name()));
        ASSIGN_OR_RETURN(const std::string route, IdIn(kRoutes, request.route()));
        if (id.empty() == route.empty()) {
          return Error(absl::StatusCode::kInvalidArgument, "BAD_RETRY",
                       "exactly one of `name` and `route` is wanted");
        }
        ASSIGN_OR_RETURN(const RetryOutcome outcome, notifier_.Retry(meta.principal, id, route));
        response->set_retried(outcome.retried);
        response->set_more(outcome.more);
        return absl::OkStatus();
      });
}

}  // namespace dbfleet::controller
