#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/sql/lint/checks.h"
#include "common/sql/model/engines.h"

// Tables as wholes: dropped, emptied, renamed, made.
namespace dbfleet::sql {
namespace {

// " (12 of them)", if that is known.
std::string RowsOf(const Look& look, const Name& name) {
  const LiveTable* live = look.Live(name);
  if (live == nullptr || live->rows < 0) return "";
  return absl::StrCat(" (", live->rows, " of them)");
}

// What it may be called until it is dropped. MySQL and MariaDB would move it into the current
// database without its own in front.
std::string OldName(const Look& look, const Name& name) {
  return look.Sql(Name{look.mysql() ? name.schema : "", name.name + "_old"});
}

void DropTable(const Look& look) {
  const bool schema = look.is(Verb::kDropSchema);
  if ((!look.is(Verb::kDropTable) && !schema) || look.facts.temporary) return;
  const bool owned = look.facts.object_type == "owned";
  for (const Name& name : look.facts.objects) {
    const std::string sql = look.Sql(name);
    if (schema) {
      if (owned) {
        look.ReportOn(
            name, LintId::kDropTable,
            absl::StrCat("DROP OWNED drops every table of ", name.name,
                         " with its rows, and whatever else it owns"),
            "give away what it owns with REASSIGN OWNED first; DROP OWNED then only takes "
            "away its privileges");
        continue;
      }
      if (look.TakesBackSchema("", name.name)) continue;
      look.ReportOn(name, LintId::kDropTable,
                    absl::StrCat("dropping ", sql, " loses every table in it"),
                    "take a backup, revoke access first, wait until nothing misses it, then drop "
                    "it");
      continue;
    }
    if (look.IsNewAndUnused(name) || look.TakesBack(Made::What::kTable, name)) continue;
    look.ReportOn(name, LintId::kDropTable,
                  absl::StrCat("DROP TABLE ", sql, " loses its rows", RowsOf(look, name)),
                  absl::StrCat("write ALTER TABLE ", sql, " RENAME TO ", OldName(look, name),
                               ", wait until nothing misses it, then drop it"));
  }
}

// MariaDB: CREATE OR REPLACE drops what stands there, with its rows. A sequence is a table for it.
void ReplaceTable(const Look& look) {
  const Name& name = look.table();
  if (look.is(Verb::kCreateSchema) && look.facts.or_replace) {
    return look.ReportOn(
        name, LintId::kDropTable,
        absl::StrCat("CREATE OR REPLACE DATABASE ", look.Sql(name),
                     " drops the database that is there, with every table in it"),
        absl::StrCat("write CREATE DATABASE ", look.Sql(name), " without OR REPLACE"));
  }
  const bool sequence = look.is(Verb::kCreateSequence);
  if (!look.is(Verb::kCreateTable) && !sequence) return;
  if (!look.mysql() || !look.facts.or_replace || look.facts.temporary) return;
  if (look.IsNew(name) || look.TakesBack(Made::What::kTable, name)) return;
  const std::string sql = look.Sql(name);
  const char* what = sequence ? "SEQUENCE " : "TABLE ";
  look.Report(
      LintId::kDropTable,
      absl::StrCat("CREATE OR REPLACE ", what, sql,
                   sequence ? " drops the table or sequence that is there, with its rows or number"
                            : " drops the table that is there, with its rows",
                   RowsOf(look, name)),
      absl::StrCat("write CREATE ", what, sql, " without OR REPLACE; if ", sql,
                   " is there, ALTER TABLE ", sql, " RENAME TO ", OldName(look, name), " first"));
}

bool Drops(Verb verb) {
  switch (verb) {
    case Verb::kDropTable:
    case Verb::kDropIndex:
    case Verb::kDropView:
    case Verb::kDropSchema:
    case Verb::kDropRoutine:
    case Verb::kDropType:
    case Verb::kDropSequence:
    case Verb::kOther:  // DROP EXTENSION, DROP SERVER: nothing else of these has a CASCADE.
      return true;
    default:
      return false;
  }
}

void DropCascade(const Look& look) {
  if (Drops(look.facts.verb) && look.facts.cascade) {
    const std::vector<Name>& objects = look.facts.objects;
    const std::string name = objects.empty() ? "what it drops" : look.Sql(objects[0]);
    look.Report(
        LintId::kDropCascade, absl::StrCat("CASCADE drops whatever depends on ", name),
        absl::StrCat("drop what depends on ", name, " by name, then ", name, " without CASCADE"));
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (!alteration.cascade) continue;
    look.Report(LintId::kDropCascade,
                absl::StrCat("CASCADE drops whatever depends on ", look.Sql(alteration.name)));
  }
}

// MySQL and MariaDB: a table that is made LIKE one of the engine MERGE has the same tables below
// it.
bool MayBeMerge(const Look& look, const Name& name) {
  const TableState* state = look.script.Find(name);
  return look.mysql() && state != nullptr && state->copied && !state->from_rows;
}

void Truncate(const Look& look) {
  if (look.is(Verb::kTruncate)) {
    for (const Name& name : look.facts.objects) {
      if (look.IsNewAndUnused(name) && !MayBeMerge(look, name)) continue;
      look.ReportOn(
          name, LintId::kTruncate,
          absl::StrCat("TRUNCATE loses all rows of ", look.Sql(name), " and locks it"),
          absl::StrCat("write DELETE FROM ", look.Sql(name),
                       " WHERE its key lies in one range, in batches; or rename the table "
                       "and drop it later"));
    }
    if (look.facts.cascade) {
      look.Report(LintId::kTruncateCascade,
                  absl::StrCat("TRUNCATE ... CASCADE empties every table that refers to ",
                               look.Sql(look.table())));
    }
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.kind == AlterationKind::kTruncatePartition) {
      look.Report(LintId::kTruncate, absl::StrCat("TRUNCATE PARTITION loses all rows of ",
                                                  alteration.name, " in ", look.Sql(look.table())));
    } else if (alteration.kind == AlterationKind::kDropPartition) {
      look.Report(LintId::kDropTable,
                  absl::StrCat("DROP PARTITION loses all rows of ", alteration.name, " in ",
                               look.Sql(look.table())),
                  "take a backup of the partition, or exchange it with a table, first");
    } else if (alteration.kind == AlterationKind::kDropVersioning) {
      look.Report(
          LintId::kTruncate,
          absl::StrCat("DROP SYSTEM VERSIONING deletes the history of ", look.Sql(look.table())),
          "take a backup of the history first: SELECT ... FOR SYSTEM_TIME ALL");
    } else if (alteration.kind == AlterationKind::kDiscardTablespace) {
      const std::string partition =
          alteration.name.empty() ? "" : absl::StrCat("the partition ", alteration.name, " of ");
      look.Report(LintId::kTruncate,
                  absl::StrCat("DISCARD TABLESPACE deletes the file of ", partition,
                               look.Sql(look.table()), " with all rows"),
                  "take a backup, and keep a copy of the file until another one is imported");
    } else if (alteration.kind == AlterationKind::kSetEngine && LosesAllRows(alteration.name)) {
      look.Report(LintId::kTruncate,
                  absl::StrCat("ENGINE=", alteration.name, " keeps no rows: all of ",
                               look.Sql(look.table()), " are lost, without an error"),
                  absl::StrCat("make a new table of that engine, and leave ",
                               look.Sql(look.table()), " as it is"));
    }
  }
}

void ReportRename(const Look& look, const Name& from, const Name& to) {
  if (look.IsNew(from) || look.TakesBack(Made::What::kTable, from) ||
      look.TakesBack(Made::What::kRenamedTable, from)) {
    return;
  }
  const bool moves = look.postgres() && from.schema != to.schema;
  look.ReportOn(
      from, LintId::kRenameTable,
      absl::StrCat(moves ? "moving " : "renaming ", look.Sql(from),
                   moves ? " to another schema" : "", " breaks every program that knows it"),
      absl::StrCat("write CREATE VIEW ", look.Sql(to), " AS SELECT ... FROM ", look.Sql(from),
                   ", move programs, ", moves ? "move it" : "rename", " when none is left"));
}

// The table's new name: PostgreSQL leaves it in its schema, MySQL puts it into the session's.
Name RenamedTo(const Look& look, const std::string& to) {
  return {look.postgres() ? look.table().schema : "", to};
}

void Rename(const Look& look) {
  const std::vector<Name>& objects = look.facts.objects;
  if (look.is(Verb::kRenameTable)) {
    for (size_t i = 0; i + 1 < objects.size(); i += 2) {
      ReportRename(look, objects[i], objects[i + 1]);
    }
  }
  const bool schema = look.is(Verb::kAlterSchema);
  for (const Alteration& alteration : look.facts.alterations) {
    if (schema && !alteration.new_name.empty()) {
      if (look.TakesBackSchema("renamed", look.table().name) ||
          look.TakesBackSchema("", look.table().name)) {
        continue;
      }
      look.Report(LintId::kRenameSchema, absl::StrCat("renaming ", look.Sql(look.table()), " to ",
                                                      look.Sql(alteration.new_name),
                                                      " breaks every program that knows it"));
    } else if (alteration.kind == AlterationKind::kRenameTable) {
      ReportRename(look, look.table(), RenamedTo(look, alteration.new_name));
    } else if (alteration.kind == AlterationKind::kSetSchema && look.is(Verb::kAlterTable)) {
      ReportRename(look, look.table(), {alteration.new_name, look.table().name});
    }
  }
}

// Whether one statement does more to the table than all that it is made of: see AlterMix.
bool MergingIsWorse(const Look& look, const AlterSeries& before) {
  if (!look.mysql()) return false;
  const std::string& algorithm = look.facts.algorithm;
  if (!algorithm.empty() && !before.algorithm.empty() && algorithm != before.algorithm) {
    return true;  // It has room for one.
  }
  const Effects& effects = look.verdict.effects;
  const bool rewrites = before.rewrite || effects.rewrites_table;
  const Blocking blocks = std::max(before.block, effects.blocks);
  AlterMix mix = before.mix;
  mix.Add(MixOf(look.facts));
  if (!rewrites && (mix.Copies() || mix.Rebuilds(look.target))) return true;
  return blocks < Blocking::kWrites && (mix.Copies() || mix.KeepsWritersOut());
}

void MergeAlters(const Look& look) {
  if (!look.is(Verb::kAlterTable) || look.IsMade(look.table())) return;
  const AlterSeries* before = look.script.SeriesFor(look.facts);
  if (before == nullptr || MergingIsWorse(look, *before)) return;
  const std::string name = look.Sql(look.table());
  look.Report(LintId::kMergeAlters,
              absl::StrCat(name, " was altered by statement ", before->first + 1, " already"),
              absl::StrCat("write one ALTER TABLE ", before->only ? "ONLY " : "", name,
                           " with all of the changes, separated by commas"));
}

bool IsListed(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), absl::AsciiStrToLower(word)) != list.end();
}

void Engine(const Look& look) {
  const std::string& engine = look.facts.engine;
  if (engine.empty() || look.config.engines.empty() || IsListed(look.config.engines, engine))
    return;
  look.Report(LintId::kEngine,
              absl::StrCat(look.Sql(look.table()), " uses the engine ", engine,
                           "; allowed: ", absl::StrJoin(look.config.engines, ", ")),
              absl::StrCat("write ENGINE=", look.config.engines[0]));
}

void CheckCharset(const Look& look, const std::string& charset, const std::string& collation,
                  const std::string& where) {
  const LintConfig& config = look.config;
  const bool bad_charset =
      !charset.empty() && !config.charsets.empty() && !IsListed(config.charsets, charset);
  // A collation's name begins with its character set.
  const std::string of = collation.substr(0, collation.find('_'));
  // MariaDB's short form, which stands for that of whatever the character set is.
  const bool of_any = absl::EqualsIgnoreCase(of, "uca1400");
  const bool bad_collation =
      !collation.empty() && (config.collations.empty() ? !of_any && !config.charsets.empty() &&
                                                             !IsListed(config.charsets, of)
                                                       : !IsListed(config.collations, collation));
  if (!bad_charset && !bad_collation) return;
  const std::vector<std::string>& allowed =
      bad_charset || config.collations.empty() ? config.charsets : config.collations;
  look.Report(LintId::kCharset,
              absl::StrCat(where, " uses ", bad_charset ? charset : collation,
                           "; allowed: ", absl::StrJoin(allowed, ", ")),
              absl::StrCat("write ",
                           bad_charset || config.collations.empty() ? "CHARACTER SET " : "COLLATE ",
                           allowed[0]));
}

void Charset(const Look& look) {
  const std::string table = look.table().name.empty() ? "it" : look.Sql(look.table());
  CheckCharset(look, look.facts.charset, look.facts.collation, table);
  for (const ColumnFacts& column : look.facts.columns) {
    CheckCharset(look, column.charset, column.collation,
                 absl::StrCat(table, ".", look.Sql(column.name)));
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.column.has_value()) {
      CheckCharset(look, alteration.column->charset, alteration.column->collation,
                   absl::StrCat(table, ".", look.Sql(alteration.column->name)));
    }
    if (alteration.kind == AlterationKind::kConvertCharset && !look.IsNew(look.table())) {
      look.Report(LintId::kConvertCharset,
                  absl::StrCat("converting ", table, " to another character set copies all rows"));
    }
  }
}

void ReplicaIdentity(const Look& look) {
  if (!look.is(Verb::kUpdate) && !look.is(Verb::kDelete)) return;
  const LiveTable* live = look.Live(look.table());
  if (live == nullptr || !live->published) return;
  const bool none = live->replica_identity == "nothing" ||
                    (live->replica_identity == "default" && !live->HasPrimaryKey());
  if (!none) return;
  const std::string alter =
      absl::StrCat("ALTER TABLE ", look.Sql(look.table()), " REPLICA IDENTITY ");
  look.Report(
      LintId::kReplicaIdentity,
      absl::StrCat(look.Sql(look.table()), " is published and has no replica identity"),
      live->HasPrimaryKey()
          ? absl::StrCat("write ", alter, "DEFAULT, which is its primary key")
          : absl::StrCat("write ", alter,
                         "USING INDEX with one of its unique indexes over NOT NULL columns, "
                         "or add a primary key",
                         live->replica_identity == "default"
                             ? ""
                             : absl::StrCat(" and write ", alter, "DEFAULT")));
}

}  // namespace

void CheckTables(const Look& look) {
  DropTable(look);
  ReplaceTable(look);
  DropCascade(look);
  Truncate(look);
  Rename(look);
  MergeAlters(look);
  Engine(look);
  Charset(look);
  ReplicaIdentity(look);
}

}  // namespace dbfleet::sql
