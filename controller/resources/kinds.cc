#include "controller/resources/kinds.h"

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"

#include "controller/identity/roles_in.h"
#include "controller/resources/approval_resource.h"
#include "controller/resources/break_glass_resource.h"
#include "controller/resources/environment_resource.h"
#include "controller/resources/event_rule_resource.h"
#include "controller/resources/role_binding_resource.h"
#include "controller/resources/schedule_resource.h"
#include "controller/resources/window_resource.h"
#include "controller/routes/route.h"

namespace dbfleet::controller {
namespace {

using google::protobuf::Message;

template <typename T, void (*Fill)(T*)>
void FillAs(Message* message) {
  Fill(static_cast<T*>(message));
}

template <typename T, void (*Check)(const T&, config::Problems*)>
void CheckAs(const Message& message, config::Problems* problems) {
  Check(static_cast<const T&>(message), problems);
}

void CheckBreakGlass(const resource::v1::BreakGlassPolicy& manifest, config::Problems* problems) {
  (void)CompileBreakGlass(manifest, problems);
}

void CheckWindow(const resource::v1::MaintenanceWindow& manifest, config::Problems* problems) {
  (void)CompileWindow(manifest, problems);
}

void CheckRoute(const resource::v1::NotificationRoute& manifest, config::Problems* problems) {
  (void)CompileRoute(manifest, problems);
}

}  // namespace

absl::Span<const ResourceKind> ResourceKinds() {
  using resource::v1::ApprovalPolicy;
  using resource::v1::BreakGlassPolicy;
  using resource::v1::Environment;
  using resource::v1::EventRule;
  using resource::v1::MaintenanceWindow;
  using resource::v1::NotificationRoute;
  using resource::v1::RoleBinding;
  using resource::v1::Schedule;
  static const ResourceKind kKinds[] = {
      {kEnvironmentKind, "environments", &Environment::default_instance(),
       &FillAs<Environment, FillEnvironment>, &CheckAs<Environment, CheckEnvironment>},
      {kApprovalPolicyKind, "approvalpolicies", &ApprovalPolicy::default_instance(),
       &FillAs<ApprovalPolicy, FillApprovalPolicy>, &CheckAs<ApprovalPolicy, CheckApprovalPolicy>},
      {kBreakGlassKind, "breakglasspolicies", &BreakGlassPolicy::default_instance(),
       &FillAs<BreakGlassPolicy, FillBreakGlass>, &CheckAs<BreakGlassPolicy, CheckBreakGlass>},
      {kWindowKind, "maintenancewindows", &MaintenanceWindow::default_instance(),
       &FillAs<MaintenanceWindow, FillWindow>, &CheckAs<MaintenanceWindow, CheckWindow>},
      {kScheduleKind, "schedules", &Schedule::default_instance(), &FillAs<Schedule, FillSchedule>,
       &CheckAs<Schedule, CheckSchedule>},
      {kEventRuleKind, "eventrules", &EventRule::default_instance(),
       &FillAs<EventRule, FillEventRule>, &CheckAs<EventRule, CheckEventRule>},
      {kRouteKind, "notificationroutes", &NotificationRoute::default_instance(),
       &FillAs<NotificationRoute, FillRoute>, &CheckAs<NotificationRoute, CheckRoute>},
      {kRoleBindingKind, "rolebindings", &RoleBinding::default_instance(),
       &FillAs<RoleBinding, FillRoleBinding>, &CheckAs<RoleBinding, CheckRoleBinding>},
  };
  return kKinds;
}

const ResourceKind* FindResourceKind(absl::string_view word) {
  for (const ResourceKind& kind : ResourceKinds()) {
    if (absl::EqualsIgnoreCase(word, kind.kind) || absl::EqualsIgnoreCase(word, kind.collection)) {
      return &kind;
    }
  }
  return nullptr;
}

std::string KnownKinds() {
  return absl::StrJoin(ResourceKinds(), ", ", [](std::string* out, const ResourceKind& kind) {
    out->append(kind.kind.data(), kind.kind.size());
  });
}

const resource::v1::Metadata& MetadataOf(const Message& message) {
  const auto* field = message.GetDescriptor()->FindFieldByName("metadata");
  return static_cast<const resource::v1::Metadata&>(
      message.GetReflection()->GetMessage(message, field));
}

}  // namespace dbfleet::controller
