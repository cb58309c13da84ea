#pragma once

#include <memory>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/host_variables.h"

namespace dbfleet::sql {

// What in a program is not understood although it reaches no database as far as words tell: calls
// of functions that nobody reviewed, and what gives a name that this reader trusts another meaning.
// A function that the program itself defines is judged by its body, which is read like the rest.
// Made in one pass over the program; not changed afterwards.
class HostTrust {
 public:
  HostTrust(const HostProgram& program, const HostVariables& variables);
  // Of code that stands in a text of a program: it has the names and variables of that.
  HostTrust(const HostProgram& code, const HostTrust& whole)
      : program_(code), variables_(whole.variables_), in_text_(true), names_(whole.names_) {}

  const HostVariables& variables() const { return variables_; }

  // Whether a function was reviewed, or the program defines it.
  bool Knows(absl::string_view name) const;

  // Whether the program defines a method or function of that name.
  bool Defines(absl::string_view name) const;
  // Of Ruby: whether the program declares a scope of that name, whose body is read where it stands.
  bool DeclaresScope(absl::string_view name) const { return names_->scopes.count(name) > 0; }
  // Why a method that nobody knows is not understood; "" of "".
  static std::string DoubtOf(absl::string_view method);

  // Why a call is not understood; "" if it is.
  std::string DoubtOfCall(const HostChain& chain) const;

  // Why what begins at the token is not: a class or import under a trusted name, a constant that
  // takes a class's place, an included file. `end` becomes the token behind it.
  std::string DoubtOfBinding(size_t i, size_t* end) const;

 private:
  std::string DoubtOfFunction(const HostCall& call, const HostChain& chain) const;
  std::string DoubtOfCallable(const HostCall& call) const;
  std::string DoubtOfArguments(const HostCall& call) const;
  std::string DoubtOfCallback(const HostCall& call) const;
  std::string DoubtOfServerCall(const HostChain& chain) const;
  std::string DoubtOfPattern(const HostCall& call) const;
  std::string DoubtOfCallable(HostRange callable, absl::string_view name) const;
  std::string DoubtOfRelations(const HostCall& call) const;
  std::string DoubtOfHeld(HostRange callable, absl::string_view caller) const;
  std::string DoubtOfRubyWord(const HostCall& call, const HostChain& chain) const;
  std::string DoubtOfMixin(const HostCall& call) const;
  std::string DoubtOfOwn(const HostCall& call, bool parents) const;
  std::string DoubtOfClass(const HostChain& chain) const;
  std::string DoubtOfImport(size_t i, size_t end) const;
  std::string DoubtOfConstant(size_t i) const;
  size_t EndOfTargets(size_t i) const;
  bool IsReceiver(absl::string_view name) const { return names_->receivers.count(name) > 0; }
  size_t EndOfStatement(size_t i) const;

  // What the whole program defines.
  struct Names {
    std::set<std::string, std::less<>> functions;  // PHP's in lower case.
    std::set<std::string, std::less<>> methods;    // Those of PHP, and of its classes.
    std::set<std::string, std::less<>> modules;
    std::set<std::string, std::less<>> scopes;
    std::set<std::string, std::less<>> receivers;  // Constants on which something is called.
    // Of Ruby: it has a class, one of them is a controller, a migration.
    bool has_class = false;
    bool controller = false;
    bool migration = false;
  };
  static Names NamesOf(const HostProgram& program);

  const HostProgram& program_;
  const HostVariables& variables_;
  const bool in_text_ = false;  // Whose value is shown.
  const std::shared_ptr<const Names> names_;
};

}  // namespace dbfleet::sql
