#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/checks.h"

// Keys, checks and partitions.
namespace dbfleet::sql {
namespace {

// ALTER DOMAIN takes checks in the same two steps.
std::string Alter(const Look& look) {
  const bool domain = look.is(Verb::kAlterDomain);
  return absl::StrCat("ALTER ", domain ? "DOMAIN " : "TABLE ", look.Sql(look.table()), " ");
}

std::string NameOr(const std::string& name, const std::string& made_up) {
  return name.empty() ? made_up : name;
}

std::string Validate(const Look& look, const std::string& name) {
  return absl::StrCat("; in a later migration ", Alter(look), "VALIDATE CONSTRAINT ", name);
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
  const std::string what = index.primary ? "PRIMARY KEY" : "UNIQUE";
  const std::string message = absl::StrCat("ADD ", what, " (", columns, ") on ", table,
                                           " builds its index while nobody may use the table");
  const auto advice = [&](absl::string_view rest) {
    return absl::StrCat("write CREATE UNIQUE INDEX CONCURRENTLY ", name, " ", rest, "; then ",
                        Alter(look), "ADD CONSTRAINT ", name, " ", what, " USING INDEX ", name,
                        index.attributes);
  };
  const std::string whole = advice(index.rest);
  const bool fits = !index.rest.empty() && whole.size() <= kMostAdviceBytes;
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
        look.Sql(MadeUpName(column.primary_key ? "pk" : "uq", look.table(), {column.name}));
    look.Report(column.primary_key ? LintId::kAddPrimaryKey : LintId::kUniqueConstraint,
                absl::StrCat("the new column ", added, " of ", table, " is ", what,
                             ", whose index is built while nobody may use the table"),
                absl::StrCat("add ", added, " without ", what,
                             column.primary_key ? ", fill it in batches, make it NOT NULL" : "",
                             "; then write CREATE UNIQUE INDEX CONCURRENTLY ", name, " ON ", table,
                             " (", added, "); then ", Alter(look), "ADD CONSTRAINT ", name, " ",
                             what, " USING INDEX ", name));
  }
  if (!column.check) return;
  const std::string name = look.Sql(MadeUpName("chk", look.table(), {column.name}));
  look.Report(LintId::kCheckNotValid,
              absl::StrCat("the CHECK of the new column ", added, " of ", table,
                           " reads the whole table while nobody may use it"),
              absl::StrCat("add ", added, " without CHECK; then ", Alter(look), "ADD CONSTRAINT ",
                           name, " with the same CHECK and NOT VALID", Validate(look, name)));
}

// ADD CONSTRAINT name with all that was written, and NOT VALID; with words in the place of what is
// too long, or not known.
std::string NotValid(const Look& look, const Alteration& alteration, const std::string& name) {
  const std::string add =
      absl::StrCat(alteration.only ? absl::StrCat("ALTER TABLE ONLY ", look.Sql(look.table()), " ")
                                   : Alter(look),
                   "ADD CONSTRAINT ", name);
  const auto advice = [&](absl::string_view definition) {
    return absl::StrCat("write ", add, " ", definition, " NOT VALID", Validate(look, name));
  };
  const std::string whole = advice(alteration.definition);
  const bool fits = !alteration.definition.empty() && whole.size() <= kMostAdviceBytes;
  return fits ? whole : advice("with all that it says and");
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
  if (!look.postgres() || key.not_valid || look.IsNew(look.table())) return;
  ReportForeignKey(look, key,
                   NotValid(look, alteration, ForeignKeyName(look, key, alteration.name)));
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
  ReportForeignKey(
      look, key,
      absl::StrCat("add ", look.Sql(key.columns), " without REFERENCES; then ", Alter(look),
                   "ADD CONSTRAINT ", name, " FOREIGN KEY (", look.Sql(key.columns),
                   ") with the same REFERENCES and NOT VALID", Validate(look, name)));
}

void AddCheck(const Look& look, const Alteration& alteration) {
  if (alteration.not_valid || look.IsNew(look.table())) return;
  const std::string name = look.Sql(NameOr(alteration.name, MadeUpName("chk", look.table(), {})));
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
  if (look.is(Verb::kAlterTable)) FkOfColumn(look, key);
}

// The numbers and texts of an expression, as written.
std::vector<std::string> Constants(absl::string_view text) {
  std::vector<std::string> constants;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    if (text[i] == '\'') {
      i = std::min(text.find('\'', i + 1), text.size() - 1) + 1;
    } else if (absl::ascii_isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_') {
      while (i < text.size() &&
             (absl::ascii_isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_')) {
        ++i;
      }
      if (!absl::ascii_isdigit(static_cast<unsigned char>(text[begin]))) continue;
    } else {
      ++i;
      continue;
    }
    constants.emplace_back(text.substr(begin, i - begin));
  }
  return constants;
}

// A CHECK that could be the partition's bound holds its values. Of a partition by hash and the
// default one no CHECK is known to be that.
bool CouldBeBound(const TableState::Check& check, absl::string_view attach) {
  const size_t bound = attach.find("VALUES");
  if (!check.holds || bound == absl::string_view::npos) return false;
  const std::vector<std::string> wanted = Constants(attach.substr(bound));
  const std::vector<std::string> there = Constants(check.text);
  return !wanted.empty() &&
         std::all_of(wanted.begin(), wanted.end(), [&](const std::string& constant) {
           return std::find(there.begin(), there.end(), constant) != there.end();
         });
}

void Attach(const Look& look, const Alteration& alteration) {
  const Name table = {alteration.schema, alteration.name};
  const TableState* partition = look.script.Find(table);
  if (look.IsNew(table)) return;
  const std::string attach = absl::AsciiStrToUpper(alteration.text);
  const bool proven =
      partition != nullptr &&
      std::any_of(partition->checks.begin(), partition->checks.end(), [&](TableState::Check check) {
        check.text = absl::AsciiStrToUpper(check.text);
        return CouldBeBound(check, attach);
      });
  if (proven) return;
  const std::string name = look.Sql(table);
  const std::string check = look.Sql(MadeUpName("chk", table, {"bounds"}));
  look.Report(LintId::kAttachPartition,
              absl::StrCat("ATTACH PARTITION ", name, " to ", look.Sql(look.table()),
                           " reads all of it under a lock"),
              absl::StrCat("write first ALTER TABLE ", name, " ADD CONSTRAINT ", check,
                           alteration.default_partition
                               ? " CHECK that no row lies in the bounds of another partition, "
                               : " CHECK with the partition's bounds ",
                           "NOT VALID, and VALIDATE it"));
}

void Detach(const Look& look, const Alteration& alteration) {
  if (alteration.concurrently) return;
  const bool old = look.target.version.known() && !look.AtLeast(Version{14, 0, 0});
  const std::string name = look.Sql(Name{alteration.schema, alteration.name});
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
      if (!alteration.not_valid) FkNotValid(look, alteration);
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
      if (!alteration.column.has_value()) return;
      CheckReferences(look, *alteration.column);
      if (alteration.kind == AlterationKind::kAddColumn) ColumnKeys(look, *alteration.column);
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
