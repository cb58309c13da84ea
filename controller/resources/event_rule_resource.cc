#include "controller/resources/event_rule_resource.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/duration_text.h"
#include "common/config/values.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/names.h"
#include "controller/resources/schedule_resource.h"

namespace dbfleet::controller {
namespace {

using config::Problems;
using config::ShownValue;
using resource::v1::EventRuleSpec;

constexpr absl::Duration kDefaultExpiry = absl::Hours(24);
constexpr absl::Duration kShortestExpiry = absl::Minutes(5);
constexpr int kMostNamed = 1000;

std::string TriggersForRules() {
  std::string names;
  for (const TriggerInfo& trigger : Triggers()) {
    if (IsForRules(trigger)) absl::StrAppend(&names, names.empty() ? "" : ", ", trigger.name);
  }
  return names;
}

void CheckTriggers(const EventRuleSpec& spec, RuleSelection* selection, Problems* problems) {
  if (spec.on().triggers().empty()) {
    problems->Add("spec.on.triggers",
                  absl::StrCat("at least one is needed; known: ", TriggersForRules()));
  }
  for (int i = 0; i < spec.on().triggers_size(); ++i) {
    const std::string field = absl::StrCat("spec.on.triggers[", i, "]");
    const std::string& name = spec.on().triggers(i);
    const TriggerInfo* const trigger = FindTrigger(name);
    if (trigger == nullptr) {
      problems->Add(field, absl::StrCat("there is no trigger ", ShownValue(name),
                                        "; known: ", TriggersForRules()));
    } else if (!IsForRules(*trigger)) {
      problems->Add(field, absl::StrCat(name,
                                        " tells of nothing that a job on a database could "
                                        "answer; known: ",
                                        TriggersForRules()));
    } else if (!IsAboutInstances(name) && !spec.propose().has_targets()) {
      problems->Add("spec.propose.targets", absl::StrCat("is needed with ", name,
                                                         ", which is about no instance; {} means "
                                                         "all of the environment"));
    } else {
      selection->triggers.insert(name);
    }
  }
}

void CheckHow(const EventRuleSpec& spec, RuleSelection* selection, Problems* problems) {
  const bool has_health = selection->triggers.count("health-change") != 0;
  const bool has_observations = has_health || selection->triggers.count("check-failed") != 0;
  const std::string& health = spec.on().health();
  if (health == "better" || health == "any") {
    selection->health = health == "any" ? HealthChange::kAny : HealthChange::kBetter;
  } else if (!health.empty() && health != "worse") {
    problems->Add("spec.on.health",
                  absl::StrCat("worse, better or any is wanted, not ", ShownValue(health)));
  }
  if (!health.empty() && !has_health) {
    problems->Add("spec.on.health", "goes with the trigger health-change only");
  }
  if (!spec.on().observations().empty() && !has_observations) {
    problems->Add("spec.on.observations",
                  "goes with the triggers check-failed and health-change only");
  }
  for (int i = 0; i < spec.on().observations_size(); ++i) {
    const std::string& name = spec.on().observations(i);
    const auto known = KnownObservations();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      problems->Add(absl::StrCat("spec.on.observations[", i, "]"),
                    absl::StrCat("there is no observation ", ShownValue(name), "; known: ",
                                 absl::StrJoin(known, ", ", [](std::string* out, auto word) {
                                   absl::StrAppend(out, word);
                                 })));
    }
    selection->observations.insert(name);
  }
}

template <typename Names>
void CheckEngines(const Names& engines, const std::string& field, Problems* problems) {
  for (int i = 0; i < engines.size(); ++i) {
    if (engines[i] == "mysql" || engines[i] == "postgresql" || engines[i] == "redis") continue;
    problems->Add(
        absl::StrCat(field, "[", i, "]"),
        absl::StrCat("mysql, postgresql or redis is wanted, not ", ShownValue(engines[i])));
  }
}

void CheckSelector(const EventRuleSpec& spec, RuleSelection* selection, Problems* problems) {
  const resource::v1::RuleSelector& selector = spec.selector();
  selection->environments = {selector.environments().begin(), selector.environments().end()};
  selection->instances = {selector.instances().begin(), selector.instances().end()};
  selection->engines = {selector.engines().begin(), selector.engines().end()};
  selection->labels = {selector.labels().begin(), selector.labels().end()};
  selection->job_kinds = {selector.job_kinds().begin(), selector.job_kinds().end()};
  CheckEngines(selector.engines(), "spec.selector.engines", problems);
  CheckEngines(spec.propose().targets().engines(), "spec.propose.targets.engines", problems);
  const std::pair<int, const char*> kNamed[] = {
      {selector.instances_size(), "spec.selector.instances"},
      {spec.propose().targets().instances_size(), "spec.propose.targets.instances"}};
  for (const auto& [count, field] : kNamed) {
    if (count <= kMostNamed) continue;
    problems->Add(field, absl::StrCat("at most ", kMostNamed, " can be named; choose by labels"));
  }
  for (int i = 0; i < selector.job_kinds_size(); ++i) {
    if (FromName<JobKind>(selector.job_kinds(i)).has_value()) continue;
    problems->Add(absl::StrCat("spec.selector.job_kinds[", i, "]"),
                  absl::StrCat("check, inspect, backup, verify or migrate is wanted, not ",
                               ShownValue(selector.job_kinds(i))));
  }
}

int Number(int value, int least, int most, absl::string_view field, Problems* problems) {
  if (value < least || value > most) {
    problems->Add(field,
                  absl::StrCat("a number from ", least, " to ", most, " is wanted, not ", value));
  }
  return value;
}

absl::Duration Length(const google::protobuf::Duration& value, absl::Duration least,
                      absl::Duration most, absl::string_view field, Problems* problems) {
  const absl::Duration duration = FromProto(value);
  if (duration < least || duration > most) {
    problems->Add(field, absl::StrCat("a duration from ", DurationText(least), " to ",
                                      DurationText(most), " is wanted"));
  }
  return duration;
}

void CheckNumbers(const EventRuleSpec& spec, DeclaredEventRule* rule, Problems* problems) {
  rule->threshold.count =
      Number(spec.after().count(), 1, kMostCounted, "spec.after.count", problems);
  rule->threshold.within = Length(spec.after().within(), absl::Seconds(1), kLongestWithin,
                                  "spec.after.within", problems);
  rule->limits.cooldown = Length(spec.limits().cooldown(), kShortestCooldown, kLongestLimit,
                                 "spec.limits.cooldown", problems);
  rule->limits.max_per_day =
      Number(spec.limits().max_per_day(), 1, kMostPerDay, "spec.limits.max_per_day", problems);
  rule->limits.max_open =
      Number(spec.limits().max_open(), 1, kMostOpen, "spec.limits.max_open", problems);
  rule->selection.follow_rules =
      Number(spec.follow_rules(), 0, kMostFollowed, "spec.follow_rules", problems);
  const std::string& mode = spec.propose().mode();
  rule->ask = mode != "run";
  if (mode != "ask" && mode != "run") {
    problems->Add("spec.propose.mode",
                  absl::StrCat("ask or run is wanted, not ", ShownValue(mode)));
  }
  if (!rule->ask && spec.propose().has_expires_after()) {
    problems->Add("spec.propose.expires_after", "goes with `mode: ask` only");
  } else if (rule->ask) {
    rule->expires_after = Length(spec.propose().expires_after(), kShortestExpiry, kLongestLimit,
                                 "spec.propose.expires_after", problems);
  }
}

}  // namespace

namespace {

// Why no event with this trigger could ever be the rule's; "" if one could.
std::string WhyNever(const EventRuleSpec& spec, const std::string& trigger) {
  const auto& selector = spec.selector();
  const std::optional<std::vector<JobKind>> kinds = JobKindsOf(trigger);
  if (!selector.job_kinds().empty() && kinds.has_value()) {
    const bool one = std::any_of(kinds->begin(), kinds->end(), [&](JobKind kind) {
      return std::find(selector.job_kinds().begin(), selector.job_kinds().end(), NameOf(kind)) !=
             selector.job_kinds().end();
    });
    if (!one) {
      return absl::StrCat("tells of ",
                          kinds->empty()
                              ? std::string("no job")
                              : absl::StrCat("jobs of these kinds only: ",
                                             absl::StrJoin(*kinds, ", ",
                                                           [](std::string* out, JobKind kind) {
                                                             absl::StrAppend(out, NameOf(kind));
                                                           })),
                          ", so with this spec.selector.job_kinds nothing would come of it");
    }
  }
  const bool chooses =
      selector.instances_size() > 0 || selector.engines_size() > 0 || !selector.labels().empty();
  // A run that is missed may be of one target.
  if (chooses && !IsAboutInstances(trigger) && trigger != "schedule-missed") {
    return "is about no instance, so with instances, engines or labels in spec.selector nothing "
           "would come of it; say in spec.propose.targets which instances get the job";
  }
  if (trigger == "health-change" && spec.on().health() == "better" &&
      spec.on().observations_size() > 0) {
    return "with health: better is about instances that are well, which have none of "
           "spec.on.observations, so that nothing would come of it";
  }
  return "";
}

}  // namespace

void FillEventRule(resource::v1::EventRule* manifest) {
  EventRuleSpec& spec = *manifest->mutable_spec();
  const bool has_health = std::find(spec.on().triggers().begin(), spec.on().triggers().end(),
                                    "health-change") != spec.on().triggers().end();
  if (has_health && spec.on().health().empty()) spec.mutable_on()->set_health("worse");
  resource::v1::RuleThreshold& after = *spec.mutable_after();
  if (after.count() == 0) after.set_count(Threshold().count);
  if (!after.has_within()) *after.mutable_within() = ToProto(Threshold().within);
  resource::v1::RuleProposal& propose = *spec.mutable_propose();
  if (propose.mode().empty()) propose.set_mode("ask");
  if (propose.mode() == "ask" && !propose.has_expires_after()) {
    *propose.mutable_expires_after() = ToProto(kDefaultExpiry);
  }
  resource::v1::RuleLimits& limits = *spec.mutable_limits();
  if (!limits.has_cooldown()) *limits.mutable_cooldown() = ToProto(RuleLimits().cooldown);
  if (limits.max_per_day() == 0) limits.set_max_per_day(RuleLimits().max_per_day);
  if (limits.max_open() == 0) limits.set_max_open(RuleLimits().max_open);
}

std::optional<DeclaredEventRule> CompileEventRule(const resource::v1::EventRule& manifest,
                                                  Problems* problems) {
  DeclaredEventRule rule;
  rule.name = manifest.metadata().name();
  rule.spec = manifest.spec();
  rule.suspended = rule.spec.suspended();
  const auto check = [&](Problems* to) {
    CheckTriggers(rule.spec, &rule.selection, to);
    CheckHow(rule.spec, &rule.selection, to);
    CheckSelector(rule.spec, &rule.selection, to);
    CheckNumbers(rule.spec, &rule, to);
    CheckScheduledJob(rule.spec.propose().job(), "spec.propose.job", to);
    if (rule.spec.propose().job().has_planned()) {
      to->Add("spec.propose.job.planned", "is for schedules only");
    }
  };
  Problems own;  // Whether there are any is only told by a collection of its own.
  check(&own);
  if (own.ToStatus().ok()) return rule;
  check(problems);
  return std::nullopt;
}

void CheckEventRule(const resource::v1::EventRule& manifest, Problems* problems) {
  (void)CompileEventRule(manifest, problems);
}

std::vector<DeadTrigger> DeadTriggers(const EventRuleSpec& spec) {
  std::vector<DeadTrigger> dead;
  for (int i = 0; i < spec.on().triggers_size(); ++i) {
    const std::string& trigger = spec.on().triggers(i);
    const TriggerInfo* const known = FindTrigger(trigger);
    if (known == nullptr || !IsForRules(*known)) continue;
    const std::string why = WhyNever(spec, trigger);
    if (why.empty()) continue;
    dead.push_back({absl::StrCat("spec.on.triggers[", i, "]"), absl::StrCat(trigger, " ", why)});
  }
  return dead;
}

}  // namespace dbfleet::controller
