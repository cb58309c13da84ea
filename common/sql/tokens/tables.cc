#include <algorithm>
#include <set>

#include "common/sql/tokens/nature.h"

namespace dbfleet::sql {
namespace {

constexpr std::string_view kEndsList[] = {
    "CROSS", "EXCEPT", "FETCH", "FOR",   "FULL",    "GROUP",  "HAVING", "INNER", "INTERSECT",
    "INTO",  "LEFT",   "LIMIT", "LOCK",  "NATURAL", "OFFSET", "ON",     "ORDER", "RETURNING",
    "RIGHT", "SELECT", "SET",   "UNION", "USING",   "VALUES", "WHERE",  "WINDOW"};
static_assert(std::is_sorted(std::begin(kEndsList), std::end(kEndsList)));

// Between the word that announces a table and its name.
constexpr std::string_view kBeforeName[] = {"EXISTS", "IF",   "IGNORE", "LATERAL", "LOW_PRIORITY",
                                            "NOT",    "ONLY", "QUICK",  "TABLE"};

bool IsOneOf(const Token& token, std::initializer_list<absl::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](absl::string_view word) { return token.IsWord(word); });
}

// EXTRACT(YEAR FROM x) and its like name no table.
bool UsesFromInside(const Token& name) {
  return IsOneOf(name, {"EXTRACT", "SUBSTRING", "SUBSTR", "MID", "TRIM", "OVERLAY", "POSITION"});
}

class TableFinder {
 public:
  TableFinder(Dialect dialect, TokenView tokens) : tokens_(tokens) {
    const Head head = HeadOf(tokens);
    hidden_.insert(head.with_names.begin(), head.with_names.end());
    const Token& verb = tokens[head.verb];
    on_names_table_ = IsOneOf(verb, {"CREATE", "DROP", "GRANT", "REVOKE", "ALTER", "COMMENT"});
    lists_tables_ = IsOneOf(verb, {"DROP", "TRUNCATE", "RENAME", "LOCK", "ANALYZE", "OPTIMIZE",
                                   "CHECK", "REPAIR", "CHECKSUM", "VACUUM"});
    // These may leave out the word in front of the table.
    const bool bare_insert = dialect != Dialect::kPostgres && IsOneOf(verb, {"INSERT", "REPLACE"});
    const bool bare = IsOneOf(verb, {"TRUNCATE", "VACUUM", "COPY", "CLUSTER"}) ||
                      (dialect == Dialect::kPostgres && IsOneOf(verb, {"ANALYZE", "LOCK"})) ||
                      IsOneOf(verb, {"DESCRIBE", "DESC"});
    if (bare || bare_insert) bare_ = head.verb + 1;
  }

  std::vector<std::string> Run() {
    list_.assign(1, false);
    if (bare_ > 0) Bare();
    for (ptrdiff_t i = 0; i < tokens_.size(); ++i) {
      const Token& token = tokens_[i];
      if (token.IsSymbol('(')) {
        list_.push_back(false);
        from_is_ours_.push_back(!UsesFromInside(tokens_[i - 1]));
      } else if (token.IsSymbol(')')) {
        if (list_.size() > 1) {
          list_.pop_back();
          from_is_ours_.pop_back();
        }
      } else if (token.IsSymbol(',')) {
        if (list_.back()) Take(i + 1);
      } else if (Announces(i)) {
        list_.back() = lists_tables_ || IsOneOf(token, {"FROM", "UPDATE"});
        Take(i + 1);
      } else if (IsIn(kEndsList, token)) {
        list_.back() = false;
      }
    }
    return std::move(found_);
  }

 private:
  void Bare() {
    ptrdiff_t i = bare_;
    while (IsOneOf(tokens_[i], {"TABLE", "TABLES", "IGNORE", "LOW_PRIORITY", "DELAYED",
                                "HIGH_PRIORITY", "FULL", "FREEZE", "VERBOSE", "ANALYZE"})) {
      ++i;
    }
    if (tokens_[i].IsSymbol('(')) i = tokens_.AfterParen(i);
    if (tokens_[i].IsWord("INTO") || tokens_[i].IsWord("SELECT")) return;
    list_.back() = lists_tables_;
    Take(i);
  }

  bool Announces(ptrdiff_t i) const {
    const Token& token = tokens_[i];
    const Token& before = tokens_[i - 1];
    if (token.IsWord("FROM")) {
      return !before.IsWord("DISTINCT") && (from_is_ours_.empty() || from_is_ours_.back());
    }
    if (token.IsWord("UPDATE")) {
      return !IsOneOf(before, {"FOR", "KEY", "ON", "DO", "BEFORE", "AFTER", "OR"});
    }
    if (token.IsWord("ON")) {
      return on_names_table_ && !IsOneOf(tokens_[i + 1], {"DELETE", "UPDATE", "COMMIT", "CONFLICT",
                                                          "DUPLICATE", "SCHEDULE", "COMPLETION"});
    }
    return IsOneOf(token, {"JOIN", "STRAIGHT_JOIN", "INTO", "TABLE", "TABLES"});
  }

  void Take(ptrdiff_t i) {
    while (IsIn(kBeforeName, tokens_[i])) ++i;
    if (!tokens_[i].IsName() || IsIn(kEndsList, tokens_[i]) ||
        IsOneOf(tokens_[i], {"OUTFILE", "DUMPFILE", "STDIN", "STDOUT", "PROGRAM"})) {
      return;
    }
    const bool after_from = tokens_[i - 1].IsWord("FROM") || tokens_[i - 1].IsWord("JOIN");
    std::string name(tokens_[i].text);
    while (tokens_[i + 1].IsSymbol('.') && tokens_[i + 2].IsName()) {
      name.append(".").append(tokens_[i + 2].text.data(), tokens_[i + 2].text.size());
      i += 2;
    }
    if (after_from && tokens_[i + 1].IsSymbol('(')) return;  // A function's rows.
    if (hidden_.count(name) > 0 || !seen_.insert(name).second) return;
    found_.push_back(std::move(name));
  }

  const TokenView tokens_;
  std::set<std::string> hidden_;  // Names of a WITH list.
  std::set<std::string> seen_;
  std::vector<std::string> found_;
  std::vector<bool> list_;          // Per depth: a comma leads to another table.
  std::vector<bool> from_is_ours_;  // Per depth above 0.
  bool on_names_table_ = false;
  bool lists_tables_ = false;
  ptrdiff_t bare_ = 0;
};

}  // namespace

std::vector<std::string> NamedTables(Dialect dialect, TokenView tokens) {
  return TableFinder(dialect, tokens).Run();
}

}  // namespace dbfleet::sql
