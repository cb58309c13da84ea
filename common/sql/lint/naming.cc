#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/reserved_words.h"

// Names, and the columns that each table has.
namespace dbfleet::sql {
namespace {

bool IsSnakeCase(absl::string_view name) {
  if (name.empty() || !absl::ascii_islower(static_cast<unsigned char>(name[0]))) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_islower(byte) || absl::ascii_isdigit(byte) || c == '_';
  });
}

// "orderItems" -> "order_items"
std::string SnakeCase(absl::string_view name) {
  std::string snake;
  bool lower_before = false;
  for (char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isupper(byte) && lower_before) snake.push_back('_');
    lower_before = absl::ascii_islower(byte) || absl::ascii_isdigit(byte);
    snake.push_back(absl::ascii_isalnum(byte) ? absl::ascii_tolower(byte) : '_');
  }
  return snake;
}

// Letters beyond ASCII have no certain small ones, so that the name is somebody's to choose.
std::string SnakeAdvice(absl::string_view name) {
  const bool ascii = std::all_of(name.begin(), name.end(), [](char c) { return (c & 0x80) == 0; });
  const std::string snake = SnakeCase(name);
  if (!ascii || !IsSnakeCase(snake)) {
    return "write a name of small letters a to z, digits and underscores";
  }
  if (IsReservedWord(snake)) {
    return absl::StrCat("write another name of small letters: ", snake,
                        " is a word of SQL, which would need quotes for ever");
  }
  return absl::StrCat("write ", snake);
}

void CheckName(const Look& look, LintId rule, const NamingRule& naming, const std::string& name,
               absl::string_view what) {
  if (name.empty()) return;
  const NamingSubject subject{look.table().name, "", ""};
  const bool fits = naming.matches ? naming.matches(name, subject) : IsSnakeCase(name);
  if (fits) return;
  const std::string wanted = naming.pattern.empty() ? "snake_case" : naming.pattern;
  look.Report(rule, absl::StrCat("the ", what, " ", look.Sql(name), " is not ", wanted),
              naming.pattern.empty() ? SnakeAdvice(name) : absl::StrCat("follow ", naming.pattern));
}

void Tables(const Look& look) {
  if (look.is(Verb::kCreateTable) && !look.facts.temporary) {
    CheckName(look, LintId::kNamingTable, look.config.table_name, look.table().name, "table");
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.kind == AlterationKind::kRenameTable) {
      CheckName(look, LintId::kNamingTable, look.config.table_name, alteration.new_name, "table");
    }
  }
  if (!look.is(Verb::kRenameTable)) return;
  for (size_t i = 1; i < look.facts.objects.size(); i += 2) {
    CheckName(look, LintId::kNamingTable, look.config.table_name, look.facts.objects[i].name,
              "table");
  }
}

void Columns(const Look& look) {
  const NamingRule& naming = look.config.column_name;
  for (const ColumnFacts& column : look.facts.columns) {
    CheckName(look, LintId::kNamingColumn, naming, column.name, "column");
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.kind == AlterationKind::kAddColumn && alteration.column.has_value()) {
      CheckName(look, LintId::kNamingColumn, naming, alteration.column->name, "column");
    } else if (alteration.kind == AlterationKind::kRenameColumn ||
               (alteration.kind == AlterationKind::kModifyColumn &&
                alteration.new_name != alteration.name)) {
      CheckName(look, LintId::kNamingColumn, naming, alteration.new_name, "column");
    }
  }
}

// Primary keys have names of their own in each server.
// The team's own pattern with the statement's names; as it is where it is more than names.
std::string Filled(const std::string& pattern, const NamingSubject& subject) {
  const std::string filled = absl::StrReplaceAll(pattern, {{"{table}", subject.table},
                                                           {"{columns}", subject.columns},
                                                           {"{referenced}", subject.referenced}});
  const bool plain = std::all_of(filled.begin(), filled.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
  return plain ? filled : absl::StrCat("a name that matches ", pattern);
}

void CheckIndex(const Look& look, const Name& table, const IndexFacts& index) {
  if (index.name.empty() || index.primary || index.columns.empty()) return;
  const NamingSubject subject{table.name, absl::StrJoin(index.columns, "_"), ""};
  const NamingRule& naming = look.config.index_name;
  const std::string lower = absl::AsciiStrToLower(index.name);
  const std::string own = absl::AsciiStrToLower(absl::StrCat(table.name, "_", index.columns[0]));
  bool fits = false;
  if (naming.matches) {
    fits = naming.matches(index.name, subject);
  } else {
    for (absl::string_view prefix : {"idx_", "uq_", "uk_", "uniq_"}) {
      const bool allowed = prefix == "idx_" || index.unique;
      const bool expression = absl::StartsWith(index.columns[0], "(");
      const std::string wanted =
          expression ? absl::AsciiStrToLower(absl::StrCat(table.name, "_")) : own;
      fits = fits || (allowed && absl::StartsWith(lower, absl::StrCat(prefix, wanted)));
    }
  }
  if (fits) return;
  const std::string pattern = naming.pattern.empty() ? "idx_<table>_<column>" : naming.pattern;
  look.ReportOn(table, LintId::kNamingIndex,
                absl::StrCat("the index ", look.Sql(index.name), " is not named ", pattern),
                absl::StrCat("write ", naming.pattern.empty()
                                           ? look.Sql(MadeUpName("idx", table, index.columns))
                                           : Filled(naming.pattern, subject)));
}

void CheckForeignKeyName(const Look& look, const std::string& name, const ForeignKeyFacts& key) {
  if (name.empty()) return;
  const NamingSubject subject{look.table().name, absl::StrJoin(key.columns, "_"), key.parent.name};
  const NamingRule& naming = look.config.foreign_key_name;
  const std::string wanted = MadeUpName("fk", look.table(), {key.parent.name});
  const bool fits = naming.matches ? naming.matches(name, subject)
                                   : absl::StartsWith(absl::AsciiStrToLower(name), wanted);
  if (fits) return;
  const std::string pattern = naming.pattern.empty() ? "fk_<table>_<referenced>" : naming.pattern;
  look.Report(LintId::kNamingForeignKey,
              absl::StrCat("the foreign key ", look.Sql(name), " is not named ", pattern),
              absl::StrCat("write ", naming.pattern.empty() ? look.Sql(wanted)
                                                            : Filled(naming.pattern, subject)));
}

void Keys(const Look& look) {
  if (!look.is(Verb::kDropIndex)) {
    for (const IndexFacts& index : look.facts.indexes) {
      CheckIndex(look, look.table(), index);
    }
  }
  for (const ForeignKeyFacts& key : look.facts.foreign_keys) {
    CheckForeignKeyName(look, key.name, key);
  }
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.kind == AlterationKind::kAddIndex && alteration.index.has_value()) {
      CheckIndex(look, look.table(), *alteration.index);
    } else if (alteration.foreign_key.has_value()) {
      const ForeignKeyFacts& key = *alteration.foreign_key;
      CheckForeignKeyName(look, key.name.empty() ? alteration.name : key.name, key);
    }
  }
}

void LongIdentifier(const Look& look) {
  for (const std::string& name : look.facts.long_identifiers) {
    look.Report(LintId::kLongIdentifier,
                absl::StrCat(look.Sql(name), " has ", name.size(), " bytes; the server ",
                             look.mysql() ? "takes 64 characters" : "keeps 63"));
  }
}

}  // namespace

void CheckNaming(const Look& look) {
  Tables(look);
  Columns(look);
  Keys(look);
  LongIdentifier(look);
}

void CheckNamingAtEnd(const WholeLook& look) {
  for (const TableState& table : look.script.tables()) {
    if (!table.is_made() || table.copied || table.temporary || table.columns.empty()) continue;
    std::vector<std::string> missing;
    for (const std::string& wanted : look.config.audit_columns) {
      if (std::none_of(table.columns.begin(), table.columns.end(), [&](const ColumnFacts& column) {
            return absl::EqualsIgnoreCase(column.name, wanted);
          })) {
        missing.push_back(wanted);
      }
    }
    if (missing.empty()) continue;
    const std::string names = SqlNames(look.target, missing);
    look.reporter.Report(LintId::kAuditColumns, table.created_by, table.name,
                         absl::StrCat("table ", SqlName(look.target, table.name), " lacks ", names),
                         absl::StrCat("add ", names));
  }
}

}  // namespace dbfleet::sql
