#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"

// What a statement is and what it may do. Kinds and classes mean what requirements S1 and S2 say.
namespace dbfleet::sql {

enum class Kind {
  kInspection,
  kDataFix,
  kSchemaMigration,
  kQueryOptimization,
  kMaintenance,
  kControl
};
enum class Safety { kSafe, kDestructive };

// What is done to an object that a statement names. Of several, the last (the heaviest) counts.
enum class Access { kRead, kLock, kWrite, kDefine };

struct ObjectUse {
  std::string name;  // As written, quotes included: "shop.orders", "`Orders`".
  Access access = Access::kRead;
};

// The heaviest lock that a statement holds on a table that exists already, in terms of what other
// sessions can still do. What a server does only in some versions is the worst of them when the
// version is not known.
enum class Blocking {
  kNothing,  // Others read and write; also what locks no more than the rows that it names.
  kWrites,   // Others read.
  kReadsAndWrites,
};

// How what it did can be taken back.
enum class Undo {
  kNothingToUndo,  // It changes nothing that stays.
  kRollback,       // ROLLBACK of its transaction; afterwards only a backup.
  kInverse,        // Another statement takes it back without loss (CREATE INDEX: DROP INDEX).
  kBackup,         // Only a backup.
};

// The worst of the code that nobody has looked at and that a statement runs or keeps.
enum class UnknownCode {
  kNone,
  // PostgreSQL: what is to compute a value and no more: operators, types, indexes, checks. MySQL
  // and MariaDB: functions, which change no tables that stay, and of the session little.
  kComputes,
  kCalls,  // PostgreSQL: a function, a program, or SQL that is text.
};

struct Effects {
  Blocking blocks = Blocking::kNothing;
  bool locks_rows = false;      // Takes row locks that others may wait for.
  bool rewrites_table = false;  // Copies the whole table, so time and space grow with it.
  bool scans_table = false;     // Reads the whole table under that lock (a constraint's check).
  Undo undo = Undo::kBackup;
};

// The verdict for an environment of the strictest policy (production). Not fully understood is
// destructive.
struct Verdict {
  Kind kind = Kind::kControl;
  Safety safety = Safety::kDestructive;
  std::vector<std::string> reasons;  // Why it is destructive; empty when safe.
  std::vector<std::string> tables;   // Named by the statement, as written, for estimates.
  std::vector<ObjectUse> uses;       // The same with what is done to them, and views, sequences...
  Effects effects;
  bool understood = false;           // Every part of it was recognised...
  std::string doubt;                 // ... or why not: the first reason that a reader marked.
  bool adds_only = false;            // Only adds rows (INSERT ... VALUES): see SafetyIn.
  bool transactional = true;         // May run inside a transaction (PostgreSQL: not CONCURRENTLY,
                                     // VACUUM...; MySQL/MariaDB: DDL commits by itself -> false).
  bool transaction_control = false;  // BEGIN, COMMIT, ...: the runner owns those.
  bool streams_rows = false;         // PostgreSQL: COPY ... TO STDOUT, whose rows are no result.
  bool credentials = false;          // May show some: to make it a change would not help.
  // What it may run at once, so that whatever stands behind it may mean something else.
  UnknownCode runs_unknown_code = UnknownCode::kNone;
  // PostgreSQL: what it defines of a table (a default, a check, an index) runs for each new row.
  UnknownCode defines_unknown_code = UnknownCode::kNone;
};

// What kind of environment a class is asked for. Declared environments map to the strictest, but
// those that say otherwise.
enum class EnvironmentClass { kDevelopment, kQa, kProduction };

// Requirement S2: what only adds rows is destructive in production and safe elsewhere; everything
// else is the same everywhere.
Safety SafetyIn(EnvironmentClass environment, const Verdict& verdict);

// Is it a table of the server itself? Rows that are added there make accounts, plugins and events.
// By its name alone, without quotes; `schema` may be "". The second: as any of the servers reads
// it.
bool IsServersOwn(Dialect dialect, absl::string_view schema, absl::string_view table);
bool IsServersOwn(absl::string_view schema, absl::string_view table);

// By its name. Environments that are declared elsewhere count as the strictest.
EnvironmentClass ClassOfEnvironment(absl::string_view name);

// Behind the others, unless it is there already.
void AddReason(std::string reason, std::vector<std::string>* reasons);

// Destructive and not understood, for this reason.
void MakeDoubtful(const std::string& reason, Verdict* verdict);

// What statements of a kind do, for a reason; `otherwise` of kinds that do nothing by themselves.
absl::string_view WhatKindDoes(Kind kind, absl::string_view otherwise);

// What a mixture counts as: the kind for which the most is demanded.
Kind Heavier(Kind a, Kind b);

absl::string_view NameOf(Kind kind);
absl::string_view NameOf(Safety safety);
absl::string_view NameOf(Access access);
absl::string_view NameOf(Blocking blocking);
absl::string_view NameOf(Undo undo);
absl::string_view NameOf(EnvironmentClass environment);

}  // namespace dbfleet::sql
