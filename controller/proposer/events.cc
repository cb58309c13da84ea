#include "controller/proposer/events.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"
#include "controller/domain/names.h"
#include "controller/scheduler/declared_job.h"

namespace dbfleet::controller {
namespace {

// From a job to the one that it is a part of, and on; changes are not nested deeper.
constexpr int kMostParents = 8;

std::string DetailOf(const AuditEntry& entry, const std::string& name) {
  const auto detail = entry.details.find(name);
  return detail == entry.details.end() ? "" : detail->second;
}

// "instances/x/databases/y" -> "x"; "" for anything else.
std::string InstanceIn(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "instances/")) return "";
  return std::string(name.substr(0, name.find('/')));
}

absl::Status AddInstance(ReadTx& tx, const std::string& id, RuleEvent* event) {
  if (id.empty() || event->instances.size() >= kMostInstances) return absl::OkStatus();
  const auto same = [&](const RuleInstance& instance) { return instance.id == id; };
  if (std::any_of(event->instances.begin(), event->instances.end(), same)) return absl::OkStatus();
  const absl::StatusOr<Instance> instance = tx.GetInstance(id);
  if (absl::IsNotFound(instance.status())) return absl::OkStatus();
  RETURN_IF_ERROR(instance.status());
  if (instance->removed) return absl::OkStatus();
  event->instances.push_back({id, instance->environment, instance->engine, instance->labels});
  return absl::OkStatus();
}

// What a rule proposed, and all that is part of it, came about through one rule more than what the
// rule saw.
absl::Status NoteProposal(ReadTx& tx, absl::string_view id, RuleEvent* event) {
  const absl::StatusOr<JobProposal> proposal = tx.rules_reader().GetProposal(id);
  if (!proposal.ok() && !absl::IsNotFound(proposal.status())) return proposal.status();
  // Nobody knows how long the way was to one that is gone: it counts as the longest.
  const int depth = proposal.ok() ? proposal->depth + 1 : kMostFollowed + 1;
  event->depth = std::max(event->depth, depth);
  return absl::OkStatus();
}

absl::Status NoteOrigin(ReadTx& tx, Job job, RuleEvent* event) {
  for (int i = 0; i < kMostParents; ++i) {
    if (absl::StartsWith(job.requester, kEventRuleAccounts)) {
      // The key is "eventrules/NAME PROPOSAL".
      return NoteProposal(tx, job.request_key.substr(job.request_key.rfind(' ') + 1), event);
    }
    const std::string next = job.parent.empty() ? job.rollback_of : job.parent;
    if (next.empty()) return absl::OkStatus();
    absl::StatusOr<Job> parent = tx.GetJob(next);
    if (absl::IsNotFound(parent.status())) return absl::OkStatus();
    RETURN_IF_ERROR(parent.status());
    job = *std::move(parent);
  }
  return absl::OkStatus();
}

// Of a job that did not end well, what is wrong is about those targets on which something went
// wrong: those that come later were not touched.
bool Concerns(const RuleEvent& event, const Task& task) {
  if (event.event.meaning != Meaning::kTrouble || event.event.trigger == "approval-needed") {
    return true;
  }
  return task.state == TaskState::kFailed || task.state == TaskState::kNeedsPerson ||
         task.state == TaskState::kRolledBack;
}

absl::Status AddJob(ReadTx& tx, const std::string& id, bool with_tasks, RuleEvent* event) {
  const absl::StatusOr<Job> job = tx.GetJob(id);
  if (absl::IsNotFound(job.status())) return absl::OkStatus();
  RETURN_IF_ERROR(job.status());
  event->job_kind = std::string(NameOf(job->kind));
  RETURN_IF_ERROR(NoteOrigin(tx, *job, event));
  if (!with_tasks || !event->instances.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<Task> tasks, tx.TasksOfJob(id));
  for (const Task& task : tasks) {
    if (Concerns(*event, task)) RETURN_IF_ERROR(AddInstance(tx, task.instance_id, event));
  }
  return absl::OkStatus();
}

// `with_job`: it is about the job that made it.
absl::Status AddBackup(ReadTx& tx, const std::string& id, bool with_job, RuleEvent* event) {
  const absl::StatusOr<Backup> backup = tx.GetBackup(id);
  if (absl::IsNotFound(backup.status())) return absl::OkStatus();
  RETURN_IF_ERROR(backup.status());
  RETURN_IF_ERROR(AddInstance(tx, backup->instance_id, event));
  return with_job ? AddJob(tx, backup->job_id, false, event) : absl::OkStatus();
}

absl::Status AddAgent(ReadTx& tx, const std::string& id, RuleEvent* event) {
  ASSIGN_OR_RETURN(const std::vector<Instance> instances, tx.InstancesOfAgent(id));
  for (const Instance& instance : instances) {
    RETURN_IF_ERROR(AddInstance(tx, instance.id, event));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> TargetsIn(ReadTx& tx,
                                                   const resource::v1::ScheduleTargets& targets,
                                                   const std::string& environment) {
  const std::set<std::string> named(targets.instances().begin(), targets.instances().end());
  std::vector<std::string> found;
  for (PageRequest page{1000, ""};;) {
    ASSIGN_OR_RETURN(const Page<Instance> instances, tx.ListInstances(environment, page));
    for (const Instance& instance : instances.items) {
      if (SelectsTarget(targets, named, instance)) found.push_back(instance.id);
      if (found.size() == kMostInstances) return found;
    }
    page.token = instances.next_token;
    if (page.token.empty()) return found;
  }
}

absl::StatusOr<std::vector<std::string>> EnvironmentNames(ReadTx& tx) {
  std::vector<std::string> names;
  for (PageRequest page{1000, ""};;) {
    ASSIGN_OR_RETURN(const Page<Environment> environments, tx.ListEnvironments(page));
    for (const Environment& environment : environments.items) names.push_back(environment.name);
    page.token = environments.next_token;
    if (page.token.empty()) return names;
  }
}

}  // namespace

std::string AccountOf(const JobProposal& proposal) {
  return absl::StrCat(kEventRuleAccounts, proposal.rule);
}

absl::StatusOr<std::optional<RuleEvent>> ReadRuleEvent(ReadTx& tx, const AuditRow& row) {
  const AuditEntry& entry = row.entry;
  std::optional<AuditEvent> found = EventOf(entry);
  if (!found.has_value()) return std::optional<RuleEvent>();
  const TriggerInfo* const trigger = FindTrigger(found->trigger);
  if (trigger == nullptr || !IsForRules(*trigger)) return std::optional<RuleEvent>();
  RuleEvent event;
  event.seq = row.seq;
  event.time = row.record_time;
  event.event = *std::move(found);
  if (!entry.environment.empty()) event.environments = {entry.environment};
  for (absl::string_view name :
       absl::StrSplit(DetailOf(entry, "environments"), ',', absl::SkipWhitespace())) {
    name = absl::StripAsciiWhitespace(name);
    if (name == "*") event.everywhere = true;
    event.environments.emplace_back(name);
  }
  for (absl::string_view name :
       absl::StrSplit(DetailOf(entry, "observations"), ',', absl::SkipEmpty())) {
    event.observations.emplace(name);
  }
  for (const char* detail : {"reasons", "error", "reason"}) {
    if (event.why.empty()) event.why = DetailOf(entry, detail);
  }
  const std::string target = InstanceIn(DetailOf(entry, "target"));
  RETURN_IF_ERROR(AddInstance(tx, target, &event));
  RETURN_IF_ERROR(AddInstance(tx, InstanceIn(entry.resource), &event));
  // Which job found it out, if that is told: a rule's or another one. A backup that a rule took may
  // be found unsound by whatever looks at it later.
  const std::string by = DetailOf(entry, "job");
  const bool found_by_job = absl::StartsWith(by, "jobs/");
  absl::string_view id = entry.resource;
  if (absl::ConsumePrefix(&id, "jobs/")) {
    RETURN_IF_ERROR(AddJob(tx, std::string(id), target.empty(), &event));
  } else if (absl::ConsumePrefix(&id, "backups/")) {
    RETURN_IF_ERROR(AddBackup(tx, std::string(id), !found_by_job, &event));
  } else if (absl::ConsumePrefix(&id, "agents/")) {
    RETURN_IF_ERROR(AddAgent(tx, std::string(id), &event));
  } else if (absl::ConsumePrefix(&id, "jobproposals/")) {
    RETURN_IF_ERROR(NoteProposal(tx, id, &event));
  }
  if (found_by_job) RETURN_IF_ERROR(AddJob(tx, by.substr(5), false, &event));
  return std::make_optional(std::move(event));
}

absl::StatusOr<std::optional<RuleEvent>> EventAt(ReadTx& tx, const AuditRow& skimmed) {
  if (!MayBeEvent(skimmed.entry.action)) return std::optional<RuleEvent>();
  ASSIGN_OR_RETURN(const std::vector<AuditRow> whole, tx.ReadAudit(skimmed.seq, 1));
  if (whole.empty() || whole[0].seq != skimmed.seq) return std::optional<RuleEvent>();
  return ReadRuleEvent(tx, whole[0]);
}

absl::StatusOr<std::vector<RuleMatch>> MatchRule(ReadTx& tx, const DeclaredEventRule& rule,
                                                 const RuleEvent& event, RuleTargets* known) {
  std::vector<RuleMatch> matches;
  if (rule.suspended || !SelectsEvent(rule.selection, event)) return matches;
  for (const RuleInstance& instance : event.instances) {
    if (!SelectsInstance(rule.selection, instance)) continue;
    // One that was moved since is about another environment now.
    const auto& names = event.environments;
    if (!event.everywhere && !names.empty() &&
        std::find(names.begin(), names.end(), instance.environment) == names.end()) {
      continue;
    }
    matches.push_back({instance.id, instance.id, instance.environment, {instance.id}});
  }
  const bool has_targets = rule.spec.propose().has_targets();
  if (event.instances.empty() && has_targets) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, EnvironmentNames(tx));
    for (const std::string& name : SelectedEnvironments(rule.selection, event, names)) {
      matches.push_back({absl::StrCat("environments/", name), "", name, {}});
    }
  }
  if (!has_targets) return matches;
  for (RuleMatch& match : matches) {
    const auto [found, is_new] = known->try_emplace({rule.name, match.environment});
    if (is_new) {
      ASSIGN_OR_RETURN(found->second,
                       TargetsIn(tx, rule.spec.propose().targets(), match.environment));
    }
    match.targets = found->second;
  }
  std::erase_if(matches, [](const RuleMatch& match) { return match.targets.empty(); });
  return matches;
}

}  // namespace dbfleet::controller
