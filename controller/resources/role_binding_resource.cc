#include "controller/resources/role_binding_resource.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/config/values.h"
#include "controller/domain/names.h"
#include "controller/identity/principals.h"

namespace dbfleet::controller {
namespace {

constexpr int kMostSubjects = 1000;

}  // namespace

void FillRoleBinding(resource::v1::RoleBinding* manifest) {
  for (std::string& subject : *manifest->mutable_spec()->mutable_subjects()) {
    if (absl::StartsWith(subject, "users/")) subject.erase(0, std::string("users/").size());
  }
}

void CheckRoleBinding(const resource::v1::RoleBinding& manifest, config::Problems* problems) {
  const resource::v1::RoleBindingSpec& spec = manifest.spec();
  if (spec.subjects().empty() || spec.subjects_size() > kMostSubjects) {
    problems->Add("spec.subjects", absl::StrCat("1 to ", kMostSubjects, " users are wanted"));
  }
  std::set<std::string> seen;
  for (int i = 0; i < spec.subjects_size(); ++i) {
    const std::string field = absl::StrCat("spec.subjects[", i, "]");
    problems->Note(field, ValidateUserId(spec.subjects(i)));
    if (!seen.insert(spec.subjects(i)).second) {
      problems->Add(field, absl::StrCat(config::ShownValue(spec.subjects(i)), " is there twice"));
    }
  }
  if (!FromName<Role>(spec.role()).has_value()) {
    problems->Add("spec.role",
                  absl::StrCat("viewer, operator, approver, policy_admin, auditor or admin is "
                               "wanted, not ",
                               config::ShownValue(spec.role())));
  }
}

}  // namespace dbfleet::controller
