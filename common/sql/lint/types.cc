#include <algorithm>
#include <iterator>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

#include "common/sql/lint/checks.h"
#include "common/sql/lint/column_text.h"

// What columns can hold.
namespace dbfleet::sql {
namespace {

std::string Place(const Look& look, absl::string_view column) {
  return absl::StrCat(look.Sql(look.table()), ".", look.Sql(column));
}

// Words of money, as parts of a name between "_". Sorted; add where a team's names need it.
constexpr std::string_view kMoney[] = {"amount",   "balance", "cost",     "credit",  "debit",
                                       "discount", "fee",     "money",    "payment", "price",
                                       "revenue",  "salary",  "subtotal", "tax",     "total"};

}  // namespace

bool IsMoney(const std::string& column) {
  const std::string lower = absl::AsciiStrToLower(column);
  for (absl::string_view part : absl::StrSplit(lower, '_')) {
    if (std::binary_search(std::begin(kMoney), std::end(kMoney),
                           std::string_view(part.data(), part.size()))) {
      return true;
    }
  }
  return false;
}

bool IsFloat(absl::string_view type) {
  return absl::StartsWith(type, "float") || absl::StartsWith(type, "double") || type == "real";
}

namespace {

void Money(const Look& look, const ColumnFacts& column) {
  if (!IsFloat(column.type)) return;
  if (!IsMoney(column.name)) {
    return look.Report(
        LintId::kFloatColumn,
        absl::StrCat(Place(look, column.name), " is ", column.type,
                     ", which does not keep what was written"),
        absl::StrCat(
            "write ", look.Sql(column.name),
            " DECIMAL(12,2), with digits for the largest amount, unless it is a measurement"));
  }
  look.Report(
      LintId::kMoneyAsFloat,
      absl::StrCat(Place(look, column.name), " holds money as ", column.type, ", which rounds"),
      absl::StrCat("write ", look.Sql(column.name), " ", look.postgres() ? "numeric" : "DECIMAL",
                   "(19,4), or a whole number of the smallest unit"));
}

// MariaDB reads the 32 bits without a sign from 11.5 on, which lasts until 2106, on hosts of 64
// bits. Source: its release notes.
bool EndsIn2038(const Look& look) {
  return look.mysql() && !(look.target.dialect == Dialect::kMariaDb && look.AtLeast({11, 5, 0}));
}

void Dates(const Look& look, const ColumnFacts& column) {
  const bool date =
      column.type == "date" || column.type == "datetime" || column.type == "timestamp";
  if (absl::StrContains(column.default_text, "0000-00-00") ||
      (look.mysql() && date && (column.default_text == "0" || column.default_text == "'0'"))) {
    look.Report(LintId::kZeroDate,
                absl::StrCat(Place(look, column.name), " has a date of zeros as its default"));
  }
  if (EndsIn2038(look) && column.type == "timestamp") {
    look.Report(LintId::kTimestamp2038,
                absl::StrCat(Place(look, column.name), " is TIMESTAMP, which ends in January 2038"),
                absl::StrCat("write ", look.Sql(column.name), " DATETIME(6), in UTC"));
  }
}

void Json(const Look& look, const ColumnFacts& column) {
  if (column.type != "json" && column.type != "json[]") return;
  const std::string array = column.type.substr(4);
  look.Report(
      LintId::kJsonColumn,
      absl::StrCat(Place(look, column.name), " is ", column.type, ", which has no equality"),
      absl::StrCat("write ", look.Sql(column.name), " jsonb", array));
}

// The largest number of a type of 32 bits or less; 0 for wider ones and for other types.
int64_t Capacity(absl::string_view type, bool is_unsigned) {
  struct Width {
    std::string_view type;
    int bits;
  };
  static constexpr Width kWidths[] = {{"int", 32},         {"int2", 16},      {"int4", 32},
                                      {"integer", 32},     {"mediumint", 24}, {"serial", 32},
                                      {"serial2", 16},     {"serial4", 32},   {"smallint", 16},
                                      {"smallserial", 16}, {"tinyint", 8}};
  for (const Width& width : kWidths) {
    if (type == absl::string_view(width.type.data(), width.type.size())) {
      return (int64_t{1} << (is_unsigned ? width.bits : width.bits - 1)) - 1;
    }
  }
  return 0;
}

void IntKey(const Look& look, const ColumnFacts& column, bool is_key) {
  if (!is_key && !column.auto_increment && !column.primary_key) return;
  const int64_t capacity = Capacity(column.type, column.is_unsigned);
  if (capacity == 0) return;
  // PostgreSQL's serial types say where the numbers come from, which bigint alone would not.
  const bool serial = absl::StrContains(column.type, "serial");
  const std::string& written = column.type_text.empty() ? column.type : column.type_text;
  look.Report(LintId::kIntKey,
              absl::StrCat("the key ", Place(look, column.name), " is ", written,
                           ": its numbers end at ", capacity),
              absl::StrCat("write ",
                           look.mysql() ? "BIGINT UNSIGNED"
                           : serial     ? "bigserial"
                                        : "bigint",
                           " in place of ", written));
}

// Live types are as the server writes them: "int(10) unsigned".
void IntKeyCapacity(const Look& look) {
  if (!look.is(Verb::kInsert) && !IsDdl(look.facts.verb)) return;
  const LiveTable* live = look.Live(look.table());
  if (live == nullptr || live->next_number <= 0) return;
  for (const LiveColumn& column : live->columns) {
    if (!column.auto_increment) continue;
    const std::string type = NormalType(column.type);
    const int64_t capacity =
        Capacity(type.substr(0, type.find(' ')), absl::StrContains(type, "unsigned"));
    constexpr int64_t kPercent = 70;
    if (capacity == 0 || live->next_number < capacity / 100 * kPercent) continue;
    if (look.is(Verb::kCreateTable)) return;  // It is not that one.
    if (look.reporter.SaidOf(LintId::kIntKeyCapacity, live->name)) return;
    look.Report(LintId::kIntKeyCapacity,
                absl::StrCat(Place(look, column.name), " (", column.type, ") is at ",
                             live->next_number, " of ", capacity),
                absl::StrCat("move ", Place(look, column.name), " to BIGINT while there is time"));
  }
}

bool HasValues(const ColumnFacts& column) { return column.type == "enum" || column.type == "set"; }

// The values before, if they can be known.
std::vector<std::string> ValuesBefore(const Look& look, const std::string& column) {
  if (const TableState* state = look.script.Find(look.table())) {
    for (const ColumnFacts& known : state->columns) {
      if (absl::EqualsIgnoreCase(known.name, column)) return known.arguments;
    }
  }
  const LiveTable* live = look.Live(look.table());
  const LiveColumn* known = live == nullptr ? nullptr : live->Column(column);
  return known == nullptr ? std::vector<std::string>() : ValuesOf(known->type);
}

size_t Bytes(const ColumnFacts& column, size_t values) {
  if (column.type == "enum") return values > 255 ? 2 : 1;
  const size_t bytes = (values + 7) / 8;
  return bytes > 4 ? 8 : bytes;
}

void EnumChange(const Look& look, const Alteration& alteration) {
  const ColumnFacts& column = *alteration.column;
  const std::vector<std::string> before = ValuesBefore(look, alteration.name);
  const std::vector<std::string>& after = column.arguments;
  const std::string place = Place(look, alteration.name);
  if (before.empty()) {
    look.Report(LintId::kEnumChange,
                absl::StrCat("the values of ", place,
                             " change; unless they are only appended, "
                             "which needs live facts to know, the table is copied"));
    return;
  }
  const bool appended =
      before.size() <= after.size() && std::equal(before.begin(), before.end(), after.begin());
  if (!appended) {
    const auto missing = std::find_if(before.begin(), before.end(), [&](const std::string& value) {
      return std::find(after.begin(), after.end(), value) == after.end();
    });
    look.Report(LintId::kEnumChange,
                missing != before.end()
                    ? absl::StrCat("the value '", *missing, "' of ", place, " is removed")
                    : absl::StrCat("values of ", place, " are moved or inserted before the end"),
                "keep the old values as they stand, and append new ones");
  }
  if (Bytes(column, before.size()) != Bytes(column, after.size())) {
    look.Report(LintId::kEnumWidth,
                absl::StrCat(place, " grows from ", before.size(), " to ", after.size(),
                             " values, which needs wider rows: the table is copied"));
  }
}

void EnumWidth(const Look& look, const ColumnFacts& column) {
  if (column.type != "enum" || column.arguments.size() <= 255) return;
  look.Report(LintId::kEnumWidth,
              absl::StrCat(Place(look, column.name), " has ", column.arguments.size(), " values"));
}

void CheckColumn(const Look& look, const ColumnFacts& column, bool is_key) {
  Money(look, column);
  Dates(look, column);
  Json(look, column);
  IntKey(look, column, is_key);
  if (!look.is(Verb::kAlterTable)) EnumWidth(look, column);
}

// As standard_conforming_strings has it.
std::string SqlString(absl::string_view value) {
  return absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "''"}}), "'");
}

void CheckUserTypes(const Look& look) {
  const std::string name = look.table().name.empty() ? "the type" : look.Sql(look.table());
  for (const Alteration& alteration : look.facts.alterations) {
    if (alteration.kind == AlterationKind::kEnumRenameValue) {
      if (look.TakesBack(Made::What::kValue, look.table(), alteration.name)) continue;
      look.Report(LintId::kRenameEnumValue,
                  absl::StrCat("renaming '", alteration.name, "' of ", name,
                               " breaks programs that send it"),
                  absl::StrCat("write ALTER TYPE ", name, " ADD VALUE ",
                               SqlString(alteration.new_name), ", move rows, leave the old value"));
    } else if (alteration.kind == AlterationKind::kEnumAddValue) {
      if (!alteration.text.empty()) continue;  // It has a place: BEFORE, AFTER.
      look.Report(LintId::kEnumOrder,
                  absl::StrCat("the new value '", alteration.name, "' of ", name, " sorts last"),
                  absl::StrCat("write ALTER TYPE ", name, " ADD VALUE ", SqlString(alteration.name),
                               " AFTER the value that goes before it, if the order matters"));
    }
  }
  const bool domain = look.is(Verb::kCreateDomain) || look.is(Verb::kAlterDomain);
  if (domain && look.facts.has_check) {
    look.Report(LintId::kDomainConstraint,
                absl::StrCat("the domain ", name, " carries a constraint"));
  }
}

}  // namespace

void CheckTypes(const Look& look) {
  std::string key;
  for (const IndexFacts& index : look.facts.indexes) {
    if (index.primary && index.columns.size() == 1) key = index.columns[0];
  }
  for (const ColumnFacts& column : look.facts.columns) {
    CheckColumn(look, column, absl::EqualsIgnoreCase(column.name, key));
  }
  const bool is_new = look.IsNew(look.table());
  for (const Alteration& alteration : look.facts.alterations) {
    if (!alteration.column.has_value()) continue;
    ColumnFacts column = *alteration.column;
    if (column.name.empty()) column.name = alteration.name;
    CheckColumn(look, column, false);
    if (alteration.kind == AlterationKind::kModifyColumn && HasValues(column) && !is_new) {
      EnumChange(look, alteration);
    }
  }
  CheckUserTypes(look);
  IntKeyCapacity(look);
}

}  // namespace dbfleet::sql
