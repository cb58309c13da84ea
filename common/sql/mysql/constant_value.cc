#include "common/sql/mysql/constant_value.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr int kMaxDepth = 30;

using Value = std::optional<Constant>;

Value Truth(std::optional<bool> value) {
  return value.has_value() ? Constant::Number(*value ? 1 : 0) : Constant::Null();
}

class ConstantReader {
 public:
  ConstantReader(const Toks& tokens, ptrdiff_t from, ptrdiff_t to)
      : tokens_(tokens), at_(from), to_(to) {}

  Value Whole() {
    const Value value = Condition();
    return at_ == to_ ? value : std::nullopt;
  }

 private:
  const Tok& Next(ptrdiff_t ahead = 0) const {
    return tokens_[at_ + ahead < to_ ? at_ + ahead : -1];
  }
  bool AtWord(absl::string_view word) const {
    return Next().kind == TokenKind::kWord && absl::EqualsIgnoreCase(Next().text, word);
  }
  bool TakeWord(absl::string_view word) {
    if (!AtWord(word)) return false;
    ++at_;
    return true;
  }
  bool TakeSymbol(char symbol) {
    if (!Next().IsSymbol(symbol)) return false;
    ++at_;
    return true;
  }

  Value Condition() {
    if (++depth_ > kMaxDepth) return std::nullopt;
    Value left = Sum();
    while (left.has_value() && at_ < to_ && !Next().IsSymbol(')') && !Next().IsSymbol(',')) {
      left = Predicate(*left);
    }
    --depth_;
    return left;
  }

  Value Predicate(const Constant& left) {
    if (TakeWord("IS")) return Is(left);
    const bool negated = TakeWord("NOT");
    if (TakeWord("IN")) return Negated(In(left), negated);
    if (TakeWord("BETWEEN")) return Negated(Between(left), negated);
    if (TakeWord("LIKE")) {
      const Value pattern = Sum();
      if (!pattern.has_value()) return std::nullopt;
      return Negated(Truth(IsLike(left, *pattern, true)), negated);
    }
    if (TakeWord("RLIKE") || TakeWord("REGEXP")) {
      const Value pattern = Sum();
      const bool same = pattern.has_value() && (Compare(left, "=", *pattern, true) == true ||
                                                pattern->text == ".*" || pattern->text == ".");
      return same ? Negated(Constant::Number(1), negated) : std::nullopt;
    }
    if (!negated && TakeWord("SOUNDS") && TakeWord("LIKE")) {
      const Value other = Sum();
      const bool same = other.has_value() && Compare(left, "=", *other, true) == true;
      return same ? Value(Constant::Number(1)) : std::nullopt;
    }
    if (!negated && TakeWord("XOR")) {
      const Value other = Condition();
      if (!other.has_value()) return std::nullopt;
      return Truth(TruthOf(left) != TruthOf(*other));
    }
    std::string sign;
    while (sign.size() < 3 && (Next().IsSymbol('=') || Next().IsSymbol('<') ||
                               Next().IsSymbol('>') || Next().IsSymbol('!'))) {
      absl::StrAppend(&sign, tokens_[at_++].text);
    }
    if (negated || sign.empty() || sign == "!") return std::nullopt;
    const Value right = Sum();
    if (!right.has_value()) return std::nullopt;
    return Truth(Compare(left, sign, *right, true));
  }

  static Value Negated(Value value, bool negated) {
    if (!value.has_value() || !negated) return value;
    const std::optional<bool> truth = TruthOf(*value);
    return truth.has_value() ? Truth(!*truth) : Constant::Null();
  }

  Value Is(const Constant& left) {
    const bool negated = TakeWord("NOT");
    if (TakeWord("NULL")) {
      return Truth((left.type == Constant::Type::kNull) != negated);
    }
    if (TakeWord("TRUE")) return Truth((TruthOf(left) == true) != negated);
    if (TakeWord("FALSE")) return Truth((TruthOf(left) == false) != negated);
    return std::nullopt;
  }

  // One that is equal is enough, whatever the others are.
  Value In(const Constant& left) {
    if (!Next().IsSymbol('(')) return std::nullopt;
    const ptrdiff_t end = tokens_.AfterParen(at_);
    if (end > to_) return std::nullopt;
    ++at_;
    bool all = true;
    bool found = false;
    while (at_ < end - 1) {
      const Value value = Condition();
      all = all && value.has_value();
      found = found || (value.has_value() && Compare(left, "=", *value, true) == true);
      // Of what is no constant the rest is left out.
      while (at_ < end - 1 && !Next().IsSymbol(',')) {
        all = false;
        at_ = Next().IsSymbol('(') ? tokens_.AfterParen(at_) : at_ + 1;
      }
      if (at_ < end - 1) ++at_;
    }
    at_ = end;
    if (!found && !all) return std::nullopt;
    return Truth(found);
  }

  Value Between(const Constant& left) {
    const Value low = Sum();
    if (!low.has_value() || !TakeWord("AND")) return std::nullopt;
    const Value high = Sum();
    if (!high.has_value()) return std::nullopt;
    const auto above = Compare(left, ">=", *low, true);
    const auto below = Compare(left, "<=", *high, true);
    if (!above.has_value() || !below.has_value()) return Constant::Null();
    return Truth(*above && *below);
  }

  Value Sum() {
    Value left = Product();
    while (left.has_value() && (Next().IsSymbol('+') || Next().IsSymbol('-'))) {
      const char op = tokens_[at_++].text[0];
      const Value right = Product();
      if (!right.has_value()) return std::nullopt;
      left = Calculate(*left, op, *right);
    }
    return left;
  }

  Value Product() {
    Value left = Unary();
    while (left.has_value()) {
      char op = '\0';
      if (Next().IsSymbol('*') || Next().IsSymbol('/') || Next().IsSymbol('%')) {
        op = Next().text[0];
      } else if (AtWord("DIV") || AtWord("MOD")) {
        op = AtWord("DIV") ? '/' : '%';
      }
      if (op == '\0') return left;
      ++at_;
      const Value right = Unary();
      if (!right.has_value()) return std::nullopt;
      left = Calculate(*left, op, *right);
    }
    return left;
  }

  Value Unary() {
    bool minus = false;
    bool inverts = false;
    bool negates = false;
    for (;; ++at_) {
      if (Next().IsSymbol('-')) {
        minus = !minus;
      } else if (Next().IsSymbol('~')) {
        inverts = true;
      } else if (Next().IsSymbol('!')) {
        negates = !negates;
      } else if (!Next().IsSymbol('+')) {
        break;
      }
    }
    Value value = Primary();
    if (!value.has_value()) return value;
    // All bits of what is not all bits.
    if (inverts) return TruthOf(*value) == false ? Value(Constant::Number(1)) : std::nullopt;
    if (minus) value = Calculate(Constant::Number(0), '-', *value);
    return Negated(value, negates);
  }

  Value Primary() {
    const Tok& token = Next();
    if (token.kind == TokenKind::kNumber || token.IsSymbol('.')) return ReadNumber(Number());
    // _utf8'a' is the text itself.
    if (token.kind == TokenKind::kWord && token.text[0] == '_' && Next(1).IsText()) ++at_;
    if (Next().IsText()) {
      const Tok& text = tokens_[at_++];
      return Text(text, text.text);
    }
    // x'61', b'1', n'a': the lexer gives the letter and the text.
    if (token.text.size() == 1 && absl::StrContains("xXbBnN", token.text) && Next(1).IsText() &&
        token.Touches(Next(1))) {
      const absl::string_view whole(token.text.data(), 1 + Next(1).text.size());
      at_ += 2;
      return Text(tokens_[at_ - 1], whole);
    }
    if (const Value rows = Rows()) return rows;
    if (token.IsSymbol('(')) return InParens();
    if (token.kind != TokenKind::kWord) return std::nullopt;
    if (TakeWord("TRUE")) return Constant::Number(1);
    if (TakeWord("FALSE")) return Constant::Number(0);
    if (TakeWord("NULL")) return Constant::Null();
    if (absl::StartsWithIgnoreCase(token.text, "0x")) {
      ++at_;
      return ReadNumber(token.text);
    }
    return Next(1).IsSymbol('(') ? Function() : std::nullopt;
  }

  // 1, 1.0, .5: the point is a token of its own.
  absl::string_view Number() {
    const absl::string_view first = Next().text;
    size_t size = 0;
    for (bool goes_on = true; goes_on && at_ < to_;) {
      const bool part = Next().kind == TokenKind::kNumber || Next().IsSymbol('.');
      goes_on = part && (size == 0 || tokens_[at_ - 1].Touches(Next()));
      if (!goes_on) break;
      size += tokens_[at_++].text.size();
    }
    return absl::string_view(first.data(), size);
  }

  // (1, 2), ROW(1, 2); of what is no such row nothing is taken.
  std::vector<Constant> Row() {
    const ptrdiff_t begin = at_;
    std::vector<Constant> values;
    if (AtWord("ROW") && Next(1).IsSymbol('(')) ++at_;
    if (TakeSymbol('(')) {
      do {
        const Value value = Condition();
        if (!value.has_value()) break;
        values.push_back(*value);
      } while (TakeSymbol(','));
      if (values.size() > 1 && TakeSymbol(')')) return values;
    }
    at_ = begin;
    return {};
  }

  // (1, 2) = (1, 2)
  Value Rows() {
    const ptrdiff_t begin = at_;
    if (!Next().IsSymbol('(') && !AtWord("ROW")) return std::nullopt;
    // Parentheses in parentheses would be read again and again.
    if (Next(1).IsSymbol('(') && !AtWord("ROW")) return std::nullopt;
    const std::vector<Constant> left = Row();
    if (!left.empty() && TakeSymbol('=')) {
      const std::vector<Constant> right = Row();
      if (right.size() == left.size()) {
        bool same = true;
        for (size_t i = 0; i < left.size(); ++i) {
          same = same && Compare(left[i], "=", right[i], true) == true;
        }
        return Constant::Number(same ? 1 : 0);
      }
    }
    at_ = begin;
    return std::nullopt;
  }

  // `written` has the letter in front of it.
  static Value Text(const Tok& token, absl::string_view written) {
    const char first = written[0];
    const absl::string_view quoted = written.size() > 3 ? written.substr(2) : "";
    if (first == 'x' || first == 'X') {
      const auto bytes = FromHex(quoted.substr(0, quoted.empty() ? 0 : quoted.size() - 1));
      return bytes.has_value() ? Value(Constant::Text(*bytes)) : std::nullopt;
    }
    if (first == 'b' || first == 'B') {
      double number = 0;
      for (char c : quoted) number = c == '0' || c == '1' ? number * 2 + (c - '0') : number;
      return Constant::Number(number);
    }
    if (!absl::StrContains("'\"nN", written.substr(0, 1))) return std::nullopt;
    return Constant::Text(std::string(Inside(token)));
  }

  // (1), (SELECT 1)
  Value InParens() {
    const ptrdiff_t end = tokens_.AfterParen(at_);
    if (end > to_) return std::nullopt;
    ++at_;
    TakeWord("SELECT");
    const Value value = Condition();
    if (at_ != end - 1) return std::nullopt;
    at_ = end;
    return value;
  }

  Value Function() {
    const absl::string_view name = Next().text;
    const ptrdiff_t end = tokens_.AfterParen(at_ + 1);
    if (end > to_) return std::nullopt;
    at_ += 2;
    if (absl::EqualsIgnoreCase(name, "EXISTS")) {
      const bool row = TakeWord("SELECT") && Condition().has_value() && at_ == end - 1;
      at_ = end;
      return row ? Value(Constant::Number(1)) : std::nullopt;
    }
    std::vector<Constant> arguments;
    while (at_ < end - 1) {
      const Value value = Condition();
      if (!value.has_value()) return std::nullopt;
      arguments.push_back(*value);
      if (at_ < end - 1 && !TakeSymbol(',')) return std::nullopt;
    }
    at_ = end;
    return CallFunction(name, arguments);
  }

  const Toks& tokens_;
  ptrdiff_t at_;
  const ptrdiff_t to_;
  int depth_ = 0;
};

}  // namespace

std::optional<Constant> ConstantValue(const Toks& tokens, ptrdiff_t from, ptrdiff_t to) {
  return ConstantReader(tokens, from, to).Whole();
}

}  // namespace dbfleet::sql::mysql
