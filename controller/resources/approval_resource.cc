#include "controller/resources/approval_resource.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/duration_text.h"
#include "common/config/values.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/approval_life.h"
#include "controller/domain/names.h"
#include "controller/identity/principals.h"

namespace dbfleet::controller {
namespace {

using resource::v1::ApprovalPolicySpec;

constexpr int kMostRequirements = 20;
constexpr int kMostPeople = 10;
constexpr absl::Duration kLongestTtl = absl::Hours(24 * 366);

// "field: A or B is wanted, not VALUE" unless it is one of them.
bool IsOneOf(absl::string_view value, std::initializer_list<absl::string_view> known,
             absl::string_view field, absl::string_view words, config::Problems* problems) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return true;
  problems->Add(field, absl::StrCat(words, " is wanted, not ", config::ShownValue(value)));
  return false;
}

void CompileAppliesTo(const resource::v1::AppliesTo& spec, ApprovalPolicy* policy,
                      config::Problems* problems) {
  constexpr char kField[] = "spec.applies_to";
  if (!spec.safety().empty()) {
    IsOneOf(spec.safety(), {"destructive", "any"}, absl::StrCat(kField, ".safety"),
            "destructive or any", problems);
    policy->only_destructive = spec.safety() != "any";
  }
  if (spec.has_schema_changes()) policy->schema_changes = spec.schema_changes();
  if (!spec.kinds().empty()) policy->changes = policy->rollbacks = false;
  for (int i = 0; i < spec.kinds_size(); ++i) {
    IsOneOf(spec.kinds(i), {"change", "rollback"}, absl::StrCat(kField, ".kinds[", i, "]"),
            "change or rollback", problems);
    (spec.kinds(i) == "change" ? policy->changes : policy->rollbacks) = true;
  }
  if (spec.findings().empty()) return;
  IsOneOf(spec.findings(), {"info", "warning", "error"}, absl::StrCat(kField, ".findings"),
          "info, warning or error", problems);
  policy->findings = spec.findings() == "info"      ? Gravity::kInfo
                     : spec.findings() == "warning" ? Gravity::kWarning
                                                    : Gravity::kError;
}

ApprovalRequirement CompileRequirement(const resource::v1::RequirementSpec& spec,
                                       const std::string& field, config::Problems* problems) {
  ApprovalRequirement requirement;
  requirement.name = spec.name();
  if (spec.name().empty()) problems->Add(field, "name is missing: what messages call it");
  requirement.count = spec.has_count() ? spec.count() : 1;
  if (requirement.count < 1 || requirement.count > kMostPeople) {
    problems->Add(field + ".count", absl::StrCat("a number from 1 to ", kMostPeople,
                                                 " is wanted, not ", requirement.count));
  }
  for (int i = 0; i < spec.roles_size(); ++i) {
    const auto role = FromName<Role>(spec.roles(i));
    if (role.has_value() && *role != Role::kAdmin && *role != Role::kApprover) {
      requirement.roles.push_back(*role);
      continue;
    }
    problems->Add(absl::StrCat(field, ".roles[", i, "]"),
                  absl::StrCat("viewer, operator, policy_admin or auditor is wanted, not ",
                               config::ShownValue(spec.roles(i)),
                               !role.has_value()          ? ""
                               : *role == Role::kApprover ? "; everybody who approves has that role"
                                                          : ": an admin does not approve"));
  }
  for (int i = 0; i < spec.users_size(); ++i) {
    problems->Note(absl::StrCat(field, ".users[", i, "]"), ValidateUserId(spec.users(i)));
    requirement.users.push_back(absl::StrCat("users/", spec.users(i)));
  }
  std::sort(requirement.users.begin(), requirement.users.end());
  requirement.users.erase(std::unique(requirement.users.begin(), requirement.users.end()),
                          requirement.users.end());
  if (requirement.roles.empty() && !requirement.users.empty() &&
      requirement.count > static_cast<int>(requirement.users.size())) {
    problems->Add(field + ".count", "it names fewer users than it wants");
  }
  return requirement;
}

}  // namespace

void FillApprovalPolicy(resource::v1::ApprovalPolicy* manifest) {
  ApprovalPolicySpec& spec = *manifest->mutable_spec();
  if (spec.applies_to().safety().empty()) spec.mutable_applies_to()->set_safety("destructive");
  for (resource::v1::RequirementSpec& requirement : *spec.mutable_requirements()) {
    if (!requirement.has_count()) requirement.set_count(1);
  }
  if (!spec.has_distinct()) spec.set_distinct(true);
  if (spec.reason().empty()) spec.set_reason("optional");
}

ApprovalPolicy CompileApprovalPolicy(const resource::v1::ApprovalPolicy& manifest,
                                     config::Problems* problems) {
  const ApprovalPolicySpec& spec = manifest.spec();
  ApprovalPolicy policy;
  policy.name = manifest.metadata().name();
  policy.environments.assign(spec.selector().environments().begin(),
                             spec.selector().environments().end());
  policy.labels.insert(spec.selector().labels().begin(), spec.selector().labels().end());
  CompileAppliesTo(spec.applies_to(), &policy, problems);
  if (spec.requirements().empty() || spec.requirements_size() > kMostRequirements) {
    problems->Add("spec.requirements",
                  absl::StrCat("from 1 to ", kMostRequirements, " requirements are wanted, not ",
                               spec.requirements_size()));
  }
  std::set<std::string> names;
  for (int i = 0; i < spec.requirements_size(); ++i) {
    const std::string field = absl::StrCat("spec.requirements[", i, "]");
    policy.requirements.push_back(CompileRequirement(spec.requirements(i), field, problems));
    if (!names.insert(spec.requirements(i).name()).second) {
      problems->Add(field + ".name", "another requirement has this name");
    }
  }
  policy.distinct = !spec.has_distinct() || spec.distinct();
  if (spec.has_ttl()) {
    policy.ttl = FromProto(spec.ttl());
    if (policy.ttl <= absl::ZeroDuration() || policy.ttl > kLongestTtl) {
      problems->Add("spec.ttl", absl::StrCat("a time above 0 to 366 days is wanted, not ",
                                             DurationText(policy.ttl)));
    }
  }
  if (!spec.reason().empty()) {
    IsOneOf(spec.reason(), {"required", "optional"}, "spec.reason", "required or optional",
            problems);
    policy.reason_required = spec.reason() == "required";
  }
  return policy;
}

// Beside what keeps a stored one from being used: what is too short there counts as the least.
void CheckApprovalPolicy(const resource::v1::ApprovalPolicy& manifest, config::Problems* problems) {
  const ApprovalPolicy policy = CompileApprovalPolicy(manifest, problems);
  if (policy.ttl <= absl::ZeroDuration() || policy.ttl >= kLeastApprovalLife) return;
  problems->Add("spec.ttl", absl::StrCat("at least ", DurationText(kLeastApprovalLife),
                                         " is wanted, not ", DurationText(policy.ttl),
                                         ": with less nobody could collect the approvals that it "
                                         "takes to change this policy"));
}

}  // namespace dbfleet::controller
