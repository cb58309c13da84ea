#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_lexer.h"

namespace dbfleet::sql {

// Names of Ruby that may be local variables, as its lexer meets them: behind one of these "<<A" and
// "%w[" are operators, behind a method they are its arguments. Ruby binds names in many ways (x =
// 1, parameters, patterns, named groups of a regular expression, x:). Not these are looked for, but
// what a name of a method never is: anything but a call with an argument behind it, or a statement
// of its own. Names are not told apart by scope.
class RubyNames {
 public:
  // Looks at the tokens that have been added since.
  void Take(const std::vector<HostToken>& tokens);
  // The next tokens are those of another list, of which so many have been looked at.
  void Resume(size_t taken) { taken_ = taken; }

  bool MayBeVariable(absl::string_view name) const;

 private:
  void Add(absl::string_view name);
  void TakeUse(const std::vector<HostToken>& tokens, size_t name);

  std::set<std::string, std::less<>> used_;
  size_t taken_ = 0;  // Of the tokens.
};

}  // namespace dbfleet::sql
