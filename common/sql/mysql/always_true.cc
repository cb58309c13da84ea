#include "common/sql/mysql/always_true.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/sql/mysql/constant_value.h"
#include "common/sql/text/constant.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr int kMaxDepth = 50;

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
    return Atom(from, to);
  }

  std::pair<ptrdiff_t, ptrdiff_t> part() const { return part_; }

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
    std::vector<NullTest> tests;  // Of an OR.
    const ptrdiff_t begin = from;
    while (from <= to) {
      const Split split = Next(from, to, is_or);
      if (is_or && IsOneOfBoth(from, split.end, &tests)) {
        if (part_.first < 0) part_ = {begin, split.end};
        return true;
      }
      const std::optional<bool> part = Value(from, split.end, depth + 1);
      if (part == true && is_or && part_.first < 0) part_ = {from, split.end};
      if (part == is_or) return is_or;
      all_known = all_known && part.has_value();
      if (split.end >= to) break;
      from = split.next;
    }
    if (!all_known) return std::nullopt;
    return !is_or;
  }

  struct NullTest {
    ptrdiff_t from;
    ptrdiff_t to;
    bool is_null;
  };

  // b IS NULL where b IS NOT NULL stands beside it, or the other way round.
  bool IsOneOfBoth(ptrdiff_t from, ptrdiff_t to, std::vector<NullTest>* tests) const {
    constexpr size_t kMost = 20;
    if (to - from < 3 || !tokens_[to - 1].Is(K("NULL"))) return false;
    const bool negated = tokens_[to - 2].Is(K("NOT"));
    const ptrdiff_t is = to - (negated ? 3 : 2);
    if (is <= from || !tokens_[is].Is(K("IS")) || tests->size() >= kMost) return false;
    for (ptrdiff_t i = from; i < is; ++i) {
      if (!tokens_[i].IsName() && !tokens_[i].IsSymbol('.')) return false;
    }
    const NullTest test = {from, is, !negated};
    for (const NullTest& other : *tests) {
      if (other.is_null != test.is_null && IsSameName(other, test)) return true;
    }
    tests->push_back(test);
    return false;
  }

  bool IsSameName(const NullTest& a, const NullTest& b) const {
    if (a.to - a.from != b.to - b.from) return false;
    for (ptrdiff_t i = 0; i < a.to - a.from; ++i) {
      if (!absl::EqualsIgnoreCase(tokens_[a.from + i].text, tokens_[b.from + i].text)) return false;
    }
    return true;
  }

  std::optional<bool> Atom(ptrdiff_t from, ptrdiff_t to) const {
    if (const auto value = ConstantValue(tokens_, from, to)) return TruthOf(*value);
    if (IsSameColumn(from, to) || IsAnyText(from, to)) return true;
    return std::nullopt;
  }

  // b LIKE '%', b RLIKE '.*': whatever it holds, but NULL.
  bool IsAnyText(ptrdiff_t from, ptrdiff_t to) const {
    if (to - from < 3 || !tokens_[from].IsName() || !tokens_[to - 1].IsText()) return false;
    const Tok& word = tokens_[to - 2];
    const absl::string_view pattern = Inside(tokens_[to - 1]);
    for (ptrdiff_t i = from + 1; i < to - 2; ++i) {
      if (!tokens_[i].IsName() && !tokens_[i].IsSymbol('.')) return false;
    }
    if (tokens_[to - 3].Is(K("NOT"))) return false;
    return word.Is(K("LIKE")) ? pattern == "%"
                              : (absl::EqualsIgnoreCase(word.text, "RLIKE") ||
                                 absl::EqualsIgnoreCase(word.text, "REGEXP")) &&
                                    pattern == ".*";
  }

  // a.b = a.b, a >= a: two halves of names around the sign.
  bool IsSameColumn(ptrdiff_t from, ptrdiff_t to) const {
    constexpr ptrdiff_t kLongest = 5;  // schema.table.column
    const ptrdiff_t half = (to - from - 1) / 2;
    if (half > kLongest) return false;
    ptrdiff_t sign = from;
    while (sign < to && tokens_[sign].kind != TokenKind::kSymbol) ++sign;
    while (sign < to && tokens_[sign].IsSymbol('.')) sign += 2;
    std::string op;
    ptrdiff_t right = sign;
    while (right < to && op.size() < 3 && tokens_[right].kind == TokenKind::kSymbol) {
      absl::StrAppend(&op, tokens_[right++].text);
    }
    if (op != "=" && op != "<=>" && op != ">=" && op != "<=") return false;
    if (sign - from != to - right || (sign - from) % 2 == 0) return false;
    for (ptrdiff_t i = 0; i < sign - from; ++i) {
      const Tok& a = tokens_[from + i];
      const Tok& b = tokens_[right + i];
      const bool fits = i % 2 == 0 ? a.IsName() : a.IsSymbol('.');
      if (!fits || a.kind != b.kind || !absl::EqualsIgnoreCase(a.text, b.text)) return false;
    }
    return true;
  }

  const Toks& tokens_;
  mutable std::pair<ptrdiff_t, ptrdiff_t> part_ = {-1, -1};  // Of an OR, that is always true.
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

std::pair<ptrdiff_t, ptrdiff_t> AlwaysTruePart(const Toks& tokens, ptrdiff_t from, ptrdiff_t to) {
  const Condition condition(tokens);
  if (condition.Value(from, to, 0) == true) return {from, to};
  return condition.part();
}

bool IsAlwaysTrue(const Toks& tokens, ptrdiff_t from, ptrdiff_t to) {
  return Condition(tokens).Value(from, to, 0) == true;
}

}  // namespace dbfleet::sql::mysql
