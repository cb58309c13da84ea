#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"

namespace dbfleet::controller {

// So many people of such a kind have to approve.
struct ApprovalRequirement {
  std::string name;
  int count = 1;
  // Who can fill it: approvers that have one of these roles as well or are one of these users.
  // Without either: every approver.
  std::vector<Role> roles;
  std::vector<std::string> users;  // "users/ada".

  bool operator==(const ApprovalRequirement&) const = default;
};

// Of a target's findings the gravest; in the order of their gravity.
enum class Gravity { kNone, kInfo, kWarning, kError };

// Whose approval a change needs beside what its environment asks for. Every requirement has to be
// filled, of every policy that applies.
struct ApprovalPolicy {
  std::string name;
  // Jobs of any of these environments (none: of every one) with a target that has all the labels.
  std::vector<std::string> environments;
  std::map<std::string, std::string> labels;
  // Of those jobs:
  bool only_destructive = true;
  std::optional<bool> schema_changes;  // If set: those that are some, or those that are none.
  bool changes = true;                 // What is applied,
  bool rollbacks = true;               // and what is taken back.
  Gravity findings = Gravity::kNone;   // Those with a finding of this gravity or above.

  std::vector<ApprovalRequirement> requirements;
  bool distinct = true;  // Nobody counts for two of the requirements.
  absl::Duration ttl;    // Approvals lapse after this time; zero: as the environment says.
  bool reason_required = false;

  bool Covers(absl::string_view environment) const;

  bool operator==(const ApprovalPolicy&) const = default;
};

// All of them at one time.
struct ApprovalBook {
  std::vector<ApprovalPolicy> policies;  // By name.
  // Why one of them cannot be read; "" if all can. Nothing is allowed on a guess.
  std::string unreadable;
  std::vector<std::string> unreadable_names = {};  // "approvalpolicies/two-eyes", of all of them.
};

// What was waived for one job in an emergency (requirement P4): these rules, by name, until then.
struct Waiver {
  std::vector<std::string> rules;
  std::string digest;  // Of the plan that it is about.
  std::string principal;
  absl::Time create_time;
  absl::Time expire_time;
};

}  // namespace dbfleet::controller
