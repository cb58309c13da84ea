#include "common/sql/lint/token_lint.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

#include "common/sql/redis/redis.h"
#include "common/sql/tokens/nature.h"

namespace dbfleet::sql::token_lint {
namespace {

struct LintRule {
  absl::string_view id;
  Severity severity;
  absl::string_view message;
  absl::string_view advice;
};

enum class LintId {
  kNoWhere,
  kDropTable,
  kDropColumn,
  kTruncate,
  kIndexNotConcurrent,
  kNotNullWithoutDefault,
  kMoneyAsFloat,
  kNoPrimaryKey,
  kSelectStar,
  kRedisKeys,
  kRedisUnbounded,
};

constexpr LintRule kRules[] = {
    {"dbf-no-where", Severity::kError, "UPDATE or DELETE without WHERE changes the whole table",
     "name the rows in a WHERE clause, and work in key ranges"},
    {"dbf-drop-table", Severity::kWarning, "DROP TABLE, SCHEMA or DATABASE loses its rows",
     "rename it, wait until nothing misses it, then drop it"},
    {"dbf-drop-column", Severity::kWarning,
     "DROP COLUMN loses data, and applications that know the column fail",
     "let the application ignore the column first, drop it in a later release"},
    {"dbf-truncate", Severity::kWarning, "TRUNCATE loses all rows and locks the table",
     "delete in key ranges, or rename the table and drop it later"},
    {"dbf-index-not-concurrent", Severity::kWarning, "CREATE INDEX blocks writes while it runs",
     "use CREATE INDEX CONCURRENTLY, in a migration of its own"},
    {"dbf-not-null-without-default", Severity::kWarning,
     "a new NOT NULL column without DEFAULT fails on a table with rows, or fills in zeros",
     "add it nullable, fill it in batches, then set NOT NULL; or give it a DEFAULT"},
    {"dbf-money-as-float", Severity::kWarning, "a money column as a floating-point number rounds",
     "use DECIMAL(19,4) or a whole number of the smallest unit"},
    {"dbf-no-primary-key", Severity::kWarning,
     "a table without PRIMARY KEY replicates slowly and cannot be worked on in key ranges",
     "give it a primary key"},
    {"dbf-select-star", Severity::kInfo,
     "SELECT * reads columns that nobody asked for and breaks when columns change",
     "name the columns"},
    {"dbf-redis-keys", Severity::kError, "KEYS blocks the server while it walks all keys",
     "use SCAN with MATCH and COUNT"},
    {"dbf-redis-unbounded-read", Severity::kWarning,
     "the command reads a whole collection, however large",
     "use HSCAN, SSCAN or ZSCAN, or name a range"},
};

const LintRule& RuleOf(LintId id) { return kRules[static_cast<size_t>(id)]; }

bool IsOneOf(const Token& token, std::initializer_list<absl::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](absl::string_view word) { return token.IsWord(word); });
}

std::string BareName(absl::string_view name) {
  std::string bare;
  for (char c : name) {
    if (c != '`' && c != '"') bare.push_back(absl::ascii_tolower(c));
  }
  return bare;
}

// The end of the list item that begins at `i`: its "," or the ")" around it.
ptrdiff_t ItemEnd(TokenView tokens, ptrdiff_t i) {
  int depth = 0;
  for (; i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) ++depth;
    if (tokens[i].IsSymbol(')') && --depth < 0) return i;
    if (tokens[i].IsSymbol(',') && depth == 0) return i;
  }
  return i;
}

bool IsMoneyName(const Token& token) {
  static constexpr std::string_view kMoney[] = {
      "amount",  "balance", "cost",    "credit", "debit",    "discount", "fee",  "money",
      "payment", "price",   "revenue", "salary", "subtotal", "tax",      "total"};
  if (!token.IsName()) return false;
  const std::string name = BareName(token.text);
  for (absl::string_view part : absl::StrSplit(name, '_')) {
    const std::string_view word(part.data(), part.size());
    if (std::find(std::begin(kMoney), std::end(kMoney), word) != std::end(kMoney)) return true;
  }
  return false;
}

// Not thread-safe; made for one call of Lint, which may look across statements.
class Linter {
 public:
  Linter(Dialect dialect, std::vector<Finding>* findings)
      : dialect_(dialect), findings_(findings) {}

  void NotePrimaryKeys(TokenView tokens) {
    if (!tokens[0].IsWord("ALTER") || !tokens.HasWord("PRIMARY")) return;
    for (const std::string& table : NamedTables(dialect_, tokens)) keyed_.insert(BareName(table));
  }

  void Check(int statement, TokenView tokens) {
    statement_ = statement;
    CheckWhere(tokens);
    CheckSelectStar(tokens);
    if (tokens[0].IsWord("DROP")) {
      if (IsOneOf(tokens[1], {"TABLE", "SCHEMA", "DATABASE"})) Report(LintId::kDropTable);
    } else if (tokens[0].IsWord("TRUNCATE")) {
      Report(LintId::kTruncate);
    } else if (tokens[0].IsWord("ALTER")) {
      CheckAlter(tokens);
      CheckMoney(tokens);
    } else if (tokens[0].IsWord("CREATE")) {
      CheckCreate(tokens);
    }
  }

  void CheckRedis(int statement, const std::vector<std::string>& arguments) {
    statement_ = statement;
    const std::string name = absl::AsciiStrToUpper(arguments[0]);
    if (name == "KEYS") Report(LintId::kRedisKeys);
    const bool whole_range = (name == "LRANGE" || name == "ZRANGE" || name == "ZREVRANGE") &&
                             arguments.size() >= 4 && arguments[2] == "0" && arguments[3] == "-1";
    if (whole_range || name == "SMEMBERS" || name == "HGETALL" || name == "HKEYS" ||
        name == "HVALS") {
      Report(LintId::kRedisUnbounded);
    }
  }

 private:
  void Report(LintId id) {
    const LintRule& rule = RuleOf(id);
    Finding finding;
    finding.rule_id = std::string(rule.id);
    finding.severity = rule.severity;
    finding.message = std::string(rule.message);
    finding.advice = std::string(rule.advice);
    finding.statement = statement_;
    if (!findings_->empty() && findings_->back().statement == statement_ &&
        findings_->back().rule_id == finding.rule_id) {
      return;
    }
    findings_->push_back(std::move(finding));
  }

  // A statement of its own, or one inside a WITH list. Reads each token once: the innermost
  // statement at each depth waits for its WHERE.
  void CheckWhere(TokenView tokens) {
    const ptrdiff_t verb = HeadOf(tokens).verb;
    std::vector<bool> waits(1, false);
    bool missing = false;
    for (ptrdiff_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i].IsSymbol('(')) {
        waits.push_back(false);
      } else if (tokens[i].IsSymbol(')') && waits.size() > 1) {
        missing = missing || waits.back();
        waits.pop_back();
      } else if (tokens[i].IsWord("WHERE")) {
        waits.back() = false;
      } else if (IsOneOf(tokens[i], {"UPDATE", "DELETE"}) &&
                 (i == verb || tokens[i - 1].IsSymbol('('))) {
        waits.back() = true;
      }
    }
    if (missing || waits[0]) Report(LintId::kNoWhere);
  }

  void CheckSelectStar(TokenView tokens) {
    for (ptrdiff_t i = 0; i < tokens.size(); ++i) {
      if (!tokens[i].IsSymbol('*')) continue;
      const bool whole = IsOneOf(tokens[i - 1], {"SELECT", "DISTINCT", "ALL"});
      const bool in_exists = tokens[i - 1].IsWord("SELECT") && tokens[i - 2].IsSymbol('(') &&
                             tokens[i - 3].IsWord("EXISTS");
      if ((whole && !in_exists) || tokens[i - 1].IsSymbol('.')) {
        Report(LintId::kSelectStar);
        return;
      }
    }
  }

  void CheckAlter(TokenView tokens) {
    if (!tokens.HasWord("TABLE")) return;
    for (ptrdiff_t i = 3; i < tokens.size(); ++i) {
      if (tokens[i].IsSymbol('(')) {
        i = tokens.AfterParen(i) - 1;
      } else if (tokens[i].IsWord("DROP")) {
        if (DropsColumn(tokens[i + 1])) Report(LintId::kDropColumn);
      } else if (tokens[i].IsWord("TRUNCATE")) {
        Report(LintId::kTruncate);
      } else if (tokens[i].IsWord("ADD")) {
        CheckAdd(tokens, i + 1);
      }
    }
  }

  static bool DropsColumn(const Token& what) {
    return what.IsName() &&
           !IsOneOf(what, {"CONSTRAINT", "INDEX", "KEY", "PRIMARY", "FOREIGN", "CHECK", "PARTITION",
                           "DEFAULT", "NOT", "EXPRESSION", "IDENTITY", "SYSTEM", "PERIOD"});
  }

  void CheckAdd(TokenView tokens, ptrdiff_t i) {
    if (IsOneOf(tokens[i], {"CONSTRAINT", "INDEX", "KEY", "PRIMARY", "UNIQUE", "FOREIGN", "CHECK",
                            "FULLTEXT", "SPATIAL", "PARTITION", "EXCLUDE", "PERIOD", "SYSTEM"})) {
      return;
    }
    const bool group = tokens[i].IsSymbol('(');
    const ptrdiff_t end = group ? tokens.AfterParen(i) : ItemEnd(tokens, i);
    for (ptrdiff_t item = group ? i + 1 : i; item < end; item = ItemEnd(tokens, item) + 1) {
      CheckAddedColumn(tokens, item, std::min(ItemEnd(tokens, item), end));
    }
  }

  void CheckAddedColumn(TokenView tokens, ptrdiff_t begin, ptrdiff_t end) {
    bool not_null = false;
    for (ptrdiff_t i = begin; i < end; ++i) {
      if (IsOneOf(tokens[i], {"DEFAULT", "GENERATED", "AUTO_INCREMENT", "SERIAL", "BIGSERIAL",
                              "SMALLSERIAL", "AS"})) {
        return;
      }
      not_null = not_null || (tokens.HasWords(i, {"NOT", "NULL"}) && !tokens[i - 1].IsWord("IS"));
    }
    if (not_null) Report(LintId::kNotNullWithoutDefault);
  }

  void CheckCreate(TokenView tokens) {
    const ptrdiff_t index = tokens[1].IsWord("UNIQUE") ? 2 : 1;
    if (tokens[index].IsWord("INDEX")) {
      const std::vector<std::string> tables = NamedTables(dialect_, tokens);
      const bool is_new = !tables.empty() && created_.count(BareName(tables[0])) > 0;
      if (dialect_ == Dialect::kPostgres && !tokens[index + 1].IsWord("CONCURRENTLY") && !is_new) {
        Report(LintId::kIndexNotConcurrent);
      }
      return;
    }
    ptrdiff_t table = 1;
    while (IsOneOf(tokens[table], {"OR", "REPLACE", "UNLOGGED"})) ++table;
    if (!tokens[table].IsWord("TABLE")) return;
    CheckMoney(tokens);
    const std::vector<std::string> tables = NamedTables(dialect_, tokens);
    if (tables.empty()) return;
    const std::string name = BareName(tables[0]);
    created_.insert(name);
    // A copy of another table, or a part of one, has what that has.
    ptrdiff_t open = table;
    while (open < tokens.size() && !tokens[open].IsSymbol('(')) {
      if (IsOneOf(tokens[open], {"AS", "LIKE", "OF", "SELECT"})) return;
      ++open;
    }
    if (open >= tokens.size() || tokens[open + 1].IsWord("LIKE")) return;
    if (!tokens.HasWord("PRIMARY") && keyed_.count(name) == 0) Report(LintId::kNoPrimaryKey);
  }

  void CheckMoney(TokenView tokens) {
    for (ptrdiff_t i = 1; i < tokens.size(); ++i) {
      if (!IsOneOf(tokens[i], {"FLOAT", "DOUBLE", "REAL", "FLOAT4", "FLOAT8"})) continue;
      ptrdiff_t name = i - 1;
      if (tokens[name].IsWord("TYPE")) --name;
      if (tokens.HasWords(name - 1, {"SET", "DATA"})) name -= 2;
      if (IsMoneyName(tokens[name])) Report(LintId::kMoneyAsFloat);
    }
  }

  const Dialect dialect_;
  std::vector<Finding>* const findings_;
  int statement_ = 0;
  std::set<std::string> created_;  // Tables made by earlier statements.
  std::set<std::string> keyed_;    // Tables that get their primary key from an ALTER.
};

// Empty for what cannot be read: Classify says so.
std::vector<Token> Tokens(Dialect dialect, absl::string_view text) {
  std::vector<Token> tokens;
  Lexer lexer(dialect, text, DefaultOptions(dialect));
  Token token;
  while (lexer.Next(&token)) {
    if (token.kind != TokenKind::kHint && token.kind != TokenKind::kExecutableOpen &&
        token.kind != TokenKind::kExecutableClose) {
      tokens.push_back(token);
    }
  }
  if (!lexer.status().ok()) tokens.clear();
  return tokens;
}

}  // namespace

std::vector<Finding> FindAll(Dialect dialect, const std::vector<Statement>& statements) {
  std::vector<Finding> findings;
  Linter linter(dialect, &findings);
  const int count = static_cast<int>(statements.size());
  if (dialect == Dialect::kRedis) {
    for (int i = 0; i < count; ++i) {
      const auto arguments = ParseRedisCommand(statements[static_cast<size_t>(i)].text);
      if (arguments.ok() && !arguments->empty()) linter.CheckRedis(i, *arguments);
    }
    return findings;
  }
  std::vector<std::vector<Token>> tokens;
  for (const Statement& statement : statements) {
    tokens.push_back(Tokens(dialect, statement.text));
    linter.NotePrimaryKeys(TokenView(tokens.back()));
  }
  for (int i = 0; i < count; ++i) linter.Check(i, TokenView(tokens[static_cast<size_t>(i)]));
  return findings;
}

}  // namespace dbfleet::sql::token_lint
