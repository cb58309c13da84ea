#pragma once

#include <cstdint>
#include <optional>
#include <string>

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

// All that is wrong with one that is to be applied, also that it, or one of its triggers, would
// never lead to anything.
void CheckEventRule(const resource::v1::EventRule& manifest, config::Problems* problems);

// Nullopt if there is anything wrong, which goes to `problems`.
std::optional<DeclaredEventRule> CompileEventRule(const resource::v1::EventRule& manifest,
                                                  config::Problems* problems);

}  // namespace dbfleet::controller
