#include "common/sql/postgres/tree.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/sql/postgres/node_table.h"
#include "common/sql/postgres/omitted_number.h"

namespace dbfleet::sql::pg {
namespace {

constexpr absl::string_view kInteger = "Integer";
constexpr absl::string_view kIntegerValue = "ival";

}  // namespace

Node Node::operator[](absl::string_view field) const {
  if (!is_object() || field.empty()) return Node();
  // Most keys differ in length or first letter, which is told without a call.
  for (Node child : *this) {
    const absl::string_view key = child.slot_->key;
    if (key.size() == field.size() && key[0] == field[0] && key == field) return child;
  }
  return Node();
}

absl::string_view Node::text() const {
  if (slot_ == nullptr) return "";
  if (slot_->type == Slot::Type::kText || slot_->type == Slot::Type::kNumber) return slot_->text;
  return Is("String") ? (*this)["sval"].text() : "";
}

int64_t Node::number(int64_t otherwise) const {
  int64_t value = 0;
  if (slot_ == nullptr || slot_->type != Slot::Type::kNumber) return otherwise;
  return absl::SimpleAtoi(slot_->text, &value) ? value : otherwise;
}

size_t Node::count() const {
  size_t n = 0;
  for (auto it = begin(); it != end(); ++it) ++n;
  return n;
}

Node Node::last() const {
  Node found;
  for (Node child : *this) found = child;
  return found;
}

// Reads the JSON without recursion: what is open stands in `open_`.
class TreeBuilder {
 public:
  explicit TreeBuilder(Tree* tree)
      : slots_(tree->slots_),
        omitted_(tree->omitted_),
        at_(tree->json_.data()),
        end_(at_ + tree->json_.size()) {}

  bool Run() {
    do {
      if (!Step()) return false;
    } while (!open_.empty());
    return at_ == end_;
  }

 private:
  struct Open {
    uint32_t slot;
    bool inner;  // The object inside of {"Tag":{...}}, which shares the outer one's slot.
  };

  // One value, or the end of what is open.
  bool Step() {
    if (at_ == end_) return false;
    if (!open_.empty()) {
      const Slot& around = slots_[open_.back().slot];
      const char close = around.type == Slot::Type::kList ? ']' : '}';
      if (*at_ == close) return Close();
      if (!fresh_ && !Take(',')) return false;
      if (around.type == Slot::Type::kObject) {
        if (!Text(&key_) || !Take(':')) return false;
        if (!key_.empty() && absl::ascii_isupper(key_[0])) return OpenTagged();
      } else {
        key_ = "";
      }
    } else if (!slots_.empty()) {
      return false;
    }
    return Value();
  }

  bool OpenTagged() {
    Slot& slot = slots_[open_.back().slot];
    if (!fresh_ || open_.back().inner || !Take('{')) return false;
    slot.tagged = true;
    slot.row = FindNode(key_);
    slot.text = key_;
    open_.push_back({open_.back().slot, true});
    return true;
  }

  bool Close() {
    ++at_;
    const Open closed = open_.back();
    const NodeRow* row = slots_[closed.slot].row;
    if (closed.slot + 1 == slots_.size() && row != nullptr && row->tag == kInteger) {
      key_ = kIntegerValue;
      omitted_.push_back(static_cast<uint32_t>(slots_.size()));
      Add(Slot::Type::kNumber);
    }
    open_.pop_back();
    slots_[closed.slot].size = static_cast<uint32_t>(slots_.size()) - closed.slot;
    fresh_ = false;
    return true;
  }

  Slot& Add(Slot::Type type) {
    const auto here = static_cast<uint32_t>(slots_.size());
    Slot slot;
    slot.type = type;
    slot.key = key_;
    slot.up = open_.empty() ? 0 : here - open_.back().slot;
    slots_.push_back(slot);
    return slots_.back();
  }

  bool Value() {
    const char c = *at_;
    fresh_ = false;
    if (c == '{' || c == '[') {
      ++at_;
      Slot& slot = Add(c == '{' ? Slot::Type::kObject : Slot::Type::kList);
      if (c == '{' && !key_.empty()) {
        slot.row = NodeOfField(key_);
        slot.tagged = slot.row != nullptr;
        if (slot.tagged) slot.text = slot.row->tag;
      }
      open_.push_back({static_cast<uint32_t>(slots_.size() - 1), false});
      fresh_ = true;
      return true;
    }
    if (c == '"') {
      absl::string_view text;
      if (!Text(&text)) return false;
      Add(Slot::Type::kText).text = text;
      return true;
    }
    if (Word("true")) return Add(Slot::Type::kTrue), true;
    if (Word("false")) return Add(Slot::Type::kFalse), true;
    if (Word("null")) return Add(Slot::Type::kNull), true;
    const char* begin = at_;
    while (at_ != end_ && (absl::ascii_isdigit(*at_) || *at_ == '-' || *at_ == '.')) ++at_;
    if (at_ == begin) return false;
    Add(Slot::Type::kNumber).text = absl::string_view(begin, static_cast<size_t>(at_ - begin));
    return true;
  }

  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }

  bool Word(absl::string_view word) {
    if (absl::string_view(at_, static_cast<size_t>(end_ - at_)).substr(0, word.size()) != word) {
      return false;
    }
    at_ += word.size();
    return true;
  }

  // Unescapes in place: what an escape stands for is never longer than the escape.
  bool Text(absl::string_view* text) {
    if (!Take('"')) return false;
    char* const begin = at_;
    while (at_ != end_ && *at_ != '"' && *at_ != '\\') ++at_;
    char* to = at_;
    while (at_ != end_ && *at_ != '"') {
      if (*at_ != '\\') {
        *to++ = *at_++;
      } else if (!Escape(&to)) {
        return false;
      }
    }
    *text = absl::string_view(begin, static_cast<size_t>(to - begin));
    return Take('"');
  }

  bool Escape(char** to) {
    static constexpr absl::string_view kLetters = "bfnrt";
    static constexpr absl::string_view kMeanings = "\b\f\n\r\t";
    if (end_ - at_ < 2) return false;
    const char c = at_[1];
    at_ += 2;
    if (c == 'u') {
      // Only for single bytes below 0x80.
      int value = 0;
      if (end_ - at_ < 4 || at_[0] != '0' || at_[1] != '0') return false;
      for (int i = 2; i < 4; ++i) {
        if (!absl::ascii_isxdigit(at_[i])) return false;
        const char digit = absl::ascii_tolower(at_[i]);
        value = value * 16 + (absl::ascii_isdigit(digit) ? digit - '0' : digit - 'a' + 10);
      }
      if (value >= 0x80) return false;
      at_ += 4;
      *(*to)++ = static_cast<char>(value);
      return true;
    }
    const size_t letter = kLetters.find(c);
    if (letter != absl::string_view::npos) {
      *(*to)++ = kMeanings[letter];
      return true;
    }
    if (c != '"' && c != '\\' && c != '/') return false;
    *(*to)++ = c;
    return true;
  }

  std::vector<Slot>& slots_;
  std::vector<uint32_t>& omitted_;
  char* at_;
  char* const end_;
  std::vector<Open> open_;
  absl::string_view key_;
  bool fresh_ = false;  // Nothing stands yet in what was opened last.
};

void Tree::FillOmittedNumbers(absl::string_view text) {
  for (const uint32_t slot : omitted_) {
    const std::optional<int64_t> value = OmittedNumber(text, Node(&slots_[slot]).parent());
    if (!value.has_value()) continue;
    numbers_.push_back(absl::StrCat(*value));
    slots_[slot].text = numbers_.back();
  }
}

bool Tree::Build(std::string json, absl::string_view text) {
  json_ = std::move(json);
  slots_.clear();
  omitted_.clear();
  numbers_.clear();
  constexpr size_t kBytesPerSlot = 16;  // A little more than is usual, so that it seldom grows.
  slots_.reserve(json_.size() / kBytesPerSlot + 8);
  if (TreeBuilder(this).Run()) {
    FillOmittedNumbers(text);
    return true;
  }
  slots_.clear();
  return false;
}

}  // namespace dbfleet::sql::pg
