#include "common/sql/lint/partitions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace dbfleet::sql {

std::string IndexWhileOthersWrite(const Target& target, bool partitioned, absl::string_view index,
                                  const Name& table, absl::string_view parts) {
  const std::string on = absl::StrCat(SqlName(target, table), " ", parts);
  if (!target.postgres()) return absl::StrCat("CREATE INDEX ", index, " ON ", on);
  if (!partitioned) return absl::StrCat("CREATE INDEX CONCURRENTLY ", index, " ON ", on);
  return absl::StrCat("CREATE INDEX ", index, " ON ONLY ", on,
                      OnEachPartition(target, table, index, "CREATE INDEX CONCURRENTLY"));
}

std::string OnEachPartition(const Target& target, const Name& table, absl::string_view index,
                            absl::string_view what) {
  const std::string schema =
      table.schema.empty() ? "" : absl::StrCat(SqlName(target, table.schema), ".");
  return absl::StrCat("; then on each partition, in a migration of its own, ", what,
                      " of the same, and ALTER INDEX ", schema, index,
                      " ATTACH PARTITION with the name of that one");
}

bool IsOfPartitioned(const Look& look, const Name& index) {
  const TableState* const table = look.script.TableOf(index);
  if (table != nullptr) return look.IsPartitioned(table->name);
  if (look.schema != nullptr && look.schema->IsOfPartitioned(index)) return true;
  if (look.snapshot == nullptr || look.script.MadeIndex(Name(), index)) return false;
  // Of several in several schemas nobody knows which is meant.
  const bool one = !index.schema.empty() || look.snapshot->TablesOfIndex(index.name).size() == 1;
  return one && look.snapshot->IsOfPartitioned(index);
}

void RefusedForeignKey(const Look& look, const Alteration& alteration, const std::string& advice) {
  if (!look.IsPartitioned(look.table()) || look.AtLeast({18, 0, 0})) return;
  if (!alteration.not_valid && !alteration.foreign_key->not_valid) return;
  look.Report(LintId::kPartitionedRefusal,
              absl::StrCat("PostgreSQL before 18 refuses a foreign key NOT VALID of ",
                           look.Sql(look.table()), ", which is partitioned"),
              advice);
}

bool TakesOnly(const Look& look, const Alteration& alteration) {
  return alteration.only && !look.IsPartitioned(look.table());
}

std::vector<std::string> LackedOfPartitionKey(const Look& look, const Name& table,
                                              const IndexFacts& index) {
  const TableState* state = look.postgres() ? look.script.Find(table) : nullptr;
  const bool known = state != nullptr && !state->key_in_doubt && !state->may_have_existed;
  if (!known || !(index.unique || index.primary) || index.using_index || index.columns.empty()) {
    return {};
  }
  std::vector<std::string> lacked;
  for (const std::string& column : state->partition_key) {
    if (column.empty()) return {};  // An expression.
    if (!HoldsColumn(index.columns, column)) lacked.push_back(column);
  }
  return lacked;
}

namespace {

void RefusedKey(const Look& look, const Name& table, const IndexFacts& index) {
  const std::vector<std::string> lacked = LackedOfPartitionKey(look, table, index);
  if (lacked.empty()) return;
  look.ReportOn(table, LintId::kPartitionedRefusal,
                absl::StrCat("PostgreSQL refuses a unique key of ", look.Sql(table), " without ",
                             look.Sql(lacked), ", by which the table is partitioned"),
                absl::StrCat("write ", look.Sql(lacked),
                             " among its columns too; over the others alone there can be one of "
                             "each partition only"));
}

void RefusedDrop(const Look& look) {
  for (const Name& index : look.facts.objects) {
    if (!IsOfPartitioned(look, index)) continue;
    look.ReportOn(index, LintId::kPartitionedRefusal,
                  absl::StrCat("PostgreSQL refuses to drop ", look.Sql(index),
                               " CONCURRENTLY, for it is a partitioned table's index"),
                  absl::StrCat("set a short lock_timeout, write DROP INDEX ",
                               look.facts.if_exists ? "IF EXISTS " : "", look.Sql(index),
                               ", and try again where it fails"));
  }
}

// From PostgreSQL 14 on it goes through the partitions.
void RefusedReindex(const Look& look) {
  if (!look.target.version.known() || look.AtLeast({14, 0, 0})) return;
  const std::string& kind = look.facts.object_type;
  const bool index = kind == "index" && IsOfPartitioned(look, look.table());
  if (!index && !(kind == "table" && look.IsPartitioned(look.table()))) return;
  look.Report(LintId::kPartitionedRefusal,
              absl::StrCat("PostgreSQL 13 and older do not reindex ", look.Sql(look.table()),
                           index ? ", a partitioned table's index" : ", which is partitioned"),
              absl::StrCat("write REINDEX ", index ? "INDEX" : "TABLE",
                           " CONCURRENTLY of each partition's, one by one"));
}

}  // namespace

void RefusedOfPartitioned(const Look& look) {
  if (!look.postgres()) return;
  if (look.is(Verb::kDropIndex) && look.facts.concurrently) RefusedDrop(look);
  if (look.is(Verb::kReindex) && look.facts.concurrently) RefusedReindex(look);
  if (look.is(Verb::kCreateIndex)) {
    for (const IndexFacts& index : look.facts.indexes) RefusedKey(look, index.table, index);
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (look.is(Verb::kAlterTable) && alteration.kind == AlterationKind::kAddIndex &&
        alteration.index.has_value()) {
      RefusedKey(look, look.table(), *alteration.index);
    }
    const bool by_index = look.is(Verb::kAlterTable) && alteration.index.has_value() &&
                          alteration.index->using_index && look.IsPartitioned(look.table());
    if (!by_index) continue;
    look.Report(LintId::kPartitionedRefusal,
                absl::StrCat("PostgreSQL refuses a key USING INDEX of ", look.Sql(look.table()),
                             ", which is partitioned"),
                absl::StrCat("write ", look.Alter(true), "ADD CONSTRAINT ",
                             look.Sql(alteration.name), " with its columns",
                             OnEachPartition(look.target, look.table(), look.Sql(alteration.name),
                                             "CREATE UNIQUE INDEX CONCURRENTLY, ADD ... USING "
                                             "INDEX")));
  }
}

bool WaitsNotLong(const Look& look) { return look.script.has_setting("lock_timeout"); }

namespace {

// Whether what the rows are known to be says that they lie within the bound, and that the column is
// not NULL, which a partition's are not. Of a key of several columns, of a partition by hash and of
// the default one nothing is known to say so.
bool ProvesBound(const std::vector<CheckTerm>& terms, const PartitionBound& bound,
                 const std::string& column, bool not_null) {
  bool from = !bound.from.has_value();
  bool to = !bound.to.has_value();
  bool listed = false;
  for (const CheckTerm& term : terms) {
    if (term.column != column) continue;
    if (term.kind == CheckTerm::kNotNull) not_null = true;
    if (term.kind == CheckTerm::kAtLeast && bound.from == term.values[0]) from = true;
    if (term.kind == CheckTerm::kBelow && bound.to == term.values[0]) to = true;
    if (term.kind != CheckTerm::kIn) continue;
    listed =
        listed || std::all_of(term.values.begin(), term.values.end(), [&](const auto& value) {
          return std::find(bound.values.begin(), bound.values.end(), value) != bound.values.end();
        });
  }
  return not_null && (bound.is_range ? from && to : listed);
}

// The key is known if the script made the parent; else it is any column of which all of that is
// said.
bool IsProven(const Look& look, const Name& table, const TableState& partition,
              const PartitionBound& bound) {
  const TableState* parent = look.script.Find(look.table());
  if (parent != nullptr && parent->key_in_doubt) return false;
  const std::vector<std::string> key =
      parent == nullptr ? std::vector<std::string>() : parent->partition_key;
  std::vector<CheckTerm> terms;
  for (const TableState::Check& check : partition.checks) {
    if (check.holds) terms.insert(terms.end(), check.terms.begin(), check.terms.end());
  }
  const LiveTable* live = look.Live(table);
  return std::any_of(terms.begin(), terms.end(), [&](const CheckTerm& term) {
    const bool as_before = !look.script.forgot() && look.script.IsAsBefore(table, term.column) &&
                           look.script.IsNameUntouched(term.column);
    const LiveColumn* known = live == nullptr || !as_before ? nullptr : live->Column(term.column);
    return term.kind != CheckTerm::kNotNull &&
           (key.empty() || (key.size() == 1 && key[0] == term.column)) &&
           ProvesBound(terms, bound, term.column, known != nullptr && !known->nullable);
  });
}

}  // namespace

void AttachPartition(const Look& look, const Alteration& alteration) {
  if (!look.is(Verb::kAlterTable)) return;  // ALTER INDEX reads no rows.
  const Name table = {alteration.schema, alteration.name};
  const TableState* partition = look.script.Find(table);
  if (look.IsNew(table)) return;
  const bool proven = partition != nullptr && alteration.bound.has_value() &&
                      IsProven(look, table, *partition, *alteration.bound);
  if (proven) return;
  const std::string name = look.Sql(table);
  const std::string check = look.Sql(MadeUpName("chk", table, {"bounds"}));
  // It is the partition whose rows are read.
  look.ReportOn(table, LintId::kAttachPartition,
                absl::StrCat("ATTACH PARTITION ", name, " to ", look.Sql(look.table()),
                             " reads all of it under a lock"),
                absl::StrCat("write first ALTER TABLE ", name, " ADD CONSTRAINT ", check,
                             alteration.default_partition
                                 ? " CHECK that no row lies in the bounds of another partition, "
                                 : " CHECK with the partition's bounds, and that its key IS NOT "
                                   "NULL, ",
                             "NOT VALID, and VALIDATE it"));
}

void DetachPartition(const Look& look, const Alteration& alteration) {
  // FINALIZE ends what CONCURRENTLY began.
  if (alteration.concurrently || alteration.finalize) return;
  const TableState* parent = look.script.Find(look.table());
  const bool beside_default = parent != nullptr && parent->default_partition;
  if (beside_default && WaitsNotLong(look)) return;
  const bool old = look.target.version.known() && !look.AtLeast(Version{14, 0, 0});
  const std::string name = look.Sql(Name{alteration.schema, alteration.name});
  const char* const instead = "set a short lock_timeout, and try again";
  look.Report(
      LintId::kDetachPartition,
      absl::StrCat("DETACH PARTITION ", name, " locks ", look.Sql(look.table()),
                   " against reads and writes"),
      old ? absl::StrCat("PostgreSQL 13 has no safe form: ", instead)
      : beside_default
          ? absl::StrCat("beside a default partition there is no safe form: ", instead)
          : absl::StrCat("write ", look.Alter(), "DETACH PARTITION ", name,
                         " CONCURRENTLY; beside a default partition, where the server refuses "
                         "that, ",
                         instead));
}

}  // namespace dbfleet::sql
