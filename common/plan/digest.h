#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "dbfleet/work/v1/work.pb.h"

// The digest that approvals bind to. Controller and agent compute it from the same inputs, each
// from what it knows itself; estimates and times stay outside (docs/architecture.md, "digest").
namespace dbfleet {

struct TargetDigestInput {
  std::string target;  // "instances/x/databases/y".
  std::string digest;  // PlanDigest of that target's plan.
};

struct JobDigestInput {
  std::string job_kind;  // "migrate".
  std::string params_sha256;
  std::string policy_digest;
  std::string rollout;
  std::vector<TargetDigestInput> targets;  // Any order; sorted inside.
};

// Hex SHA-256 over the parameters of a job in canonical form. File contents enter by their hashes.
std::string ParamsDigest(const work::v1::JobSpec& spec);

// Hex SHA-256 over what a plan would do on `target`: forward and rollback steps, versions,
// irreversible parts, schema fingerprint, server version, finding ids.
std::string PlanDigest(absl::string_view target, const work::v1::Plan& plan);

// Of a job with more targets the digest is that of digest_tree.h.
inline constexpr size_t kMaxListedTargets = 64;

std::string JobDigest(const JobDigestInput& input);

}  // namespace dbfleet
