#include "controller/identity/permissions.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/domain/names.h"
#include "controller/identity/scope.h"

namespace dbfleet::controller {
namespace {

Permission Everywhere(absl::string_view method, Verb verb) {
  return {method, Access::kVerbs, {verb}, Where::kEverywhere, {}};
}

Permission Named(absl::string_view method, Verb verb, std::vector<NamedBy> fields) {
  return {method, Access::kVerbs, {verb}, Where::kNamed, std::move(fields)};
}

Permission Listed(absl::string_view method, Verb verb, std::vector<NamedBy> fields = {}) {
  return {method, Access::kVerbs, {verb}, Where::kListed, std::move(fields)};
}

Permission Inside(absl::string_view method, std::vector<Verb> verbs) {
  return {method, Access::kVerbs, std::move(verbs), Where::kInside, {}};
}

Permission AnyUser(absl::string_view method) {
  return {method, Access::kAnyUser, {}, Where::kEverywhere, {}};
}

bool AnyOf(const Permission& permission, const std::function<bool(Verb)>& holds) {
  return std::any_of(permission.verbs.begin(), permission.verbs.end(), holds);
}

// "qa, staging", shortened.
std::string Names(const EnvironmentFilter& where) {
  constexpr size_t kShown = 10;
  const std::vector<std::string>& names = where.names();
  if (names.size() <= kShown) return absl::StrJoin(names, ", ");
  return absl::StrCat(absl::StrJoin(names.begin(), names.begin() + kShown, ", "), " and ",
                      names.size() - kShown, " more");
}

// What is missing at this place; "" if nothing is.
std::string MissingAt(const Caller& caller, const Permission& permission, const Place& place) {
  const Verb verb = permission.verbs.front();
  const Rights& rights = caller.rights;
  if (place.environment.has_value() ? rights.In(verb, *place.environment)
                                    : rights.Everywhere(verb)) {
    return "";
  }
  const std::string role = RoleWords(permission.verbs);
  const std::string name = SanitizeForDisplay(Truncate(place.name, 200));
  // Only to who may look there anyway is said that there is such a thing, and where.
  if (place.environment.has_value() && rights.In(Verb::kRead, *place.environment)) {
    return absl::StrCat("it needs the role ", role, " in ", *place.environment, ", where ", name,
                        " is");
  }
  return absl::StrCat("there is no ", name, ", or it is where ", caller.principal,
                      " has not the role ", role, "; it counts in: ", Names(rights.Where(verb)));
}

std::string WhyNot(const Caller& caller, const Permission& permission,
                   absl::Span<const Place> places) {
  // An admin may audit, but reviews nothing (BreakGlass::Review).
  const bool reviews = permission.verbs == std::vector<Verb>{Verb::kApprove, Verb::kAudit};
  const std::string role = reviews ? "approver or auditor" : RoleWords(permission.verbs);
  if (!AnyOf(permission, [&](Verb verb) { return caller.rights.Anywhere(verb); })) {
    const bool approves = permission.verbs.size() == 1 && permission.verbs[0] == Verb::kApprove;
    return absl::StrCat("it needs the role ", role,
                        approves ? ", and neither an admin nor a service account can approve" : "");
  }
  if (permission.where == Where::kEverywhere &&
      !AnyOf(permission, [&](Verb verb) { return caller.rights.Everywhere(verb); })) {
    return absl::StrCat(
        "it belongs to no environment and needs the role ", role,
        " everywhere; it counts in: ", Names(caller.rights.Where(permission.verbs.front())));
  }
  for (const Place& place : places) {
    std::string missing = MissingAt(caller, permission, place);
    if (!missing.empty()) return missing;
  }
  return "";
}

}  // namespace

const std::vector<Permission>& AllPermissions() {
  static const auto* const table = new std::vector<Permission>{
      {"dbfleet.api.v1.MetaService/GetVersion", Access::kPublic, {}, Where::kEverywhere, {}},

      Named("dbfleet.api.v1.EnvironmentService/GetEnvironment", Verb::kRead,
            {{"name", "environments"}}),
      Listed("dbfleet.api.v1.EnvironmentService/ListEnvironments", Verb::kRead),

      Named("dbfleet.api.v1.AgentService/GetAgent", Verb::kRead, {{"name", "agents"}}),
      Listed("dbfleet.api.v1.AgentService/ListAgents", Verb::kRead,
             {{"environment", "environments"}}),
      Named("dbfleet.api.v1.AgentService/CreateJoinToken", Verb::kAdminister,
            {{"environment", "environments"}, {"agent_id", "agents", true}}),
      Named("dbfleet.api.v1.AgentService/RevokeAgent", Verb::kAdminister, {{"name", "agents"}}),
      Named("dbfleet.api.v1.AgentService/DrainAgent", Verb::kAdminister, {{"name", "agents"}}),

      Named("dbfleet.api.v1.InstanceService/GetInstance", Verb::kRead, {{"name", "instances"}}),
      Listed("dbfleet.api.v1.InstanceService/ListInstances", Verb::kRead,
             {{"environment", "environments"}}),
      Named("dbfleet.api.v1.InstanceService/CheckInstance", Verb::kOperate,
            {{"name", "instances"}}),
      Named("dbfleet.api.v1.InstanceService/InspectInstance", Verb::kOperate,
            {{"name", "instances"}}),
      Named("dbfleet.api.v1.InstanceService/MoveInstance", Verb::kAdminister,
            {{"name", "instances"}, {"agent", "agents"}}),
      Named("dbfleet.api.v1.InstanceService/RemoveInstance", Verb::kAdminister,
            {{"name", "instances"}}),

      Named("dbfleet.api.v1.JobService/GetJob", Verb::kRead, {{"name", "jobs"}}),
      Listed("dbfleet.api.v1.JobService/ListJobs", Verb::kRead, {{"environment", "environments"}}),
      Named("dbfleet.api.v1.JobService/WatchJob", Verb::kRead, {{"name", "jobs"}}),
      Named("dbfleet.api.v1.JobService/ReadJobLog", Verb::kRead, {{"name", "jobs"}}),
      Named("dbfleet.api.v1.JobService/CancelJob", Verb::kOperate, {{"name", "jobs"}}),
      Named("dbfleet.api.v1.JobService/PauseJob", Verb::kOperate, {{"name", "jobs"}}),
      Named("dbfleet.api.v1.JobService/ResumeJob", Verb::kOperate, {{"name", "jobs"}}),
      Named("dbfleet.api.v1.JobService/ResolveTask", Verb::kOperate, {{"name", "jobs"}}),
      Named("dbfleet.api.v1.JobService/ReprioritizeJob", Verb::kOperate, {{"name", "jobs"}}),
      // Of a window of several environments: what is queued in those that the caller may see.
      Listed("dbfleet.api.v1.JobService/ListWindowQueue", Verb::kRead),

      Named("dbfleet.api.v1.ChangeService/SubmitChange", Verb::kOperate,
            {{"environment", "environments"}, {"instances", "instances"}}),
      Named("dbfleet.api.v1.ChangeService/GetChange", Verb::kRead, {{"name", "jobs"}}),
      Listed("dbfleet.api.v1.ChangeService/ListChanges", Verb::kRead,
             {{"environment", "environments"}}),
      Named("dbfleet.api.v1.ChangeService/ApproveChange", Verb::kApprove, {{"name", "jobs"}}),
      Named("dbfleet.api.v1.ChangeService/RejectChange", Verb::kApprove, {{"name", "jobs"}}),
      Named("dbfleet.api.v1.ChangeService/WithdrawApproval", Verb::kApprove, {{"name", "jobs"}}),
      Named("dbfleet.api.v1.ChangeService/RollbackChange", Verb::kOperate, {{"name", "jobs"}}),

      Named("dbfleet.api.v1.BackupService/RunBackup", Verb::kOperate, {{"instance", "instances"}}),
      Named("dbfleet.api.v1.BackupService/VerifyBackup", Verb::kOperate, {{"name", "backups"}}),
      Named("dbfleet.api.v1.BackupService/GetBackup", Verb::kRead, {{"name", "backups"}}),
      Listed("dbfleet.api.v1.BackupService/ListBackups", Verb::kRead,
             {{"environment", "environments"}, {"instance", "instances"}}),

      Inside("dbfleet.api.v1.ResourceService/ApplyResources", {Verb::kDeclare, Verb::kAdminister}),
      Inside("dbfleet.api.v1.ResourceService/GetResource", {Verb::kRead}),
      Listed("dbfleet.api.v1.ResourceService/ListResources", Verb::kRead),
      Inside("dbfleet.api.v1.ResourceService/DeleteResource", {Verb::kDeclare, Verb::kAdminister}),
      Listed("dbfleet.api.v1.ResourceService/ListWindowOccurrences", Verb::kRead,
             {{"environment", "environments"}}),

      Listed("dbfleet.api.v1.ScheduleService/ListSchedules", Verb::kRead),
      Named("dbfleet.api.v1.ScheduleService/ListScheduleTimes", Verb::kRead,
            {{"schedule", "schedules"}}),
      Named("dbfleet.api.v1.ScheduleService/GetOccurrence", Verb::kRead, {{"name", "schedules"}}),
      Named("dbfleet.api.v1.ScheduleService/ListOccurrences", Verb::kRead,
            {{"schedule", "schedules"}}),
      Named("dbfleet.api.v1.ScheduleService/RunSchedule", Verb::kOperate,
            {{"schedule", "schedules"}}),

      // A rule is about the environments that it selects, a proposal is in one.
      Listed("dbfleet.api.v1.EventRuleService/ListEventRules", Verb::kRead),
      Inside("dbfleet.api.v1.EventRuleService/GetEventRule", {Verb::kRead}),
      Listed("dbfleet.api.v1.EventRuleService/ListJobProposals", Verb::kRead),
      Named("dbfleet.api.v1.EventRuleService/GetJobProposal", Verb::kRead,
            {{"name", "jobproposals"}}),
      Named("dbfleet.api.v1.EventRuleService/AcceptJobProposal", Verb::kOperate,
            {{"name", "jobproposals"}}),
      Named("dbfleet.api.v1.EventRuleService/DeclineJobProposal", Verb::kOperate,
            {{"name", "jobproposals"}}),
      Inside("dbfleet.api.v1.EventRuleService/TestEventRule", {Verb::kRead}),

      Everywhere("dbfleet.api.v1.NotificationService/TestNotificationRoute", Verb::kDeclare),
      Everywhere("dbfleet.api.v1.NotificationService/ListNotifications", Verb::kRead),
      Everywhere("dbfleet.api.v1.NotificationService/RetryNotifications", Verb::kOperate),

      // A proposal is about the environments whose policies it would loosen.
      Inside("dbfleet.api.v1.ProposalService/GetProposal", {Verb::kRead}),
      Listed("dbfleet.api.v1.ProposalService/ListProposals", Verb::kRead),
      Inside("dbfleet.api.v1.ProposalService/ApproveProposal", {Verb::kApprove}),
      Inside("dbfleet.api.v1.ProposalService/RejectProposal", {Verb::kApprove}),
      // Of one's own only.
      AnyUser("dbfleet.api.v1.ProposalService/WithdrawProposal"),

      // Whoever sees the job; a policy says who of them may.
      Named("dbfleet.api.v1.BreakGlassService/BreakGlass", Verb::kRead, {{"name", "jobs"}}),
      Inside("dbfleet.api.v1.BreakGlassService/EndBreakGlass",
             {Verb::kOperate, Verb::kApprove, Verb::kAudit}),
      Inside("dbfleet.api.v1.BreakGlassService/ReviewBreakGlass", {Verb::kApprove, Verb::kAudit}),
      Listed("dbfleet.api.v1.BreakGlassService/ListBrokenGlass", Verb::kRead),

      Everywhere("dbfleet.api.v1.AuditService/ListAuditRecords", Verb::kAudit),
      Everywhere("dbfleet.api.v1.AuditService/ExportAudit", Verb::kAudit),
      Everywhere("dbfleet.api.v1.AuditService/ExportAuditTrail", Verb::kAudit),
      Everywhere("dbfleet.api.v1.AuditService/GetAuditCheckpoint", Verb::kAudit),
      Everywhere("dbfleet.api.v1.AuditService/GetAuditKeys", Verb::kAudit),

      Everywhere("dbfleet.api.v1.UserService/CreateUser", Verb::kAdminister),
      Everywhere("dbfleet.api.v1.UserService/GetUser", Verb::kAudit),
      Everywhere("dbfleet.api.v1.UserService/ListUsers", Verb::kAudit),
      Everywhere("dbfleet.api.v1.UserService/UpdateUserRoles", Verb::kAdminister),
      Everywhere("dbfleet.api.v1.UserService/DisableUser", Verb::kAdminister),
      Everywhere("dbfleet.api.v1.UserService/EnableUser", Verb::kAdminister),
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

bool AllowsEverywhere(const Rights& rights, const Permission& permission) {
  return permission.access == Access::kVerbs &&
         AnyOf(permission, [&](Verb verb) { return rights.Everywhere(verb); });
}

std::string RoleWords(absl::Span<const Verb> verbs) {
  std::set<Role> roles;
  for (const Verb verb : verbs) {
    for (const Role role : RolesWith(verb)) roles.insert(role);
  }
  return absl::StrJoin(roles, " or ", [](std::string* out, Role role) {
    absl::StrAppend(out, absl::string_view(NameOf(role)));
  });
}

absl::Status Authorise(const Caller& caller, const Rights& before_scope, absl::string_view method,
                       absl::Span<const Place> places) {
  const Permission* const permission = FindPermission(method);
  if (permission == nullptr) {
    return Error(absl::StatusCode::kPermissionDenied, "METHOD_UNKNOWN",
                 absl::StrCat("nobody may call ", method));
  }
  if (permission->access != Access::kVerbs) return absl::OkStatus();
  const std::string why = WhyNot(caller, *permission, places);
  if (why.empty()) return absl::OkStatus();
  // By the verb alone: the answer must not tell what there is beyond the token's limits.
  const bool limited = AnyOf(*permission, [&](Verb verb) {
    return !(before_scope.Where(verb) == caller.rights.Where(verb));
  });
  if (limited) {
    return Error(absl::StatusCode::kPermissionDenied, "TOKEN_SCOPE",
                 absl::StrCat("the token users/", caller.user_id, "/tokens/", caller.token_id,
                              " may not be used for ", method, " here: it is limited to ",
                              ScopeText(caller.scope)));
  }
  return Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING",
               absl::StrCat(caller.principal, " may not call ", method, ": ", why));
}

absl::Status AuthoriseForUser(const Caller& caller, absl::string_view user_id) {
  if (caller.user_id == user_id || caller.rights.Everywhere(Verb::kAdminister)) {
    return absl::OkStatus();
  }
  return Error(
      absl::StatusCode::kPermissionDenied, "NOT_YOUR_TOKEN",
      absl::StrCat(caller.principal, " may manage their own tokens only; an admin those of \"",
                   user_id, "\""));
}

absl::Status AuthoriseRevocation(const Caller& caller, absl::string_view token_id) {
  if (caller.scope.empty() || caller.token_id == token_id ||
      caller.rights.Everywhere(Verb::kAdminister)) {
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kPermissionDenied, "TOKEN_SCOPE",
               absl::StrCat("the token users/", caller.user_id, "/tokens/", caller.token_id,
                            " is limited, and so may end only itself"));
}

absl::Status CheckUnlimited(const Caller& caller, absl::string_view method) {
  if (caller.scope.verbs.empty() && caller.scope.environments.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kPermissionDenied, "TOKEN_SCOPE",
               absl::StrCat("the token users/", caller.user_id, "/tokens/", caller.token_id,
                            " may not be used for ", method, ": it is limited to ",
                            ScopeText(caller.scope)));
}

}  // namespace dbfleet::controller
