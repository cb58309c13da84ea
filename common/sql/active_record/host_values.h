#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/model/statement.h"

namespace dbfleet::sql {

// What a program's variables hold, as far as its assignments say, taken in the order of the text:
// placeholders, constant texts, and texts that were joined with values of the program or came with
// a request. Branches and methods are not told apart, so that a variable holds placeholders only if
// nothing in the program binds its name to anything else. Not thread-safe.
class HostValues {
 public:
  explicit HostValues(const HostProgram& program);

  // An assignment may begin at the token: x = ..., x .= ..., x += ..., x << ...
  // Returns the first token of the value of a plain one, or 0.
  size_t Follow(size_t at);

  // For a statement that stands there.
  HostContext ContextOf(HostRange range) const;

 private:
  size_t EndOfValue(size_t from) const;
  void Assign(const std::string& name, HostRange value);
  void Append(const std::string& name, HostRange value);
  void Forget(const std::string& name);
  bool Joined(HostRange value, std::string* with) const;
  void FindOtherBindings(size_t i);
  void FindOtherBindingsIn(const StringPart& part, HostTokenKind kind);

  const HostProgram& program_;
  HostContext context_;
  std::set<std::string> other_;   // Variables that may hold what is no placeholders.
  bool other_than_seen_ = false;  // Any variable may, by something that names none.
  std::set<std::string> texts_;   // Variables that hold texts made of constants.
};

}  // namespace dbfleet::sql
