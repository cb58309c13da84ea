#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/policy/policy.h"
#include "controller/resources/manifest.h"
#include "dbfleet/resource/v1/policy_cases.pb.h"

// Cases that say what policies have to decide, evaluated by the very function that the controller
// uses, without one: for the pipelines in which policies are changed.
namespace dbfleet::controller {

struct PolicyCaseResult {
  std::string name;
  bool passed = false;
  std::string verdict;      // "allowed", "waits" or "refused".
  std::string difference;   // Between what was expected and what is; "" if it passed.
  PolicyDecision decision;  // What blocks it, in the controller's words.
};

// Reads a file of cases. INVALID_ARGUMENT (BAD_YAML, BAD_POLICY_CASES) with all problems, each with
// path, line and column.
absl::StatusOr<resource::v1::PolicyCases> ParsePolicyCases(const std::string& path,
                                                           const std::string& text);

// Evaluates each case with the environments and windows of the manifests. `now` is for cases
// without a time; `source` is what the cases were read from. INVALID_ARGUMENT as ParseManifests;
// INVALID_ARGUMENT (UNKNOWN_ENVIRONMENT) with the place of each case whose environment there is
// not.
absl::StatusOr<std::vector<PolicyCaseResult>> RunPolicyCases(
    const resource::v1::PolicyCases& cases, const ManifestText& source,
    absl::Span<const ManifestText> manifests, absl::Time now);

}  // namespace dbfleet::controller
