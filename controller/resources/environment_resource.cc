#include "controller/resources/environment_resource.h"

#include "absl/strings/str_cat.h"

#include "common/base/duration_text.h"
#include "common/base/ids.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/approval_life.h"
#include "controller/domain/names.h"
#include "controller/policy/policy.h"

namespace dbfleet::controller {
namespace {

constexpr int kMostApprovals = 10;
constexpr absl::Duration kLongestAge = absl::Hours(24 * 366);

void SetPolicy(const EnvironmentPolicy& policy, const EnvironmentPolicy& by_default,
               resource::v1::PolicySpec* spec) {
  spec->set_destructive_approvals(policy.destructive_approvals);
  *spec->mutable_verified_backup_max_age() = ToProto(policy.verified_backup_max_age);
  *spec->mutable_approval_ttl() = ToProto(policy.approval_ttl);
  spec->set_destructive_consent(policy.destructive_consent);
  spec->set_window_for(std::string(NameOf(policy.window_for)));
  if (policy.promotion.from.empty()) {
    if (!by_default.promotion.from.empty()) spec->mutable_promotion()->set_from(kNoPromotion);
    return;
  }
  resource::v1::PromotionSpec& promotion = *spec->mutable_promotion();
  promotion.set_from(policy.promotion.from);
  *promotion.mutable_within() = ToProto(policy.promotion.within);
  promotion.set_rehearsal(policy.promotion.rehearsal);
}

void CheckAge(const google::protobuf::Duration& given, absl::string_view field, bool may_be_zero,
              config::Problems* problems) {
  const absl::Duration age = FromProto(given);
  if (age < absl::ZeroDuration() || age > kLongestAge ||
      (age == absl::ZeroDuration() && !may_be_zero)) {
    problems->Add(field, absl::StrCat("a time ", may_be_zero ? "from 0" : "above 0",
                                      " to 366 days is wanted, not ", DurationText(age)));
  }
}

void CheckPromotion(const std::string& environment, const resource::v1::PromotionSpec& promotion,
                    const std::string& field, config::Problems* problems) {
  if (promotion.from().empty()) {
    problems->Add(field + ".from",
                  "is needed: the environment in which a change has to succeed first, or none");
  } else if (promotion.from() == kNoPromotion) {
    if (promotion.has_within() || promotion.rehearsal()) {
      problems->Add(field, "from none has neither within nor rehearsal");
    }
    return;
  } else if (promotion.from() == environment) {
    problems->Add(field + ".from", "an environment cannot come before itself");
  }
  CheckAge(promotion.within(), field + ".within", false, problems);
}

}  // namespace

void FillEnvironment(resource::v1::Environment* manifest) {
  FillPolicy(manifest->metadata().name(), manifest->mutable_spec()->mutable_policy());
}

void FillPolicy(const std::string& environment, resource::v1::PolicySpec* policy) {
  const resource::v1::PolicySpec given = *policy;
  const EnvironmentPolicy by_default = DefaultPolicy(environment);
  SetPolicy(by_default, by_default, policy);
  // Merging would take a duration of zero for one that says nothing.
  if (given.has_verified_backup_max_age()) policy->clear_verified_backup_max_age();
  if (given.has_approval_ttl()) policy->clear_approval_ttl();
  if (given.has_promotion()) policy->clear_promotion();
  policy->MergeFrom(given);
  if (policy->has_promotion() && policy->promotion().from() != kNoPromotion &&
      !policy->promotion().has_within()) {
    *policy->mutable_promotion()->mutable_within() = ToProto(PromotionPolicy().within);
  }
  // As it is shown again: what is stored does not tell "none" from nothing.
  const resource::v1::PromotionSpec& promotion = policy->promotion();
  if (by_default.promotion.from.empty() && promotion.from() == kNoPromotion &&
      !promotion.has_within() && !promotion.rehearsal()) {
    policy->clear_promotion();
  }
}

void CheckEnvironmentName(const std::string& name, const std::string& field,
                          config::Problems* problems) {
  const absl::string_view plain = PlainEnvironment(name);
  if (plain != name) {
    problems->Add(field,
                  absl::StrCat("\"", name, "\" is another name of ", plain, ": declare ", plain));
  } else if (name == kNoPromotion) {
    problems->Add(field, "\"none\" is what promotion.from says for no environment");
  }
}

void CheckPolicy(const std::string& environment, const resource::v1::PolicySpec& policy,
                 const std::string& field, config::Problems* problems) {
  if (policy.destructive_approvals() < 0 || policy.destructive_approvals() > kMostApprovals) {
    problems->Add(field + ".destructive_approvals",
                  absl::StrCat("a number from 0 to ", kMostApprovals, " is wanted, not ",
                               policy.destructive_approvals()));
  }
  CheckAge(policy.verified_backup_max_age(), field + ".verified_backup_max_age", true, problems);
  CheckAge(policy.approval_ttl(), field + ".approval_ttl", false, problems);
  const absl::Duration life = FromProto(policy.approval_ttl());
  if (life > absl::ZeroDuration() && life < kLeastApprovalLife) {
    problems->Add(field + ".approval_ttl",
                  absl::StrCat("at least ", DurationText(kLeastApprovalLife), " is wanted, not ",
                               DurationText(life),
                               ": with less nobody could collect the approvals that it takes to "
                               "change this policy"));
  }
  if (policy.has_promotion()) {
    CheckPromotion(environment, policy.promotion(), field + ".promotion", problems);
  }
  if (!FromName<WindowFor>(policy.window_for()).has_value()) {
    problems->Add(field + ".window_for",
                  absl::StrCat("none, schema-changes, destructive or all is wanted, not \"",
                               SanitizeForDisplay(Truncate(policy.window_for(), 80)), "\""));
  }
}

void CheckEnvironment(const resource::v1::Environment& manifest, config::Problems* problems) {
  const std::string& name = manifest.metadata().name();
  CheckEnvironmentName(name, "metadata.name", problems);
  CheckPolicy(name, manifest.spec().policy(), "spec.policy", problems);
}

EnvironmentPolicy PolicyOf(const resource::v1::PolicySpec& spec) {
  EnvironmentPolicy policy;
  policy.destructive_approvals = spec.destructive_approvals();
  policy.verified_backup_max_age = FromProto(spec.verified_backup_max_age());
  policy.approval_ttl = FromProto(spec.approval_ttl());
  policy.destructive_consent = spec.destructive_consent();
  policy.window_for = FromName<WindowFor>(spec.window_for()).value_or(WindowFor::kAll);
  if (spec.has_promotion() && spec.promotion().from() != kNoPromotion) {
    policy.promotion = {spec.promotion().from(), FromProto(spec.promotion().within()),
                        spec.promotion().rehearsal()};
  }
  return policy;
}

Environment EnvironmentOf(const resource::v1::Environment& manifest) {
  Environment environment;
  environment.name = manifest.metadata().name();
  environment.display_name = manifest.spec().display_name();
  environment.declared = true;
  environment.policy = PolicyOf(manifest.spec().policy());
  return environment;
}

resource::v1::Environment ManifestOf(const Environment& environment) {
  resource::v1::Environment manifest;
  manifest.set_apiversion("dbfleet/v1");
  manifest.set_kind("Environment");
  manifest.mutable_metadata()->set_name(environment.name);
  manifest.mutable_spec()->set_display_name(environment.display_name);
  SetPolicy(environment.policy, DefaultPolicy(environment.name),
            manifest.mutable_spec()->mutable_policy());
  return manifest;
}

}  // namespace dbfleet::controller
