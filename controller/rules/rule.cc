#include "controller/rules/rule.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/duration_text.h"

namespace dbfleet::controller {
namespace {

// Triggers that no job on a database answers, or that tell of the telling itself.
constexpr absl::string_view kNotForRules[] = {
    "slower-than-usual",  // Found while notifications are made; no record tells it.
    "rules-proposed",    "rules-changed",     "accounts-changed",    "access-denied",
    "witness-alarm",     "recovery-demanded", "notification-failed", kProposedTrigger,
};

constexpr absl::string_view kAboutNoInstance[] = {"window-opened", "window-closed",
                                                  "window-changed", "schedule-missed"};

constexpr absl::string_view kAboutNoJob[] = {"health-change", "agent-lost", "agent-connected",
                                             "agent-quarantined"};

constexpr absl::string_view kAboutChanges[] = {"approval-needed", "approved", "rollback-refused",
                                               "break-glass"};

// agent/engine/health.h, and what makes an instance critical without any measurement.
constexpr absl::string_view kObservations[] = {
    "unreachable",
    "response_time_seconds",
    "connections_used_ratio",
    "cache_hit_ratio",
    "longest_transaction_seconds",
    "blocked_sessions",
    "replication_link_up",
    "replication_lag_seconds",
    "disk_used_ratio",
    "deadlocks_since_last_check",
    "persistence_ok",
};

template <size_t N>
bool Has(const absl::string_view (&words)[N], absl::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool Among(const std::set<std::string>& wanted, const std::string& word) {
  return wanted.empty() || wanted.count(word) != 0;
}

bool FitsHealth(HealthChange wanted, const AuditEvent& event) {
  if (event.trigger != "health-change" || wanted == HealthChange::kAny) return true;
  return (event.meaning == Meaning::kRelief) == (wanted == HealthChange::kBetter);
}

}  // namespace

bool IsForRules(const TriggerInfo& trigger) { return !Has(kNotForRules, trigger.name); }

bool IsAboutInstances(absl::string_view trigger) { return !Has(kAboutNoInstance, trigger); }

std::optional<std::vector<JobKind>> JobKindsOf(absl::string_view trigger) {
  using Kinds = std::vector<JobKind>;
  if (Has(kAboutNoInstance, trigger) || Has(kAboutNoJob, trigger)) return Kinds();
  if (Has(kAboutChanges, trigger)) return Kinds{JobKind::kMigrate};
  if (trigger == "check-failed") return Kinds{JobKind::kCheck};
  if (trigger == "backup-suspect")
    return Kinds{JobKind::kBackup, JobKind::kVerify, JobKind::kMigrate};
  return std::nullopt;
}

absl::Span<const absl::string_view> KnownObservations() { return kObservations; }

bool SelectsEvent(const RuleSelection& selection, const RuleEvent& event) {
  if (event.event.trigger.empty() || selection.triggers.count(event.event.trigger) == 0) {
    return false;
  }
  if (event.depth > selection.follow_rules) return false;
  if (!FitsHealth(selection.health, event.event)) return false;
  if (!Among(selection.job_kinds, event.job_kind)) return false;
  return selection.observations.empty() ||
         std::any_of(
             event.observations.begin(), event.observations.end(),
             [&](const std::string& one) { return selection.observations.count(one) != 0; });
}

bool SelectsInstance(const RuleSelection& selection, const RuleInstance& instance) {
  return Among(selection.environments, instance.environment) &&
         Among(selection.instances, instance.id) && Among(selection.engines, instance.engine) &&
         std::all_of(selection.labels.begin(), selection.labels.end(), [&](const auto& label) {
           const auto found = instance.labels.find(label.first);
           return found != instance.labels.end() && found->second == label.second;
         });
}

std::vector<std::string> SelectedEnvironments(const RuleSelection& selection,
                                              const RuleEvent& event,
                                              absl::Span<const std::string> known) {
  std::vector<std::string> selected;
  // What names instances, or what they are like, is not about events of none.
  if (!selection.instances.empty() || !selection.engines.empty() || !selection.labels.empty()) {
    return selected;
  }
  for (const std::string& name : known) {
    const bool there =
        event.everywhere || std::find(event.environments.begin(), event.environments.end(), name) !=
                                event.environments.end();
    if (there && Among(selection.environments, name)) selected.push_back(name);
  }
  return selected;
}

std::string CauseOf(const RuleEvent& event, absl::string_view instance,
                    const Threshold& threshold) {
  std::string cause;
  if (!instance.empty()) absl::StrAppend(&cause, "instances/", instance, ": ");
  if (event.event.subject != absl::StrCat("instances/", instance)) {
    absl::StrAppend(&cause, event.event.subject, " ");
  }
  absl::StrAppend(&cause, event.event.words);
  if (!event.why.empty()) absl::StrAppend(&cause, ": ", event.why);
  if (threshold.count > 1) {
    absl::StrAppend(&cause, " (", threshold.count, " such events within ",
                    DurationText(threshold.within), ")");
  }
  absl::StrAppend(&cause, " (audit record ", event.seq, ", ",
                  absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", event.time, absl::UTCTimeZone()), ")");
  return cause;
}

}  // namespace dbfleet::controller
