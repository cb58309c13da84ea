#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/config/problems.h"
#include "controller/rules/debounce.h"
#include "controller/rules/rule.h"
#include "dbfleet/resource/v1/event_rule.pb.h"

namespace dbfleet::controller {

// A rule as its manifest declares it.
struct DeclaredEventRule {
  std::string name;
  RuleSelection selection;
  Threshold threshold;
  RuleLimits limits;
  bool suspended = false;
  bool ask = true;
  absl::Duration expires_after;
  resource::v1::EventRuleSpec spec;
  uint64_t version = 0;  // Of the resource.
  std::string editor;    // Who declared it last.
};

void FillEventRule(resource::v1::EventRule* manifest);

// A trigger of a rule of which nothing could ever come.
struct DeadTrigger {
  std::string field;  // "spec.on.triggers[1]"
  std::string why;
};
// Not among what is wrong with a rule: one that an earlier version took goes on doing nothing, also
// when it is applied again, and holds up nothing that is applied with it.
std::vector<DeadTrigger> DeadTriggers(const resource::v1::EventRuleSpec& spec);

// All that is wrong with one.
void CheckEventRule(const resource::v1::EventRule& manifest, config::Problems* problems);

// Nullopt if there is anything wrong, which goes to `problems`.
std::optional<DeclaredEventRule> CompileEventRule(const resource::v1::EventRule& manifest,
                                                  config::Problems* problems);

}  // namespace dbfleet::controller
