#pragma once

#include <string>
#include <vector>

// Part of the domain's types: see types.h.
namespace dbfleet::controller {

// What a call does, by which roles and tokens are measured; which role may do what where is
// identity/rights.h's to say.
enum class Verb { kRead, kOperate, kApprove, kDeclare, kAdminister, kAudit };

// What a token narrows of that which its user may; it never adds anything. Each list is sorted,
// and empty where it narrows nothing.
struct TokenScope {
  std::vector<std::string> environments;
  std::vector<Verb> verbs;
  std::vector<std::string> sources;  // Networks: "10.0.0.0/8", "2001:db8::/32".

  bool empty() const { return environments.empty() && verbs.empty() && sources.empty(); }
  bool operator==(const TokenScope&) const = default;
};

}  // namespace dbfleet::controller
