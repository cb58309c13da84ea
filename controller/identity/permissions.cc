#include "controller/identity/permissions.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

const std::vector<Role>& Everybody() {
  static const auto* const roles =
      new std::vector<Role>{Role::kViewer,      Role::kOperator, Role::kApprover,
                            Role::kPolicyAdmin, Role::kAuditor,  Role::kAdmin};
  return *roles;
}

Permission Reads(absl::string_view method) { return {method, Access::kRoles, Everybody()}; }

Permission Operates(absl::string_view method) {
  return {method, Access::kRoles, {Role::kOperator}};
}

Permission Approves(absl::string_view method) {
  return {method, Access::kRoles, {Role::kApprover}};
}

Permission Administers(absl::string_view method) {
  return {method, Access::kRoles, {Role::kAdmin}};
}

Permission Audits(absl::string_view method) {
  return {method, Access::kRoles, {Role::kAuditor, Role::kAdmin}};
}

Permission Declares(absl::string_view method) {
  return {method, Access::kRoles, {Role::kPolicyAdmin}};
}

Permission AnyUser(absl::string_view method) { return {method, Access::kAnyUser, {}}; }

}  // namespace

const std::vector<Permission>& AllPermissions() {
  static const auto* const table = new std::vector<Permission>{
      {"dbfleet.api.v1.MetaService/GetVersion", Access::kPublic, {}},

      Reads("dbfleet.api.v1.EnvironmentService/GetEnvironment"),
      Reads("dbfleet.api.v1.EnvironmentService/ListEnvironments"),

      Reads("dbfleet.api.v1.AgentService/GetAgent"),
      Reads("dbfleet.api.v1.AgentService/ListAgents"),
      Administers("dbfleet.api.v1.AgentService/CreateJoinToken"),
      Administers("dbfleet.api.v1.AgentService/RevokeAgent"),
      Administers("dbfleet.api.v1.AgentService/DrainAgent"),

      Reads("dbfleet.api.v1.InstanceService/GetInstance"),
      Reads("dbfleet.api.v1.InstanceService/ListInstances"),
      Operates("dbfleet.api.v1.InstanceService/CheckInstance"),
      Operates("dbfleet.api.v1.InstanceService/InspectInstance"),
      Administers("dbfleet.api.v1.InstanceService/MoveInstance"),
      Administers("dbfleet.api.v1.InstanceService/RemoveInstance"),

      Reads("dbfleet.api.v1.JobService/GetJob"),
      Reads("dbfleet.api.v1.JobService/ListJobs"),
      Reads("dbfleet.api.v1.JobService/WatchJob"),
      Reads("dbfleet.api.v1.JobService/ReadJobLog"),
      Operates("dbfleet.api.v1.JobService/CancelJob"),
      Operates("dbfleet.api.v1.JobService/PauseJob"),
      Operates("dbfleet.api.v1.JobService/ResumeJob"),
      Operates("dbfleet.api.v1.JobService/ResolveTask"),

      Operates("dbfleet.api.v1.ChangeService/SubmitChange"),
      Reads("dbfleet.api.v1.ChangeService/GetChange"),
      Reads("dbfleet.api.v1.ChangeService/ListChanges"),
      Approves("dbfleet.api.v1.ChangeService/ApproveChange"),
      Approves("dbfleet.api.v1.ChangeService/RejectChange"),
      Operates("dbfleet.api.v1.ChangeService/RollbackChange"),

      Operates("dbfleet.api.v1.BackupService/RunBackup"),
      Operates("dbfleet.api.v1.BackupService/VerifyBackup"),
      Reads("dbfleet.api.v1.BackupService/GetBackup"),
      Reads("dbfleet.api.v1.BackupService/ListBackups"),

      Declares("dbfleet.api.v1.ResourceService/ApplyResources"),
      Reads("dbfleet.api.v1.ResourceService/GetResource"),
      Reads("dbfleet.api.v1.ResourceService/ListResources"),
      Declares("dbfleet.api.v1.ResourceService/DeleteResource"),
      Reads("dbfleet.api.v1.ResourceService/ListWindowOccurrences"),

      Audits("dbfleet.api.v1.AuditService/ListAuditRecords"),
      Audits("dbfleet.api.v1.AuditService/ExportAudit"),
      Audits("dbfleet.api.v1.AuditService/ExportAuditTrail"),
      Audits("dbfleet.api.v1.AuditService/GetAuditCheckpoint"),
      Audits("dbfleet.api.v1.AuditService/GetAuditKeys"),

      Administers("dbfleet.api.v1.UserService/CreateUser"),
      Audits("dbfleet.api.v1.UserService/GetUser"),
      Audits("dbfleet.api.v1.UserService/ListUsers"),
      Administers("dbfleet.api.v1.UserService/UpdateUserRoles"),
      Administers("dbfleet.api.v1.UserService/DisableUser"),
      AnyUser("dbfleet.api.v1.UserService/CreateToken"),
      AnyUser("dbfleet.api.v1.UserService/ListTokens"),
      AnyUser("dbfleet.api.v1.UserService/RevokeToken"),
      AnyUser("dbfleet.api.v1.UserService/WhoAmI"),
  };
  return *table;
}

const Permission* FindPermission(absl::string_view method) {
  for (const Permission& permission : AllPermissions()) {
    if (permission.method == method) return &permission;
  }
  return nullptr;
}

absl::Status Authorise(const Caller& caller, absl::string_view method) {
  const Permission* const permission = FindPermission(method);
  if (permission == nullptr) {
    return Error(absl::StatusCode::kPermissionDenied, "METHOD_UNKNOWN",
                 absl::StrCat("nobody may call ", method));
  }
  if (permission->access != Access::kRoles) return absl::OkStatus();
  const bool approves = permission->roles == std::vector<Role>{Role::kApprover};
  const bool has_role = std::any_of(permission->roles.begin(), permission->roles.end(),
                                    [&](Role role) { return caller.Has(role); });
  if (has_role && !(approves && caller.Has(Role::kAdmin))) return absl::OkStatus();
  const std::string needed = absl::StrJoin(
      permission->roles, " or ",
      [](std::string* out, Role role) { absl::StrAppend(out, absl::string_view(NameOf(role))); });
  return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
               absl::StrCat(caller.principal, " may not call ", method, ": it needs the role ",
                            needed, approves ? ", and an admin cannot approve" : ""));
}

absl::Status AuthoriseForUser(const Caller& caller, absl::string_view user_id) {
  if (caller.user_id == user_id || caller.Has(Role::kAdmin)) return absl::OkStatus();
  return Error(
      absl::StatusCode::kPermissionDenied, "NOT_YOUR_TOKEN",
      absl::StrCat(caller.principal, " may manage their own tokens only; an admin those of \"",
                   user_id, "\""));
}

}  // namespace dbfleet::controller
