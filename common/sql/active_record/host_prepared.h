#pragma once

#include <map>
#include <string>

#include "common/sql/active_record/host_constants.h"
#include "common/sql/active_record/host_locals.h"
#include "common/sql/active_record/host_program.h"
#include "common/sql/model/statement.h"

namespace dbfleet::sql {

// Which variables of a program hold a statement that was prepared, and its SQL. That is known only
// of a local variable whose every mention in its method is one of these: it is bound to constant
// SQL, as in $s = $db->prepare('...'); it is executed, fetched from, closed and the like; it is
// asked whether there is one. Whatever else is done with it (another value, a reference, a list, a
// closure, prepare() once more), its SQL is not known, nor if the program reaches variables by
// their names. So it is of a private property of the only class in the program, and of @st in a
// class without a superclass. Bound several times it may hold each of them, since branches are not
// told apart. Made in one pass over the program; not changed afterwards.
class HostPrepared {
 public:
  explicit HostPrepared(const HostProgram& program);

  // For a statement that stands there; also the constant SQL of its variables.
  void AddTo(HostRange range, HostContext* context) const;
  const HostLocals& locals() const { return locals_; }
  bool Holds(size_t i) const;  // The variable at the token holds a prepared statement.

  HostPrepared(const HostPrepared&) = delete;  // The parts refer to each other.
  HostPrepared& operator=(const HostPrepared&) = delete;

 private:
  struct Variable {
    bool prepared = false;   // At some place...
    bool understood = true;  // ... and everywhere in a way that is followed.
    int bindings = 0;
    std::string sql;
  };
  void Look(size_t i);
  bool Bind(size_t i, Variable* variable) const;
  bool IsUse(size_t i) const;
  bool IsUseOfPhp(size_t i) const;
  const Variable* Of(size_t i) const;
  void LookForName(size_t i);
  void FindProperties();
  size_t PropertyAt(size_t i, std::string* name) const;

  const HostProgram& program_;
  const HostLocals locals_;
  const HostConstants constants_;
  std::map<HostLocals::Key, Variable> variables_;
  // PG's prepare("name", "SQL"), by the name; all of one are kept.
  std::map<std::string, std::string> named_;
  std::map<std::string, int> named_count_;
  bool names_unclear_ = false;
  // $this->st and @st, by their names as written, of the program's only class.
  std::map<std::string, Variable> properties_;
};

}  // namespace dbfleet::sql
