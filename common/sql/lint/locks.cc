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

// Changes that the servers with ALGORITHM=INSTANT do so, where nothing of their effects speaks
// against it. An index is never made so: MariaDB refuses it with error 1846.
bool IsInstant(const Look& look) {
  const bool maria = look.target.dialect == Dialect::kMariaDb;
  if (!look.AtLeast(maria ? Version{10, 3, 0} : Version{8, 0, 12})) return false;
  const Effects& effects = look.verdict.effects;
  if (effects.blocks != Blocking::kNothing || effects.rewrites_table) return false;
  return std::all_of(
      look.facts.alterations.begin(), look.facts.alterations.end(), [](const Alteration& a) {
        return a.kind == AlterationKind::kAddColumn || a.kind == AlterationKind::kDropColumn ||
               a.kind == AlterationKind::kSetDefault || a.kind == AlterationKind::kDropDefault;
      });
}

// FULLTEXT and SPATIAL indexes are made while nobody writes.
bool MakesSpecialIndex(const Facts& facts) {
  return std::any_of(facts.indexes.begin(), facts.indexes.end(),
                     [](const IndexFacts& index) { return index.special; }) ||
         std::any_of(facts.alterations.begin(), facts.alterations.end(), [](const Alteration& a) {
           return a.kind == AlterationKind::kAddIndex && a.index.has_value() && a.index->special;
         });
}

// Of several changes the one that needs most decides.
std::string OnlineForm(const Look& look) {
  const bool creates = look.is(Verb::kCreateIndex);
  if (!creates && IsInstant(look)) return "ALGORITHM=INSTANT";
  return absl::StrCat("ALGORITHM=INPLACE", creates ? " " : ", ",
                      MakesSpecialIndex(look.facts) ? "LOCK=SHARED" : "LOCK=NONE");
}

void NoAlgorithm(const Look& look) {
  const bool alters = look.is(Verb::kAlterTable) && !IsCheap(look.facts);
  if ((!alters && !look.is(Verb::kCreateIndex)) || look.IsNew(look.table())) return;
  const std::string& algorithm = look.facts.algorithm;
  const bool states = !algorithm.empty() && algorithm != "default";
  if (states || (!look.facts.lock.empty() && look.facts.lock != "default")) return;
  const std::string name = look.Sql(look.table());
  look.Report(LintId::kNoAlgorithm,
              absl::StrCat(look.is(Verb::kCreateIndex) ? "CREATE INDEX on " : "ALTER TABLE ", name,
                           " does not say how: it may copy the table silently"),
              absl::StrCat("add ", OnlineForm(look),
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
