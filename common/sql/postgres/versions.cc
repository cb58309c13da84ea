#include "common/sql/postgres/versions.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/sql/text/lexer.h"

namespace dbfleet::sql::pg {
namespace {

struct Syntax {
  absl::string_view head;   // The first word of the statement; "" for any.
  absl::string_view words;  // What stands somewhere in it, in this order and side by side.
  int since;
};

// Source: the release notes of PostgreSQL 16 and 17, and their grammars. To add one: words that no
// statement of PostgreSQL 15 has there; a wrong row only makes a reason less helpful.
constexpr Syntax kNewer[] = {
    {"", "JSON_TABLE", 17},
    {"", "JSON_EXISTS", 17},
    {"", "JSON_QUERY", 17},
    {"", "JSON_VALUE", 17},
    {"", "JSON_SCALAR", 17},
    {"", "JSON_SERIALIZE", 17},
    {"MERGE", "RETURNING", 17},
    {"MERGE", "BY SOURCE", 17},
    {"MERGE", "BY TARGET", 17},
    {"", "AT LOCAL", 17},
    {"ALTER", "SET EXPRESSION", 17},
    {"ALTER", "SET ACCESS METHOD DEFAULT", 17},
    {"", "IS JSON", 16},
    {"", "IS NOT JSON", 16},
    {"", "JSON_OBJECT", 16},
    {"", "JSON_ARRAY", 16},
    {"", "JSON_OBJECTAGG", 16},
    {"", "JSON_ARRAYAGG", 16},
    {"", "SYSTEM_USER", 16},
    {"GRANT", "WITH INHERIT", 16},
    {"GRANT", "WITH SET", 16},
    {"GRANT", "WITH ADMIN TRUE", 16},
    {"GRANT", "WITH ADMIN FALSE", 16},
    {"CREATE", "STATISTICS ON", 16},
    {"CREATE", "STORAGE", 16},
    {"ALTER", "STORAGE DEFAULT", 16},
    {"REINDEX", "DATABASE", 16},
    {"REINDEX", "SYSTEM", 16},
    {"VACUUM", "PROCESS_MAIN", 16},
};

std::string Came(absl::string_view what, int since) {
  return absl::StrCat(what, " came with PostgreSQL ", since,
                      ", and the grammar of this build is 15's");
}

bool HasWords(const std::vector<std::string>& text, const std::vector<std::string>& words) {
  for (size_t i = 0; i + words.size() <= text.size(); ++i) {
    size_t n = 0;
    while (n < words.size() && text[i + n] == words[n]) ++n;
    if (n == words.size()) return true;
  }
  return false;
}

// 0x1F, 0o17, 0b1, 1_000: numbers that only 16 reads as one.
bool IsNewNumber(const Token& token) {
  return !token.text.empty() && absl::ascii_isdigit(token.text[0]) &&
         (absl::StrContains(token.text, "_") ||
          (token.text.size() > 2 && token.text[0] == '0' &&
           absl::StrContains("xXoObB", token.text.substr(1, 1))));
}

struct Field {
  absl::string_view tag;
  absl::string_view field;  // "" for the node itself.
  absl::string_view value;  // Of the field; "" for whatever it holds.
  absl::string_view what;
  int since;
};

// Source: the release notes of PostgreSQL 14 and 15.
constexpr Field kSince[] = {
    {"MergeStmt", "", "", "MERGE", 15},
    {"AlterDatabaseRefreshCollStmt", "", "", "REFRESH COLLATION VERSION", 15},
    {"IndexStmt", "nulls_not_distinct", "", "NULLS NOT DISTINCT", 15},
    {"Constraint", "nulls_not_distinct", "", "NULLS NOT DISTINCT", 15},
    {"Constraint", "fk_del_set_cols", "", "ON DELETE SET with columns", 15},
    {"AlterTableCmd", "subtype", "AT_SetAccessMethod", "SET ACCESS METHOD", 15},
    {"PublicationObjSpec", "pubobjtype", "PUBLICATIONOBJ_TABLES_IN_SCHEMA", "TABLES IN SCHEMA", 15},
    {"PublicationTable", "whereClause", "", "a publication's WHERE", 15},
    {"PublicationTable", "columns", "", "a publication's column list", 15},
    {"AlterSubscriptionStmt", "kind", "ALTER_SUBSCRIPTION_SKIP", "ALTER SUBSCRIPTION SKIP", 15},
    {"CTESearchClause", "", "", "SEARCH", 14},
    {"CTECycleClause", "", "", "CYCLE", 14},
    {"SelectStmt", "groupDistinct", "", "GROUP BY DISTINCT", 14},
    {"PartitionCmd", "concurrent", "", "DETACH PARTITION CONCURRENTLY", 14},
    {"AlterTableCmd", "subtype", "AT_DetachPartitionFinalize", "DETACH PARTITION FINALIZE", 14},
    {"AlterTableCmd", "subtype", "AT_SetCompression", "SET COMPRESSION", 14},
    {"ColumnDef", "compression", "", "COMPRESSION", 14},
    {"CreateTrigStmt", "replace", "", "CREATE OR REPLACE TRIGGER", 14},
    {"CreateFunctionStmt", "sql_body", "", "a function's SQL body", 14},
    {"JoinExpr", "join_using_alias", "", "an alias of JOIN USING", 14},
};

}  // namespace

std::string NewerSyntax(absl::string_view text, absl::string_view problem) {
  if (absl::StrContains(problem, "subquery in FROM must have an alias") ||
      absl::StrContains(problem, "VALUES in FROM must have an alias")) {
    return Came("a subquery in FROM without an alias", 16);
  }
  constexpr size_t kMaxWords = 2000;
  std::vector<std::string> words;
  Lexer lexer(Dialect::kPostgres, text, DefaultOptions(Dialect::kPostgres));
  Token token;
  while (words.size() < kMaxWords && lexer.Next(&token)) {
    if (IsNewNumber(token)) return Came("a number such as 0x1F or 1_000", 16);
    words.push_back(token.kind == TokenKind::kWord ? absl::AsciiStrToUpper(token.text) : "");
  }
  for (const Syntax& syntax : kNewer) {
    if (!syntax.head.empty() && (words.empty() || words[0] != syntax.head)) continue;
    const std::vector<std::string> wanted = absl::StrSplit(syntax.words, ' ');
    if (HasWords(words, wanted)) return Came(syntax.words, syntax.since);
  }
  return "";
}

std::string MissingIn(const Version& version, Node statement) {
  constexpr int kParserVersion = 15;
  if (!version.known() || version.major >= kParserVersion) return "";
  for (const Slot* at = statement.subtree_begin(); at != statement.subtree_end(); ++at) {
    if (!at->tagged) continue;
    const Node node(at);
    for (const Field& field : kSince) {
      if (version.major >= field.since || !node.Is(field.tag)) continue;
      const Node value = node[field.field];
      if (!field.field.empty() && !value) continue;
      if (!field.value.empty() && value.text() != field.value) continue;
      return absl::StrCat(field.what, " came with PostgreSQL ", field.since);
    }
  }
  return "";
}

}  // namespace dbfleet::sql::pg
