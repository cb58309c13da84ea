#pragma once

#include <cstddef>
#include <map>
#include <optional>
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
  size_t bound() const { return bound_.size() + given_.size() + parameters_.size(); }

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
  // Of a method that is called with a list, or by what calls it for each of a list: all of its
  // parameters are given one. f(...$list), array_map('f', $list)
  void HandToAll(absl::string_view method);
  bool TakesAny(absl::string_view method) const {
    return methods_.count(KeyOf(method)) > 0 && handed_.count(WholeOf(method)) == 0;
  }
  // A function that is called where it stands has this name: (fn ($x) => ...)($order)
  static std::string NameAt(size_t parenthesis);

  // The variable at the token holds one; of a parameter by reference (&$x) that is what the method
  // fills it with.
  void BindResult(size_t i);
  // Whether a method of PHP fills its argument with one.
  bool Fills(absl::string_view method, size_t argument) const;
  void BindProperty(absl::string_view name);
  void BindMember(absl::string_view name) { bound_.insert(std::string(name)); }  // @orders

  // Whether the token is a parameter of a method.
  bool IsParameter(size_t i) const { return heads_.count(i) > 0; }
  // Of Ruby: whether a name is that of a parameter that takes a block: &block.
  bool IsBlock(absl::string_view name) const { return block_names_.count(name) > 0; }
  // The method around the token gives its block one, and whether a method does.
  void BindYield(size_t i);
  bool Yields(absl::string_view method) const;
  // Whether the class of Ruby is one of those that hold what they are made of: Struct, OpenStruct,
  // SimpleDelegator.
  bool IsHolder(absl::string_view class_name) const;
  // Whether something is bound to a member of an object of Ruby: @order.
  bool HoldsMembers() const;
  // delegate :approve, to: :order: whether a call is one on what holds a record.
  bool IsDelegated(const HostChain& chain) const;
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
  // Of PHP: a variable holds one by its type, or by what gave it, so that what is called on it is
  // asked whether it only reads by its name: getTotal(), isPaid().
  bool IsTyped(absl::string_view name) const { return parameters_.count(name) > 0; }
  void AddTyped(absl::string_view name) { parameters_.insert(std::string(name)); }
  // $this->ship($order): the parameter of the file's own method is one, too.
  void HandOverTyped(const HostChain& chain);
  // Whether a range is nothing but such a variable, or what one has: $orders, $order->items.
  bool AreTyped(HostRange range, const std::optional<HostChain>& chain) const;

 private:
  // A method, which of its arguments, and its name if it is handed over by that.
  using Place = std::tuple<std::string, size_t, std::string>;
  Place WholeOf(absl::string_view method) const { return {KeyOf(method), 0, "*"}; }
  bool IsList(const HostRange& argument) const;
  std::string NameOfUnnamed(size_t function) const;
  void FindParametersOf(size_t function, size_t head, const std::string& method);
  void FindHolders();
  size_t NamedBlock(size_t open) const;
  size_t LeftBy(size_t value, std::vector<size_t>* places) const;
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
    size_t endless = 0;     // ... or as that of the method whose "def" is this: def x = VALUE,
    bool leaves = false;    // ... or as that of the loop that it leaves: break VALUE.
  };
  Lead LeadOf(size_t begin) const;

  const HostProgram& program_;
  const HostBlocks blocks_;
  const HostLocals locals_;
  std::set<std::string, std::less<>> models_;  // Imported names of PHP, in lower case.
  std::set<std::string, std::less<>> parameters_;
  // Of each method that the file defines the parameters, as often as it is defined.
  std::map<std::string, std::vector<std::vector<size_t>>, std::less<>> methods_;
  // Parameters by reference, by their function and name: which argument of which method they are.
  std::map<std::pair<size_t, std::string>, std::pair<std::string, size_t>> references_;
  std::set<size_t> heads_;                      // Parameters.
  std::set<std::string, std::less<>> readers_;  // Of Ruby: attr_reader :order
  std::set<std::string, std::less<>> block_names_;
  std::set<std::string, std::less<>> holders_;
  std::map<std::string, std::string, std::less<>> delegated_;  // Names, and to what.
  mutable std::map<std::string, std::string, std::less<>> same_;
  std::set<std::string, std::less<>> bound_;
  std::set<size_t> given_;
  std::set<Place> handed_;
};

}  // namespace dbfleet::sql
