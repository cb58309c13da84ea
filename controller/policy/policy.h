#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"

namespace dbfleet::controller {

// Everything on which a decision rests. Pure values: the caller reads them in one transaction.
struct PolicyInput {
  Job job;
  EnvironmentPolicy policy;
  // Per target: the newest verified backup that covers its database, if any.
  struct Target {
    std::string name;
    std::string instance_id;
    std::string database;
    std::optional<Backup> verified_backup;
    int64_t estimated_rows = -1;
  };
  std::vector<Target> targets;
  // Who must not count as an approver besides the requester: principals whose account, role or
  // token the requester made.
  std::vector<std::string> dependent_approvers;
  // Who approved and has lost the role, or the account, since.
  std::vector<std::string> former_approvers;
  absl::Time now;
};

struct PolicyBlocker {
  std::string rule;     // "approvals", "verified-backup", "destructive-consent", "rollback-plan".
  std::string message;  // What is missing and who can do something about it.
  bool final = false;   // Waiting cannot mend it: the job is refused.
};

struct PolicyDecision {
  std::vector<PolicyBlocker> blockers;  // Complete; empty means allowed.
  std::vector<Approval> counted;  // The approvals that count now, whether any is needed or not.
  bool allowed() const { return blockers.empty(); }
  bool refused() const;  // Any blocker is final.
  bool BlockedBy(absl::string_view rule) const;
  bool Counts(absl::string_view principal) const;  // Has an approval that counts.
};

// May the job run now? A pure function; the Grant's transaction evaluates it once more.
//
// The rules, each at most one blocker:
// - "destructive-consent" (final): destructive work without `approve_destructive` where the policy
//   asks for it. Work of unknown safety counts as destructive, except checks, backups and
//   verifications, which change nothing.
// - "rollback-plan" (final): a migration with has_rollback false. The caller sets has_rollback also
//   when each step without a rollback is declared irreversible; the approvers see which.
// - "approvals": destructive work needs approvals of this very digest, not expired, by distinct
// users
//   other than the requester and the dependent approvers. An approval is void for as long as any
//   target's known estimate is beyond twice the one that this approver saw (then no sum can be,
//   either), whatever others approved later; so is one of which it is not known what was seen. A
//   rejection by anybody is final, whatever the work.
// - "verified-backup": a schema change needs, per target, a complete backup of the instance that
// holds
//   the database, verified at level 1 or higher, with a snapshot younger than the policy's age;
//   with BackupGate::kFresh also later than the last approval that counts (no approvals needed:
//   than the job itself).
PolicyDecision Evaluate(const PolicyInput& input);

// Whether the targets' backups have a say. Where they have none they need not be read.
bool BackupsCount(const Job& job, const EnvironmentPolicy& policy);

// The defaults of a new environment with this name (requirement P2's first level).
EnvironmentPolicy DefaultPolicy(absl::string_view environment);

// SHA-256, hex, over the canonical form; part of every job's digest.
std::string PolicyDigest(absl::string_view environment, const EnvironmentPolicy& policy);

}  // namespace dbfleet::controller
