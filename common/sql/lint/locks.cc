#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/live_effects.h"
#include "common/sql/model/alter_mix.h"

// Locks and copies that no other rule names.
namespace dbfleet::sql {
namespace {

// CREATE TABLE ... PARTITION OF locks the other one, if that is in use.
const Name* UsedParent(const Look& look) {
  if (!look.is(Verb::kCreateTable)) return nullptr;
  for (const Name& parent : look.facts.parents) {
    if (!look.IsNew(parent)) return &parent;
  }
  return nullptr;
}

bool ChangesTable(const Look& look) {
  return look.is(Verb::kAlterTable) || look.is(Verb::kCreateIndex) || look.is(Verb::kDropIndex) ||
         look.is(Verb::kDropTable) || look.is(Verb::kTruncate) || look.is(Verb::kRenameTable) ||
         look.is(Verb::kLock);
}

// Once a script, at the first statement that may wait.
void NoLockTimeout(const Look& look) {
  const Name* parent = UsedParent(look);
  const Name& part_of = look.facts.part_of;
  if (!part_of.name.empty() && !look.IsNew(part_of)) parent = &part_of;
  const bool changes = ChangesTable(look) && !look.facts.concurrently;
  const bool is_new =
      look.is(Verb::kDropTable) ? look.IsNewAndUnused(look.table()) : look.IsNew(look.table());
  if (parent == nullptr && (!changes || is_new)) return;
  const bool locks = look.is(Verb::kLock);
  if (locks ? look.facts.lock == "nowait" : look.verdict.effects.blocks == Blocking::kNothing)
    return;
  if (look.script.has_setting("lock_timeout") || look.script.has_setting("statement_timeout")) {
    return;
  }
  if (look.reporter.ReportedBefore(LintId::kNoLockTimeout)) return;
  const Name& table = parent == nullptr ? look.table() : *parent;
  const std::string name = table.name.empty() ? "its table" : look.Sql(table);
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

// As far as the snapshot and the script know.
bool HasIndexWith(const Look& look, const std::string& column) {
  if (const LiveTable* live = look.Live(look.table()); live != nullptr) {
    for (const auto* list : {&live->indexes, &live->other_indexes}) {
      for (const LiveIndex& index : *list) {
        if (HoldsColumn(index.columns, column)) return true;
      }
    }
  }
  const TableState* state = look.script.Find(look.table());
  return state != nullptr &&
         std::any_of(state->indexes.begin(), state->indexes.end(),
                     [&](const auto& part) { return HoldsColumn(part.facts.columns, column); });
}

// Changes that the servers with ALGORITHM=INSTANT do so, where nothing of their effects speaks
// against it. An index is never made so: MariaDB refuses it with error 1846.
bool IsInstant(const Look& look) {
  const bool maria = look.target.dialect == Dialect::kMariaDb;
  if (!look.AtLeast(maria ? Version{10, 3, 0} : Version{8, 0, 12})) return false;
  const Effects& effects = look.verdict.effects;
  if (effects.blocks != Blocking::kNothing || effects.rewrites_table) return false;
  return std::all_of(
      look.facts.alterations.begin(), look.facts.alterations.end(), [&](const Alteration& a) {
        // An index goes with its column, which is not done at once.
        if (a.kind == AlterationKind::kDropColumn && HasIndexWith(look, a.name)) return false;
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

bool Has(const Facts& facts, AlterationKind kind) {
  return std::any_of(facts.alterations.begin(), facts.alterations.end(),
                     [&](const Alteration& alteration) { return alteration.kind == kind; });
}

bool AddsPrimaryKey(const Facts& facts) {
  return std::any_of(facts.alterations.begin(), facts.alterations.end(), [](const Alteration& a) {
    return (a.index.has_value() && a.index->primary) ||
           (a.column.has_value() && a.column->primary_key);
  });
}

bool AddsNumbers(const Facts& facts) {
  return std::any_of(facts.alterations.begin(), facts.alterations.end(), [](const Alteration& a) {
    return a.kind == AlterationKind::kAddColumn && a.column.has_value() && a.column->auto_increment;
  });
}

// Whether the server refuses it with every algorithm but COPY, whatever the table is like. Source:
// MySQL's and MariaDB's manuals on online DDL; a foreign key goes without a copy only where the
// session does not check them.
bool NeedsCopy(const Facts& facts) {
  const bool changes = std::any_of(
      facts.alterations.begin(), facts.alterations.end(), [](const Alteration& alteration) {
        switch (alteration.kind) {
          case AlterationKind::kAddCheck:
          case AlterationKind::kAddForeignKey:
          case AlterationKind::kConvertCharset:
          case AlterationKind::kVersioning:
          case AlterationKind::kSortRows:
            return true;
          case AlterationKind::kSetEngine:
            return alteration.name != "innodb";
          case AlterationKind::kAddColumn:
            return alteration.column.has_value() &&
                   (alteration.column->generated_stored ||
                    alteration.column->default_kind == DefaultKind::kVolatile);
          default:
            return false;
        }
      });
  return changes || MixOf(facts).Copies() ||
         (Has(facts, AlterationKind::kDropPrimaryKey) && !AddsPrimaryKey(facts));
}

bool AddsKeysUnchecked(const Look& look) {
  return look.mysql() && look.script.session().foreign_keys_off() &&
         AddsForeignKeysOnly(look.facts);
}

// DROP SYSTEM VERSIONING: it drops what it may only drop while nobody writes.
bool DropsHistory(const Look& look) { return Has(look.facts, AlterationKind::kDropVersioning); }

// Of several changes the one that needs most decides.
std::string OnlineForm(const Look& look) {
  const bool creates = look.is(Verb::kCreateIndex);
  if (!creates && IsInstant(look)) return "ALGORITHM=INSTANT";
  const bool shared = MakesSpecialIndex(look.facts) || AddsNumbers(look.facts) ||
                      MixOf(look.facts).KeepsWritersOut() || DropsHistory(look);
  return absl::StrCat("ALGORITHM=INPLACE", creates ? " " : ", ",
                      shared ? "LOCK=SHARED" : "LOCK=NONE");
}

// What is said of partitions stands alone, or behind everything else: the servers refuse an
// ALGORITHM beside it, or take it for a partition's name. A tablespace is discarded in one way.
bool KnowsNoAlgorithm(const Facts& facts) {
  return std::any_of(facts.alterations.begin(), facts.alterations.end(), [](const Alteration& a) {
    switch (a.kind) {
      case AlterationKind::kAddPartition:
      case AlterationKind::kDropPartition:
      case AlterationKind::kTruncatePartition:
      case AlterationKind::kReorganizePartition:
      case AlterationKind::kDetachPartition:
      case AlterationKind::kCheckPartition:
      case AlterationKind::kDiscardTablespace:
        return true;
      default:
        return false;
    }
  });
}

// MariaDB's DROP INDEX has no room for an algorithm, and MySQL takes this form as well. The primary
// key goes with a copy only, or beside a new one.
void DropsSilently(const Look& look) {
  for (const IndexFacts& index : look.facts.indexes) {
    if (index.primary || look.IsNew(index.table)) continue;
    const std::string table = look.Sql(index.table);
    look.ReportOn(
        index.table, LintId::kNoAlgorithm,
        absl::StrCat("DROP INDEX on ", table, " does not say how: it may copy the table silently"),
        absl::StrCat("write ALTER TABLE ", table, " DROP INDEX ", look.Sql(index.name),
                     ", ALGORITHM=INPLACE, LOCK=NONE: then it fails where it would copy"));
  }
}

void NoAlgorithm(const Look& look) {
  const bool alters = look.is(Verb::kAlterTable) && !IsCheap(look.facts);
  const bool drops = look.mysql() && look.is(Verb::kDropIndex);
  if (!alters && !drops && !look.is(Verb::kCreateIndex)) return;
  if (look.IsNew(look.table())) return;
  const std::string& algorithm = look.facts.algorithm;
  const bool states = !algorithm.empty() && algorithm != "default";
  if (states || (!look.facts.lock.empty() && look.facts.lock != "default")) return;
  if (drops) return DropsSilently(look);
  if (KnowsNoAlgorithm(look.facts)) return;
  const std::string name = look.Sql(look.table());
  if (NeedsCopy(look.facts) && !AddsKeysUnchecked(look)) {
    // That it copies the table is said already, by name.
    if (look.reporter.ReportedBySize(look.statement)) return;
    return look.Report(LintId::kNoAlgorithm,
                       absl::StrCat("ALTER TABLE ", name, " does not say that it copies the table"),
                       "add ALGORITHM=COPY, which the server needs for it, and use online schema "
                       "change for a large table");
  }
  look.Report(LintId::kNoAlgorithm,
              absl::StrCat(look.is(Verb::kCreateIndex) ? "CREATE INDEX on " : "ALTER TABLE ", name,
                           " does not say how: it may copy the table silently"),
              absl::StrCat("add ", OnlineForm(look),
                           ": then it fails where it would copy; use online schema change there"));
}

// A series in which what ALTER TABLE does has changed is taken at its beginning.
std::string WorstVersion(const Target& target) {
  if (!target.version.known()) return " (in the worst server version)";
  const bool mysql = target.dialect == Dialect::kMySql && target.version == Version{8, 0, 0};
  const bool maria = target.dialect == Dialect::kMariaDb && target.version == Version{10, 0, 0};
  if (!mysql && !maria) return "";
  return absl::StrCat(" (in the worst version of ", mysql ? "MySQL 8.0" : "MariaDB 10",
                      "; name yours with --server-version)");
}

// Whether that was said.
bool TableRebuild(const Look& look) {
  if (!look.verdict.effects.rewrites_table || look.IsNew(look.table())) return false;
  if (look.is(Verb::kVacuum) || look.is(Verb::kCluster) || look.is(Verb::kCreateTable)) {
    return false;
  }
  // An extension, a program: what it does to which tables nobody sees.
  if (look.is(Verb::kExecutesText) || (look.is(Verb::kOther) && look.facts.object_type.empty())) {
    return false;
  }
  // What goes with its rows is copied nowhere.
  if (look.is(Verb::kTruncate) || look.is(Verb::kDropTable)) return false;
  const std::string name = look.table().name.empty() ? "the whole table" : look.Sql(look.table());
  if (look.is(Verb::kOther) && look.facts.object_type == "materialized view") {
    if (look.facts.concurrently) return false;  // It changes the rows that differ.
    look.Report(LintId::kTableRebuild,
                absl::StrCat("REFRESH of ", name, " copies it while nobody may read it"),
                absl::StrCat("write REFRESH MATERIALIZED VIEW CONCURRENTLY ", name,
                             ", which needs a unique index of it over columns"));
    return true;
  }
  look.Report(LintId::kTableRebuild,
              absl::StrCat("the statement copies ", name, WorstVersion(look.target)));
  return true;
}

}  // namespace

void CheckLocks(const Look& look) {
  if (!look.verdict.understood) return;  // Its effects are the worst that there are, not its own.
  VacuumFull(look);
  // What another rule has explained already need not be said once more.
  const bool rebuilds = !look.reporter.ReportedBySize(look.statement) && TableRebuild(look);
  // A copy that lets others write is made in place, and may be asked for so; where the version is
  // not known, it may be one that copies nothing.
  const bool online = look.verdict.effects.blocks == Blocking::kNothing;
  // Only the first FULLTEXT index builds the table anew, in place.
  const bool in_place = online || (MakesSpecialIndex(look.facts) && !NeedsCopy(look.facts));
  if (!rebuilds || in_place || !look.target.version.known()) NoAlgorithm(look);
  NoLockTimeout(look);
}

}  // namespace dbfleet::sql
