#include "controller/api/convert.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "controller/api/window_queue.h"
#include "controller/dispatch/wire.h"
#include "controller/domain/names.h"
#include "controller/identity/rights.h"

namespace dbfleet::controller {
namespace {

work::v1::Engine EngineFromName(absl::string_view name) {
  if (name == "mysql") return work::v1::ENGINE_MYSQL;
  if (name == "postgresql") return work::v1::ENGINE_POSTGRESQL;
  if (name == "redis") return work::v1::ENGINE_REDIS;
  return work::v1::ENGINE_UNSPECIFIED;
}

work::v1::InstanceRole InstanceRoleFromName(absl::string_view name) {
  if (name == "primary") return work::v1::INSTANCE_ROLE_PRIMARY;
  if (name == "replica") return work::v1::INSTANCE_ROLE_REPLICA;
  return work::v1::INSTANCE_ROLE_UNSPECIFIED;
}

work::v1::SafetyClass ToApi(SafetyClass safety) {
  switch (safety) {
    case SafetyClass::kSafe:
      return work::v1::SAFETY_CLASS_SAFE;
    case SafetyClass::kDestructive:
      return work::v1::SAFETY_CLASS_DESTRUCTIVE;
    default:
      return work::v1::SAFETY_CLASS_UNSPECIFIED;
  }
}

// Our enumerations and the API's have the same words, so that one table (domain/names.h) serves
// both.
template <typename Enum>
Enum EnumByWord(absl::string_view word, bool (*parse)(google::protobuf::ConstStringParam, Enum*)) {
  Enum value{};
  parse(absl::StrCat("STATE_", absl::AsciiStrToUpper(word)), &value);
  return value;
}

absl::optional<google::protobuf::Timestamp> TimeOrNothing(absl::Time time) {
  if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) return absl::nullopt;
  return ToProto(time);
}

#define SET_TIME(message, field, value)                                            \
  do {                                                                             \
    if (auto time_ = TimeOrNothing(value)) *(message)->mutable_##field() = *time_; \
  } while (false)

work::v1::StepReport ToApi(const StepReport& step) {
  work::v1::StepReport out;
  out.set_index(step.index);
  out.set_rollback(step.rollback);
  out.set_rows_affected(step.rows_affected);
  *out.mutable_duration() = ToProto(step.duration);
  out.set_error(step.error);
  out.set_version(step.migration_version);
  if (step.state == "running") {
    out.set_state(work::v1::STEP_STATE_RUNNING);
  } else if (step.state == "succeeded") {
    out.set_state(work::v1::STEP_STATE_SUCCEEDED);
  } else if (step.state == "failed") {
    out.set_state(work::v1::STEP_STATE_FAILED);
  } else {
    out.set_state(work::v1::STEP_STATE_UNKNOWN);
  }
  return out;
}

api_v1::Attempt ToApi(const Attempt& attempt) {
  api_v1::Attempt out;
  out.set_name(
      absl::StrCat("jobs/", attempt.job_id, "/tasks/", attempt.task_id, "/attempts/", attempt.id));
  out.set_state(EnumByWord(NameOf(attempt.state), &api_v1::Attempt::State_Parse));
  out.set_purpose(std::string(NameOf(attempt.purpose)));
  out.set_number(attempt.number);
  out.set_fence(attempt.fence);
  out.set_agent(absl::StrCat("agents/", attempt.agent_id));
  SET_TIME(&out, create_time, attempt.create_time);
  SET_TIME(&out, start_time, attempt.start_time);
  SET_TIME(&out, end_time, attempt.end_time);
  out.set_error_reason(attempt.error_reason);
  out.set_error_message(attempt.error_message);
  return out;
}

api_v1::Task* AddTaskHead(const Job& job, const Task& task, api_v1::Job* out) {
  api_v1::Task* t = out->add_tasks();
  t->set_name(absl::StrCat("jobs/", job.id, "/tasks/", task.id));
  t->set_state(EnumByWord(NameOf(task.state), &api_v1::Task::State_Parse));
  t->set_target(task.Target());
  return t;
}

absl::Status ParseInto(const std::string& blob, google::protobuf::Message* out) {
  if (out->ParseFromString(blob)) return absl::OkStatus();
  return Error(absl::StatusCode::kDataLoss, "BAD_BLOB", "a stored message cannot be read");
}

api_v1::Role ToApi(Role role) {
  api_v1::Role value = api_v1::ROLE_UNSPECIFIED;
  api_v1::Role_Parse(absl::StrCat("ROLE_", absl::AsciiStrToUpper(NameOf(role))), &value);
  return value;
}

}  // namespace

std::string EtagOf(uint64_t version) { return absl::StrCat("v", version); }

api_v1::Environment ToApi(const Environment& environment) {
  api_v1::Environment out;
  out.set_name(absl::StrCat("environments/", environment.name));
  out.set_display_name(environment.display_name);
  const EnvironmentPolicy& policy = environment.policy;
  api_v1::EnvironmentPolicy* p = out.mutable_policy();
  p->set_destructive_approvals(policy.destructive_approvals);
  if (policy.verified_backup_max_age > absl::ZeroDuration()) {
    *p->mutable_verified_backup_max_age() = ToProto(policy.verified_backup_max_age);
  }
  *p->mutable_approval_ttl() = ToProto(policy.approval_ttl);
  p->set_destructive_consent(policy.destructive_consent);
  p->set_digest(PolicyDigest(environment.name, policy));
  p->set_window_for(std::string(NameOf(policy.window_for)));
  if (!policy.promotion.from.empty()) {
    p->mutable_promotion()->set_from(absl::StrCat("environments/", policy.promotion.from));
    *p->mutable_promotion()->mutable_within() = ToProto(policy.promotion.within);
    p->mutable_promotion()->set_rehearsal(policy.promotion.rehearsal);
  }
  return out;
}

api_v1::Backup ToApi(const Backup& backup) {
  api_v1::Backup out;
  out.set_name(absl::StrCat("backups/", backup.id));
  switch (backup.state) {
    case Backup::State::kRunning:
      // Which server is backed up is written down when the work is granted.
      out.set_state(backup.agent_id.empty() ? api_v1::Backup::STATE_QUEUED
                                            : api_v1::Backup::STATE_RUNNING);
      break;
    case Backup::State::kComplete:
      out.set_state(api_v1::Backup::STATE_COMPLETE);
      break;
    case Backup::State::kFailed:
      out.set_state(api_v1::Backup::STATE_FAILED);
      break;
    case Backup::State::kSuspect:
      out.set_state(api_v1::Backup::STATE_SUSPECT);
      break;
  }
  out.set_instance(absl::StrCat("instances/", backup.instance_id));
  out.set_environment(absl::StrCat("environments/", backup.environment));
  if (!backup.result_blob.empty()) out.mutable_result()->ParseFromString(backup.result_blob);
  if (backup.verified_level > 0) {
    out.mutable_verification()->ParseFromString(backup.verification_blob);
  }
  out.set_job(absl::StrCat("jobs/", backup.job_id));
  SET_TIME(&out, create_time, backup.create_time);
  out.set_error_message(backup.error_message);
  return out;
}

api_v1::User ToApi(const User& user, const RoleBook& book) {
  api_v1::User out;
  out.set_name(user.Principal());
  out.set_kind(user.service ? api_v1::User::KIND_SERVICE : api_v1::User::KIND_PERSON);
  for (const RoleGrant& grant : book.GrantsOf(user)) {
    if (grant.binding.empty()) {
      out.add_roles(ToApi(grant.role));
      continue;
    }
    api_v1::RoleGrant& shown = *out.add_grants();
    shown.set_role(ToApi(grant.role));
    shown.set_binding(grant.binding);
    for (const std::string& name : grant.where.names()) shown.add_environments(name);
  }
  out.set_creator(user.creator);
  out.set_disabled(user.disabled);
  SET_TIME(&out, create_time, user.create_time);
  out.set_etag(EtagOf(user.version));
  return out;
}

api_v1::Token ToApi(const ApiToken& token) {
  api_v1::Token out;
  out.set_name(absl::StrCat("users/", token.user_id, "/tokens/", token.id));
  out.set_description(token.description);
  out.set_creator(token.creator);
  SET_TIME(&out, create_time, token.create_time);
  SET_TIME(&out, expire_time, token.expire_time);
  out.set_revoked(token.revoked);
  if (token.scope.empty()) return out;
  api_v1::TokenScope& scope = *out.mutable_scope();
  for (const std::string& name : token.scope.environments) scope.add_environments(name);
  for (const Verb verb : token.scope.verbs) {
    api_v1::Verb value = api_v1::VERB_UNSPECIFIED;
    api_v1::Verb_Parse(absl::StrCat("VERB_", absl::AsciiStrToUpper(NameOf(verb))), &value);
    scope.add_verbs(value);
  }
  for (const std::string& network : token.scope.sources) scope.add_sources(network);
  return out;
}

api_v1::AuditRecord ToApi(const AuditRow& row) {
  api_v1::AuditRecord out;
  out.set_seq(row.seq);
  SET_TIME(&out, record_time, row.record_time);
  out.set_actor(row.entry.actor);
  out.set_action(row.entry.action);
  out.set_resource(row.entry.resource);
  out.set_environment(row.entry.environment);
  out.mutable_details()->insert(row.entry.details.begin(), row.entry.details.end());
  out.set_previous_hash(row.previous_hash);
  out.set_hash(row.hash);
  out.set_canonical(row.canonical);
  return out;
}

api_v1::Agent ToApi(const Agent& agent, bool connected) {
  api_v1::Agent out;
  out.set_name(absl::StrCat("agents/", agent.id));
  out.set_state(agent.revoked       ? api_v1::Agent::STATE_REVOKED
                : agent.quarantined ? api_v1::Agent::STATE_QUARANTINED
                : connected         ? api_v1::Agent::STATE_CONNECTED
                                    : api_v1::Agent::STATE_DISCONNECTED);
  out.set_environment(absl::StrCat("environments/", agent.environment));
  out.set_version(agent.agent_version);
  for (const std::string& capability : agent.capabilities) out.add_capabilities(capability);
  SET_TIME(&out, enroll_time, agent.enroll_time);
  SET_TIME(&out, last_seen_time, agent.last_seen_time);
  SET_TIME(&out, certificate_expire_time, agent.current_not_after);
  out.set_draining(agent.draining);
  out.set_serial(agent.current_serial);
  out.set_state_reason(agent.state_reason);
  out.set_etag(EtagOf(agent.version));
  return out;
}

api_v1::Instance ToApi(const Instance& instance) {
  api_v1::Instance out;
  out.set_name(absl::StrCat("instances/", instance.id));
  out.set_engine(EngineFromName(instance.engine));
  out.set_agent(absl::StrCat("agents/", instance.agent_id));
  out.set_environment(absl::StrCat("environments/", instance.environment));
  out.set_endpoint(instance.endpoint);
  out.mutable_labels()->insert(instance.labels.begin(), instance.labels.end());
  out.set_role(InstanceRoleFromName(instance.role));
  out.set_server_version(instance.server_version);
  out.set_fence(instance.last_fence);
  out.set_removed(instance.removed);
  SET_TIME(&out, create_time, instance.create_time);
  out.set_etag(EtagOf(instance.version));
  for (const std::string& action : instance.forbidden_actions) out.add_forbidden_actions(action);
  return out;
}

absl::StatusOr<api_v1::Job> ToApi(const Job& job, absl::Time now) {
  api_v1::Job out;
  out.set_name(absl::StrCat("jobs/", job.id));
  out.set_state(EnumByWord(NameOf(job.state), &api_v1::Job::State_Parse));
  out.set_kind(std::string(NameOf(job.kind)));
  out.set_environment(absl::StrCat("environments/", job.environment));
  out.set_requester(job.requester);
  out.set_title(job.title);
  out.set_reason(job.reason);
  out.set_safety(ToApi(job.safety));
  out.set_digest(job.digest);
  for (const Approval& approval : job.approvals) {
    api_v1::Approval* a = out.add_approvals();
    a->set_principal(approval.principal);
    a->set_decision(approval.approved ? api_v1::Approval::DECISION_APPROVED
                                      : api_v1::Approval::DECISION_REJECTED);
    a->set_digest(approval.digest);
    a->set_reason(approval.reason);
    SET_TIME(a, decide_time, approval.decide_time);
    SET_TIME(a, expire_time, approval.expire_time);
    a->set_void_(approval.approved &&
                 (approval.digest != job.digest || approval.expire_time <= now));
  }
  SET_TIME(&out, create_time, job.create_time);
  SET_TIME(&out, update_time, job.update_time);
  SET_TIME(&out, end_time, job.end_time);
  SET_TIME(&out, expire_time, job.expire_time);
  out.set_error_reason(job.error_reason);
  out.set_error_message(job.error_message);
  RETURN_IF_ERROR(ParseInto(job.spec_blob, out.mutable_spec()));
  out.set_max_parallel(job.max_parallel);
  if (!job.rollback_of.empty()) out.set_rollback_of(absl::StrCat("jobs/", job.rollback_of));
  if (!job.parent.empty()) out.set_parent(absl::StrCat("jobs/", job.parent));
  out.set_plan_only(job.plan_only);
  out.set_approve_destructive(job.approve_destructive);
  out.set_etag(EtagOf(job.version));
  out.set_backup_gate(job.backup_gate == BackupGate::kFresh      ? api_v1::BACKUP_GATE_FRESH
                      : job.backup_gate == BackupGate::kExisting ? api_v1::BACKUP_GATE_EXISTING
                                                                 : api_v1::BACKUP_GATE_AUTO);
  if (!job.queue.window.empty()) *out.mutable_queue() = ToApi(job.queue);
  return out;
}

void AddRollout(const JobPicture& picture, api_v1::Job* out) {
  const Job& job = picture.job;
  if (job.kind != JobKind::kMigrate) return;
  api_v1::Rollout* rollout = out->mutable_rollout();
  for (const std::string& wave : job.rollout.waves) rollout->add_waves(wave);
  *rollout->mutable_pause_between() = ToProto(job.rollout.pause_between);
  rollout->set_failure_budget(absl::StrCat(job.rollout.failures_tolerated));
  api_v1::Rollout::OnFailure on_failure = api_v1::Rollout::ON_FAILURE_UNSPECIFIED;
  api_v1::Rollout::OnFailure_Parse(
      absl::StrCat("ON_FAILURE_", absl::AsciiStrToUpper(NameOf(job.rollout.on_failure))),
      &on_failure);
  rollout->set_on_failure(on_failure);
  rollout->set_health_check(job.rollout.health_check);
  rollout->set_current_wave(job.rollout_progress.wave + 1);
  int last = 0;
  for (const Task& task : picture.tasks) last = std::max(last, task.stage);
  rollout->set_wave_count(last + 1);
  SET_TIME(rollout, wave_end_time, job.rollout_progress.end_time);
  if (last == 0) return;
  for (size_t i = 0; i < picture.tasks.size(); ++i) {
    out->mutable_tasks(static_cast<int>(i))->set_wave(picture.tasks[i].stage + 1);
  }
}

absl::Status AddTasks(const JobPicture& picture, api_v1::Job* out) {
  for (size_t i = 0; i < picture.tasks.size(); ++i) {
    const Task& task = picture.tasks[i];
    api_v1::Task* t = AddTaskHead(picture.job, task, out);
    if (!task.plan_blob.empty()) RETURN_IF_ERROR(ParseInto(task.plan_blob, t->mutable_plan()));
    if (!task.result_blob.empty()) {
      RETURN_IF_ERROR(ParseInto(task.result_blob, t->mutable_result()));
    }
    for (const Attempt& attempt : picture.attempts[i]) *t->add_attempts() = ToApi(attempt);
    for (const StepReport& step : task.steps) *t->add_steps() = ToApi(step);
    t->set_error_reason(task.error_reason);
    t->set_error_message(task.error_message);
  }
  AddRollout(picture, out);
  return absl::OkStatus();
}

absl::Status AddTargets(ReadTx& tx, const Job& job, api_v1::Job* out) {
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(job.id));
  for (const Task& task : tasks) AddTaskHead(job, task, out);
  return absl::OkStatus();
}

api_v1::Blocker ToApi(const PolicyBlocker& blocker) {
  api_v1::Blocker out;
  out.set_rule(blocker.rule);
  out.set_message(blocker.message);
  if (!blocker.policy.empty()) out.set_policy(absl::StrCat("approvalpolicies/", blocker.policy));
  return out;
}

void AddBlockers(const std::vector<PolicyBlocker>& blockers, api_v1::Job* out) {
  // Two tasks on one target wait for the same; a reader wants it once.
  std::set<std::pair<std::string, std::string>> said;
  for (const PolicyBlocker& blocker : blockers) {
    if (!said.emplace(blocker.rule, blocker.message).second) continue;
    *out->add_blockers() = ToApi(blocker);
  }
}

absl::StatusOr<TokenScope> ScopeFromApi(const api_v1::TokenScope& scope,
                                        const google::protobuf::RepeatedField<int>& roles) {
  TokenScope out;
  for (const std::string& name : scope.environments()) {
    out.environments.emplace_back(PlainEnvironment(absl::StripPrefix(name, "environments/")));
  }
  out.sources.assign(scope.sources().begin(), scope.sources().end());
  for (const int value : scope.verbs()) {
    const std::string word = api_v1::Verb_Name(static_cast<api_v1::Verb>(value));
    const std::optional<Verb> verb =
        FromName<Verb>(absl::AsciiStrToLower(absl::StripPrefix(word, "VERB_")));
    if (!verb.has_value()) {
      return Error(absl::StatusCode::kInvalidArgument, "BAD_VERB",
                   "a verb is read, operate, approve, declare, administer or audit");
    }
    out.verbs.push_back(*verb);
  }
  ASSIGN_OR_RETURN(const std::vector<Role> limits, RolesFromApi(roles));
  for (const Role role : limits) {
    const std::vector<Verb> verbs = VerbsOf(role);
    out.verbs.insert(out.verbs.end(), verbs.begin(), verbs.end());
  }
  return out;
}

absl::StatusOr<std::vector<Role>> RolesFromApi(const google::protobuf::RepeatedField<int>& roles) {
  std::vector<Role> out;
  for (const int value : roles) {
    const std::string name = api_v1::Role_Name(static_cast<api_v1::Role>(value));
    const std::optional<Role> role =
        name.size() > 5 ? FromName<Role>(absl::AsciiStrToLower(name.substr(5))) : std::nullopt;
    if (!role.has_value()) {
      return Error(absl::StatusCode::kInvalidArgument, "UNKNOWN_ROLE",
                   absl::StrCat(value,
                                " is not a role; use viewer, operator, approver, "
                                "policy_admin, auditor or admin"));
    }
    out.push_back(*role);
  }
  return out;
}

absl::StatusOr<OnFailure> OnFailureFromApi(api_v1::Rollout::OnFailure on_failure) {
  switch (on_failure) {
    case api_v1::Rollout::ON_FAILURE_UNSPECIFIED:
    case api_v1::Rollout::ON_FAILURE_STOP:
      return OnFailure::kStop;
    case api_v1::Rollout::ON_FAILURE_PAUSE:
      return OnFailure::kPause;
    case api_v1::Rollout::ON_FAILURE_ROLLBACK:
      return OnFailure::kRollback;
    default:
      return Error(absl::StatusCode::kInvalidArgument, "UNKNOWN_ON_FAILURE",
                   absl::StrCat("`rollout.on_failure` ", static_cast<int>(on_failure),
                                " is not known; use STOP, PAUSE or ROLLBACK"));
  }
}

BackupGate GateFromApi(api_v1::BackupGate gate) {
  switch (gate) {
    case api_v1::BACKUP_GATE_FRESH:
      return BackupGate::kFresh;
    case api_v1::BACKUP_GATE_EXISTING:
      return BackupGate::kExisting;
    default:
      return BackupGate::kAuto;
  }
}

absl::StatusOr<JobState> StateFromApi(api_v1::Job::State state) {
  const std::string name = api_v1::Job::State_Name(state);
  const std::optional<JobState> found =
      name.size() > 6 ? FromName<JobState>(absl::AsciiStrToLower(name.substr(6))) : std::nullopt;
  if (found.has_value()) return *found;
  return Error(absl::StatusCode::kInvalidArgument, "UNKNOWN_STATE",
               absl::StrCat(static_cast<int>(state), " is not a job state"));
}

}  // namespace dbfleet::controller
