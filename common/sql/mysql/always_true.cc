#include "common/sql/mysql/always_true.h"

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr int kMaxDepth = 50;

// Whether `a operator b` holds for two literals of a kind.
bool Holds(absl::string_view op, int order) {
  if (op == "=" || op == "<=>") return order == 0;
  if (op == "<") return order < 0;
  if (op == ">") return order > 0;
  if (op == "<=") return order <= 0;
  if (op == ">=") return order >= 0;
  return order != 0;
}

// Looks at a condition from the outside in. Lives for one question.
class Condition {
 public:
  explicit Condition(const Toks& tokens) : tokens_(tokens) {}

  // Known to be true, known to be false, or not known.
  std::optional<bool> Value(ptrdiff_t from, ptrdiff_t to, int depth) const {
    if (from >= to || depth > kMaxDepth) return std::nullopt;
    if (const auto split = Next(from, to, true); split.end < to) {
      return Joined(from, to, true, depth);
    }
    if (const auto split = Next(from, to, false); split.end < to) {
      return Joined(from, to, false, depth);
    }
    // "!" binds closer than comparisons do.
    const bool alone =
        to - from == 2 || (tokens_[from + 1].IsSymbol('(') && tokens_.AfterParen(from + 1) == to);
    if (tokens_[from].Is(K("NOT")) || (tokens_[from].IsSymbol('!') && alone)) {
      const std::optional<bool> inner = Value(from + 1, to, depth + 1);
      if (!inner.has_value()) return inner;
      return !*inner;
    }
    if (tokens_[from].IsSymbol('(') && tokens_.AfterParen(from) == to) {
      return Value(from + 1, to - 1, depth + 1);
    }
    return Atom(from, to, depth);
  }

 private:
  struct Split {
    ptrdiff_t end;   // Of the part.
    ptrdiff_t next;  // Where the next one begins.
  };

  // The first OR (or AND) outside of parentheses and CASE, where no BETWEEN has that AND.
  Split Next(ptrdiff_t from, ptrdiff_t to, bool is_or) const {
    int depth = 0;
    bool between = false;
    for (ptrdiff_t i = from; i < to; ++i) {
      const Tok& token = tokens_[i];
      if (token.IsSymbol('(') || token.Is(K("CASE"))) ++depth;
      if (token.IsSymbol(')') || token.Is(K("END"))) --depth;
      if (depth > 0) continue;
      if (between && token.Is(K("AND"))) {
        between = false;
        continue;
      }
      between = between || token.Is(K("BETWEEN"));
      if (token.Is(is_or ? K("OR") : K("AND"))) return {i, i + 1};
      const char sign = is_or ? '|' : '&';
      if (token.IsSymbol(sign) && tokens_[i + 1].IsSymbol(sign) && token.Touches(tokens_[i + 1])) {
        return {i, i + 2};
      }
    }
    return {to, to};
  }

  // One part that decides is enough; else all have to be known.
  std::optional<bool> Joined(ptrdiff_t from, ptrdiff_t to, bool is_or, int depth) const {
    bool all_known = true;
    while (from <= to) {
      const Split split = Next(from, to, is_or);
      const std::optional<bool> part = Value(from, split.end, depth + 1);
      if (part == is_or) return is_or;
      all_known = all_known && part.has_value();
      if (split.end >= to) break;
      from = split.next;
    }
    if (!all_known) return std::nullopt;
    return !is_or;
  }

  std::optional<bool> Atom(ptrdiff_t from, ptrdiff_t to, int depth) const {
    if (to - from == 1) return Constant(tokens_[from]);
    if (IsLiteral(tokens_[from]) && IsLiteral(tokens_[to - 1]) && to - from <= 5) {
      std::string sign;
      for (ptrdiff_t i = from + 1; i < to - 1; ++i) absl::StrAppend(&sign, tokens_[i].text);
      if (IsComparison(sign)) return HoldsForLiterals(tokens_[from], sign, tokens_[to - 1]);
    }
    if (IsSameColumn(from, to)) return true;
    return OfLiterals(from, to, depth);
  }

  // 'a' LIKE 'a', 1 IN (1, 2), 1 BETWEEN 0 AND 2, (1) = (1).
  std::optional<bool> OfLiterals(ptrdiff_t from, ptrdiff_t to, int depth) const {
    const Tok& first = tokens_[from];
    const Tok& word = tokens_[from + 1];
    if (IsLiteral(first) && word.Is(K("LIKE")) && to - from == 3) {
      const bool same =
          tokens_[from + 2].kind == first.kind && tokens_[from + 2].text == first.text;
      const bool all = Inside(tokens_[from + 2]) == "%";
      return same || all ? std::optional<bool>(true) : std::nullopt;
    }
    if (IsLiteral(first) && word.Is(K("IN")) && tokens_[from + 2].IsSymbol('(') &&
        tokens_.AfterParen(from + 2) == to) {
      for (ptrdiff_t i = from + 3; i < to - 1; ++i) {
        const bool alone = (tokens_[i - 1].IsSymbol('(') || tokens_[i - 1].IsSymbol(',')) &&
                           (tokens_[i + 1].IsSymbol(')') || tokens_[i + 1].IsSymbol(','));
        if (alone && HoldsForLiterals(first, "=", tokens_[i])) return true;
      }
      return std::nullopt;
    }
    if (IsLiteral(first) && word.Is(K("BETWEEN")) && to - from == 5 &&
        tokens_[from + 3].Is(K("AND"))) {
      const bool holds = HoldsForLiterals(tokens_[from + 2], "<=", first) &&
                         HoldsForLiterals(first, "<=", tokens_[from + 4]);
      return holds ? std::optional<bool>(true) : std::nullopt;
    }
    return InParens(from, to, depth);
  }

  // A literal in parentheses on either side of a comparison.
  std::optional<bool> InParens(ptrdiff_t from, ptrdiff_t to, int depth) const {
    const ptrdiff_t left = Unwrapped(from);
    const ptrdiff_t op = left < 0                      ? -1
                         : tokens_[from].IsSymbol('(') ? tokens_.AfterParen(from)
                                                       : from + 1;
    if (op < 0 || op >= to) return std::nullopt;
    ptrdiff_t right = op;
    std::string sign;
    while (right < to && right < op + 3 && tokens_[right].kind == TokenKind::kSymbol &&
           !tokens_[right].IsSymbol('(')) {
      absl::StrAppend(&sign, tokens_[right++].text);
    }
    const ptrdiff_t value = Unwrapped(right);
    const ptrdiff_t end = value < 0                      ? -1
                          : tokens_[right].IsSymbol('(') ? tokens_.AfterParen(right)
                                                         : right + 1;
    if (!IsComparison(sign) || end != to || depth > kMaxDepth) return std::nullopt;
    return HoldsForLiterals(tokens_[left], sign, tokens_[value]) ? std::optional<bool>(true)
                                                                 : std::nullopt;
  }

  // The literal there, behind any number of parentheses around it alone; -1 if there is none.
  ptrdiff_t Unwrapped(ptrdiff_t at) const {
    const ptrdiff_t open = at;
    while (tokens_[at].IsSymbol('(') && at < open + kMaxDepth) ++at;
    if (!IsLiteral(tokens_[at])) return -1;
    for (ptrdiff_t i = 0; i < at - open; ++i) {
      if (!tokens_[at + 1 + i].IsSymbol(')')) return -1;
    }
    return at;
  }

  static std::optional<bool> Constant(const Tok& token) {
    if (IsTruth(token)) return true;
    int64_t value = 0;
    const bool zero = token.kind == TokenKind::kNumber && absl::SimpleAtoi(token.text, &value);
    if (zero || token.Is(K("FALSE"))) return false;
    return std::nullopt;
  }

  static bool IsComparison(absl::string_view sign) {
    return sign == "=" || sign == "<=>" || sign == "<" || sign == ">" || sign == "<=" ||
           sign == ">=" || sign == "<>" || sign == "!=";
  }

  // a.b = a.b: two halves of names around the sign.
  bool IsSameColumn(ptrdiff_t from, ptrdiff_t to) const {
    constexpr ptrdiff_t kLongest = 5;  // schema.table.column
    const ptrdiff_t half = (to - from - 1) / 2;
    if (to - from != 2 * half + 1 || half > kLongest || !tokens_[from + half].IsSymbol('=')) {
      return false;
    }
    for (ptrdiff_t i = 0; i < half; ++i) {
      const Tok& a = tokens_[from + i];
      const Tok& b = tokens_[from + half + 1 + i];
      const bool fits = i % 2 == 0 ? a.IsName() : a.IsSymbol('.');
      if (!fits || a.kind != b.kind || !absl::EqualsIgnoreCase(a.text, b.text)) return false;
    }
    return half % 2 == 1;
  }

  const Toks& tokens_;
};

}  // namespace

bool IsLiteral(const Tok& token) {
  return token.kind == TokenKind::kNumber || token.kind == TokenKind::kString;
}

bool HoldsForLiterals(const Tok& a, absl::string_view op, const Tok& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == TokenKind::kString) {
    if (op != "=" && op != "<=>" && op != "<>" && op != "!=") return false;
    return Holds(op, Inside(a) == Inside(b) ? 0 : 1);
  }
  int64_t x = 0;
  int64_t y = 0;
  if (!absl::SimpleAtoi(a.text, &x) || !absl::SimpleAtoi(b.text, &y)) {
    return Holds(op, 0) && a.text == b.text;
  }
  return Holds(op, x < y ? -1 : x > y ? 1 : 0);
}

bool IsTruth(const Tok& token) {
  int64_t value = 0;
  if (token.Is(K("TRUE"))) return true;
  if (token.kind == TokenKind::kNumber) return absl::SimpleAtoi(token.text, &value) && value != 0;
  return token.IsText() && absl::SimpleAtoi(Inside(token), &value) && value != 0;
}

bool IsAlwaysTrue(const Toks& tokens, ptrdiff_t from, ptrdiff_t to) {
  return Condition(tokens).Value(from, to, 0) == true;
}

}  // namespace dbfleet::sql::mysql
