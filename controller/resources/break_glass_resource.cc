#include "controller/resources/break_glass_resource.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/duration_text.h"
#include "common/config/values.h"
#include "common/proto_time/proto_time.h"
#include "controller/domain/names.h"
#include "controller/identity/principals.h"
#include "controller/policy/policy.h"

namespace dbfleet::controller {
namespace {

using resource::v1::BreakGlassPolicySpec;

constexpr absl::Duration kDefaultDuration = absl::Hours(4);
constexpr absl::Duration kLongestDuration = absl::Hours(24 * 7);
constexpr absl::Duration kDefaultReview = absl::Hours(24 * 3);
constexpr absl::Duration kLongestReview = absl::Hours(24 * 31);

void CheckSpan(absl::Duration given, absl::Duration longest, absl::string_view field,
               config::Problems* problems) {
  if (given >= absl::Minutes(1) && given <= longest) return;
  problems->Add(field, absl::StrCat("a time from 1m to ", DurationText(longest), " is wanted, not ",
                                    DurationText(given)));
}

}  // namespace

void FillBreakGlass(resource::v1::BreakGlassPolicy* manifest) {
  BreakGlassPolicySpec& spec = *manifest->mutable_spec();
  if (!spec.has_max_duration()) *spec.mutable_max_duration() = ToProto(kDefaultDuration);
  if (!spec.has_review_within()) *spec.mutable_review_within() = ToProto(kDefaultReview);
}

BreakGlassPolicy CompileBreakGlass(const resource::v1::BreakGlassPolicy& manifest,
                                   config::Problems* problems) {
  const BreakGlassPolicySpec& spec = manifest.spec();
  BreakGlassPolicy policy;
  policy.name = manifest.metadata().name();
  policy.environments.assign(spec.environments().begin(), spec.environments().end());
  for (int i = 0; i < spec.users_size(); ++i) {
    problems->Note(absl::StrCat("spec.users[", i, "]"), ValidateUserId(spec.users(i)));
    policy.users.push_back(absl::StrCat("users/", spec.users(i)));
  }
  for (int i = 0; i < spec.roles_size(); ++i) {
    const auto role = FromName<Role>(spec.roles(i));
    if (role.has_value()) {
      policy.roles.push_back(*role);
      continue;
    }
    problems->Add(absl::StrCat("spec.roles[", i, "]"),
                  absl::StrCat("there is no role ", config::ShownValue(spec.roles(i))));
  }
  if (policy.users.empty() && policy.roles.empty()) {
    problems->Add("spec", "users or roles are needed: who may break the glass");
  }
  const auto waivable = WaivableRules();
  for (int i = 0; i < spec.waives_size(); ++i) {
    policy.waives.push_back(spec.waives(i));
    if (std::find(waivable.begin(), waivable.end(), spec.waives(i)) != waivable.end()) continue;
    problems->Add(absl::StrCat("spec.waives[", i, "]"),
                  absl::StrCat(absl::StrJoin(waivable, ", "), " can be waived, not ",
                               config::ShownValue(spec.waives(i))));
  }
  if (policy.waives.empty()) problems->Add("spec.waives", "is needed: what may be waived");
  policy.max_duration = spec.has_max_duration() ? FromProto(spec.max_duration()) : kDefaultDuration;
  policy.review_within =
      spec.has_review_within() ? FromProto(spec.review_within()) : kDefaultReview;
  CheckSpan(policy.max_duration, kLongestDuration, "spec.max_duration", problems);
  CheckSpan(policy.review_within, kLongestReview, "spec.review_within", problems);
  return policy;
}

}  // namespace dbfleet::controller
