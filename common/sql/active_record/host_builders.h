#pragma once

#include <map>
#include <set>
#include <string>

#include "common/sql/active_record/host_locals.h"
#include "common/sql/active_record/host_program.h"
#include "common/sql/model/statement.h"

namespace dbfleet::sql {

// Which local variables of PHP hold a query builder of Doctrine that only reads, or its query. That
// is known only of one whose every mention in its method binds it to a new builder (or to what its
// own methods give), calls methods that build and run a SELECT, or returns it.
// Made in one pass over the program; not changed afterwards.
class HostBuilders {
 public:
  HostBuilders(const HostProgram& program, const HostLocals& locals);

  // The variable at the token is one.
  bool Holds(size_t i) const;
  // For a statement that stands there.
  void AddTo(HostRange range, HostContext* context) const;

 private:
  void Look(size_t i);
  bool Binds(size_t i) const;
  bool StaysHere(size_t i, const HostChain& chain) const;
  void FindNamed(size_t i);

  const HostProgram& program_;
  const HostLocals& locals_;
  struct Variable {
    bool bound = false;
    bool understood = true;
  };
  std::map<HostLocals::Key, Variable> variables_;
  std::set<std::string> named_;  // Texts that may be the names of variables: compact('qb').
  bool all_named_ = false;
};

// Under which name of HostContext::prepared a builder stands: no variable has it.
std::string BuilderKey(absl::string_view variable);

}  // namespace dbfleet::sql
