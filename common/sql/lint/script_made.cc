#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/lint/script.h"

// What a way back may take away again.
namespace dbfleet::sql {
namespace {

// Of the places that are not known only the first is the same one in another script: where names
// are looked for before anything was set.
bool IsTheSameElsewhere(const std::string& place) {
  return !absl::StartsWith(place, "\x01") || place == Session::kFirstPlace;
}

}  // namespace

void Script::AddMade(const TableState& table, Made* made) const {
  if (table.temporary || !IsTheSameElsewhere(table.place)) return;
  const auto add = [&](Made::What what, absl::string_view part) {
    made->Add(what, table.place, table.name.name, part);
  };
  if (table.is_made() && !table.holds_others) add(Made::What::kTable, "");
  if (table.renamed) add(Made::What::kRenamedTable, "");
  for (const std::string& column : table.added_columns) add(Made::What::kColumn, column);
  for (const std::string& column : table.renamed_columns) add(Made::What::kRenamedColumn, column);
  for (const std::string& column : table.not_null_columns) add(Made::What::kNotNull, column);
  if (postgres_) return;
  for (const auto& index : table.own_indexes) add(Made::What::kIndex, index.first);
}

Made Script::made() const {
  Made made;
  if (new_session_) return made;  // It may be about another database.
  made = values_;
  for (const auto& [name, places] : by_name_) {
    for (const auto& [place, index] : places) AddMade(tables_[index], &made);
  }
  for (const auto& schema : made_schemas_) made.Add(Made::What::kSchema, "", schema.first);
  for (const auto& schema : renamed_schemas_) {
    made.Add(Made::What::kSchema, "renamed", schema.first);
  }
  return made;
}

bool Script::TakesBack(const Made& up, Made::What what, const Name& table,
                       absl::string_view part) const {
  if (forgot_) return false;
  const size_t there = ExactIndexOf(table);
  if (there != kNone && tables_[there].away) return false;
  const bool of_table = what == Made::What::kTable || what == Made::What::kRenamedTable;
  const size_t index = IndexOf(table);
  std::string place = PlaceOf(table);
  std::string name = table.name;
  if (index != kNone) {
    const TableState& state = tables_[index];
    const bool exact = index == ExactIndexOf(table);
    const bool made_here = state.is_made() && !state.may_have_existed;
    if (state.away || state.temporary || state.holds_others || made_here) return false;
    if (!exact && state.renamed) return false;
    if (exact && !state.was.name.empty()) {
      place = state.was_place;
      name = state.was.name;
    }
    // The column that bore the name may be another one by now.
    if (!of_table && state.renamed_columns.count(absl::AsciiStrToLower(part)) > 0) return false;
  }
  return IsTheSameElsewhere(place) && up.Has(what, place, name, part);
}

// Values of an enum, and NOT NULL of a domain, which are no tables'.
void Script::NoteValues(const Facts& facts) {
  if (facts.objects.empty()) return;
  const Name& type = facts.objects[0];
  if (!IsTheSameElsewhere(PlaceOf(type))) return;
  for (const Alteration& alteration : facts.alterations) {
    if (alteration.kind == AlterationKind::kEnumRenameValue) {
      values_.Add(Made::What::kValue, PlaceOf(type), type.name, alteration.new_name);
    } else if (facts.verb == Verb::kAlterDomain && alteration.kind == AlterationKind::kSetNotNull) {
      values_.Add(Made::What::kNotNull, PlaceOf(type), type.name, alteration.name);
    }
  }
}

}  // namespace dbfleet::sql
