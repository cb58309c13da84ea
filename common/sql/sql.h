#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// What statements are and what they may do: pure functions, no I/O. What is not fully understood is
// destructive. Kinds and classes mean what requirements S1 and S2 say.
namespace dbfleet::sql {

enum class Dialect { kMySql, kMariaDb, kPostgres, kRedis };
enum class Kind {
  kInspection,
  kDataFix,
  kSchemaMigration,
  kQueryOptimization,
  kMaintenance,
  kControl
};
enum class Safety { kSafe, kDestructive };
enum class Severity { kInfo, kWarning, kError };

struct Statement {
  std::string text;  // Without the delimiter and surrounding white space; comments stay.
  int line = 1;      // Of its first character that is neither space nor comment; 1-based.
  int column = 1;    // In bytes, 1-based.
};

// Cuts a script into statements. Knows quotes, dollar quotes (PostgreSQL), comments and nested
// comments, DELIMITER (MySQL/MariaDB), BEGIN ... END bodies only through DELIMITER. An unterminated
// quote, comment or dollar quote is INVALID_ARGUMENT (BAD_SQL) with line and column, as are NUL
// bytes and psql's backslash commands. Redis: one command per line.
absl::StatusOr<std::vector<Statement>> Split(Dialect dialect, absl::string_view script);

struct Verdict {
  Kind kind = Kind::kControl;
  Safety safety = Safety::kDestructive;
  std::vector<std::string> reasons;  // Why it is destructive; empty when safe.
  std::vector<std::string> tables;   // Named by the statement, as written, for estimates.
  bool transactional = true;         // May run inside a transaction (PostgreSQL: not CONCURRENTLY,
                                     // VACUUM...; MySQL/MariaDB: DDL commits by itself -> false).
  bool transaction_control = false;  // BEGIN, COMMIT, ...: the runner owns those.
  bool credentials = false;          // May show some: to make it a change would not help.
};

// Classifies one statement. `text` with several statements is destructive.
//
// A limit: PostgreSQL lets a function of one composite argument be called like a column, as in
// `SELECT t.f FROM t` or `(row).f`, which only the catalogue can tell from a column. Such a call is
// classified as safe; what holds it then is the read-only transaction that inspections run in.
//
// What names a place that holds credentials is destructive too, though it only reads: its rows
// would be kept and shown. `database` is where it runs, if known.
Verdict Classify(Dialect dialect, absl::string_view text, absl::string_view database = "");

struct Finding {
  std::string rule_id;  // "dbf-...".
  Severity severity = Severity::kWarning;
  std::string message;
  std::string advice;
  int statement = 0;  // Index into the input.
};

// The first lint rules: UPDATE/DELETE without WHERE, DROP TABLE, DROP COLUMN, TRUNCATE, CREATE
// INDEX without CONCURRENTLY (PostgreSQL), NOT NULL column without default, money as FLOAT, no
// primary key, SELECT *, KEYS (Redis).
std::vector<Finding> Lint(Dialect dialect, const std::vector<Statement>& statements);

absl::string_view NameOf(Kind kind);
absl::string_view NameOf(Safety safety);

}  // namespace dbfleet::sql
