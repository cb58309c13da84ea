#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/model/statement.h"

namespace dbfleet::sql {

// Stands between the texts that were prepared into one variable.
inline constexpr char kBetweenPrepared = '\0';

// Which variables of a program hold a statement that was prepared, and its SQL. That is known only
// of a local variable whose every mention in its method is one of these: it is bound to constant
// SQL, as in $s = $db->prepare('...'); it is executed, fetched from, closed and the like; it is
// asked whether there is one. Whatever else is done with it (another value, a reference, a list, a
// closure, prepare() once more), its SQL is not known, nor if the program reaches variables by
// their names. Bound several times it may hold each of them, since branches are not told apart.
// Made in one pass over the program; not changed afterwards.
class HostPrepared {
 public:
  explicit HostPrepared(const HostProgram& program);

  // For a statement that stands there.
  void AddTo(HostRange range, HostContext* context) const;
  bool Holds(size_t i) const;  // The variable at the token holds a prepared statement.

 private:
  struct Variable {
    bool prepared = false;   // At some place...
    bool understood = true;  // ... and everywhere in a way that is followed.
    int bindings = 0;
    std::string sql;
  };
  using Key = std::pair<size_t, std::string>;  // Where its method begins, and its name.

  void FindScopes();
  void FindSpoiled();
  void Look(size_t i);
  bool Bind(size_t i, Variable* variable) const;
  bool IsUse(size_t i) const;
  bool IsUseOfPhp(size_t i) const;
  bool IsLocal(size_t i) const;
  const Variable* Of(size_t i) const;

  const HostProgram& program_;
  std::vector<size_t> scopes_;  // Of each token.
  std::map<Key, Variable> variables_;
  std::set<std::string> spoiled_;  // Names that other methods, or texts, reach.
  bool reached_by_name_ = false;
};

}  // namespace dbfleet::sql
