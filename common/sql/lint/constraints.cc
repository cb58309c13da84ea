#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Keys, checks and partitions.
namespace dbfleet::sql {
namespace {

std::string Alter(const Look& look) {
  return absl::StrCat("ALTER TABLE ", look.Sql(look.table()), " ");
}

std::string NameOr(const std::string& name, const std::string& made_up) {
  return name.empty() ? made_up : name;
}

// PRIMARY KEY and UNIQUE as constraints, which no CONCURRENTLY helps.
void AddKey(const Look& look, const Alteration& alteration) {
  if (!alteration.index.has_value() || !look.postgres()) return;
  const IndexFacts& index = *alteration.index;
  if (index.using_index || look.IsNew(look.table()) || (!index.primary && !index.unique)) return;
  const std::string table = look.Sql(look.table());
  const std::string name = look.Sql(
      NameOr(index.name, MadeUpName(index.primary ? "pk" : "uq", look.table(), index.columns)));
  const std::string columns = look.Sql(index.columns);
  const std::string build = absl::StrCat("write CREATE UNIQUE INDEX CONCURRENTLY ", name, " ON ",
                                         table, " (", columns, "); then ", Alter(look));
  const char* blocks = " builds its index while nobody may use the table";
  if (index.primary) {
    look.Report(LintId::kAddPrimaryKey,
                absl::StrCat("ADD PRIMARY KEY (", columns, ") on ", table, blocks),
                absl::StrCat(build, "ADD PRIMARY KEY USING INDEX ", name));
  } else {
    look.Report(LintId::kUniqueConstraint,
                absl::StrCat("ADD UNIQUE (", columns, ") on ", table, blocks),
                absl::StrCat(build, "ADD CONSTRAINT ", name, " UNIQUE USING INDEX ", name));
  }
}

std::string Validate(const Look& look, const std::string& name) {
  return absl::StrCat("; in a later migration ", Alter(look), "VALIDATE CONSTRAINT ", name);
}

void FkNotValid(const Look& look, const ForeignKeyFacts& key, const std::string& given_name) {
  if (!look.postgres() || key.not_valid || look.IsNew(look.table())) return;
  const std::string name = look.Sql(
      NameOr(given_name, NameOr(key.name, MadeUpName("fk", look.table(), {key.parent.name}))));
  const std::string parent_columns =
      key.parent_columns.empty() ? "" : absl::StrCat(" (", look.Sql(key.parent_columns), ")");
  look.Report(
      LintId::kFkNotValid,
      absl::StrCat("the foreign key of ", look.Sql(look.table()), " to ", look.Sql(key.parent),
                   " checks all rows while both tables take no "
                   "writes"),
      absl::StrCat("write ", Alter(look), "ADD CONSTRAINT ", name, " FOREIGN KEY (",
                   look.Sql(key.columns), ") REFERENCES ", look.Sql(key.parent), parent_columns,
                   " NOT VALID", Validate(look, name)));
}

void AddCheck(const Look& look, const Alteration& alteration) {
  if (alteration.not_valid || look.IsNew(look.table())) return;
  const std::string name = look.Sql(NameOr(alteration.name, MadeUpName("chk", look.table(), {})));
  look.Report(LintId::kCheckNotValid,
              absl::StrCat("the CHECK ", name, " of ", look.Sql(look.table()),
                           " reads the whole table while nobody may use it"),
              absl::StrCat("write ", Alter(look), "ADD CONSTRAINT ", name, " CHECK (...) NOT VALID",
                           Validate(look, name)));
}

// Whether the parent has these columns as a key; true where that cannot be known.
bool ParentIsUnique(const Look& look, const ForeignKeyFacts& key) {
  std::vector<std::vector<std::string>> unique;
  const TableState* state = look.script.Find(key.parent);
  if (state != nullptr && state->is_new()) {
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
  look.Report(LintId::kForeignKey,
              absl::StrCat("a foreign key of ", table, " to ", parent,
                           ": tools for online schema change cannot handle either table"));
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
  if (look.is(Verb::kAlterTable)) FkNotValid(look, key, key.name);
}

void Attach(const Look& look, const Alteration& alteration) {
  const TableState* partition = look.script.Find(Name{"", alteration.name});
  const bool proven = partition != nullptr && (partition->is_new() || partition->check_validated);
  if (proven) return;
  const std::string name = look.Sql(alteration.name);
  look.Report(LintId::kAttachPartition,
              absl::StrCat("ATTACH PARTITION ", name, " to ", look.Sql(look.table()),
                           " reads all of it under a lock"),
              absl::StrCat("write first ALTER TABLE ", name, " ADD CONSTRAINT ",
                           look.Sql(MadeUpName("chk", Name{"", alteration.name}, {"bounds"})),
                           " CHECK with the partition's bounds NOT VALID, and VALIDATE it"));
}

void Detach(const Look& look, const Alteration& alteration) {
  if (alteration.concurrently) return;
  const bool old = look.target.version.known() && !look.AtLeast(Version{14, 0, 0});
  const std::string name = look.Sql(alteration.name);
  look.Report(
      LintId::kDetachPartition,
      absl::StrCat("DETACH PARTITION ", name, " locks ", look.Sql(look.table()),
                   " against reads and writes"),
      old ? "PostgreSQL 13 has no safe form: set a short lock_timeout, and try again"
          : absl::StrCat("write ", Alter(look), "DETACH PARTITION ", name, " CONCURRENTLY"));
}

void CheckAlteration(const Look& look, const Alteration& alteration) {
  switch (alteration.kind) {
    case AlterationKind::kAddIndex:
      return AddKey(look, alteration);
    case AlterationKind::kAddForeignKey:
      if (!alteration.foreign_key.has_value()) return;
      CheckForeignKey(look, *alteration.foreign_key);
      if (!alteration.not_valid) FkNotValid(look, *alteration.foreign_key, alteration.name);
      return;
    case AlterationKind::kAddCheck:
      return AddCheck(look, alteration);
    case AlterationKind::kAddExclusion:
      if (look.IsNew(look.table())) return;
      return look.Report(LintId::kExclusionConstraint,
                         absl::StrCat("the exclusion constraint of ", look.Sql(look.table()),
                                      " reads and locks the whole table"));
    case AlterationKind::kAttachPartition:
      return Attach(look, alteration);
    case AlterationKind::kDetachPartition:
      return Detach(look, alteration);
    default:
      if (alteration.column.has_value()) CheckReferences(look, *alteration.column);
  }
}

}  // namespace

void CheckConstraints(const Look& look) {
  for (const ForeignKeyFacts& key : look.facts.foreign_keys) {
    if (!key.is_inline) CheckForeignKey(look, key);
  }
  for (const ColumnFacts& column : look.facts.columns) CheckReferences(look, column);
  for (const Alteration& alteration : look.facts.alterations) CheckAlteration(look, alteration);
}

}  // namespace dbfleet::sql
