#include "controller/identity/permissions.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "dbfleet/api/v1/agent_service.pb.h"
#include "dbfleet/api/v1/audit_service.pb.h"
#include "dbfleet/api/v1/backup_service.pb.h"
#include "dbfleet/api/v1/break_glass_service.pb.h"
#include "dbfleet/api/v1/change_service.pb.h"
#include "dbfleet/api/v1/environment_service.pb.h"
#include "dbfleet/api/v1/event_rule_service.pb.h"
#include "dbfleet/api/v1/instance_service.pb.h"
#include "dbfleet/api/v1/job_service.pb.h"
#include "dbfleet/api/v1/meta_service.pb.h"
#include "dbfleet/api/v1/notification_service.pb.h"
#include "dbfleet/api/v1/proposal_service.pb.h"
#include "dbfleet/api/v1/resource_service.pb.h"
#include "dbfleet/api/v1/schedule_service.pb.h"
#include "dbfleet/api/v1/user_service.pb.h"

namespace dbfleet::controller {
namespace {

constexpr Role kAllRoles[] = {Role::kViewer,      Role::kOperator, Role::kApprover,
                              Role::kPolicyAdmin, Role::kAuditor,  Role::kAdmin};

// Every method of every service in the files that make up dbfleet.api.v1.
std::vector<const google::protobuf::MethodDescriptor*> ApiMethodDescriptors() {
  std::vector<const google::protobuf::MethodDescriptor*> methods;
  for (const google::protobuf::FileDescriptor* file :
       {api::v1::Agent::descriptor()->file(), api::v1::AuditRecord::descriptor()->file(),
        api::v1::Backup::descriptor()->file(), api::v1::MigrationFile::descriptor()->file(),
        api::v1::Environment::descriptor()->file(), api::v1::Instance::descriptor()->file(),
        api::v1::JobProposal::descriptor()->file(), api::v1::Job::descriptor()->file(),
        api::v1::Notification::descriptor()->file(), api::v1::Resource::descriptor()->file(),
        api::v1::Occurrence::descriptor()->file(), api::v1::Version::descriptor()->file(),
        api::v1::User::descriptor()->file(), api::v1::GetProposalRequest::descriptor()->file(),
        api::v1::BreakGlassRequest::descriptor()->file()}) {
    EXPECT_GT(file->service_count(), 0) << file->name();
    for (int s = 0; s < file->service_count(); ++s) {
      const google::protobuf::ServiceDescriptor* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) methods.push_back(service->method(m));
    }
  }
  return methods;
}

std::set<std::string> ApiMethods() {
  std::set<std::string> methods;
  for (const google::protobuf::MethodDescriptor* method : ApiMethodDescriptors()) {
    methods.insert(absl::StrCat(method->service()->full_name(), "/", method->name()));
  }
  return methods;
}

User Ada(std::vector<Role> roles) {
  User user;
  user.id = "ada";
  user.roles = std::move(roles);
  return user;
}

Caller With(const User& user, const RoleBook& book = RoleBook({})) {
  Caller caller{"users/ada", "ada", user.roles, "token"};
  caller.rights = Rights::Of(user, book.GrantsOf(user));
  return caller;
}

Caller With(std::vector<Role> roles) { return With(Ada(std::move(roles))); }

// Every role but those that conflict, in this environment alone.
Caller Bound(const std::string& environment, std::vector<Role> roles) {
  std::vector<RoleBinding> bindings;
  for (const Role role : roles) {
    bindings.push_back({"rolebindings/b", {"ada"}, role, EnvironmentFilter(environment), {}});
  }
  return With(Ada({}), RoleBook(std::move(bindings)));
}

absl::Status Authorised(const Caller& caller, absl::string_view method,
                        const std::vector<Place>& places = {{"jobs/J", "production"}}) {
  return Authorise(caller, caller.rights, method, places);
}

bool May(Role role, absl::string_view method) { return Authorised(With({role}), method).ok(); }

TEST(PermissionsTest, EveryMethodHasAnEntryAndEveryEntryAMethod) {
  const std::set<std::string> methods = ApiMethods();
  std::set<std::string> entries;
  for (const Permission& permission : AllPermissions()) {
    EXPECT_TRUE(entries.insert(std::string(permission.method)).second) << permission.method;
    EXPECT_EQ(permission.access == Access::kVerbs, !permission.verbs.empty()) << permission.method;
    EXPECT_TRUE(permission.where != Where::kNamed || !permission.fields.empty())
        << permission.method;
    EXPECT_TRUE(permission.verbs.size() <= 1 || permission.where == Where::kInside)
        << permission.method;
  }
  EXPECT_EQ(entries, methods);
}

// Whoever adds a field that names something in an environment is told here that the table has to
// know it.
TEST(PermissionsTest, EveryFieldThatNamesSomethingInAnEnvironmentIsLookedAt) {
  const std::set<std::string> naming = {"environment", "instance", "instances", "agent"};
  int looked_at = 0;
  for (const google::protobuf::MethodDescriptor* method : ApiMethodDescriptors()) {
    const Permission* permission =
        FindPermission(absl::StrCat(method->service()->full_name(), "/", method->name()));
    ASSERT_NE(permission, nullptr);
    if (permission->access != Access::kVerbs || permission->where == Where::kEverywhere) continue;
    for (const NamedBy& named : permission->fields) {
      const auto* field = method->input_type()->FindFieldByName(std::string(named.field));
      ASSERT_NE(field, nullptr) << permission->method << " has no field " << named.field;
      EXPECT_EQ(field->cpp_type(), google::protobuf::FieldDescriptor::CPPTYPE_STRING);
    }
    for (int i = 0; i < method->input_type()->field_count(); ++i) {
      const std::string& name = method->input_type()->field(i)->name();
      const bool names =
          naming.count(name) != 0 || (name == "name" && permission->where != Where::kInside);
      if (!names) continue;
      EXPECT_TRUE(std::any_of(permission->fields.begin(), permission->fields.end(),
                              [&](const NamedBy& named) { return named.field == name; }))
          << permission->method << " does not look at its field " << name;
      ++looked_at;
    }
  }
  EXPECT_GT(looked_at, 30);
}

TEST(PermissionsTest, WithoutARoleAndWithTheRoleElsewhereEveryMethodIsDenied) {
  const std::vector<Caller> elsewhere = {
      Bound("qa",
            {Role::kViewer, Role::kOperator, Role::kPolicyAdmin, Role::kAuditor, Role::kAdmin}),
      Bound("qa", {Role::kApprover})};
  for (const Permission& permission : AllPermissions()) {
    if (permission.access != Access::kVerbs) continue;
    EXPECT_EQ(ReasonOf(Authorised(With(std::vector<Role>()), permission.method)), "ROLE_MISSING")
        << permission.method;
    for (const Caller& caller : elsewhere) {
      const absl::Status status = Authorised(caller, permission.method);
      // What such a call shows or changes is measured behind the gate.
      if (permission.where == Where::kInside && status.ok()) continue;
      EXPECT_EQ(ReasonOf(status), "ROLE_MISSING") << permission.method;
    }
    // The role where it is needed lets in, unless all environments are concerned.
    bool anybody = false;
    for (const Role role : kAllRoles) {
      anybody = anybody || Authorised(Bound("production", {role}), permission.method).ok();
    }
    EXPECT_EQ(anybody, permission.where != Where::kEverywhere) << permission.method;
  }
}

TEST(PermissionsTest, WhatIsHiddenAndWhatIsNotThereGetTheSameAnswer) {
  for (const Caller& caller :
       {Bound("qa", {Role::kViewer, Role::kOperator}), Bound("qa", {Role::kApprover})}) {
    for (const Permission& permission : AllPermissions()) {
      if (permission.where != Where::kNamed) continue;
      EXPECT_EQ(Authorised(caller, permission.method, {{"jobs/J", "production"}}),
                Authorised(caller, permission.method, {{"jobs/J", std::nullopt}}))
          << permission.method;
    }
  }
  // Whoever may look there is told what is missing.
  Caller caller = Bound("qa", {Role::kOperator});
  caller.rights = Rights::Of(
      Ada({Role::kViewer}),
      std::vector<RoleGrant>{{Role::kViewer, EnvironmentFilter(), ""},
                             {Role::kOperator, EnvironmentFilter("qa"), "rolebindings/b"}});
  const absl::Status status = Authorised(caller, "dbfleet.api.v1.JobService/CancelJob");
  EXPECT_TRUE(absl::StrContains(status.message(), "operator in production")) << status;
}

TEST(PermissionsTest, EverythingThatIsNamedCounts) {
  const Caller caller = Bound("qa", {Role::kOperator});
  const char* method = "dbfleet.api.v1.ChangeService/SubmitChange";
  EXPECT_TRUE(Authorised(caller, method, {{"environments/qa", "qa"}, {"instances/a", "qa"}}).ok());
  EXPECT_FALSE(
      Authorised(caller, method, {{"environments/qa", "qa"}, {"instances/b", "production"}}).ok());
}

TEST(PermissionsTest, ATokensLimitsAreTheReasonWheneverTheyNarrowTheVerb) {
  Caller caller = With({Role::kOperator, Role::kViewer});
  const Rights before = caller.rights;
  caller.scope.environments = {"qa"};
  caller.scope.verbs = {Verb::kRead};
  caller.rights = before.NarrowedBy(caller.scope);
  const auto reason = [&](const char* method, std::optional<std::string> environment) {
    return ReasonOf(
        Authorise(caller, before, method, std::vector<Place>{{"jobs/J", std::move(environment)}}));
  };
  EXPECT_EQ(reason("dbfleet.api.v1.JobService/GetJob", "qa"), "");
  EXPECT_EQ(reason("dbfleet.api.v1.JobService/GetJob", "production"), "TOKEN_SCOPE");
  EXPECT_EQ(reason("dbfleet.api.v1.JobService/GetJob", std::nullopt), "TOKEN_SCOPE");
  EXPECT_EQ(reason("dbfleet.api.v1.JobService/CancelJob", "qa"), "TOKEN_SCOPE");
  EXPECT_EQ(reason("dbfleet.api.v1.ChangeService/ApproveChange", "qa"), "ROLE_MISSING");
}

TEST(PermissionsTest, ALimitedTokenEndsItselfAndNoOther) {
  Caller caller = With({Role::kViewer});
  EXPECT_TRUE(AuthoriseRevocation(caller, "other").ok());
  caller.scope.verbs = {Verb::kRead};
  EXPECT_TRUE(AuthoriseRevocation(caller, "token").ok());
  EXPECT_EQ(ReasonOf(AuthoriseRevocation(caller, "other")), "TOKEN_SCOPE");
}

TEST(PermissionsTest, OnlyTheVersionIsPublic) {
  for (const Permission& permission : AllPermissions()) {
    EXPECT_EQ(permission.access == Access::kPublic,
              permission.method == "dbfleet.api.v1.MetaService/GetVersion")
        << permission.method;
  }
}

TEST(PermissionsTest, OnlyApproversDecideAndAnAdminNever) {
  for (const char* method :
       {"dbfleet.api.v1.ChangeService/ApproveChange", "dbfleet.api.v1.ChangeService/RejectChange",
        "dbfleet.api.v1.ChangeService/WithdrawApproval",
        "dbfleet.api.v1.ProposalService/ApproveProposal",
        "dbfleet.api.v1.ProposalService/RejectProposal"}) {
    for (const Role role : kAllRoles) EXPECT_EQ(May(role, method), role == Role::kApprover);
    EXPECT_FALSE(Authorised(With({Role::kApprover, Role::kAdmin}), method).ok());
    EXPECT_TRUE(Authorised(With({Role::kApprover, Role::kOperator}), method).ok());
  }
}

TEST(PermissionsTest, AViewerChangesNothing) {
  for (const Permission& permission : AllPermissions()) {
    if (permission.access != Access::kVerbs) continue;
    const std::string method(permission.method.substr(permission.method.find('/') + 1));
    if (method == "BreakGlass") continue;     // Whom a BreakGlassPolicy names: its own test.
    if (method == "TestEventRule") continue;  // It goes over what the caller may read.
    const bool reads = absl::StartsWith(method, "Get") || absl::StartsWith(method, "List") ||
                       absl::StartsWith(method, "Watch") || absl::StartsWith(method, "Read");
    if (May(Role::kViewer, permission.method)) {
      EXPECT_TRUE(reads) << permission.method;
    }
  }
}

TEST(PermissionsTest, OnlyOperatorsMakeWorkAndOnlyAdminsManageIdentities) {
  for (const Role role : kAllRoles) {
    const bool is_operator = role == Role::kOperator;
    EXPECT_EQ(May(role, "dbfleet.api.v1.ChangeService/SubmitChange"), is_operator);
    EXPECT_EQ(May(role, "dbfleet.api.v1.InstanceService/InspectInstance"), is_operator);
    EXPECT_EQ(May(role, "dbfleet.api.v1.JobService/ResolveTask"), is_operator);
    const bool is_admin = role == Role::kAdmin;
    EXPECT_EQ(May(role, "dbfleet.api.v1.UserService/CreateUser"), is_admin);
    EXPECT_EQ(May(role, "dbfleet.api.v1.AgentService/CreateJoinToken"), is_admin);
    EXPECT_EQ(May(role, "dbfleet.api.v1.AgentService/RevokeAgent"), is_admin);
    EXPECT_EQ(May(role, "dbfleet.api.v1.AuditService/ExportAudit"),
              is_admin || role == Role::kAuditor);
    EXPECT_TRUE(May(role, "dbfleet.api.v1.UserService/WhoAmI"));
    EXPECT_TRUE(May(role, "dbfleet.api.v1.JobService/GetJob"));
  }
}

TEST(PermissionsTest, ARefusalSaysWhichRoleIsMissing) {
  const absl::Status status =
      Authorised(With({Role::kViewer}), "dbfleet.api.v1.ChangeService/SubmitChange");
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ReasonOf(status), "ROLE_MISSING");
  EXPECT_TRUE(absl::StrContains(status.message(), "operator")) << status;
  const auto refusal = [](absl::string_view method) {
    return std::string(Authorised(With({Role::kOperator}), method).message());
  };
  EXPECT_TRUE(absl::StrContains(refusal("dbfleet.api.v1.ChangeService/ApproveChange"),
                                "neither an admin nor a service account can approve"));
  // Where an auditor may as well, and with that an admin, it would contradict itself.
  EXPECT_FALSE(absl::StrContains(refusal("dbfleet.api.v1.BreakGlassService/ReviewBreakGlass"),
                                 "neither an admin"));
  EXPECT_FALSE(
      absl::StrContains(refusal("dbfleet.api.v1.BreakGlassService/ReviewBreakGlass"), "or admin"));
}

TEST(PermissionsTest, AMethodWithoutAnEntryIsRefusedToEverybody) {
  for (const Role role : kAllRoles) {
    EXPECT_FALSE(May(role, "dbfleet.api.v1.JobService/DeleteEverything"));
  }
}

TEST(PermissionsTest, TokensAreTheirOwnersOrAnAdmins) {
  EXPECT_TRUE(AuthoriseForUser(With({Role::kViewer}), "ada").ok());
  EXPECT_EQ(ReasonOf(AuthoriseForUser(With({Role::kAuditor}), "bob")), "NOT_YOUR_TOKEN");
  EXPECT_TRUE(AuthoriseForUser(With({Role::kAdmin}), "bob").ok());
}

}  // namespace
}  // namespace dbfleet::controller
