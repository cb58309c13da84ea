#pragma once

#include <set>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_lexer.h"

namespace dbfleet::sql {

// Names that may be local variables of Ruby, as its lexer meets them: behind one of these "<<A" and
// "%w[" are operators. Told of each token as it comes; names are not told apart by method.
class RubyLocals {
 public:
  // The last of the tokens is a name or a label.
  void TakeName(const std::vector<HostToken>& tokens);
  void TakePunct(const std::vector<HostToken>& tokens);
  void TakeNewline();

  // Whether it is bound: x = 1, x, y = 1, 2, { |x| ... }.
  bool IsBound(absl::string_view name) const { return bound_.count(name) > 0; }
  // Whether it is a parameter: def a(order, x:), def a order, x, ->(x), => x, for x.
  bool IsParameter(absl::string_view name) const { return parameters_.count(name) > 0; }

 private:
  enum class Head { kNone, kName, kBare, kBrackets };

  std::set<absl::string_view> bound_;
  std::set<absl::string_view> parameters_;
  Head head_ = Head::kNone;  // Of the method whose "def" came last.
  int depth_ = 0;            // Of brackets in it.
};

}  // namespace dbfleet::sql
