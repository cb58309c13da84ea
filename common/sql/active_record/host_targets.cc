#include "common/sql/active_record/host_targets.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

#include "common/sql/active_record/words.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kFar = 200;  // In tokens: longer statements are not followed.

class Backwards {
 public:
  Backwards(const HostProgram& program, size_t at) : program_(program), at_(at) {
    limit_ = at > kFar ? at - kFar : 0;
  }

  void Find() {
    for (size_t i = at_; i-- > limit_;) {
      const HostToken& token = program_[i];
      if (token.Is("{") && IsMatch(i)) {
        i = OpenOf(i - 1);
        continue;
      }
      if (token.Is(";") || token.Is("{") || token.Is("}")) break;
      if (token.kind == HostTokenKind::kNewline && !GoesOn(i)) break;
      if (IsModifier(i)) break;
      // A call's, an index; not a list that is made into something.
      if ((token.Is("(") || token.Is("[")) && IsOperand(i - 1) && !IsCast(i - 1)) break;
      if (token.Is(")") || token.Is("]")) i = OpenOf(i);
      returned_ = returned_ || IsReturn(token);
      if (!token.Is("=") || program_.IsComparison(i)) continue;
      i = Take(i);
      returned_ = returned_ || IsReturn(program_[i - 1]);
      if (!program_[i - 1].Is("=")) break;  // a = b = X
    }
  }

  std::vector<size_t> targets() { return std::move(targets_); }
  std::vector<size_t> properties() { return std::move(properties_); }
  bool returned() const { return returned_; }
  bool computed() const { return computed_; }

 private:
  // A generator's yield gives its value, too.
  bool IsReturn(const HostToken& token) const {
    return token.IsName("return") || (program_.php() && token.IsName("yield"));
  }

  // On the next line, for nothing can end with this.
  bool GoesOn(size_t newline) const {
    static constexpr absl::string_view kNames[] = {"=", "|", "&", "?", ":", ",", "(", "[", "."};
    return std::any_of(std::begin(kNames), std::end(kNames),
                       [&](absl::string_view name) { return program_[newline - 1].Is(name); });
  }

  // match ($x) { ... }
  bool IsMatch(size_t brace) const {
    return program_.php() && program_[brace - 1].Is(")") &&
           program_[OpenOf(brace - 1) - 1].IsName("match");
  }

  // x = y if X
  bool IsModifier(size_t i) const {
    static constexpr absl::string_view kNames[] = {"if", "unless", "until", "while"};
    return !program_.php() && program_[i].kind == HostTokenKind::kName &&
           IsOneOf(program_[i].text, kNames) && program_.CloseOf(i) >= program_.size();
  }

  bool IsOperand(size_t i) const {
    const HostToken& token = program_[i];
    if (token.IsName("return") || token.IsName("clone")) return false;
    return token.kind == HostTokenKind::kName || token.kind == HostTokenKind::kVariable ||
           token.Is(")") || token.Is("]");
  }

  // (object)[...], and Ruby's Line[...], Set[...]
  bool IsCast(size_t i) const {
    if (program_.php()) {
      return program_[i].Is(")") && i > 1 && program_[i - 2].Is("(") &&
             (program_[i - 1].IsName("object") || program_[i - 1].IsName("array"));
    }
    const HostToken& token = program_[i];
    return program_[i + 1].Is("[") && token.kind == HostTokenKind::kName &&
           absl::ascii_isupper(token.text[0]);
  }

  // $$name, ${'name'}, $this->$name, $this->{'name'}, self::$$name
  bool IsComputed(size_t first, size_t last) const {
    if (!program_.php() || last == 0) return false;
    const bool braces = program_[last].Is("}");
    const HostToken& before = program_[(braces ? program_.OpenBefore(last, limit_) : first) - 1];
    if (before.Is("$")) return true;
    const bool member = before.Is("->") || before.Is("?->");
    return member && (braces || program_[last].kind == HostTokenKind::kVariable);
  }

  size_t OpenOf(size_t close) const { return program_.OpenBefore(close, limit_); }

  void Add(size_t i) {
    const HostToken& token = program_[i];
    const bool variable = token.kind == HostTokenKind::kVariable ||
                          (!program_.php() && token.kind == HostTokenKind::kName);
    if (token.text == "$this") return;
    const bool named = variable || token.kind == HostTokenKind::kName;
    if (program_.php() && named && i > 0 && program_.IsMember(i - 1)) properties_.push_back(i);
    if (variable && (i == 0 || !program_.IsMember(i - 1))) targets_.push_back(i);
  }

  // What stands in front of "=", "||=", "+="; its first token.
  size_t Take(size_t assignment) {
    static constexpr absl::string_view kOperators[] = {"|", "&", "?", "+", "-", "*", "."};
    size_t last = assignment;
    const auto is_operator = [&](absl::string_view name) { return program_[last].Is(name); };
    do {
      if (last == 0) return 0;
      --last;
    } while (std::any_of(std::begin(kOperators), std::end(kOperators), is_operator));
    size_t first = last;
    if (program_[last].Is("]") || program_[last].Is(")")) {
      first = OpenOf(last);
      // users[0] = X, or [$a, $b] = X and list($a) = X.
      const auto is_index = [&] {
        return program_[last].Is("]") && first > limit_ && IsOperand(first - 1);
      };
      while (is_index()) {
        first = last = first - 1;
        if (program_[last].Is("]")) first = OpenOf(last);
      }
    }
    computed_ = computed_ || IsComputed(first, last);
    // a, (b, *c) = X
    for (size_t i = first; !program_.php() && i-- > limit_;) {
      const HostToken& token = program_[i];
      const bool listed = token.Is(",") || token.Is("*") || token.Is("(") || token.Is(")") ||
                          token.kind == HostTokenKind::kName ||
                          token.kind == HostTokenKind::kVariable;
      if (!listed || (IsOperand(i) && !program_[i + 1].Is(",") && !program_[i + 1].Is(")"))) break;
      first = i;
    }
    for (size_t i = first; i <= last; ++i) Add(i);
    // Of $x = $this->y = X the whole of what stands in front of the second sign.
    while (program_.php() && first > limit_ + 1 && program_.IsMember(first - 1)) {
      first -= 2;
      if (program_[first].Is(")") || program_[first].Is("]")) first = OpenOf(first);
    }
    return first;
  }

  const HostProgram& program_;
  const size_t at_;
  size_t limit_ = 0;
  std::vector<size_t> targets_;
  std::vector<size_t> properties_;
  bool returned_ = false;
  bool computed_ = false;
};

}  // namespace

std::vector<size_t> TargetsOf(const HostProgram& program, size_t at) {
  Backwards backwards(program, at);
  backwards.Find();
  return backwards.targets();
}

std::vector<size_t> PropertiesOf(const HostProgram& program, size_t at) {
  Backwards backwards(program, at);
  backwards.Find();
  return backwards.properties();
}

bool IsReturned(const HostProgram& program, size_t at) {
  Backwards backwards(program, at);
  backwards.Find();
  return backwards.returned();
}

bool BindsComputedName(const HostProgram& program, size_t at) {
  Backwards backwards(program, at);
  backwards.Find();
  return backwards.computed();
}

}  // namespace dbfleet::sql
