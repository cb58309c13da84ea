#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::sql::pg {

struct NodeRow;

// One value of a tree. `size` counts the slots of its subtree, itself included, and `up` the slots
// back to its parent, so that a tree is one array in which parents stand before their children.
struct Slot {
  enum class Type : uint8_t { kObject, kList, kText, kNumber, kTrue, kFalse, kNull };

  uint32_t size = 1;
  uint32_t up = 0;
  Type type = Type::kNull;
  bool tagged = false;           // An object that says, or whose field says, which node it is.
  const NodeRow* row = nullptr;  // Which node it is; null for what the node table does not know.
  absl::string_view key;         // Of a field: its name.
  absl::string_view text;        // Of texts and numbers; of a node its tag.
};

// A place in a tree, or no place: a field that is missing has no fields, no children, no text.
// As cheap to copy as a pointer, and valid as long as the tree.
class Node {
 public:
  class Iterator {
   public:
    explicit Iterator(const Slot* slot) : slot_(slot) {}
    Node operator*() const { return Node(slot_); }
    Iterator& operator++() {
      slot_ += slot_->size;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const Slot* slot_;
  };

  Node() = default;
  explicit Node(const Slot* slot) : slot_(slot) {}
  explicit operator bool() const { return slot_ != nullptr; }
  bool operator==(const Node&) const = default;

  // A field of an object.
  Node operator[](absl::string_view field) const;

  // "SelectStmt"; "" of lists and single values. These two stand here because most of the time of
  // reading a statement goes into them: inline, a comparison with a constant is a few instructions.
  absl::string_view tag() const { return tagged() ? slot_->text : absl::string_view(); }
  bool Is(absl::string_view tag) const { return this->tag() == tag; }
  const NodeRow* row() const { return slot_ == nullptr ? nullptr : slot_->row; }
  bool tagged() const { return slot_ != nullptr && slot_->tagged; }
  bool is_object() const { return slot_ != nullptr && slot_->type == Slot::Type::kObject; }
  bool is_list() const { return slot_ != nullptr && slot_->type == Slot::Type::kList; }
  absl::string_view key() const { return slot_ == nullptr ? "" : slot_->key; }

  // Of a text, the name of an enumeration's value, a number; of a String node what it holds.
  absl::string_view text() const;
  int64_t number(int64_t otherwise = 0) const;
  bool flag() const { return slot_ != nullptr && slot_->type == Slot::Type::kTrue; }

  Node parent() const {
    return slot_ == nullptr || slot_->up == 0 ? Node() : Node(slot_ - slot_->up);
  }

  // The children: a list's elements, an object's fields.
  Iterator begin() const { return Iterator(slot_ == nullptr ? nullptr : slot_ + 1); }
  Iterator end() const { return Iterator(slot_ == nullptr ? nullptr : slot_ + slot_->size); }
  bool empty() const { return slot_ == nullptr || slot_->size == 1; }
  size_t count() const;
  Node first() const { return empty() ? Node() : Node(slot_ + 1); }
  Node last() const;

  // The whole subtree in the order of the text of the tree, this node first.
  const Slot* subtree_begin() const { return slot_; }
  const Slot* subtree_end() const { return slot_ == nullptr ? nullptr : slot_ + slot_->size; }

  // Whether `other` stands in this node's subtree.
  bool Holds(Node other) const {
    return slot_ != nullptr && other.slot_ >= slot_ && other.slot_ < subtree_end();
  }

 private:
  const Slot* slot_ = nullptr;
};

// The tree that libpg_query writes as JSON, read in place: the texts are views into `json`. An
// object with one field whose name is a node's tag is that node; objects in fields that always
// hold the same node are given its tag, so that every node looks alike. Immutable once built.
class Tree {
 public:
  // False if it is not the JSON that libpg_query writes, of `text`. The library leaves out the
  // value of whole numbers below zero as it does of zero; they are taken from where they stand in
  // the text. A number of which neither tells has no value.
  bool Build(std::string json, absl::string_view text = "");

  Node root() const { return slots_.empty() ? Node() : Node(slots_.data()); }

 private:
  friend class TreeBuilder;
  void FillOmittedNumbers(absl::string_view text);

  std::string json_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> omitted_;    // Slots of the values that were left out.
  std::deque<std::string> numbers_;  // What the texts of those are views into.
};

}  // namespace dbfleet::sql::pg
