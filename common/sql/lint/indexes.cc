#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

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

void NotConcurrent(const Look& look) {
  if (!look.is(Verb::kCreateIndex)) return;
  for (const IndexFacts& index : look.facts.indexes) {
    if (index.concurrently || look.facts.concurrently || look.IsNew(index.table)) continue;
    const std::string table = look.Sql(index.table);
    look.ReportOn(
        index.table, LintId::kIndexNotConcurrent,
        absl::StrCat("CREATE INDEX on ", table, " blocks writes to it while it runs"),
        absl::StrCat("write CREATE ", index.unique ? "UNIQUE " : "", "INDEX CONCURRENTLY ",
                     look.Sql(NameFor(index, index.table)), " ON ", table,
                     index.special ? " USING its method" : "", " (", look.Sql(index.columns), ")",
                     index.partial ? " WHERE ..." : "", ", in a migration of its own"));
  }
}

void DropIndex(const Look& look) {
  if (!look.is(Verb::kDropIndex) || look.facts.concurrently) return;
  std::vector<Name> names = look.facts.objects;
  if (names.empty()) {
    for (const IndexFacts& index : look.facts.indexes) names.push_back({"", index.name});
  }
  for (const Name& name : names) {
    if (look.script.MadeIndex(name.name)) continue;
    look.Report(
        LintId::kDropIndexNotConcurrent,
        absl::StrCat("DROP INDEX ", look.Sql(name),
                     " locks its table against reads and "
                     "writes"),
        absl::StrCat("write DROP INDEX CONCURRENTLY ", look.facts.if_exists ? "IF EXISTS " : "",
                     look.Sql(name), ", in a migration of its own"));
  }
}

void Reindex(const Look& look) {
  if (!look.is(Verb::kReindex) || look.facts.concurrently) return;
  const std::string kind = absl::AsciiStrToUpper(look.facts.object_type);
  const std::string what = look.table().name.empty() ? "the index" : look.Sql(look.table());
  look.Report(
      LintId::kReindexNotConcurrent,
      absl::StrCat("REINDEX of ", what, " blocks writes, and reads by the index"),
      absl::StrCat("write REINDEX ", kind.empty() ? "INDEX" : kind, " CONCURRENTLY ", what));
}

// NULLs are no duplicates of each other, and GROUP BY takes them for some. Columns that are known
// to hold none need no word.
std::string WithoutNulls(const Look& look, const LiveTable* live, const IndexFacts& index) {
  if (index.nulls_not_distinct) return "";
  std::string where;
  for (const std::string& column : index.columns) {
    const LiveColumn* known = live == nullptr ? nullptr : live->Column(column);
    if (known != nullptr && !known->nullable) continue;
    absl::StrAppend(&where, where.empty() ? " WHERE " : " AND ", look.Sql(column), " IS NOT NULL");
  }
  return where;
}

void ReportUnique(const Look& look, const Name& table, const IndexFacts& index) {
  if (!index.unique || index.primary || index.using_index || look.IsNew(table)) return;
  const LiveTable* live = look.Live(table);
  if (live != nullptr && live->rows == 0) return;
  const std::string columns = look.Sql(index.columns);
  look.ReportOn(table, LintId::kUniqueOnExisting,
                absl::StrCat("a unique key over ", columns, " of ", look.Sql(table),
                             " fails if there are duplicates"),
                absl::StrCat("first: SELECT ", columns, ", COUNT(*) FROM ", look.Sql(table),
                             WithoutNulls(look, live, index), " GROUP BY ", columns,
                             " HAVING COUNT(*) > 1 must give nothing"));
}

void UniqueOnExisting(const Look& look) {
  if (look.is(Verb::kCreateIndex)) {
    for (const IndexFacts& index : look.facts.indexes) ReportUnique(look, index.table, index);
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.kind == AlterationKind::kAddIndex && alteration.index.has_value()) {
      ReportUnique(look, look.table(), *alteration.index);
    }
  }
}

void ReportVisible(const Look& look, const Name& table, const std::string& name) {
  if (look.script.MadeIndex(name) || look.script.MadeInvisible(name)) return;
  if (const LiveTable* live = look.Live(table)) {
    const LiveIndex* index = live->Index(name);
    if (index != nullptr && index->invisible) return;
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

std::vector<Known> IndexesOf(const TableState& table, const LiveTable* live) {
  std::vector<Known> all;
  if (live != nullptr && !table.is_new()) {
    for (const LiveIndex& index : live->indexes) {
      IndexFacts facts;
      facts.name = index.name;
      facts.columns = index.columns;
      facts.unique = index.unique || index.primary;
      facts.primary = index.primary;
      all.push_back({-1, std::move(facts)});
    }
  }
  for (const auto& part : table.indexes) {
    if (!part.facts.using_index) all.push_back({part.statement, part.facts});
  }
  return all;
}

bool IsComparable(const IndexFacts& index) {
  return !index.special && !index.partial && index.prefixes.empty() && !index.columns.empty();
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
  return Begins(other.columns, index.columns) && (!index.unique || (same && other.unique));
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
    look.reporter.Report(
        LintId::kFkWithoutIndex, part.statement, table.name,
        absl::StrCat("no index of ", name, " begins with ", columns, ", the foreign key to ",
                     SqlName(look.target, key.parent),
                     sure ? "" : ", unless there is one that this script does not show"),
        absl::StrCat("write CREATE INDEX ", table.is_new() ? "" : "CONCURRENTLY ",
                     SqlName(look.target, MadeUpName("idx", table.name, key.columns)), " ON ", name,
                     " (", columns, ")"));
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
    const std::vector<Known> all = IndexesOf(table, live);
    Useless(look, table, all);
    // Without live facts nobody knows what indexes an old table has; a copy has the original's.
    WithoutIndex(look, table, all, (table.is_new() && !table.copied) || live != nullptr);
  }
}

}  // namespace dbfleet::sql
