#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// The local variables of a program: which method each belongs to, and which of them something else
// than its mentions in that method may bind. Made in one pass; not changed afterwards.
class HostLocals {
 public:
  using Key = std::pair<size_t, std::string>;  // Where its method begins, and its name.

  explicit HostLocals(const HostProgram& program);

  bool IsLocal(size_t i) const;  // The token is a local variable.
  size_t ScopeOf(size_t i) const { return scopes_[i]; }
  Key KeyOf(size_t i) const { return {scopes_[i], std::string(program_[i].text)}; }
  // Nothing reaches it by its name, by a reference, or from another method.
  bool IsOnlyItsMethods(absl::string_view name) const {
    return !reached_by_name_ && spoiled_.count(name) == 0;
  }

 private:
  void FindScopes();
  bool BindsHere(size_t i);
  void FindSpoiled(size_t i);
  void SpoilNames(absl::string_view code);

  const HostProgram& program_;
  std::vector<size_t> scopes_;  // Of each token.
  std::set<std::string, std::less<>> spoiled_;
  std::map<size_t, size_t> bodies_;  // Of PHP's functions, where their bodies open.
  std::set<size_t> begun_;           // Methods in which a variable or a loop has been seen.
  bool reached_by_name_ = false;
};

}  // namespace dbfleet::sql
