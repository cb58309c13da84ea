#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "controller/domain/types.h"
#include "controller/identity/role_book.h"
#include "controller/store/queries.h"

// What somebody may do, and where. Pure functions and values.
namespace dbfleet::controller {

// What a role is for. Every role may read.
std::vector<Verb> VerbsOf(Role role);
std::vector<Role> RolesWith(Verb verb);

class Rights {
 public:
  Rights() = default;   // None.
  static Rights All();  // Of the controller itself.
  static Rights Of(const User& user, absl::Span<const RoleGrant> grants);

  const EnvironmentFilter& Where(Verb verb) const;
  bool In(Verb verb, absl::string_view environment) const { return Where(verb).Has(environment); }
  bool Everywhere(Verb verb) const { return Where(verb).all(); }
  bool Anywhere(Verb verb) const;

  Rights NarrowedBy(const TokenScope& scope) const;

 private:
  void Allow(Verb verb, const EnvironmentFilter& where);

  std::map<Verb, EnvironmentFilter> where_;  // Without an entry: nowhere.
};

}  // namespace dbfleet::controller
