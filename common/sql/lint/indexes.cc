#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/partitions.h"

// Indexes: how they are built and dropped, and which are not needed or missing.
namespace dbfleet::sql {
namespace {

std::string NameFor(const IndexFacts& index, const Name& table) {
  return index.name.empty() ? MadeUpName("idx", table, index.columns) : index.name;
}

std::string ShownName(const Target& target, const IndexFacts& index, const Name& table) {
  if (index.primary) return "the primary key";
  return index.name.empty() ? absl::StrCat("the index over ", SqlNames(target, index.columns))
                            : SqlName(target, NameFor(index, table));
}

constexpr absl::string_view kOn = "ON ";
constexpr absl::string_view kOnly = "ONLY ";

// Of a partitioned table: CREATE INDEX ON ONLY, which makes none of its partitions.
std::string OnlyFirst(const Look& look, const IndexFacts& index) {
  const std::string name = look.Sql(NameFor(index, index.table));
  const std::string create = absl::StrCat("CREATE ", index.unique ? "UNIQUE " : "", "INDEX ");
  const std::string then =
      OnEachPartition(look.target, index.table, name, absl::StrCat(create, "CONCURRENTLY"));
  const std::string whole =
      absl::StrCat("write ", create, look.facts.if_not_exists ? "IF NOT EXISTS " : "", name,
                   " ON ONLY ", absl::StripPrefix(absl::StripPrefix(index.rest, kOn), kOnly), then);
  const bool fits = absl::StartsWith(index.rest, kOn) && whole.size() <= kMostAdviceBytes;
  if (fits) return whole;
  return absl::StrCat(index.only ? "leave CONCURRENTLY out" : "write ONLY behind ON", then);
}

// ON ONLY makes, of a partitioned table, no index but an empty one. Of another it has no meaning,
// so that who writes it has a partitioned one, unless the snapshot says otherwise.
bool IsOfNoRows(const Look& look, const IndexFacts& index) {
  if (!index.only) return false;
  const LiveTable* live = look.Live(index.table);
  return look.IsPartitioned(index.table) || live == nullptr || !live->partitioned.has_value();
}

// The whole statement once more, with nothing left out; in words where that would be too long, or
// is not known.
std::string Concurrently(const Look& look, const IndexFacts& index) {
  if (look.IsPartitioned(index.table)) return OnlyFirst(look, index);
  std::string whole = absl::StrCat(
      "write CREATE ", index.unique ? "UNIQUE " : "", "INDEX CONCURRENTLY ",
      look.facts.if_not_exists ? "IF NOT EXISTS " : "", look.Sql(NameFor(index, index.table)), " ",
      index.rest, ", in a migration of its own");
  const bool fits = !index.rest.empty() && whole.size() <= kMostAdviceBytes;
  return fits ? whole : "write CONCURRENTLY behind INDEX, in a migration of its own";
}

void NotConcurrent(const Look& look) {
  if (!look.is(Verb::kCreateIndex)) return;
  for (const IndexFacts& index : look.facts.indexes) {
    if (look.facts.concurrently && look.IsPartitioned(index.table)) {
      look.ReportOn(index.table, LintId::kPartitionedRefusal,
                    absl::StrCat("PostgreSQL refuses CREATE INDEX CONCURRENTLY on ",
                                 look.Sql(index.table), ", which is partitioned"),
                    OnlyFirst(look, index));
    }
    if (index.concurrently || look.facts.concurrently || look.IsNew(index.table)) continue;
    if (IsOfNoRows(look, index)) continue;
    const std::string table = look.Sql(index.table);
    look.ReportOn(index.table, LintId::kIndexNotConcurrent,
                  absl::StrCat("CREATE INDEX on ", table, " blocks writes to it while it runs"),
                  Concurrently(look, index));
  }
}

void DropIndex(const Look& look) {
  if (!look.is(Verb::kDropIndex) || look.facts.concurrently) return;
  std::vector<Name> names = look.facts.objects;
  if (names.empty()) {
    for (const IndexFacts& index : look.facts.indexes) names.push_back({"", index.name});
  }
  for (const Name& name : names) {
    if (look.script.MadeIndex(Name(), name)) continue;
    const bool partitioned = IsOfPartitioned(look, name);
    if (partitioned && WaitsNotLong(look)) continue;
    look.Report(LintId::kDropIndexNotConcurrent,
                absl::StrCat("DROP INDEX ", look.Sql(name),
                             " locks its table against reads and "
                             "writes"),
                partitioned
                    ? "of a partitioned table there is no safe form: set a short lock_timeout, and "
                      "try again"
                    : absl::StrCat("write DROP INDEX CONCURRENTLY ",
                                   look.facts.if_exists ? "IF EXISTS " : "", look.Sql(name),
                                   ", in a migration of its own"));
  }
}

void Reindex(const Look& look) {
  if (!look.is(Verb::kReindex) || look.facts.concurrently) return;
  const std::string kind = absl::AsciiStrToUpper(look.facts.object_type);
  const std::string what = look.table().name.empty() ? "the index" : look.Sql(look.table());
  const std::string message =
      absl::StrCat("REINDEX of ", what, " blocks writes, and reads by the index");
  if (kind == "SYSTEM") {
    return look.Report(
        LintId::kReindexNotConcurrent, message,
        "PostgreSQL has no safe form for its catalogs: do it in a maintenance window");
  }
  if (look.table().name.empty() || look.facts.has_options) {
    return look.Report(LintId::kReindexNotConcurrent, message,
                       "write CONCURRENTLY in front of the name");
  }
  look.Report(
      LintId::kReindexNotConcurrent, message,
      absl::StrCat("write REINDEX ", kind.empty() ? "INDEX" : kind, " CONCURRENTLY ", what));
}

// What of each row has to differ, as SQL: a column, a part of it, an expression.
const std::vector<std::string>& KeysOf(const Look& look, const IndexFacts& index,
                                       std::vector<std::string>* columns) {
  if (!index.keys.empty()) return index.keys;
  for (const std::string& column : index.columns)
    columns->push_back(look.Sql(std::vector<std::string>{column}));
  return *columns;
}

// The condition of a partial index, and that its keys are not NULL: NULLs are no duplicates of each
// other, and GROUP BY takes them for some. Columns that are known to hold none need no word.
std::string RowsOf(const Look& look, const LiveTable* live, const IndexFacts& index,
                   const std::vector<std::string>& keys) {
  std::string where;
  if (!index.where.empty()) where = absl::StrCat(" WHERE (", index.where, ")");
  for (size_t i = 0; i < keys.size() && !index.nulls_not_distinct; ++i) {
    const LiveColumn* known =
        live == nullptr || i >= index.columns.size() ? nullptr : live->Column(index.columns[i]);
    if (known != nullptr && !known->nullable) continue;
    absl::StrAppend(&where, where.empty() ? " WHERE " : " AND ", keys[i], " IS NOT NULL");
  }
  return where;
}

}  // namespace

void ReportUniqueOnExisting(const Look& look, const Name& table, const IndexFacts& index) {
  if (!index.unique || index.using_index || look.IsNew(table)) return;
  if (index.primary && !look.facts.ignore) return;
  const LiveTable* live = look.Live(table);
  // PostgreSQL counts no rows of a partitioned table itself; who says that it is one has added up
  // those of its partitions.
  const bool counted =
      live != nullptr && (live->partitioned.has_value() || !look.IsPartitioned(table));
  if (counted && live->rows == 0) return;
  std::vector<std::string> columns;
  const std::vector<std::string>& keys = KeysOf(look, index, &columns);
  const std::string list = absl::StrJoin(keys, ", ");
  const std::string message =
      look.facts.ignore ? absl::StrCat(
                              "ALTER IGNORE deletes, without an error, all but one of the "
                              "rows of ",
                              look.Sql(table), " that agree in ", list)
                        : absl::StrCat("a unique key over ", list, " of ", look.Sql(table),
                                       " fails if there are duplicates");
  const std::string probe = absl::StrCat(
      "first: SELECT ", list, ", COUNT(*) FROM ", look.Sql(table), RowsOf(look, live, index, keys),
      " GROUP BY ", list, " HAVING COUNT(*) > 1 must give nothing");
  // A query of which a part is not known would find others.
  const bool known = (!index.partial || !index.where.empty()) && probe.size() <= kMostAdviceBytes;
  look.ReportOn(table, LintId::kUniqueOnExisting, message,
                known ? probe
                      : "first count, among the rows that the index will hold, those that agree "
                        "in all of its parts: there may be no two of them");
}

namespace {

void UniqueOnExisting(const Look& look) {
  if (look.is(Verb::kCreateIndex)) {
    for (const IndexFacts& index : look.facts.indexes) {
      if (!IsOfNoRows(look, index)) ReportUniqueOnExisting(look, index.table, index);
    }
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.kind == AlterationKind::kAddIndex && alteration.index.has_value()) {
      if (alteration.only && look.IsPartitioned(look.table())) continue;
      ReportUniqueOnExisting(look, look.table(), *alteration.index);
    }
  }
}

void ReportVisible(const Look& look, const Name& table, const std::string& name) {
  if (look.script.MadeIndex(table, {table.schema, name})) return;
  if (look.TakesBack(Made::What::kIndex, table, name) ||
      look.TakesBack(Made::What::kTable, table)) {
    return;
  }
  if (const LiveTable* live = look.Live(table)) {
    const LiveIndex* index = live->Index(name);
    if (index != nullptr && index->invisible) return;
  }
  if (look.script.MadeInvisible(name)) {
    return look.ReportOn(table, LintId::kDropVisibleIndex,
                         absl::StrCat("the index ", look.Sql(name), " of ", look.Sql(table),
                                      " is dropped in the script that made it invisible, before "
                                      "any query could miss it"),
                         "drop it in a later migration, once it is known that no query needs it");
  }
  const bool maria = look.target.dialect == Dialect::kMariaDb;
  look.ReportOn(table, LintId::kDropVisibleIndex,
                absl::StrCat("the index ", look.Sql(name), " of ", look.Sql(table),
                             " is dropped without having been invisible first"),
                absl::StrCat("write ALTER TABLE ", look.Sql(table), " ALTER INDEX ", look.Sql(name),
                             maria ? " IGNORED" : " INVISIBLE", ", wait, then drop it"));
}

void DropVisible(const Look& look) {
  // Neither MySQL 5.7 nor MariaDB 10.5 can hide an index.
  const Version since =
      look.target.dialect == Dialect::kMariaDb ? Version{10, 6, 0} : Version{8, 0, 0};
  if (look.target.version.known() && !look.AtLeast(since)) return;
  if (look.is(Verb::kDropIndex)) {
    for (const IndexFacts& index : look.facts.indexes) ReportVisible(look, index.table, index.name);
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.kind == AlterationKind::kDropIndex) {
      ReportVisible(look, look.table(), alteration.name);
    }
  }
}

// At the end of the script ------------------------------------------------------------------------

constexpr size_t kMaxIndexes = 200;  // More than any server lets a table have.

struct Known {
  int statement;  // -1: live.
  IndexFacts index;
};

bool MayBeDropped(const WholeLook& look, const LiveTable& live, const LiveIndex& index) {
  return look.script.dropped_indexes().MayHave(live, index) ||
         (look.schema != nullptr && look.schema->dropped_indexes().MayHave(live, index));
}

bool HasName(const Target& target, const std::string& one, const std::string& other) {
  return target.postgres() ? one == other : absl::EqualsIgnoreCase(one, other);
}

// A table has one index of a name, so that one that was made again is the live one, or stands in
// its place.
std::vector<Known> IndexesOf(const WholeLook& look, const TableState& table,
                             const LiveTable* live) {
  std::vector<Known> all;
  if (live != nullptr && !table.is_made()) {
    for (const LiveIndex& index : live->indexes) {
      if (MayBeDropped(look, *live, index)) continue;
      IndexFacts facts;
      facts.name = index.name;
      facts.columns = index.columns;
      facts.unique = index.unique || index.primary;
      facts.primary = index.primary;
      facts.ignored = index.invisible;
      all.push_back({-1, std::move(facts)});
    }
  }
  for (const auto& part : table.indexes) {
    if (part.facts.using_index) continue;
    const bool there =
        !part.facts.name.empty() && std::any_of(all.begin(), all.end(), [&](const Known& known) {
          return known.statement < 0 && HasName(look.target, known.index.name, part.facts.name);
        });
    if (!there) all.push_back({part.statement, part.facts});
  }
  return all;
}

bool IsComparable(const IndexFacts& index) {
  return !index.special && !index.partial && !index.ignored && index.prefixes.empty() &&
         !index.columns.empty();
}

bool IsDescending(const IndexFacts& index, size_t i) {
  return std::find(index.descending.begin(), index.descending.end(), index.columns[i]) !=
         index.descending.end();
}

// Whether the columns that both have are sorted alike, or each the other way: then the index can be
// read from its end. MariaDB sorts by DESC from 10.8 on; what it ignored before, it does not then.
bool SortAlike(const IndexFacts& index, const IndexFacts& other) {
  size_t alike = 0;
  for (size_t i = 0; i < index.columns.size(); ++i) {
    if (IsDescending(index, i) == IsDescending(other, i)) ++alike;
  }
  return alike == 0 || alike == index.columns.size();
}

// Column by column in order: for an index order matters.
bool Begins(const std::vector<std::string>& longer, const std::vector<std::string>& shorter) {
  return shorter.size() <= longer.size() &&
         std::equal(shorter.begin(), shorter.end(), longer.begin(),
                    [](const std::string& a, const std::string& b) {
                      return absl::EqualsIgnoreCase(a, b);
                    });
}

// Whether `index` is of no use beside `other`. A unique one says something about the rows.
bool IsCovered(const IndexFacts& index, const IndexFacts& other) {
  if (!IsComparable(index) || !IsComparable(other)) return false;
  const bool same = index.columns.size() == other.columns.size();
  return Begins(other.columns, index.columns) && SortAlike(index, other) &&
         (!index.unique || (same && other.unique));
}

void ReportCovered(const WholeLook& look, const TableState& table, const Known& useless,
                   const IndexFacts& other) {
  const bool same = useless.index.columns.size() == other.columns.size();
  const std::string name = SqlName(look.target, table.name);
  const std::string index = ShownName(look.target, useless.index, table.name);
  const std::string drop = useless.index.name.empty()
                               ? absl::StrCat("leave out ", index)
                               : absl::StrCat("leave ", index, " out, or drop it");
  look.reporter.Report(
      same ? LintId::kDuplicateIndex : LintId::kRedundantIndex, useless.statement, table.name,
      absl::StrCat(index, " of ", name, same ? " repeats " : " is the beginning of ",
                   ShownName(look.target, other, table.name)),
      drop);
}

void Useless(const WholeLook& look, const TableState& table, const std::vector<Known>& all) {
  const size_t count = std::min(all.size(), kMaxIndexes);
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < count; ++j) {
      if (i == j || all[i].index.primary || !IsCovered(all[i].index, all[j].index)) continue;
      // What was run already is not held against what it made.
      if (look.applied && (all[i].statement < 0 || all[j].statement < 0)) continue;
      // Of two alike the later one is of no use.
      const bool alike = IsCovered(all[j].index, all[i].index) && !all[j].index.primary;
      if (alike && i < j) continue;
      Known useless = all[i];
      if (useless.statement < 0) useless.statement = all[j].statement;
      if (useless.statement < 0) continue;  // Both live: not this script's doing.
      ReportCovered(look, table, useless, all[j].index);
      break;
    }
  }
}

void WithoutIndex(const WholeLook& look, const TableState& table, const std::vector<Known>& all,
                  bool sure) {
  for (const auto& part : table.foreign_keys) {
    const ForeignKeyFacts& key = part.facts;
    if (key.columns.empty()) continue;
    const auto end = all.begin() + static_cast<ptrdiff_t>(std::min(all.size(), kMaxIndexes));
    const bool indexed = std::any_of(all.begin(), end, [&](const Known& known) {
      return LeadsWith(known.index.columns, key.columns);
    });
    if (indexed) continue;
    const std::string name = SqlName(look.target, table.name);
    const std::string columns = SqlNames(look.target, key.columns);
    const std::string index = SqlName(look.target, MadeUpName("idx", table.name, key.columns));
    const std::string parts = absl::StrCat("(", columns, ")");
    const bool partitioned =
        IsPartitioned(look.target, look.snapshot, look.script, look.schema, table.name);
    look.reporter.Report(
        LintId::kFkWithoutIndex, part.statement, table.name,
        absl::StrCat("no index of ", name, " begins with ", columns, ", the foreign key to ",
                     SqlName(look.target, key.parent),
                     sure ? "" : ", unless there is one that this script does not show"),
        absl::StrCat("write ", table.is_new()
                                   ? absl::StrCat("CREATE INDEX ", index, " ON ", name, " ", parts)
                                   : IndexWhileOthersWrite(look.target, partitioned, index,
                                                           table.name, parts)));
  }
}

}  // namespace

void CheckIndexes(const Look& look) {
  NotConcurrent(look);
  DropIndex(look);
  Reindex(look);
  UniqueOnExisting(look);
  DropVisible(look);
}

void CheckIndexesAtEnd(const WholeLook& look) {
  for (const TableState& table : look.script.tables()) {
    const LiveTable* live = FindLive(look.target, look.snapshot, table.name);
    std::vector<Known> all = IndexesOf(look, table, live);
    for (Known& known : all) {
      if (look.script.MadeInvisible(known.index.name)) known.index.ignored = true;
    }
    Useless(look, table, all);
    // Without live facts nobody knows what indexes an old table has; a copy has the original's.
    WithoutIndex(look, table, all, (table.is_made() && !table.copied) || live != nullptr);
  }
}

}  // namespace dbfleet::sql
