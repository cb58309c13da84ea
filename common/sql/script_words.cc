#include "common/sql/script_words.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace dbfleet::sql {
namespace {

// Engines of MySQL and MariaDB that read their own rows and nothing else.
constexpr absl::string_view kOwnEngines[] = {
    "archive", "aria",       "blackhole", "columnstore", "csv",    "heap",
    "innodb",  "memory",     "merge",     "mrg_myisam",  "myisam", "myrocks",
    "ndb",     "ndbcluster", "rocksdb",   "sequence",    "tokudb"};

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

bool ReadsItsOwnRows(absl::string_view engine) {
  return std::find(std::begin(kOwnEngines), std::end(kOwnEngines), engine) != std::end(kOwnEngines);
}

}  // namespace dbfleet::sql
