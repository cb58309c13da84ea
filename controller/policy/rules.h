#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/policy/policy.h"

// Parts of Evaluate (policy.h), for this folder alone: rules that fill files of their own.
namespace dbfleet::controller {

// Where the approvals stand.
struct ApprovalState {
  // Those that the environment asks for, and the people that there are.
  int demanded = 0;
  int by_environment = 0;
  // What is missing, by approval policy.
  struct Unfilled {
    std::string policy;
    std::vector<std::string> requirements;
  };
  std::vector<Unfilled> unfilled;
  bool policies_apply = false;
  OpenQuorum quorum;  // Of the policies those that miss something.
  std::string unreadable;
  absl::Duration ttl;
  bool reason_required = false;
  std::vector<Approval> counted;
  absl::Time last_decide_time = absl::InfinitePast();
  std::vector<std::string> ignored;  // Why the others do not count.

  bool Needed() const { return demanded > 0 || policies_apply; }
  bool Enough() const;
};
ApprovalState CountApprovals(const PolicyInput& input);
void CheckApprovals(const PolicyInput& input, const ApprovalState& state,
                    std::vector<PolicyBlocker>* blockers);

void CheckPromotion(const PolicyInput& input, std::vector<PolicyBlocker>* blockers);
// As if windows were not needed, or no freeze declared, until then.
struct WithoutTimes {
  bool window = false;
  bool freeze = false;
  absl::Time until = absl::InfiniteFuture();
};
void CheckWindows(const PolicyInput& input, const WithoutTimes& without, PolicyDecision* decision);

// Under way in a window that cancels it when it closes, and it is known since when.
bool BeganInOneThatCancels(const Job& job);
// The words for one of which that occurrence is over: "... closed for db-1 at 2026-...".
std::string WhatIsOver(const Job& job, absl::string_view where, absl::string_view when);

// Of a job that was queued for a window, after CheckWindows.
void CheckQueue(const PolicyInput& input, PolicyDecision* decision);

bool IsDestructive(const Job& job);
std::string Moment(absl::Time time);                      // RFC 3339 in UTC.
std::string Some(const std::vector<std::string>& names);  // "a, b, c, d, e and 7 more".

}  // namespace dbfleet::controller
