#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/words.h"
#include "dbfleet/api/v1/notification_service.grpc.pb.h"

namespace dbfleet::cli {
namespace {

using api::v1::ListNotificationsRequest;
using api::v1::ListNotificationsResponse;
using api::v1::Notification;
using api::v1::NotificationService;
using api::v1::RetryNotificationsRequest;
using api::v1::TestNotificationRouteRequest;
using api::v1::TestNotificationRouteResponse;

constexpr char kRoutes[] = "notificationroutes";

// "oncall", "notificationroute/oncall" and "notificationroutes/oncall" are the same.
std::string RouteName(absl::string_view given) {
  if (absl::StartsWith(given, "notificationroute/")) given.remove_prefix(18);
  return FullName(kRoutes, given);
}

struct ListOptions {
  std::string state;
  std::string route;
  size_t limit = 50;
};

int RunList(Shell& shell, const ListOptions& options) {
  ListNotificationsRequest request;
  if (!options.state.empty()) {
    const auto state = ParseEnumWord(Notification::State_descriptor(), options.state);
    if (!state.ok()) return shell.Fail(Annotate(state.status(), "--state"));
    request.set_state(static_cast<Notification::State>(*state));
  }
  if (!options.route.empty()) request.set_route(RouteName(options.route));
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const auto found = ListAll<NotificationService, Notification>(
      *client, &NotificationService::Stub::ListNotifications, request,
      &ListNotificationsResponse::notifications, options.limit);
  if (!found.ok()) return shell.Fail(found.status());
  Listing listing;
  listing.columns = {IdentityColumn("ID"), {"STATE"},          {"ROUTE"},
                     {"TRIGGER"},          {"TRIES"},          TextColumn("ERROR"),
                     TextColumn("TITLE"),  {"MADE", true},     {"NEXT", true},
                     {"ENDED", true},      {"RECIPIENT", true}};
  for (const Notification& n : *found) {
    listing.items.push_back(
        {&n,
         n.name(),
         {ShortName(n.name()), Word(n.state()), ShortName(n.route()), n.trigger(),
          absl::StrCat(n.attempts()), n.error(), n.title(), Show(n.create_time()),
          Show(n.next_time()), Show(n.end_time()), n.recipient()}});
  }
  shell.PrintList(listing);
  return kExitOk;
}

int RunTest(Shell& shell, const std::string& route) {
  TestNotificationRouteRequest request;
  request.set_name(RouteName(route));
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const absl::StatusOr<TestNotificationRouteResponse> tested = (*client)->Call<NotificationService>(
      &NotificationService::Stub::TestNotificationRoute, request);
  if (!tested.ok()) return shell.Fail(tested.status());
  bool delivered = true;
  Listing listing;
  listing.columns = {{"DELIVERED"}, {"RECIPIENT"}, TextColumn("ANSWER")};
  for (const auto& outcome : tested->outcomes()) {
    delivered = delivered && outcome.delivered();
    listing.items.push_back(
        {&outcome,
         request.name(),
         {outcome.delivered() ? "yes" : "no", outcome.recipient(), outcome.answer()}});
  }
  shell.PrintList(listing);
  return delivered ? kExitOk : kExitFailed;
}

int RunRetry(Shell& shell, const std::string& id, const std::string& route) {
  if (id.empty() == route.empty()) {
    return shell.Fail(Error(absl::StatusCode::kInvalidArgument, "BAD_RETRY",
                            "give the id of a notification, or --route ROUTE"));
  }
  RetryNotificationsRequest request;
  if (!id.empty()) request.set_name(FullName("notifications", id));
  if (!route.empty()) request.set_route(RouteName(route));
  const auto client = shell.Client();
  if (!client.ok()) return shell.Fail(client.status());
  const auto retried =
      (*client)->Call<NotificationService>(&NotificationService::Stub::RetryNotifications, request);
  if (!retried.ok()) return shell.Fail(retried.status());
  if (shell.for_people()) {
    shell.out() << retried->retried() << " wait again"
                << (retried->more() ? "; there are more: repeat the command" : "") << "\n";
  } else {
    Listing listing;
    listing.columns = {{"RETRIED"}, {"MORE"}};
    listing.items.push_back({&*retried,
                             route.empty() ? request.name() : request.route(),
                             {absl::StrCat(retried->retried()), retried->more() ? "yes" : "no"}});
    shell.PrintOne(listing);
  }
  return kExitOk;
}

}  // namespace

void AddNotifyCommands(CLI::App& app, Shell& shell) {
  CLI::App* const notify = AddNoun(app, "notify", "What notification routes send");

  auto options = std::make_shared<ListOptions>();
  CLI::App* list = AddVerb(*notify, "list", "Notifications, newest first", shell,
                           [&shell, options] { return RunList(shell, *options); });
  list->add_option("--state", options->state, "waiting, sent or failed")
      ->check(CLI::IsMember({"waiting", "sent", "failed"}));
  list->add_option("--route", options->route, "Of this route only")->type_name("ROUTE");
  AddLimit(list, &options->limit);

  auto tested = std::make_shared<std::string>();
  CLI::App* test = AddVerb(*notify, "test", "Send a test message now; exit code 1 if it fails",
                           shell, [&shell, tested] { return RunTest(shell, *tested); });
  test->add_option("ROUTE", *tested, "The name of a NotificationRoute")->required();

  auto id = std::make_shared<std::string>();
  auto route = std::make_shared<std::string>();
  CLI::App* retry = AddVerb(*notify, "retry", "Try failed notifications again", shell,
                            [&shell, id, route] { return RunRetry(shell, *id, *route); });
  retry->add_option("ID", *id, "One notification");
  retry->add_option("--route", *route, "All failed ones of this route")->type_name("ROUTE");
}

}  // namespace dbfleet::cli
