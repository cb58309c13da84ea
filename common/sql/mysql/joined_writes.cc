#include "common/sql/mysql/joined_writes.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"

#include "common/sql/mysql/always_true.h"

namespace dbfleet::sql::mysql {
namespace {

constexpr size_t kMostTables = 61;  // The servers' own limit of one join.

std::string Lower(const Tok& token) { return absl::AsciiStrToLower(Unquoted(token)); }

struct Joined {
  std::string name;   // What it goes by, in lower case.
  std::string table;  // Its own, to tell a table that is joined to itself; "" of a query.
  bool outer = false;
  bool uses = false;            // USING: a column of each side.
  std::set<std::string> names;  // Whom its ON names, itself too.
};

bool EndsList(const Tok& token) {
  return token.IsOneOf({K("SET"), K("WHERE"), K("ORDER"), K("LIMIT"), K("RETURNING")});
}

class JoinReader {
 public:
  JoinReader(const Toks& tokens, ptrdiff_t from) : tokens_(tokens), at_(from) {}

  // False where some part of the list is not known.
  bool Read() {
    if (!Table(false)) return false;
    while (at_ < tokens_.size() && !EndsList(tokens_[at_])) {
      const bool outer = tokens_[at_].Is(K("LEFT"));
      if (outer) {
        ++at_;
        if (tokens_[at_].Is(K("OUTER"))) ++at_;
      } else if (tokens_[at_].Is(K("INNER"))) {
        ++at_;
      }
      if (!tokens_[at_].IsOneOf({K("JOIN"), K("STRAIGHT_JOIN")})) return false;
      ++at_;
      if (tables_.size() == kMostTables || !Table(outer) || !Condition()) return false;
    }
    return tables_.size() > 1;
  }

  bool Restricts(size_t target) const {
    for (size_t i = std::max<size_t>(target, 1); i < tables_.size(); ++i) {
      const Joined& joined = tables_[i];
      // A LEFT JOIN leaves its left side as it is.
      if (joined.outer && i != target) continue;
      for (size_t other = 0; other <= i; ++other) {
        if (other != target && (i == target || other == i) && Link(joined, i, other, target)) {
          return true;
        }
      }
    }
    return false;
  }

  const std::vector<Joined>& tables() const { return tables_; }

 private:
  // Whether the condition of `joined` compares rows of `other` and `target`, one of which it is.
  bool Link(const Joined& joined, size_t i, size_t other, size_t target) const {
    const Joined& left = tables_[other];
    const Joined& right = tables_[target];
    if (!left.table.empty() && left.table == right.table) return false;
    if (left.outer && other != i) return false;
    // Of several tables in front of it USING does not say whose column it takes.
    if (joined.uses) return i == 1;
    return joined.names.count(left.name) > 0 && joined.names.count(right.name) > 0;
  }

  // [schema.]table or (query), [AS] alias.
  bool Table(bool outer) {
    Joined joined;
    joined.outer = outer;
    if (tokens_[at_].IsSymbol('(')) {
      if (!tokens_[at_ + 1].IsOneOf({K("SELECT"), K("WITH")})) return false;
      bool limits = false;
      if (!SkipParens(&limits) || !limits) return false;
    } else {
      if (!tokens_[at_].IsName()) return false;
      joined.table = joined.name = Lower(tokens_[at_++]);
      if (tokens_[at_].IsSymbol('.') && tokens_[at_ + 1].IsName()) {
        joined.table = joined.name = Lower(tokens_[at_ + 1]);
        at_ += 2;
      }
    }
    if (tokens_[at_].Is(K("AS"))) ++at_;
    const bool ends = EndsList(tokens_[at_]) ||
                      tokens_[at_].IsOneOf({K("JOIN"), K("STRAIGHT_JOIN"), K("LEFT"), K("RIGHT"),
                                            K("CROSS"), K("NATURAL"), K("ON"), K("USING")}) ||
                      tokens_[at_].Is(K("INNER"));
    if (!ends && tokens_[at_].IsName()) joined.name = Lower(tokens_[at_++]);
    tables_.push_back(std::move(joined));
    return true;
  }

  // To behind the parenthesis that closes the one at hand.
  bool SkipParens(bool* limits) {
    int depth = 0;
    for (; at_ < tokens_.size(); ++at_) {
      if (tokens_[at_].IsSymbol('(')) ++depth;
      if (tokens_[at_].IsOneOf({K("WHERE"), K("LIMIT"), K("HAVING")})) *limits = true;
      if (tokens_[at_].IsSymbol(')') && --depth == 0) {
        ++at_;
        return true;
      }
    }
    return false;
  }

  bool Condition() {
    Joined& joined = tables_.back();
    bool limits = false;
    if (tokens_[at_].Is(K("USING")) && tokens_[at_ + 1].IsSymbol('(')) {
      ++at_;
      joined.uses = true;
      return SkipParens(&limits);
    }
    if (!tokens_[at_].Is(K("ON"))) return false;
    const ptrdiff_t begin = ++at_;
    int depth = 0;
    for (; at_ < tokens_.size(); ++at_) {
      const Tok& token = tokens_[at_];
      if (token.IsSymbol('(')) ++depth;
      if (token.IsSymbol(')')) --depth;
      if (depth < 0) return false;
      const Tok& next = tokens_[at_ + 1];
      if ((token.Is(K("NOT")) || token.IsSymbol('!')) && next.IsSymbol('(')) return false;
      // The other side of an OR may name nobody.
      if (token.IsOneOf({K("OR"), K("XOR"), K("SELECT")}) || token.IsSymbol('|')) return false;
      if (depth > 0) continue;
      if (EndsList(token) || token.IsOneOf({K("JOIN"), K("STRAIGHT_JOIN"), K("LEFT")}) ||
          token.Is(K("INNER"))) {
        break;
      }
      if (token.IsSymbol(',') || token.IsOneOf({K("RIGHT"), K("CROSS"), K("NATURAL")}))
        return false;
    }
    NamesOf(begin, at_, &joined.names);
    return at_ > begin && !IsAlwaysTrue(tokens_, begin, at_);
  }

  // Whose columns are compared for equality in it: a.x = b.y.
  void NamesOf(ptrdiff_t from, ptrdiff_t to, std::set<std::string>* names) const {
    for (ptrdiff_t i = from + 1; i + 1 < to; ++i) {
      if (!tokens_[i].IsSymbol('=') || !tokens_[i + 2].IsSymbol('.')) continue;
      if (i < from + 3 || !tokens_[i - 2].IsSymbol('.')) continue;
      if (i + 3 >= to || !tokens_[i + 3].IsName() || !tokens_[i - 1].IsName()) continue;
      if (!tokens_[i + 1].IsName() || !tokens_[i - 3].IsName()) continue;
      const std::string left = Lower(tokens_[i - 3]);
      const std::string right = Lower(tokens_[i + 1]);
      if (left == right) continue;
      names->insert(left);
      names->insert(right);
    }
  }

  const Toks& tokens_;
  ptrdiff_t at_;
  std::vector<Joined> tables_;
};

}  // namespace

bool JoinsRestrict(const Toks& tokens, ptrdiff_t from, const std::vector<std::string>& targets) {
  JoinReader joins(tokens, from);
  if (!joins.Read()) return false;
  const std::vector<Joined>& tables = joins.tables();
  for (size_t i = 0; i < tables.size(); ++i) {
    const bool wanted = targets.empty() ||
                        std::find(targets.begin(), targets.end(), tables[i].name) != targets.end();
    if (wanted && !joins.Restricts(i)) return false;
  }
  // A name that none of them goes by.
  return std::all_of(targets.begin(), targets.end(), [&](const std::string& target) {
    return std::any_of(tables.begin(), tables.end(),
                       [&](const Joined& joined) { return joined.name == target; });
  });
}

}  // namespace dbfleet::sql::mysql
