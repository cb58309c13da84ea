#include "common/sql/report/statement_values.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace dbfleet::sql {
namespace {

// What begins statements with literals that are data, and such without any.
constexpr absl::string_view kShown[] = {
    "ABORT",    "ANALYSE",  "BEGIN",  "CHECK",   "CLUSTER",  "COMMIT",    "DELETE",   "DESC",
    "DESCRIBE", "DROP",     "END",    "INSERT",  "LOCK",     "MERGE",     "OPTIMIZE", "REFRESH",
    "REINDEX",  "RELEASE",  "REPAIR", "REPLACE", "ROLLBACK", "SAVEPOINT", "SELECT",   "SHOW",
    "TABLE",    "TRUNCATE", "UNLOCK", "UPDATE",  "USE",      "VACUUM",    "VALUES",   "WITH"};
// CREATE and ALTER of these...
constexpr absl::string_view kShownObjects[] = {
    "COLLATION", "DOMAIN", "INDEX", "SCHEMA", "SEQUENCE", "STATISTICS", "TABLE", "TYPE", "VIEW"};
// ... where nothing else stands between.
constexpr absl::string_view kBetween[] = {
    "ALGORITHM", "CURRENT_USER", "DEFINER",      "FULLTEXT",  "GLOBAL",  "IGNORE",
    "INVOKER",   "LOCAL",        "MATERIALIZED", "MERGE",     "OFFLINE", "ONLINE",
    "OR",        "RECURSIVE",    "REPLACE",      "SECURITY",  "SPATIAL", "SQL",
    "TEMP",      "TEMPORARY",    "TEMPTABLE",    "UNDEFINED", "UNIQUE",  "UNLOGGED"};
// Before the statement that is explained.
constexpr absl::string_view kExplain[] = {"ANALYZE",     "DESC",   "DESCRIBE", "EXPLAIN",
                                          "EXTENDED",    "FORMAT", "JSON",     "PARTITIONS",
                                          "TRADITIONAL", "TREE",   "VERBOSE"};
// Begins other statements: for texts of programs, most of which begin none.
constexpr absl::string_view kOthers[] = {
    "ALTER",  "BINLOG",  "CALL",   "CHANGE",   "COPY",    "CREATE", "DECLARE",
    "DO",     "EXECUTE", "GRANT",  "IMPORT",   "INSTALL", "LOAD",   "PREPARE",
    "RENAME", "RESET",   "REVOKE", "SECURITY", "SET",     "START",  "XA"};
// ... and the rest of those that begin one. What begins with another word is a command of a client
// (system, source, connect), of a shell, or a misspelt statement.
constexpr absl::string_view kRest[] = {
    "ANALYZE", "BACKUP",   "CACHE",      "CASE",    "CHECKPOINT", "CHECKSUM", "CLONE",
    "CLOSE",   "COMMENT",  "DEALLOCATE", "DISCARD", "EXPLAIN",    "FETCH",    "FLUSH",
    "FOR",     "GET",      "HANDLER",    "HELP",    "IF",         "KILL",     "LISTEN",
    "LOOP",    "MOVE",     "NOTIFY",     "PURGE",   "REASSIGN",   "REPEAT",   "RESIGNAL",
    "RESTART", "SHUTDOWN", "SIGNAL",     "STOP",    "UNINSTALL",  "UNLISTEN", "WHILE"};
// Of the schema mysql; without the schema's name they may be an application's.
constexpr absl::string_view kAccountTables[] = {"servers", "user"};
constexpr absl::string_view kBeforeTable[] = {"DELAYED", "HIGH_PRIORITY", "IGNORE", "INTO",
                                              "LOW_PRIORITY"};
// Where a value ends that has no quotes, and what is none.
constexpr absl::string_view kNoValue[] = {
    "ACCOUNT",  "AND",     "AS",       "BEGIN",   "BY",         "CASCADE", "COMMENT",
    "CURRENT",  "DEFAULT", "DO",       "ELSE",    "END",        "EXPIRE",  "FALSE",
    "FOR",      "FROM",    "GLOBAL",   "HISTORY", "IDENTIFIED", "IF",      "IN",
    "INTERVAL", "IS",      "LOCAL",    "LOOP",    "NEVER",      "NOT",     "NULL",
    "OFF",      "ON",      "OPTIONAL", "OPTIONS", "OR",         "ORDER",   "PASSWORD",
    "RANDOM",   "REPLACE", "REQUIRE",  "RETAIN",  "RETURN",     "RETURNS", "REUSE",
    "SELECT",   "SESSION", "SET",      "THEN",    "TO",         "TRUE",    "UNTIL",
    "USING",    "VALID",   "VIA",      "WHEN",    "WHERE",      "WITH",    "OLD_PASSWORD"};

// Settings whose values everybody may see; dumps and migrations are full of them.
constexpr absl::string_view kPlainSettings[] = {"autocommit",
                                                "character_set_client",
                                                "character_set_connection",
                                                "character_set_results",
                                                "check_function_bodies",
                                                "client_encoding",
                                                "client_min_messages",
                                                "collation_connection",
                                                "datestyle",
                                                "default_storage_engine",
                                                "default_table_access_method",
                                                "default_tablespace",
                                                "default_toast_compression",
                                                "default_with_oids",
                                                "foreign_key_checks",
                                                "idle_in_transaction_session_timeout",
                                                "innodb_lock_wait_timeout",
                                                "intervalstyle",
                                                "lock_timeout",
                                                "lock_wait_timeout",
                                                "maintenance_work_mem",
                                                "max_statement_time",
                                                "old_alter_table",
                                                "row_security",
                                                "search_path",
                                                "sql_log_bin",
                                                "sql_mode",
                                                "sql_notes",
                                                "sql_safe_updates",
                                                "standard_conforming_strings",
                                                "statement_timeout",
                                                "storage_engine",
                                                "synchronous_commit",
                                                "time_zone",
                                                "timezone",
                                                "transaction_isolation",
                                                "transaction_timeout",
                                                "tx_isolation",
                                                "unique_checks",
                                                "wait_timeout",
                                                "work_mem",
                                                "xmloption"};
// SET NAMES 'utf8', SET TIME ZONE 'UTC', CHARACTER SET 'utf8'.
constexpr absl::string_view kPlainBefore[] = {"COLLATE", "NAMES", "ZONE"};

// Statements in which names stand in parentheses and lists.
constexpr absl::string_view kWithNames[] = {"AGGREGATE", "COPY",   "EVENT",     "FUNCTION",
                                            "GRANT",     "POLICY", "PROCEDURE", "PUBLICATION",
                                            "REVOKE",    "RULE",   "TRIGGER"};
// Behind which a text is expected, so that a name in quotes is one in the wrong quotes.
constexpr absl::string_view kBeforeText[] = {"INFILE", "PROGRAM", "SONAME"};
// ... and in statements without lists of names.
constexpr absl::string_view kBeforeOther[] = {",", "AS", "IS", "REPLACE", "USING"};

template <size_t N>
bool IsOneOf(absl::string_view word, const absl::string_view (&list)[N]) {
  return std::any_of(std::begin(list), std::end(list),
                     [&](absl::string_view one) { return absl::EqualsIgnoreCase(one, word); });
}

// The first word that a statement is known by; what stands before it is EXPLAIN's, a parenthesis or
// the mark of an executable comment.
size_t Head(const PiecedText& statement) {
  size_t i = 0;
  for (; i < statement.size(); ++i) {
    if (!statement.IsWord(i)) {
      if (statement[i].kind == Piece::Kind::kSymbol) continue;
      if (statement[i].kind == Piece::Kind::kComment) continue;
      return i;
    }
    if (!IsOneOf(statement.Text(i), kExplain)) return i;
  }
  return 0;
}

// The first word, of a number, a name or a text as well.
size_t First(const PiecedText& statement) {
  size_t i = 0;
  while (i < statement.size() && (statement[i].kind == Piece::Kind::kSymbol ||
                                  statement[i].kind == Piece::Kind::kComment)) {
    ++i;
  }
  return i;
}

// Without the quotes of a name.
absl::string_view Inside(const PiecedText& statement, size_t i) {
  const absl::string_view text = statement.Text(i);
  const bool quoted = i < statement.size() && statement[i].kind == Piece::Kind::kName;
  return quoted && text.size() > 1 ? text.substr(1, text.size() - 2) : text;
}

// Any table of the schema mysql: most hold accounts, hashes or passwords, whatever the columns'
// names. Of its tables that go by a common name, rows without a column list.
bool NamesAccounts(const PiecedText& statement) {
  for (size_t i = 0; i < statement.size(); ++i) {
    if (absl::EqualsIgnoreCase(Inside(statement, i), "mysql") && statement.Text(i + 1) == ".") {
      return true;
    }
  }
  const size_t head = First(statement);
  if (!statement.Is(head, "INSERT") && !statement.Is(head, "REPLACE")) return false;
  for (size_t i = head + 1; i < statement.size(); ++i) {
    // Behind the words of the head the table stands.
    if (statement.IsWord(i) && IsOneOf(statement.Text(i), kBeforeTable)) continue;
    return IsOneOf(Inside(statement, i), kAccountTables) && statement.Text(i + 1) != "(" &&
           statement.Text(i + 1) != ".";
  }
  return false;
}

bool ShowsObject(const PiecedText& statement, size_t i) {
  for (; i < statement.size(); ++i) {
    if (statement.IsWord(i) && IsOneOf(statement.Text(i), kShownObjects)) return true;
    // DEFINER = `a`@`b`
    const bool of_definer = statement.Text(i - 1) == "=" || statement.Text(i - 1) == "@" ||
                            statement[i].kind == Piece::Kind::kSymbol;
    if (!of_definer && !(statement.IsWord(i) && IsOneOf(statement.Text(i), kBetween))) return false;
  }
  return false;
}

class Values {
 public:
  Values(const PiecedText& statement, bool postgres) : statement_(statement), postgres_(postgres) {
    constexpr size_t kFirst = 8;
    for (size_t i = 0; i < std::min(kFirst, statement.size()); ++i) {
      names_ = names_ || (statement.IsWord(i) && IsOneOf(statement.Text(i), kWithNames));
    }
  }

  std::vector<size_t> Find() {
    std::vector<size_t> ends(statement_.size(), 0);
    for (size_t i = 0; i < statement_.size(); ++i) {
      sets_ = sets_ || (statement_.IsWord(i) && statement_.Is(i, "SET"));
      identified_ = identified_ || (statement_.IsWord(i) && statement_.Is(i, "IDENTIFIED"));
      if (statement_.Text(i) == "(") ++depth_;
      if (statement_.Text(i) == ")") --depth_;
      if (IsTextInWrongQuotes(i)) ends[i] = i + 1;
      if (!Introduces(i)) continue;
      const size_t end = End(i + 1);
      if (end == i + 1 || IsPlain(i, end)) continue;
      ends[i + 1] = end;
      i = end - 1;  // Its parentheses are closed.
    }
    return ends;
  }

 private:
  bool IsTextInWrongQuotes(size_t i) const {
    if (i == 0 || statement_[i].kind != Piece::Kind::kName) return false;
    for (const absl::string_view beside : {statement_.Text(i - 1), statement_.Text(i + 1)}) {
      if (beside == "." || beside == "@") return false;
    }
    const absl::string_view before = statement_.Text(i - 1);
    return IsOneOf(before, kBeforeText) ||
           (!names_ && (depth_ > 0 || IsOneOf(before, kBeforeOther)));
  }

  // What a value stands behind.
  bool Introduces(size_t i) const {
    const absl::string_view text = statement_.Text(i);
    if (text == "=") return statement_.Text(i + 1) != ">" && !IsDefiner(i);
    if (text == ">") return i > 0 && statement_.Text(i - 1) == "=";
    if (!statement_.IsWord(i) && statement_[i].kind != Piece::Kind::kName) return false;
    if (absl::EqualsIgnoreCase(text, "BY")) return true;
    // IDENTIFIED VIA plugin USING 'x'
    if (absl::EqualsIgnoreCase(text, "USING")) return identified_;
    if (absl::EqualsIgnoreCase(text, "TO")) return sets_;
    // PASSWORD "x"; not the name of a table or of a function.
    return statement_[i].speaks && i + 1 < statement_.size() &&
           (statement_[i + 1].kind != Piece::Kind::kSymbol || statement_.Text(i + 1) == "*");
  }

  // CREATE DEFINER=`a`@`b` PROCEDURE: the name of an account, behind which no value's end is known.
  bool IsDefiner(size_t i) const {
    const size_t first = First(statement_);
    return i > first && statement_.Is(i - 1, "DEFINER") && statement_.Text(i + 2) == "@" &&
           (statement_.Is(first, "CREATE") || statement_.Is(first, "ALTER"));
  }

  size_t End(size_t i) const {
    int depth = 0;
    for (; i < statement_.size(); ++i) {
      const absl::string_view text = statement_.Text(i);
      if (text == "(") ++depth;
      if (text == ")" && depth-- == 0) break;
      if (text == ";" || text == "*/" || (text == "," && depth == 0 && !(postgres_ && sets_)))
        break;
      if (statement_.IsWord(i) && depth == 0 && IsOneOf(text, kNoValue)) break;
    }
    return i;
  }

  // Of a setting that everybody may see, a switch, or another variable.
  bool IsPlain(size_t before, size_t end) const {
    size_t name = before > 0 ? before - 1 : 0;
    if (statement_.Text(name) == ":" && name > 0) --name;
    if (IsOneOf(statement_.Text(name), kPlainSettings)) return true;
    if (statement_[name].speaks) return false;
    const size_t first = before + 1;
    if (end == first + 1 && (statement_.Text(first) == "0" || statement_.Text(first) == "1")) {
      return true;
    }
    bool variable = statement_.Text(first) == "@";
    for (size_t i = first; i < end && variable; ++i) {
      variable = statement_.IsWord(i) || statement_.Text(i) == "@" || statement_.Text(i) == ".";
    }
    return variable;
  }

  const PiecedText& statement_;
  const bool postgres_;
  bool names_ = false;
  bool sets_ = false;
  bool identified_ = false;
  int depth_ = 0;
};

// SET sql_mode = 'ANSI', SET NAMES 'utf8': nothing in it is hidden for what kind it is.
bool SetsPlainly(const PiecedText& statement) {
  if (!statement.Is(Head(statement), "SET")) return false;
  for (size_t i = Head(statement); i < statement.size(); ++i) {
    if (statement[i].kind != Piece::Kind::kText) continue;
    size_t before = i - 1;
    if (statement.Is(before, "TO") || statement.Text(before) == "=") --before;
    if (statement.Text(before) == ":" && before > 0) --before;
    if (!IsOneOf(statement.Text(before), kPlainSettings) &&
        !IsOneOf(statement.Text(before), kPlainBefore)) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool ShowsLiterals(const PiecedText& statement) {
  const size_t head = Head(statement);
  for (size_t i = head; i < statement.size(); ++i) {
    const bool foreign = statement.Is(i, "OPTIONS") && statement.Text(i + 1) == "(";
    if (foreign || (statement.Is(i, "IDENTIFIED") && statement.IsWord(i + 1))) return false;
    // More than one statement.
    if (statement.Text(i) == ";" && i + 1 < statement.size()) return false;
  }
  if (!statement.IsWord(head)) return statement.size() == 0;
  const bool creates = statement.Is(head, "CREATE");
  if (creates || statement.Is(head, "ALTER")) {
    return ShowsObject(statement, head + 1) || (creates && statement.Is(head + 1, "DATABASE"));
  }
  if (statement.Is(head, "START")) return statement.Is(head + 1, "TRANSACTION");
  if (statement.Is(head, "RENAME")) return statement.Is(head + 1, "TABLE");
  if (statement.Is(head, "COMMENT")) return statement.Is(head + 1, "ON");
  return IsOneOf(statement.Text(head), kShown);
}

bool IsStatement(const PiecedText& statement, size_t first) {
  const absl::string_view word = statement.Text(first);
  return statement.IsWord(first) && (IsOneOf(word, kShown) || IsOneOf(word, kOthers) ||
                                     IsOneOf(word, kExplain) || IsOneOf(word, kRest));
}

bool BeginsStatement(const PiecedText& statement) {
  const size_t head = Head(statement);
  return statement.IsWord(head) && IsOneOf(statement.Text(head), kOthers);
}

Hiding HidingOf(const PiecedText& statement, bool postgres) {
  Hiding hiding;
  const size_t first = First(statement);
  if (first < statement.size() && !IsStatement(statement, first)) {
    hiding.texts = true;
    hiding.values.assign(statement.size(), 0);
    const size_t behind = statement.IsWord(first) ? first + 1 : first;
    if (behind < statement.size()) hiding.values[behind] = statement.size();
    return hiding;
  }
  hiding.texts = !postgres && NamesAccounts(statement);
  if (ShowsLiterals(statement)) return hiding;
  hiding.texts = hiding.texts || !SetsPlainly(statement);
  hiding.values = Values(statement, postgres).Find();
  return hiding;
}

}  // namespace dbfleet::sql
