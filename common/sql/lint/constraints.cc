#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/live_effects.h"
#include "common/sql/lint/partitions.h"

// Keys and checks.
namespace dbfleet::sql {
namespace {

std::string NameOr(const std::string& name, const std::string& made_up) {
  return name.empty() ? made_up : name;
}

std::string Validate(const Look& look, const std::string& name) {
  return absl::StrCat("; in a later migration ", look.Alter(), "VALIDATE CONSTRAINT ", name);
}

// Those of the columns that are not known to be NOT NULL: a PRIMARY KEY reads all rows for their
// sake, with an index as well.
std::string Nullable(const Look& look, const std::vector<std::string>& columns) {
  std::vector<std::string> nullable;
  const LiveTable* live = look.Live(look.table());
  for (const std::string& column : columns) {
    const LiveColumn* known = live == nullptr ? nullptr : live->Column(column);
    if (known == nullptr || known->nullable) nullable.push_back(column);
  }
  return look.Sql(nullable);
}

// PRIMARY KEY and UNIQUE as constraints, which no CONCURRENTLY helps.
void AddKey(const Look& look, const Alteration& alteration) {
  if (!alteration.index.has_value() || !look.postgres()) return;
  const IndexFacts& index = *alteration.index;
  if (index.using_index || look.IsNew(look.table()) || (!index.primary && !index.unique)) return;
  if (!LackedOfPartitionKey(look, look.table(), index).empty()) return;  // It is refused.
  const bool partitioned = look.IsPartitioned(look.table());
  if (partitioned && alteration.only) return;  // It has no rows of its own.
  const std::string table = look.Sql(look.table());
  const std::string name = look.Sql(
      NameOr(index.name, MadeUpName(index.primary ? "pk" : "uq", look.table(), index.columns)));
  const std::string columns = look.Sql(index.columns);
  const std::string what = index.primary ? "PRIMARY KEY" : "UNIQUE";
  const std::string message = absl::StrCat("ADD ", what, " (", columns, ") on ", table,
                                           " builds its index while nobody may use the table");
  const std::string nullable = index.primary ? Nullable(look, index.columns) : "";
  const std::string first = nullable.empty()
                                ? "write "
                                : absl::StrCat("first set NOT NULL on ", nullable,
                                               ", as dbf-set-not-null says; then write ");
  const auto advice = [&](absl::string_view rest) {
    if (partitioned) {
      return absl::StrCat(first, look.Alter(true), "ADD CONSTRAINT ", name, " ", rest,
                          OnEachPartition(look.target, look.table(), name,
                                          absl::StrCat("CREATE UNIQUE INDEX CONCURRENTLY, ADD ",
                                                       what, " USING INDEX")));
    }
    return absl::StrCat(first, "CREATE UNIQUE INDEX CONCURRENTLY ", name, " ", rest, "; then ",
                        look.Alter(alteration.only), "ADD CONSTRAINT ", name, " ", what,
                        " USING INDEX ", name, index.attributes);
  };
  const std::string& rest = partitioned ? alteration.definition : index.rest;
  const std::string whole = advice(rest);
  const bool fits = !rest.empty() && whole.size() <= kMostAdviceBytes;
  look.Report(index.primary ? LintId::kAddPrimaryKey : LintId::kUniqueConstraint, message,
              fits ? whole : advice("with all that the constraint says"));
}

// The same beside a new column, which has no rows to be read without it.
void ColumnKeys(const Look& look, const ColumnFacts& column) {
  if (!look.postgres() || look.IsNew(look.table())) return;
  const std::string table = look.Sql(look.table());
  const std::string added = look.Sql(column.name);
  if (column.unique || column.primary_key) {
    const char* what = column.primary_key ? "PRIMARY KEY" : "UNIQUE";
    const std::string name =
        look.Sql(NameOr(column.key_name,
                        MadeUpName(column.primary_key ? "pk" : "uq", look.table(), {column.name})));
    const std::string index =
        column.key_has_more
            ? absl::StrCat("make the index ", name,
                           " of it with CREATE UNIQUE INDEX CONCURRENTLY, ",
                           "and of that the constraint with USING INDEX, with all that is said of "
                           "the key")
            : absl::StrCat("write CREATE UNIQUE INDEX CONCURRENTLY ", name, " ON ", table, " (",
                           added, "); then ", look.Alter(), "ADD CONSTRAINT ", name, " ", what,
                           " USING INDEX ", name);
    look.Report(column.primary_key ? LintId::kAddPrimaryKey : LintId::kUniqueConstraint,
                absl::StrCat("the new column ", added, " of ", table, " is ", what,
                             ", whose index is built while nobody may use the table"),
                absl::StrCat("add ", added, " without ", what,
                             column.primary_key ? ", fill it in batches, make it NOT NULL" : "",
                             "; then ", index));
  }
  if (!column.check) return;
  const std::string name =
      look.Sql(NameOr(column.check_name, MadeUpName("chk", look.table(), {column.name})));
  look.Report(LintId::kCheckNotValid,
              absl::StrCat("the CHECK of the new column ", added, " of ", table,
                           " reads the whole table while nobody may use it"),
              absl::StrCat("add ", added, " without CHECK; then ", look.Alter(), "ADD CONSTRAINT ",
                           name, " with the same CHECK and NOT VALID", Validate(look, name)));
}

// ADD CONSTRAINT name with all that was written, and NOT VALID; with words in the place of what is
// too long, or not known.
std::string NotValid(const Look& look, const Alteration& alteration, const std::string& name) {
  const std::string add =
      absl::StrCat(look.Alter(TakesOnly(look, alteration)), "ADD CONSTRAINT ", name);
  const auto advice = [&](absl::string_view definition) {
    return absl::StrCat("write ", add, " ", definition, " NOT VALID", Validate(look, name));
  };
  const std::string whole = advice(alteration.definition);
  const bool fits = !alteration.definition.empty() && whole.size() <= kMostAdviceBytes;
  return fits ? whole : advice("with all that it says and");
}

// Behind keys of its partitions that hold, that of the whole reads no row. PostgreSQL 18 takes NOT
// VALID of the whole.
bool IsCheckedByPartition(const Look& look) {
  return look.IsPartitioned(look.table()) && !look.AtLeast({18, 0, 0});
}

std::string ByPartition(const Look& look, const std::string& name, absl::string_view definition) {
  const auto advice = [&](absl::string_view key) {
    return absl::StrCat("write of each partition first ADD CONSTRAINT ", name, " ", key,
                        " NOT VALID, in a later migration VALIDATE CONSTRAINT ", name,
                        "; then, behind the line -- dbfleet:ignore dbf-fk-not-valid its "
                        "partitions have it, ",
                        look.Alter(), "ADD CONSTRAINT ", name, " ", key);
  };
  const std::string whole = advice(definition);
  const bool fits = !definition.empty() && whole.size() <= kMostAdviceBytes;
  return fits ? whole : advice("with all that it says");
}

void ReportForeignKey(const Look& look, const ForeignKeyFacts& key, std::string advice) {
  look.Report(
      LintId::kFkNotValid,
      absl::StrCat("the foreign key of ", look.Sql(look.table()), " to ", look.Sql(key.parent),
                   " checks all rows while both tables take no "
                   "writes"),
      std::move(advice));
}

std::string ForeignKeyName(const Look& look, const ForeignKeyFacts& key,
                           const std::string& given_name) {
  return look.Sql(
      NameOr(given_name, NameOr(key.name, MadeUpName("fk", look.table(), {key.parent.name}))));
}

void FkNotValid(const Look& look, const Alteration& alteration) {
  const ForeignKeyFacts& key = *alteration.foreign_key;
  if (!look.postgres()) return;
  const std::string name = ForeignKeyName(look, key, alteration.name);
  if (key.not_valid || alteration.not_valid) {
    absl::string_view definition = alteration.definition;
    absl::ConsumeSuffix(&definition, " NOT VALID");
    if (absl::EndsWithIgnoreCase(definition, "NOT VALID")) definition = "";
    return RefusedForeignKey(look, alteration, ByPartition(look, name, definition));
  }
  if (look.IsNew(look.table())) return;
  ReportForeignKey(look, key,
                   IsCheckedByPartition(look) ? ByPartition(look, name, alteration.definition)
                                              : NotValid(look, alteration, name));
}

// Of a new column: the server knows that no row refers to anything, unless the column has a default
// or another foreign key of the statement has to be checked.
void FkOfColumn(const Look& look, const ForeignKeyFacts& key) {
  if (!look.postgres() || look.IsNew(look.table())) return;
  const bool checks = std::any_of(
      look.facts.alterations.begin(), look.facts.alterations.end(), [](const Alteration& other) {
        return other.kind == AlterationKind::kAddForeignKey ||
               (other.kind == AlterationKind::kAddColumn && other.column.has_value() &&
                other.column->default_kind != DefaultKind::kNone);
      });
  if (!checks) return;
  const std::string name = ForeignKeyName(look, key, "");
  if (IsCheckedByPartition(look)) {
    return ReportForeignKey(look, key,
                            absl::StrCat("add ", look.Sql(key.columns), " without REFERENCES; ",
                                         ByPartition(look, name, "")));
  }
  ReportForeignKey(
      look, key,
      absl::StrCat("add ", look.Sql(key.columns), " without REFERENCES; then ", look.Alter(),
                   "ADD CONSTRAINT ", name, " FOREIGN KEY (", look.Sql(key.columns),
                   ") with the same REFERENCES and NOT VALID", Validate(look, name)));
}

// Several of a statement have several names.
std::string NameOfCheck(const Look& look, const Alteration& alteration) {
  const Alteration* const first = look.facts.alterations.data();
  const auto place = static_cast<size_t>(&alteration - first);
  constexpr size_t kMostCounted = 100;  // Behind that its place is the number: each looks back.
  const auto unnamed = [](const Alteration& other) {
    return other.kind == AlterationKind::kAddCheck && other.name.empty();
  };
  const size_t before = place > kMostCounted
                            ? place
                            : static_cast<size_t>(std::count_if(first, &alteration, unnamed));
  if (before == 0) return MadeUpName("chk", look.table(), {});
  return MadeUpName("chk", look.table(), {absl::StrCat(before + 1)});
}

void AddCheck(const Look& look, const Alteration& alteration) {
  if (alteration.not_valid || look.IsNew(look.table())) return;
  const std::string name = look.Sql(NameOr(alteration.name, NameOfCheck(look, alteration)));
  look.Report(LintId::kCheckNotValid,
              absl::StrCat("the CHECK ", name, " of ", look.Sql(look.table()),
                           look.is(Verb::kAlterDomain)
                               ? " reads every table that uses the domain while nobody may write it"
                               : " reads the whole table while nobody may use it"),
              NotValid(look, alteration, name));
}

// Whether the parent has these columns as a key; true where that cannot be known.
bool ParentIsUnique(const Look& look, const ForeignKeyFacts& key) {
  std::vector<std::vector<std::string>> unique;
  const TableState* state = look.script.Find(key.parent);
  if (state != nullptr && state->is_made()) {
    if (state->copied) return true;
    for (const auto& part : state->indexes) {
      if (part.facts.unique || part.facts.primary) unique.push_back(part.facts.columns);
    }
  } else if (const LiveTable* live = look.Live(key.parent);
             live != nullptr && !live->indexes.empty()) {
    for (const LiveIndex& index : live->indexes) {
      if (index.unique || index.primary) unique.push_back(index.columns);
    }
    // Keys that the script added to it.
    if (state != nullptr) {
      for (const auto& part : state->indexes) unique.push_back(part.facts.columns);
    }
  } else {
    return true;
  }
  if (key.parent_columns.empty()) return !unique.empty();
  return std::any_of(unique.begin(), unique.end(), [&](const std::vector<std::string>& columns) {
    return columns.size() == key.parent_columns.size() && LeadsWith(columns, key.parent_columns);
  });
}

void CheckForeignKey(const Look& look, const ForeignKeyFacts& key) {
  const std::string table = look.Sql(look.table());
  const std::string parent = look.Sql(key.parent);
  const bool unchecked = look.mysql() && look.is(Verb::kAlterTable) &&
                         look.script.session().foreign_keys_off() && !look.IsNew(look.table()) &&
                         AddsForeignKeysOnly(look.facts);
  look.Report(
      LintId::kForeignKey,
      absl::StrCat("a foreign key of ", table, " to ", parent,
                   ": tools for online schema change cannot handle either table",
                   unchecked ? "; with foreign_key_checks off it is added in place, and the rows "
                               "that are there are not checked, now or later"
                             : ""),
      unchecked ? absl::StrCat("look first for rows of ", table, " whose ", look.Sql(key.columns),
                               " has no match in ", parent, ": there may be none")
                : "");
  if (key.cascades_delete) {
    look.Report(LintId::kCascadeDelete,
                absl::StrCat("deleting from ", parent, " deletes rows of ", table,
                             " that no statement names"),
                absl::StrCat("write ON DELETE RESTRICT, and delete from ", table, " explicitly"));
  }
  const bool to_itself = absl::EqualsIgnoreCase(key.parent.name, look.table().name);
  if (!to_itself && !ParentIsUnique(look, key)) {
    look.Report(LintId::kFkParentNotUnique,
                absl::StrCat(parent, " has no unique key over ",
                             key.parent_columns.empty() ? "what the foreign key refers to"
                                                        : look.Sql(key.parent_columns)));
  }
}

// MariaDB 10.5 and MySQL 9 make a foreign key of it.
bool HonoursInline(const Look& look) {
  const bool maria = look.target.dialect == Dialect::kMariaDb;
  return look.AtLeast(maria ? Version{10, 5, 0} : Version{9, 0, 0});
}

void CheckReferences(const Look& look, const ColumnFacts& column) {
  if (!column.references.has_value()) return;
  ForeignKeyFacts key = *column.references;
  if (key.columns.empty()) key.columns = {column.name};
  if (look.mysql() && !HonoursInline(look)) {
    const std::string parent_columns =
        key.parent_columns.empty() ? "" : absl::StrCat(" (", look.Sql(key.parent_columns), ")");
    look.Report(
        LintId::kInlineReferences,
        absl::StrCat("REFERENCES beside ", look.Sql(column.name), " of ", look.Sql(look.table()),
                     " is read and ignored"),
        absl::StrCat("write CONSTRAINT ",
                     look.Sql(MadeUpName("fk", look.table(), {key.parent.name})), " FOREIGN KEY (",
                     look.Sql(column.name), ") REFERENCES ", look.Sql(key.parent), parent_columns,
                     parent_columns.empty() ? " with the columns of its key" : ""));
    return;
  }
  CheckForeignKey(look, key);
  if (look.is(Verb::kAlterTable)) FkOfColumn(look, key);
}

void CheckAlteration(const Look& look, const Alteration& alteration) {
  switch (alteration.kind) {
    case AlterationKind::kAddIndex:
      return AddKey(look, alteration);
    case AlterationKind::kAddForeignKey:
      if (!alteration.foreign_key.has_value()) return;
      CheckForeignKey(look, *alteration.foreign_key);
      FkNotValid(look, alteration);
      return;
    case AlterationKind::kAddCheck:
      return AddCheck(look, alteration);
    case AlterationKind::kAddExclusion:
      if (look.IsNew(look.table())) return;
      return look.Report(LintId::kExclusionConstraint,
                         absl::StrCat("the exclusion constraint of ", look.Sql(look.table()),
                                      " reads and locks the whole table"));
    case AlterationKind::kAttachPartition:
      return AttachPartition(look, alteration);
    case AlterationKind::kDetachPartition:
      return DetachPartition(look, alteration);
    default:
      if (!alteration.column.has_value()) return;
      CheckReferences(look, *alteration.column);
      if (alteration.kind == AlterationKind::kAddColumn) ColumnKeys(look, *alteration.column);
  }
}

}  // namespace

void CheckConstraints(const Look& look) {
  RefusedOfPartitioned(look);
  for (const ForeignKeyFacts& key : look.facts.foreign_keys) {
    if (!key.is_inline) CheckForeignKey(look, key);
  }
  for (const ColumnFacts& column : look.facts.columns) CheckReferences(look, column);
  for (const Alteration& alteration : look.facts.alterations) CheckAlteration(look, alteration);
}

}  // namespace dbfleet::sql
