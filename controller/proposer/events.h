#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

#include "controller/resources/event_rule_resource.h"
#include "controller/rules/rule.h"
#include "controller/store/store.h"

// What audit records are to rules. Looks instances and jobs up as they are in the transaction; what
// is gone meanwhile is left out.
namespace dbfleet::controller {

// An event is about no more instances than this; of a change on more, those that come first.
inline constexpr size_t kMostInstances = 50;

// Nullopt: the record is no event, or none for rules.
absl::StatusOr<std::optional<RuleEvent>> ReadRuleEvent(ReadTx& tx, const AuditRow& row);

// The same of a record that was skimmed (SkimAudit), read in full only if it may be one.
absl::StatusOr<std::optional<RuleEvent>> EventAt(ReadTx& tx, const AuditRow& skimmed);

// What an event is to one rule.
struct RuleMatch {
  std::string subject;   // What is counted together: an instance's id, or "environments/qa".
  std::string instance;  // The one that the event is about; "" if it is about none.
  std::string environment;
  std::vector<std::string> targets;  // The instances that would get the job.
};

// The targets of rules that name others than their events' instances, found once for each rule and
// environment while many records are looked at: finding them reads all instances.
using RuleTargets = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;

// None if the rule does not select it, or would find no target.
absl::StatusOr<std::vector<RuleMatch>> MatchRule(ReadTx& tx, const DeclaredEventRule& rule,
                                                 const RuleEvent& event, RuleTargets* known);

// The requester of its jobs: "eventrules/look-again".
std::string AccountOf(const JobProposal& proposal);

}  // namespace dbfleet::controller
