#pragma once

#include <cstddef>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// What in a program holds or gives records wherever it is bound, since nobody sees which method
// runs first: @order and $this->order, a method that gives what it found (def order ... end), and
// parameters whose type is a model of Laravel. Names are not told apart by class. Not thread-safe.
class HostRecords {
 public:
  // Finds the parameters; what is bound has to be told.
  explicit HostRecords(const HostProgram& program);

  // A chain that reaches the database begins at the token.
  void Bind(const HostChain& chain);
  size_t bound() const { return bound_.size(); }  // How many are, which only grows.

  // Whether a variable, or a method of Ruby, is one.
  bool Holds(absl::string_view name) const { return bound_.count(name) > 0; }
  // Whether a chain is called on a property that is one, or on what the one who is signed in has:
  // $this->order->approve(), current_user.orders.find(1).
  bool BeginsOn(const HostChain& chain) const;
  // Whether a chain begins on what is a record by its type or name alone. Only what is called for
  // its effect counts then: $order->approve(); and current_user.promote, but not
  // if ($order->isPaid()).
  bool MayBegin(const HostChain& chain) const;

 private:
  void FindModels();
  void FindParameters();
  void BindProperty(size_t value);
  void BindMethod(const HostChain& chain);

  const HostProgram& program_;
  std::set<std::string, std::less<>> models_;  // Imported names of PHP, in lower case.
  std::set<std::string, std::less<>> parameters_;
  std::set<std::string, std::less<>> bound_;
};

}  // namespace dbfleet::sql
