#include "common/sql/script_words.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/sql/model/engines.h"
#include "common/sql/mysql/functions.h"

namespace dbfleet::sql {
namespace {

constexpr absl::string_view kBeforeParenthesis[] = {
    "AND",   "AS",       "BETWEEN", "BINARY", "BY",      "CASE", "CHAR",
    "CHECK", "DATETIME", "DECIMAL", "DIV",    "ELSE",    "IN",   "IS",
    "LIKE",  "MOD",      "NCHAR",   "NOT",    "NUMERIC", "OR",   "REGEXP",
    "RLIKE", "THEN",     "TIME",    "VALUES", "VARCHAR", "WHEN", "XOR"};

// Statements, by their first words, that make nothing which reading calls: what they change stands
// in the statement, or is no code.
constexpr absl::string_view kMakeNothing[] = {"ABORT",
                                              "ALTER COLLATION",
                                              "ALTER DATABASE",
                                              "ALTER DEFAULT",
                                              "ALTER EVENT",
                                              "ALTER GROUP",
                                              "ALTER INDEX",
                                              "ALTER INSTANCE",
                                              "ALTER LARGE",
                                              "ALTER MATERIALIZED",
                                              "ALTER PUBLICATION",
                                              "ALTER ROLE",
                                              "ALTER SEQUENCE",
                                              "ALTER STATISTICS",
                                              "ALTER SUBSCRIPTION",
                                              "ALTER SYSTEM",
                                              "ALTER TABLESPACE",
                                              "ALTER TRIGGER",
                                              "ALTER USER",
                                              "ANALYZE",
                                              "BEGIN",
                                              "BINLOG",
                                              "CACHE",
                                              "CHANGE",
                                              "CHECK",
                                              "CHECKPOINT",
                                              "CHECKSUM",
                                              "CLOSE",
                                              "CLUSTER",
                                              "COMMENT",
                                              "COMMIT",
                                              "COPY",
                                              "CREATE DATABASE",
                                              "CREATE GROUP",
                                              "CREATE INDEX",
                                              "CREATE MATERIALIZED",
                                              "CREATE PUBLICATION",
                                              "CREATE ROLE",
                                              "CREATE SCHEMA",
                                              "CREATE SEQUENCE",
                                              "CREATE STATISTICS",
                                              "CREATE SUBSCRIPTION",
                                              "CREATE TABLESPACE",
                                              "CREATE UNIQUE",
                                              "CREATE USER",
                                              "DEALLOCATE",
                                              "DELETE",
                                              "DESC",
                                              "DESCRIBE",
                                              "DISCARD",
                                              "DROP",
                                              "END",
                                              "EXPLAIN",
                                              "FETCH",
                                              "FLUSH",
                                              "GRANT",
                                              "HANDLER",
                                              "INSERT",
                                              "KILL",
                                              "LISTEN",
                                              "LOAD DATA",
                                              "LOAD INDEX",
                                              "LOAD XML",
                                              "LOCK",
                                              "MERGE",
                                              "MOVE",
                                              "NOTIFY",
                                              "OPTIMIZE",
                                              "PREPARE TRANSACTION",
                                              "PURGE",
                                              "REASSIGN",
                                              "REFRESH",
                                              "REINDEX",
                                              "RELEASE",
                                              "REPAIR",
                                              "REPLACE",
                                              "RESET",
                                              "REVOKE",
                                              "ROLLBACK",
                                              "SAVEPOINT",
                                              "SECURITY",
                                              "SELECT",
                                              "SET",
                                              "SHOW",
                                              "START",
                                              "STOP",
                                              "TABLE",
                                              "TRUNCATE",
                                              "UNLISTEN",
                                              "UNLOCK",
                                              "UPDATE",
                                              "USE",
                                              "VACUUM",
                                              "VALUES",
                                              "WITH",
                                              "XA"};

// A word of MySQL behind which a parenthesis opens that is no call: IN (, AND (, CAST(a AS CHAR(.
bool IsWordBeforeParenthesis(const Token& token) {
  return std::any_of(std::begin(kBeforeParenthesis), std::end(kBeforeParenthesis),
                     [&](absl::string_view word) { return token.IsWord(word); });
}

}  // namespace

std::vector<Token> TokensOf(const Target& target, absl::string_view text) {
  Lexer lexer(target.dialect, text, OptionsFor(target));
  std::vector<Token> tokens;
  Token token;
  while (lexer.Next(&token)) tokens.push_back(token);
  return tokens;
}

bool IsMark(const Token& token) {
  return token.kind == TokenKind::kExecutableOpen || token.kind == TokenKind::kExecutableClose ||
         token.kind == TokenKind::kHint;
}

std::string HeadOf(const std::vector<Token>& tokens) {
  constexpr size_t kWords = 2;
  std::string head;
  size_t words = 0;
  for (const Token& token : tokens) {
    if (IsMark(token) || token.IsSymbol('(')) continue;
    if (token.kind != TokenKind::kWord || words++ >= kWords) break;
    absl::StrAppend(&head, head.empty() ? "" : " ", absl::AsciiStrToUpper(token.text));
  }
  return head;
}

bool OnlyShows(const std::vector<Token>& tokens) {
  return !tokens.empty() && tokens[0].IsWord("SHOW") &&
         std::all_of(tokens.begin(), tokens.end(), [](const Token& token) {
           return token.IsName() || token.kind == TokenKind::kString ||
                  token.kind == TokenKind::kNumber || token.IsSymbol('=') || token.IsSymbol('.') ||
                  token.IsSymbol('@') || token.IsSymbol('%') || token.IsSymbol(',');
         });
}

bool MakesNothing(absl::string_view head) {
  return std::any_of(std::begin(kMakeNothing), std::end(kMakeNothing), [&](absl::string_view one) {
    return absl::StartsWith(head, one) && (head.size() == one.size() || head[one.size()] == ' ');
  });
}

std::string PlainName(const Token& token) {
  absl::string_view text = token.text;
  if (token.kind == TokenKind::kWord) return absl::AsciiStrToLower(text);
  if (text.size() < 2 || (text[0] != '"' && text[0] != '`')) return "";
  const absl::string_view quote = text.substr(0, 1);
  text = text.substr(1, text.size() - 2);
  return absl::AsciiStrToLower(absl::StrReplaceAll(text, {{absl::StrCat(quote, quote), quote}}));
}

bool MayBeName(const Target& target, const Token& token) {
  return token.IsName() ||
         (target.mysql_family() && token.kind == TokenKind::kString && token.text[0] == '"');
}

std::string PlacesOfTables(const Target& target, absl::string_view statement) {
  const std::vector<Token> tokens = TokensOf(target, statement);
  // What a server skips may hide the word in front.
  const bool select = !tokens.empty() && tokens[0].IsWord("SELECT") &&
                      std::none_of(tokens.begin(), tokens.end(), IsMark);
  if (!select) return std::string(statement);
  std::string names;
  for (size_t i = 1; i < tokens.size(); ++i) {
    const Token& before = tokens[i - 1];
    const bool table = before.IsWord("FROM") || before.IsWord("JOIN") ||
                       before.IsWord("STRAIGHT_JOIN") || before.IsWord("TABLE") ||
                       before.IsWord("OJ") || before.IsWord("INTO") || before.IsSymbol(',') ||
                       before.IsSymbol('(') || before.IsSymbol('.') || before.IsSymbol('{');
    if (table && MayBeName(target, tokens[i])) {
      absl::StrAppend(&names, names.empty() ? "" : " ", tokens[i].text);
    }
  }
  return names;
}

bool NamesForeignEngine(const Target& target, absl::string_view statement) {
  bool behind = false;
  for (const Token& token : TokensOf(target, statement)) {
    if (behind && !token.IsSymbol('=')) {
      const bool text = token.kind == TokenKind::kString && token.text.size() > 2;
      const std::string engine =
          text ? absl::AsciiStrToLower(token.text.substr(1, token.text.size() - 2))
               : PlainName(token);
      if (!ReadsItsOwnRows(engine)) return true;
    }
    const std::string name = token.IsName() ? PlainName(token) : "";
    behind = (behind && token.IsSymbol('=')) || name == "engine" || name == "storage_engine" ||
             name == "default_storage_engine" || name == "default_tmp_storage_engine";
  }
  return false;
}

bool DefinesCalls(const Target& target, absl::string_view statement) {
  if (!target.mysql_family()) return false;
  const std::vector<Token> tokens = TokensOf(target, statement);
  int depth = 0;
  int inside = 0;  // The depth of such a parenthesis.
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) ++depth;
    if (tokens[i].IsSymbol(')') && depth-- == inside) inside = 0;
    if (!tokens[i + 1].IsSymbol('(') || !MayBeName(target, tokens[i])) continue;
    const bool begins =
        tokens[i].IsWord("DEFAULT") || tokens[i].IsWord("CHECK") || tokens[i].IsWord("AS");
    if (begins && inside == 0) inside = depth + 1;
    const bool of_default = i > 0 && tokens[i - 1].IsWord("DEFAULT");
    if (begins || (inside == 0 && !of_default)) continue;
    if (!IsWordBeforeParenthesis(tokens[i]) &&
        !mysql::IsPureFunction(target, PlainName(tokens[i]))) {
      return true;
    }
  }
  return false;
}

bool MayHideBuiltIns(const Target& target, absl::string_view statement) {
  bool behind_call = false;  // Behind set_config and its parenthesis...
  bool behind_name = false;  // ... and behind the setting's name.
  bool hides = false;
  bool path = false;
  int values = 0;
  for (const Token& token : TokensOf(target, statement)) {
    const std::string lower = absl::AsciiStrToLower(token.text);
    const bool text = token.kind == TokenKind::kString;
    const bool plain = !text || (lower[0] == '\'' && !absl::StrContains(lower, "\\"));
    // A setting whose name is put together may be any.
    if (behind_name) hides = hides || !token.IsSymbol(',');
    behind_name = behind_call && !token.IsSymbol('(');
    if (behind_name) {
      hides = hides || !text || !plain;
      behind_call = false;
    }
    behind_call = behind_call || (token.IsName() && PlainName(token) == "set_config");
    const bool escaped = token.kind == TokenKind::kQuotedName && PlainName(token).empty();
    if (escaped || absl::StrContains(lower, "search_path")) {
      path = true;
      hides = hides || escaped;
    } else if (path && (text || (token.IsName() && !token.IsWord("TO")))) {
      const size_t at = lower.find("pg_catalog");
      const bool first = values == 0 && lower.rfind(',', at) == std::string::npos;
      hides = hides || !plain || (at != std::string::npos && !first);
      ++values;
    } else if (path && token.IsSymbol('|')) {
      hides = true;
    }
  }
  return hides;
}

}  // namespace dbfleet::sql
