#include "controller/identity/permissions.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "dbfleet/api/v1/agent_service.pb.h"
#include "dbfleet/api/v1/audit_service.pb.h"
#include "dbfleet/api/v1/backup_service.pb.h"
#include "dbfleet/api/v1/change_service.pb.h"
#include "dbfleet/api/v1/environment_service.pb.h"
#include "dbfleet/api/v1/instance_service.pb.h"
#include "dbfleet/api/v1/job_service.pb.h"
#include "dbfleet/api/v1/meta_service.pb.h"
#include "dbfleet/api/v1/resource_service.pb.h"
#include "dbfleet/api/v1/user_service.pb.h"

namespace dbfleet::controller {
namespace {

constexpr Role kAllRoles[] = {Role::kViewer,      Role::kOperator, Role::kApprover,
                              Role::kPolicyAdmin, Role::kAuditor,  Role::kAdmin};

// Every method of every service in the files that make up dbfleet.api.v1.
std::set<std::string> ApiMethods() {
  std::set<std::string> methods;
  for (const google::protobuf::FileDescriptor* file :
       {api::v1::Agent::descriptor()->file(), api::v1::AuditRecord::descriptor()->file(),
        api::v1::Backup::descriptor()->file(), api::v1::MigrationFile::descriptor()->file(),
        api::v1::Environment::descriptor()->file(), api::v1::Instance::descriptor()->file(),
        api::v1::Job::descriptor()->file(), api::v1::Resource::descriptor()->file(),
        api::v1::Version::descriptor()->file(), api::v1::User::descriptor()->file()}) {
    EXPECT_GT(file->service_count(), 0) << file->name();
    for (int s = 0; s < file->service_count(); ++s) {
      const google::protobuf::ServiceDescriptor* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        methods.insert(absl::StrCat(service->full_name(), "/", service->method(m)->name()));
      }
    }
  }
  return methods;
}

Caller With(std::vector<Role> roles) {
  return Caller{"users/ada", "ada", std::move(roles), "token"};
}

bool May(Role role, absl::string_view method) { return Authorise(With({role}), method).ok(); }

TEST(PermissionsTest, EveryMethodHasAnEntryAndEveryEntryAMethod) {
  const std::set<std::string> methods = ApiMethods();
  std::set<std::string> entries;
  for (const Permission& permission : AllPermissions()) {
    EXPECT_TRUE(entries.insert(std::string(permission.method)).second) << permission.method;
    EXPECT_EQ(permission.access == Access::kRoles, !permission.roles.empty()) << permission.method;
  }
  EXPECT_EQ(entries, methods);
}

TEST(PermissionsTest, OnlyTheVersionIsPublic) {
  for (const Permission& permission : AllPermissions()) {
    EXPECT_EQ(permission.access == Access::kPublic,
              permission.method == "dbfleet.api.v1.MetaService/GetVersion")
        << permission.method;
  }
}

TEST(PermissionsTest, OnlyApproversDecideAndAnAdminNever) {
  for (const char* method : {"dbfleet.api.v1.ChangeService/ApproveChange",
                             "dbfleet.api.v1.ChangeService/RejectChange"}) {
    for (const Role role : kAllRoles) EXPECT_EQ(May(role, method), role == Role::kApprover);
    EXPECT_FALSE(Authorise(With({Role::kApprover, Role::kAdmin}), method).ok());
    EXPECT_TRUE(Authorise(With({Role::kApprover, Role::kOperator}), method).ok());
  }
}

TEST(PermissionsTest, AViewerChangesNothing) {
  for (const Permission& permission : AllPermissions()) {
    if (permission.access != Access::kRoles) continue;
    const std::string method(permission.method.substr(permission.method.find('/') + 1));
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
      Authorise(With({Role::kViewer}), "dbfleet.api.v1.ChangeService/SubmitChange");
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ReasonOf(status), "ROLE_MISSING");
  EXPECT_TRUE(absl::StrContains(status.message(), "operator")) << status;
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
