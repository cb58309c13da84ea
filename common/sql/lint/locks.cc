#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Locks and copies that no other rule names.
namespace dbfleet::sql {
namespace {

bool ChangesTable(const Look& look) {
  return look.is(Verb::kAlterTable) || look.is(Verb::kCreateIndex) || look.is(Verb::kDropIndex) ||
         look.is(Verb::kDropTable) || look.is(Verb::kTruncate) || look.is(Verb::kRenameTable);
}

// Once a script, at the first statement that may wait.
void NoLockTimeout(const Look& look) {
  if (!ChangesTable(look) || look.facts.concurrently || look.IsNew(look.table())) return;
  if (look.verdict.effects.blocks == Blocking::kNothing) return;
  if (look.script.has_setting("lock_timeout") || look.script.has_setting("statement_timeout")) {
    return;
  }
  if (look.reporter.ReportedBefore(LintId::kNoLockTimeout)) return;
  const std::string name = look.table().name.empty() ? "its table" : look.Sql(look.table());
  look.Report(LintId::kNoLockTimeout,
              absl::StrCat("the lock on ", name, " is awaited without a limit, and every query of ",
                           name, " waits behind it"));
}

void VacuumFull(const Look& look) {
  const bool full = look.is(Verb::kVacuum) && look.facts.full;
  if (!full && !look.is(Verb::kCluster)) return;
  const std::string name = look.table().name.empty() ? "every table" : look.Sql(look.table());
  look.Report(LintId::kVacuumFull,
              absl::StrCat(full ? "VACUUM FULL" : "CLUSTER", " locks ", name,
                           " against reads and writes while it copies it"),
              absl::StrCat("use pg_repack on ", name, full ? ", or VACUUM without FULL" : ""));
}

// Changes of names and defaults touch no rows.
bool IsCheap(const Facts& facts) {
  return !facts.alterations.empty() &&
         std::all_of(facts.alterations.begin(), facts.alterations.end(), [](const Alteration& a) {
           return a.kind == AlterationKind::kSetDefault || a.kind == AlterationKind::kDropDefault ||
                  a.kind == AlterationKind::kRenameTable ||
                  a.kind == AlterationKind::kRenameIndex ||
                  a.kind == AlterationKind::kIndexVisibility;
         });
}

void NoAlgorithm(const Look& look) {
  const bool alters = look.is(Verb::kAlterTable) && !IsCheap(look.facts);
  if ((!alters && !look.is(Verb::kCreateIndex)) || look.IsNew(look.table())) return;
  const std::string& algorithm = look.facts.algorithm;
  const bool states = !algorithm.empty() && algorithm != "default";
  if (states || (!look.facts.lock.empty() && look.facts.lock != "default")) return;
  const bool instant = look.verdict.effects.blocks == Blocking::kNothing &&
                       !look.verdict.effects.rewrites_table && !look.is(Verb::kCreateIndex);
  const char* form = instant ? "ALGORITHM=INSTANT" : "ALGORITHM=INPLACE, LOCK=NONE";
  const std::string name = look.Sql(look.table());
  look.Report(
      LintId::kNoAlgorithm,
      absl::StrCat(look.is(Verb::kCreateIndex) ? "CREATE INDEX on " : "ALTER TABLE ", name,
                   " does not say how: it may copy the table silently"),
      absl::StrCat("add ", look.is(Verb::kCreateIndex) ? "ALGORITHM=INPLACE LOCK=NONE" : form,
                   ": then it fails where it would copy; use online schema change there"));
}

void TableRebuild(const Look& look) {
  if (!look.verdict.effects.rewrites_table || look.IsNew(look.table())) return;
  if (look.is(Verb::kVacuum) || look.is(Verb::kCluster) || look.is(Verb::kCreateTable)) return;
  const std::string name = look.table().name.empty() ? "the whole table" : look.Sql(look.table());
  look.Report(LintId::kTableRebuild,
              absl::StrCat("the statement copies ", name,
                           look.target.version.known() ? "" : " (in the worst server version)"));
}

}  // namespace

void CheckLocks(const Look& look) {
  if (!look.verdict.understood) return;  // Its effects are the worst that there are, not its own.
  VacuumFull(look);
  // What another rule has explained already need not be said once more.
  if (!look.reporter.Reported(look.statement)) TableRebuild(look);
  NoAlgorithm(look);
  NoLockTimeout(look);
}

}  // namespace dbfleet::sql
