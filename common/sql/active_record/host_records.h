#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_blocks.h"
#include "common/sql/active_record/host_locals.h"
#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// What in a program holds or gives records wherever it is bound, since nobody sees which method
// runs first: @order and $this->order, a method that gives what it found (def order ... end),
// parameters that are given one, and parameters whose type is a model of Laravel. Names are not
// told apart by class. Not thread-safe.
class HostRecords {
 public:
  // Finds the parameters that have a type; what is bound has to be told.
  explicit HostRecords(const HostProgram& program);

  // A value that is a record, or may be one: a chain that reaches the database, or what holds what
  // such a chain gave.
  void Bind(HostRange value);
  // A method of the file may be given what is at one of its places: helper(@order).
  void HandOver(absl::string_view method, const HostCall& call, size_t argument);
  // How much is bound, which only grows.
  size_t bound() const { return bound_.size() + given_.size(); }

  // Whether the token is a parameter that is given one.
  bool IsGiven(size_t token) const { return given_.count(token) > 0; }
  // Whether a variable, or a method of Ruby, is one.
  bool Holds(absl::string_view name) const { return bound_.count(name) > 0; }
  // Whether a property of PHP is one, of whatever object: $this->order, self::$order.
  bool HoldsProperty(absl::string_view name) const;
  // Whether a method or function of the file gives one; Ruby's is held, too.
  bool Gives(absl::string_view method) const;
  // Whether the file defines a method of that name, with parameters, of which not all are records
  // yet.
  bool Takes(absl::string_view method, const HostCall& call, size_t argument) const {
    return methods_.count(KeyOf(method)) > 0 && handed_.count(PlaceOf(method, call, argument)) == 0;
  }
  // A parameter that is a property as well holds what it is given: private readonly Order $order.
  void Promote(size_t parameter);
  // One name for all of PHP's variables that refer to the same: $x = &$y.
  absl::string_view SameAs(absl::string_view name) const;

  // Where the value stands for what is bound to it: itself, and the words of Ruby around it whose
  // value it is: x = if c; VALUE; else; y; end.
  std::vector<size_t> PlacesOf(HostRange value) const;
  // Whether nothing of its block stands behind the statement that goes on at the token.
  bool IsTail(size_t end) const;
  const HostBlocks& blocks() const { return blocks_; }
  const HostLocals& locals() const { return locals_; }

  // Whether a chain is called on a property that is one, or on what the one who is signed in has:
  // $this->order->approve(), current_user.orders.find(1).
  bool BeginsOn(const HostChain& chain) const;
  // Whether it is called on what a method of the file gives: $this->order()->approve().
  bool BeginsOnGiven(const HostChain& chain) const;
  // Whether a chain is nothing but what holds or gives one: $this->order, self::$order, order().
  bool Is(const HostChain& chain) const;
  // Whether a chain begins on what is a record by its type or name alone. Only what is called for
  // its effect counts then: $order->approve(); and current_user.promote, but not
  // if ($order->isPaid()).
  bool MayBegin(const HostChain& chain) const;

 private:
  // A method, which of its arguments, and its name if it is handed over by that.
  using Place = std::tuple<std::string, size_t, std::string>;
  Place PlaceOf(absl::string_view method, const HostCall& call, size_t argument) const;
  bool IsNamed(const HostRange& argument) const;
  std::string KeyOf(absl::string_view method) const;  // PHP's are not told apart by case.
  void FindModels();
  void FindParameters();
  void FindMethods();
  void FindReferences();
  void BindReturned(size_t value);
  std::vector<size_t> ValuesOf(HostRange value, size_t* method) const;
  // How what begins at a token is its statement's value, ...
  struct Lead {
    bool leads = false;     // ... if it is,
    bool returned = false;  // ... behind "return",
    size_t endless = 0;     // ... or as that of the method whose "def" is this: def x = VALUE.
  };
  Lead LeadOf(size_t begin) const;

  const HostProgram& program_;
  const HostBlocks blocks_;
  const HostLocals locals_;
  std::set<std::string, std::less<>> models_;  // Imported names of PHP, in lower case.
  std::set<std::string, std::less<>> parameters_;
  // Of each method that the file defines the parameters, as often as it is defined.
  std::map<std::string, std::vector<std::vector<size_t>>, std::less<>> methods_;
  std::set<std::string, std::less<>> readers_;  // Of Ruby: attr_reader :order
  mutable std::map<std::string, std::string, std::less<>> same_;
  std::set<std::string, std::less<>> bound_;
  std::set<size_t> given_;
  std::set<Place> handed_;
};

}  // namespace dbfleet::sql
