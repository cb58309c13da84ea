#include "agent/actions/migrate/effect.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "agent/actions/migrate/deed.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using WordList = std::vector<std::string>;

bool Has(const WordList& words, absl::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

template <size_t N>
bool IsOneOf(absl::string_view word, const std::array<absl::string_view, N>& set) {
  return std::find(set.begin(), set.end(), word) != set.end();
}

absl::string_view At(const WordList& words, size_t i) {
  return i < words.size() ? absl::string_view(words[i]) : absl::string_view();
}

// A name without its quotes, of MySQL or of PostgreSQL.
std::string Bare(absl::string_view name) {
  name = absl::StripAsciiWhitespace(name);
  if (name.size() < 2 || (name.front() != '`' && name.front() != '"')) return std::string(name);
  const std::string quote(1, name.front());
  return absl::StrReplaceAll(name.substr(1, name.size() - 2), {{quote + quote, quote}});
}

// What stands in front of the first dot that is in no quotes; "" without one.
absl::string_view Qualifier(absl::string_view name) {
  char quote = '\0';
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '`' || c == '"') {
      quote = c;
    } else if (c == '.') {
      return name.substr(0, i);
    }
  }
  return "";
}

// Whether a name of MySQL or MariaDB is of another database. Letters count: on some servers `Shop`
// is another one than `shop`.
bool IsOfOther(absl::string_view name, absl::string_view database) {
  const absl::string_view qualifier = Qualifier(name);
  return !qualifier.empty() && Bare(qualifier) != database;
}

// Whether the statement names an object of another database than the session's.
bool NamesOtherDatabase(const sql::Verdict& verdict, absl::string_view database) {
  return std::any_of(verdict.tables.begin(), verdict.tables.end(),
                     [&](const std::string& table) { return IsOfOther(table, database); });
}

// A comma outside parentheses: a list of objects.
bool HasTopLevelComma(const WordList& words) {
  int depth = 0;
  for (const std::string& word : words) {
    if (word == "(") ++depth;
    if (word == ")") --depth;
    if (word == "," && depth == 0) return true;
  }
  return false;
}

// The kind of object that CREATE, ALTER, DROP or RENAME is about: the first word that names one.
absl::string_view ObjectKind(const WordList& words) {
  static constexpr std::array<absl::string_view, 22> kKinds = {
      "TABLE",   "TABLES",     "INDEX",    "VIEW",     "PROCEDURE", "FUNCTION", "TRIGGER",
      "EVENT",   "USER",       "DATABASE", "ROLE",     "SCHEMA",    "SEQUENCE", "SERVER",
      "PACKAGE", "TABLESPACE", "UNDO",     "INSTANCE", "LOGFILE",   "RESOURCE", "SPATIAL_REFERENCE",
      "LIBRARY"};
  constexpr size_t kModifiers = 24;  // DEFINER = 'x' @ 'y' SQL SECURITY ... and the like.
  for (size_t i = 1; i < std::min(words.size(), kModifiers); ++i) {
    if (IsOneOf(words[i], kKinds)) return words[i];
  }
  return "";
}

// Whether what is created, altered, dropped or renamed is called by another database's name.
bool ObjectIsElsewhere(const WordList& words, absl::string_view kind, absl::string_view database) {
  size_t i = 1;
  while (At(words, i) != kind) ++i;
  const bool list = At(words, 0) == "DROP" || At(words, 0) == "RENAME";
  const std::string own = absl::AsciiStrToUpper(database);
  int depth = 0;
  for (++i; i < words.size(); ++i) {
    if (words[i] == "(") ++depth;
    if (words[i] == ")") --depth;
    const bool begins =
        At(words, i - 1) == kind || At(words, i - 1) == "EXISTS" || (list && depth == 0);
    if (!begins || At(words, i + 1) != ".") continue;
    if (words[i] != own && words[i] != absl::StrCat("`", database, "`")) return true;
  }
  return false;
}

// Only what the schema shows in full: some clauses move or remove rows or set a counter, and it
// looks the same afterwards.
Effect MysqlAlterEffect(const WordList& words, absl::string_view kind, const Deed& deed) {
  if (kind == "PROCEDURE" || kind == "FUNCTION") return Effect::kSchema;
  if (kind == "VIEW") return Has(words, "ALGORITHM") ? Effect::kOpaque : Effect::kSchema;
  if (kind != "TABLE" || deed.acts.empty()) return Effect::kOpaque;
  return Effect::kSchema;
}

Effect MysqlDdlEffect(const WordList& words, const Deed& deed, absl::string_view database) {
  static constexpr std::array<absl::string_view, 9> kInSchema = {
      "TABLE", "TABLES", "INDEX", "VIEW", "PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "SEQUENCE"};
  const absl::string_view kind = ObjectKind(words);
  if (!IsOneOf(kind, kInSchema)) return Effect::kOpaque;
  if (At(words, 1) == "TEMPORARY") return Effect::kNone;  // Ends with the connection.
  if (ObjectIsElsewhere(words, kind, database)) return Effect::kOpaque;
  const absl::string_view verb = At(words, 0);
  if (verb == "ALTER") return MysqlAlterEffect(words, kind, deed);
  if (verb == "CREATE" && At(words, 1) == "OR" &&
      (kind == "TABLE" || kind == "SEQUENCE" || kind == "EVENT")) {
    return Effect::kOpaque;  // The same definition again, and rows, counter or times are others.
  }
  // Names that are swapped leave the same schema.
  if (verb == "RENAME") return HasTopLevelComma(words) ? Effect::kOpaque : Effect::kSchema;
  if (verb == "DROP" && HasTopLevelComma(words)) return Effect::kPartial;
  return Effect::kSchema;
}

Effect MysqlSetEffect(const WordList& words) {
  static constexpr std::array<absl::string_view, 8> kBeyondSession = {
      "GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD", "ROLE", "RESOURCE", "DEFAULT", "STATEMENT"};
  for (const std::string& word : words) {
    if (IsOneOf(word, kBeyondSession)) return Effect::kOpaque;
  }
  // A value that calls something may do anything.
  return Has(words, "(") ? Effect::kOpaque : Effect::kNone;
}

Effect MysqlEffect(absl::string_view text, const WordList& words, const sql::Verdict& verdict,
                   absl::string_view database, bool atomic_data) {
  static constexpr std::array<absl::string_view, 5> kData = {"INSERT", "UPDATE", "DELETE",
                                                             "REPLACE", "WITH"};
  static constexpr std::array<absl::string_view, 4> kDdl = {"CREATE", "ALTER", "DROP", "RENAME"};
  static constexpr std::array<absl::string_view, 3> kUpkeep = {"ANALYZE", "CHECK", "CHECKSUM"};
  const absl::string_view head = At(words, 0);
  if (Has(words, "/*!")) return Effect::kOpaque;
  if (verdict.safety == sql::Safety::kSafe) return Effect::kNone;
  if (head == "SET") return MysqlSetEffect(words);
  if (IsOneOf(head, kUpkeep) && At(words, 1) == "TABLE") return Effect::kNone;
  if (NamesOtherDatabase(verdict, database)) return Effect::kOpaque;
  if (IsOneOf(head, kData)) {
    return atomic_data && verdict.transactional ? Effect::kAtomic : Effect::kOpaque;
  }
  if (!IsOneOf(head, kDdl)) return Effect::kOpaque;
  return MysqlDdlEffect(words, DeedOf(sql::Dialect::kMariaDb, text, database), database);
}

// Only for what PostgreSQL refuses inside a transaction; all else is atomic.
Effect PostgresEffect(const WordList& words, const sql::Verdict& verdict) {
  if (verdict.transactional) return Effect::kAtomic;
  const absl::string_view head = At(words, 0);
  if (head == "VACUUM" || head == "ANALYZE" || head == "CLUSTER") return Effect::kNone;
  if ((head == "CREATE" || head == "DROP") && Has(words, "INDEX") && Has(words, "CONCURRENTLY")) {
    return Effect::kSchema;
  }
  if (head == "REINDEX" || (head == "ALTER" && Has(words, "CONCURRENTLY"))) return Effect::kPartial;
  return Effect::kOpaque;
}

absl::Status Forbidden(absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "FORBIDDEN_STATEMENT", why);
}

// Also as a server's or database's default: the rollback's own session would get it.
absl::Status CheckNoReadOnly(const WordList& words) {
  static constexpr std::array<absl::string_view, 10> kWords = {"TX_READ_ONLY",
                                                               "TRANSACTION_READ_ONLY",
                                                               "DEFAULT_TRANSACTION_READ_ONLY",
                                                               "TX_ISOLATION",
                                                               "TRANSACTION_ISOLATION",
                                                               "DEFAULT_TRANSACTION_ISOLATION",
                                                               "DEFAULT_TRANSACTION_DEFERRABLE",
                                                               "READ_ONLY",
                                                               "SUPER_READ_ONLY",
                                                               "INNODB_READ_ONLY"};
  const absl::string_view head = At(words, 0);
  const absl::string_view what = At(words, 1);
  const bool defaults = head == "ALTER" && (what == "DATABASE" || what == "ROLE" ||
                                            what == "USER" || what == "SYSTEM");
  if (head != "SET" && !defaults) return absl::OkStatus();
  for (const std::string& word : words) {
    if (!IsOneOf(word, kWords)) continue;
    return Error(absl::StatusCode::kInvalidArgument, "FORBIDDEN_STATEMENT",
                 absl::StrCat(word, " could keep the migration from being recorded or taken back"));
  }
  return absl::OkStatus();
}

// Approval, lock, backup and window are those of one database, so nothing else may be changed. What
// stored code changes when it is called is not seen here: the account's rights bound that.
absl::Status CheckOwnDatabase(sql::Dialect dialect, const WordList& words,
                              const sql::Verdict& verdict, absl::string_view database) {
  static constexpr std::array<absl::string_view, 7> kOptions = {
      "CHARACTER", "CHARSET", "COLLATE", "COMMENT", "DEFAULT", "ENCRYPTION", "READ"};
  const absl::string_view head = At(words, 0);
  size_t what = 1;
  if (At(words, what) == "OR") what += 2;  // OR REPLACE
  if ((head == "CREATE" || head == "DROP" || head == "ALTER") &&
      (At(words, what) == "DATABASE" ||
       (At(words, what) == "SCHEMA" && dialect != sql::Dialect::kPostgres))) {
    // Bare words are in upper case. Without a name MySQL's ALTER DATABASE is about the session's.
    const absl::string_view name = At(words, what + 1);
    const bool own = Bare(name) == database || absl::EqualsIgnoreCase(name, database) ||
                     (dialect != sql::Dialect::kPostgres && IsOneOf(name, kOptions));
    if (head == "ALTER" && own) return absl::OkStatus();
    return Forbidden(absl::StrCat(head, " ", At(words, what),
                                  " is not for migrations, which are for ",
                                  "one database that is there, here ", database));
  }
  if (dialect == sql::Dialect::kPostgres) return absl::OkStatus();  // Sessions see one database.
  for (const sql::ObjectUse& use : verdict.uses) {
    if (use.access != sql::Access::kWrite && use.access != sql::Access::kDefine) continue;
    if (!IsOfOther(use.name, database)) continue;
    return Forbidden(absl::StrCat(
        use.name, " is of another database than ", database, ", which the job is for: its backup, ",
        "lock and approval are of that one alone; submit a change of its own for the other one"));
  }
  return absl::OkStatus();
}

absl::Status CheckMysqlAllowed(const WordList& words) {
  static constexpr std::array<absl::string_view, 3> kLocks = {"RELEASE_LOCK", "RELEASE_ALL_LOCKS",
                                                              "GET_LOCK"};
  const absl::string_view head = At(words, 0);
  if (head == "USE") return Forbidden("USE would switch the database that the job is for");
  if (Has(words, "/*!")) {
    // Whether the server executes its content depends on the server's version.
    return Forbidden("executable comments (/*! */) are not allowed; write the statement itself");
  }
  if ((head == "LOCK" || head == "UNLOCK") && absl::StartsWith(At(words, 1), "TABLE")) {
    return Forbidden("LOCK TABLES would lock the migration's own records out");
  }
  if (head == "SET" && Has(words, "AUTOCOMMIT")) {
    return Forbidden("autocommit belongs to the runner, which opens and commits transactions");
  }
  RETURN_IF_ERROR(CheckNoReadOnly(words));
  for (const std::string& word : words) {
    if (IsOneOf(word, kLocks)) {
      return Forbidden(absl::StrCat(word, " could give the migration lock away"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckPostgresAllowed(const WordList& words) {
  const absl::string_view head = At(words, 0);
  RETURN_IF_ERROR(CheckNoReadOnly(words));
  const size_t what = At(words, 1) == "SESSION" && At(words, 2) != "AUTHORIZATION" ? 2 : 1;
  if (head == "SET" && (At(words, what) == "ROLE" || At(words, what) == "SESSION")) {
    return Forbidden(
        "SET ROLE and SET SESSION AUTHORIZATION would have dbfleet's records written by another "
        "role; write SET LOCAL ROLE");
  }
  if (head == "DISCARD") return Forbidden("DISCARD could give the migration lock away");
  for (const std::string& word : words) {
    if (absl::StartsWith(word, "PG_ADVISORY_UNLOCK") || word == "PG_TERMINATE_BACKEND") {
      return Forbidden(absl::StrCat(word, " could give the migration lock away"));
    }
  }
  if (Has(words, "CONCURRENTLY") && Has(words, "INDEX") && head == "CREATE") {
    size_t i = 0;
    while (At(words, i) != "CONCURRENTLY") ++i;
    if (At(words, i + 1) == "ON") {
      return Forbidden(
          "an index built CONCURRENTLY needs a name, so that a failed build can be "
          "removed; name it");
    }
  }
  return absl::OkStatus();
}

}  // namespace

Effect EffectOf(sql::Dialect dialect, absl::string_view text, const sql::Verdict& verdict,
                absl::string_view database, bool atomic_data) {
  const WordList words = Words(dialect, text);
  if (dialect == sql::Dialect::kPostgres) return PostgresEffect(words, verdict);
  return MysqlEffect(text, words, verdict, database, atomic_data);
}

bool CanFailHalfway(absl::string_view text) {
  static constexpr std::array<absl::string_view, 3> kWhole = {"TRUNCATE", "SET", "ALTER"};
  // Any dialect does: only the first word counts.
  return !IsOneOf(At(Words(sql::Dialect::kMariaDb, text), 0), kWhole);
}

absl::Status CheckAllowed(sql::Dialect dialect, absl::string_view text, const sql::Verdict& verdict,
                          absl::string_view database) {
  if (verdict.transaction_control) {
    return Forbidden(
        "transaction control (BEGIN, COMMIT, ROLLBACK, SAVEPOINT...) belongs to the "
        "runner; remove it");
  }
  const std::string lower = absl::AsciiStrToLower(text);
  if (absl::StrContains(lower, "dbfleet_schema_history") ||
      absl::StrContains(lower, "dbfleet_step_log")) {
    return Forbidden("dbfleet's own tables are not for migrations to touch");
  }
  const WordList words = Words(dialect, text);
  RETURN_IF_ERROR(CheckOwnDatabase(dialect, words, verdict, database));
  return dialect == sql::Dialect::kPostgres ? CheckPostgresAllowed(words)
                                            : CheckMysqlAllowed(words);
}

bool MayHoldCredentials(sql::Dialect dialect, absl::string_view text) {
  static constexpr std::array<absl::string_view, 6> kObjects = {
      "USER", "ROLE", "GROUP", "SERVER", "SUBSCRIPTION", "FOREIGN"};
  const WordList words = Words(dialect, text);
  const absl::string_view head = At(words, 0);
  if (head == "SET") return Has(words, "PASSWORD");
  if (head == "GRANT") return Has(words, "IDENTIFIED");
  if (head == "CHANGE") return true;  // MASTER TO, REPLICATION SOURCE TO.
  if (head != "CREATE" && head != "ALTER") return false;
  return IsOneOf(At(words, At(words, 1) == "OR" ? 3 : 1), kObjects);
}

std::string ConcurrentIndexName(absl::string_view text) {
  const WordList words = Words(sql::Dialect::kPostgres, text);
  const bool create = At(words, 0) == "CREATE";
  if (!create && At(words, 0) != "DROP") return "";
  size_t i = 1;
  if (At(words, i) == "UNIQUE") ++i;
  if (At(words, i) != "INDEX" || At(words, i + 1) != "CONCURRENTLY") return "";
  i += 2;
  if (At(words, i) == "IF") i += create ? 3 : 2;  // IF NOT EXISTS, IF EXISTS.
  if (create && At(words, i) == "ON") return "";
  std::string name;
  while (i < words.size()) {
    const std::string& word = words[i];
    name += word.front() == '"' ? word : absl::AsciiStrToLower(word);
    if (At(words, i + 1) != ".") break;
    name += ".";
    i += 2;
  }
  return name;
}

}  // namespace dbfleet::agent
