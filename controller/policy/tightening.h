#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/domain/approval_policy.h"
#include "controller/domain/break_glass.h"
#include "controller/policy/quorum.h"
#include "controller/windows/book.h"

// What altering a policy takes: pure functions.
namespace dbfleet::controller {

// Does the change only take leave away? Conservative: false wherever that takes a closer look. What
// only tightens is applied at once, so that a freeze in an incident needs nobody else; the rest
// needs the quorum of what it would loosen.
bool OnlyTightens(const EnvironmentPolicy& before, const EnvironmentPolicy& after);
// Null: there is none, before or afterwards. Windows and freezes that are over count as none.
bool OnlyTightens(const ApprovalPolicy* before, const ApprovalPolicy* after);
bool OnlyTightens(const DeclaredWindow* before, const DeclaredWindow* after, absl::Time now);
bool OnlyTightens(const BreakGlassPolicy* before, const BreakGlassPolicy* after);

// The quorum of an environment's policy: all that it demands of any change.
struct Quorum {
  std::string environment;
  int approvals = 0;  // Of distinct approvers.
  std::vector<ApprovalPolicy> policies;
  absl::Duration ttl;  // Of an approval.
  bool reason_required = false;
  // Why nobody knows what else is demanded; "" if that is known. As for changes, nothing is allowed
  // on a guess: no voters are enough.
  std::string unreadable = {};

  bool needed() const { return approvals > 0 || !policies.empty() || !unreadable.empty(); }
};

Quorum QuorumOf(const Environment& environment, const ApprovalBook& book);

// What the voters leave open of what is known to be demanded, in words; empty if they are enough
// for that.
std::vector<std::string> Missing(const Quorum& quorum, absl::Span<const Voter> voters);

}  // namespace dbfleet::controller
