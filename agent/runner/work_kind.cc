#include "agent/runner/work_kind.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::agent {

std::string ActionNameOf(const work::v1::JobSpec& spec) {
  switch (spec.kind_case()) {
    case work::v1::JobSpec::kCheck:
      return "check";
    case work::v1::JobSpec::kInspect:
      return "inspect";
    case work::v1::JobSpec::kBackup:
      return "backup";
    case work::v1::JobSpec::kVerify:
      return "verify";
    case work::v1::JobSpec::kMigrate:
      return "migrate";
    case work::v1::JobSpec::KIND_NOT_SET:
      break;
  }
  return "";
}

bool IsExclusive(const v1::Offer& offer) {
  return offer.purpose() != v1::PURPOSE_PLAN && !offer.spec().has_check() &&
         !offer.spec().has_inspect();
}

bool NeedsDigest(const v1::Offer& offer) {
  return offer.purpose() == v1::PURPOSE_EXECUTE && offer.spec().has_migrate();
}

std::string TargetOf(const v1::Offer& offer) {
  const std::string instance = absl::StrCat("instances/", offer.instance());
  if (!offer.spec().has_migrate()) return instance;
  return absl::StrCat(instance, "/databases/", offer.spec().migrate().database());
}

bool IsSafeAttemptId(absl::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_';
  });
}

}  // namespace dbfleet::agent
