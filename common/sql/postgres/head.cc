#include "common/sql/postgres/head.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

#include "common/sql/text/lexer.h"

namespace dbfleet::sql::pg {
namespace {

struct Words {
  absl::string_view name;
  absl::string_view words;
};

// Only those whose words are not the name's own.
constexpr Words kObjects[] = {
    {"OBJECT_AMOP", "OPERATOR FAMILY"},
    {"OBJECT_AMPROC", "OPERATOR FAMILY"},
    {"OBJECT_ATTRIBUTE", "TYPE"},
    {"OBJECT_DEFACL", "DEFAULT PRIVILEGES"},
    {"OBJECT_DOMCONSTRAINT", "DOMAIN"},
    {"OBJECT_FDW", "FOREIGN DATA WRAPPER"},
    {"OBJECT_FOREIGN_SERVER", "SERVER"},
    {"OBJECT_LARGEOBJECT", "LARGE OBJECT"},
    {"OBJECT_MATVIEW", "MATERIALIZED VIEW"},
    {"OBJECT_OPCLASS", "OPERATOR CLASS"},
    {"OBJECT_OPFAMILY", "OPERATOR FAMILY"},
    {"OBJECT_PARAMETER_ACL", "PARAMETER"},
    {"OBJECT_STATISTIC_EXT", "STATISTICS"},
    {"OBJECT_TABCONSTRAINT", "TABLE"},
    {"OBJECT_TSCONFIGURATION", "TEXT SEARCH CONFIGURATION"},
    {"OBJECT_TSDICTIONARY", "TEXT SEARCH DICTIONARY"},
    {"OBJECT_TSPARSER", "TEXT SEARCH PARSER"},
    {"OBJECT_TSTEMPLATE", "TEXT SEARCH TEMPLATE"},
    {"OBJECT_ACCESS_METHOD", "ACCESS METHOD"},
    {"OBJECT_EVENT_TRIGGER", "EVENT TRIGGER"},
    {"OBJECT_FOREIGN_TABLE", "FOREIGN TABLE"},
    {"OBJECT_USER_MAPPING", "USER MAPPING"},
};

struct Transaction {
  absl::string_view kind;
  absl::string_view words;
};
constexpr Transaction kTransactions[] = {
    {"TRANS_STMT_BEGIN", "BEGIN"},
    {"TRANS_STMT_START", "START TRANSACTION"},
    {"TRANS_STMT_COMMIT", "COMMIT"},
    {"TRANS_STMT_ROLLBACK", "ROLLBACK"},
    {"TRANS_STMT_SAVEPOINT", "SAVEPOINT"},
    {"TRANS_STMT_RELEASE", "RELEASE"},
    {"TRANS_STMT_ROLLBACK_TO", "ROLLBACK"},
    {"TRANS_STMT_PREPARE", "PREPARE TRANSACTION"},
    {"TRANS_STMT_COMMIT_PREPARED", "COMMIT"},
    {"TRANS_STMT_ROLLBACK_PREPARED", "ROLLBACK"},
};

// Of ALTER ... RENAME: what is renamed, or what its column or constraint belongs to.
absl::string_view Renamed(Node statement) {
  const absl::string_view type = statement["renameType"].text();
  return type == "OBJECT_COLUMN" || type == "OBJECT_ATTRIBUTE"
             ? ObjectWords(statement["relationType"].text())
             : ObjectWords(type);
}

std::string SelectHead(Node statement) {
  if (statement["valuesLists"]) return "VALUES";
  for (const Slot* at = statement.subtree_begin(); at != statement.subtree_end(); ++at) {
    if (Node(at).Is("IntoClause")) return "SELECT INTO";
  }
  return "SELECT";
}

std::string RoleHead(Node statement) {
  const absl::string_view type = statement["stmt_type"].text();
  if (type == "ROLESTMT_USER") return "CREATE USER";
  return type == "ROLESTMT_GROUP" ? "CREATE GROUP" : "CREATE ROLE";
}

// The nodes of more than one statement.
std::string HeadByNode(Node statement) {
  const absl::string_view tag = statement.tag();
  const auto flag = [&](absl::string_view field) { return statement[field].flag(); };
  if (tag == "SelectStmt") return SelectHead(statement);
  if (tag == "DropStmt") return absl::StrCat("DROP ", ObjectWords(statement["removeType"].text()));
  if (tag == "DefineStmt") return absl::StrCat("CREATE ", ObjectWords(statement["kind"].text()));
  if (tag == "RenameStmt") return absl::StrCat("ALTER ", Renamed(statement));
  if (tag == "AlterOwnerStmt" || tag == "AlterObjectSchemaStmt" ||
      tag == "AlterObjectDependsStmt") {
    return absl::StrCat("ALTER ", ObjectWords(statement["objectType"].text()));
  }
  if (tag == "AlterTableStmt") {
    return absl::StrCat("ALTER ", ObjectWords(statement["objtype"].text()));
  }
  if (tag == "CreateTableAsStmt") {
    if (flag("is_select_into")) return "SELECT INTO";
    return statement["objtype"].text() == "OBJECT_MATVIEW" ? "CREATE MATERIALIZED VIEW"
                                                           : "CREATE TABLE AS";
  }
  if (tag == "IndexStmt") return flag("unique") ? "CREATE UNIQUE INDEX" : "CREATE INDEX";
  if (tag == "CreateFunctionStmt") {
    return flag("is_procedure") ? "CREATE PROCEDURE" : "CREATE FUNCTION";
  }
  if (tag == "VacuumStmt") return flag("is_vacuumcmd") ? "VACUUM" : "ANALYZE";
  if (tag == "FetchStmt") return flag("ismove") ? "MOVE" : "FETCH";
  if (tag == "GrantStmt" || tag == "GrantRoleStmt") return flag("is_grant") ? "GRANT" : "REVOKE";
  if (tag == "CreateRoleStmt") return RoleHead(statement);
  if (tag == "VariableSetStmt") {
    return absl::StartsWith(statement["kind"].text(), "VAR_RESET") ? "RESET" : "SET";
  }
  if (tag == "TransactionStmt") {
    for (const Transaction& row : kTransactions) {
      if (row.kind == statement["kind"].text()) return std::string(row.words);
    }
  }
  return "";
}

// How many of the words the row's head begins with; 0 unless all of the head.
size_t Matches(absl::string_view head, const std::vector<std::string>& words) {
  if (head.empty()) return 0;
  size_t n = 0;
  for (absl::string_view word : absl::StrSplit(head, ' ')) {
    if (n == words.size() || words[n] != word) return 0;
    ++n;
  }
  return n;
}

}  // namespace

absl::string_view ObjectWords(absl::string_view object_type) {
  for (const Words& row : kObjects) {
    if (row.name == object_type) return row.words;
  }
  return absl::StripPrefix(object_type, "OBJECT_");
}

std::string HeadOf(Node statement) {
  std::string head = HeadByNode(statement);
  if (!head.empty()) return head;
  const StatementRow* row = FindStatement(statement.tag(), "");
  return row == nullptr ? "" : std::string(row->head);
}

const StatementRow* GuessStatement(absl::string_view text) {
  constexpr size_t kWords = 5;
  std::vector<std::string> words;
  Lexer lexer(Dialect::kPostgres, text, DefaultOptions(Dialect::kPostgres));
  Token token;
  while (words.size() < kWords && lexer.Next(&token)) {
    if (words.empty() && token.IsSymbol('(')) continue;
    if (token.kind != TokenKind::kWord) break;
    words.push_back(absl::AsciiStrToUpper(token.text));
  }
  const StatementRow* found = nullptr;
  size_t longest = 0;
  for (const StatementRow& row : StatementRows()) {
    if (const size_t n = Matches(row.head, words); n > longest) {
      found = &row;
      longest = n;
    }
  }
  if (found != nullptr || words.empty()) return found;
  if (words[0] == "CREATE" || words[0] == "ALTER") return FindStatement("DefineStmt", "");
  if (words[0] == "DROP") return FindStatement("DropStmt", "");
  // WITH: which of the four it is stands behind it; the heaviest counts.
  return words[0] == "WITH" ? FindStatement("InsertStmt", "") : nullptr;
}

bool SetsTransaction(Node variable_set) {
  const std::string name = absl::AsciiStrToLower(variable_set["name"].text());
  return name == "transaction" || name == "session characteristics" ||
         name == "transaction snapshot" || absl::StrContains(name, "transaction_read_only") ||
         absl::StrContains(name, "transaction_isolation") ||
         absl::StrContains(name, "transaction_deferrable");
}

}  // namespace dbfleet::sql::pg
