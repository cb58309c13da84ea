#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/routes/triggers.h"
#include "controller/rules/debounce.h"

// Which events are a rule's. Pure.
namespace dbfleet::controller {

inline constexpr absl::string_view kEventRuleKind = "EventRule";
// The requester of what rules submit: "eventrules/look-again".
inline constexpr absl::string_view kEventRuleAccounts = "eventrules/";

// The trigger for what rules propose; no event of it is for rules.
inline constexpr absl::string_view kProposedTrigger = "job-proposed";

// Is the trigger of notification routes about databases, so that something can be done about it by
// a job? A trigger that is added to routes is for rules as well, unless it is named in rule.cc.
bool IsForRules(const TriggerInfo& trigger);
// Is what it tells about an instance? Other events need targets to be named.
bool IsAboutInstances(absl::string_view trigger);
// Of which kinds the jobs are that it tells of: none if it is about no job, nullopt if of any kind.
std::optional<std::vector<JobKind>> JobKindsOf(absl::string_view trigger);
// What can be critical about an instance, as the agents' health checks call it.
absl::Span<const absl::string_view> KnownObservations();

// An instance that an event is about.
struct RuleInstance {
  std::string id;
  std::string environment;
  std::string engine;
  std::map<std::string, std::string> labels;
};

// An event with what rules look at.
struct RuleEvent {
  uint64_t seq = 0;  // Of the audit record.
  absl::Time time;   // The same.
  AuditEvent event;
  std::vector<std::string> environments;  // Empty: of none.
  bool everywhere = false;                // Of every environment.
  std::string job_kind;                   // "" if it is no job's.
  std::set<std::string> observations;     // What was critical.
  std::string why;                        // In words; "" if the record does not say.
  // Through so many rules it came about: 0 if no rule had a part in it.
  int depth = 0;
  std::vector<RuleInstance> instances;
};

enum class HealthChange { kWorse, kBetter, kAny };

// What a rule selects.
struct RuleSelection {
  std::set<std::string> triggers;
  std::set<std::string> observations;  // Empty, here and below: any.
  HealthChange health = HealthChange::kWorse;
  std::set<std::string> environments;
  std::set<std::string> instances;
  std::set<std::string> engines;
  std::map<std::string, std::string> labels;
  std::set<std::string> job_kinds;
  int follow_rules = 0;
};

// Is the event of the right kind, whatever it is about?
bool SelectsEvent(const RuleSelection& selection, const RuleEvent& event);
// Of such an event: is it about this instance, as far as the rule cares?
bool SelectsInstance(const RuleSelection& selection, const RuleInstance& instance);
// The environments in which such an event counts although it is about no instance, of `known`.
std::vector<std::string> SelectedEnvironments(const RuleSelection& selection,
                                              const RuleEvent& event,
                                              absl::Span<const std::string> known);

// "instances/db1 failed its check: unreachable (audit record 12, 2026-11-21T10:00:00Z)".
std::string CauseOf(const RuleEvent& event, absl::string_view instance, const Threshold& threshold);

}  // namespace dbfleet::controller
