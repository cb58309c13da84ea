#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/lint/script.h"

// PostgreSQL: what a CHECK or a key has proven so far, and when it counts no more. PostgreSQL's are
// about columns and not about their names, go down to the heirs of a table, which may have been
// there before the script, and are reached by ALTER VIEW and ALTER TYPE as well. Nothing of that is
// followed: where a column or constraint is renamed or dropped, whatever it may have been of proves
// nothing from there on, and the findings that it would have spared stand.
namespace dbfleet::sql {
namespace {

// More names than that are all in doubt, so that no script takes long.
constexpr size_t kMostNames = 5000;
// The same of tables with something to prove: each is held against each column.
constexpr size_t kMostExcusing = 1000;

bool IsOfName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         !absl::ascii_isascii(static_cast<unsigned char>(c));
}

bool HoldsWord(const std::string& text, const std::string& word) {
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !IsOfName(text[at - 1])) && (end == text.size() || !IsOfName(text[end]))) {
      return true;
    }
  }
  return false;
}

// In whatever case, in quotes, or in a string. Of what is written with escapes nobody knows what it
// names.
bool MayName(const TableState::Check& check, const std::string& column) {
  const std::string& text = check.definition;
  if (text.empty() || absl::StrContains(text, "u&") || absl::StrContains(text, "\"\"")) return true;
  if (HoldsWord(text, absl::AsciiStrToLower(column))) return true;
  return std::any_of(check.terms.begin(), check.terms.end(),
                     [&](const CheckTerm& term) { return term.column == column; });
}

bool ChangesTree(AlterationKind kind) {
  return kind == AlterationKind::kInherit || kind == AlterationKind::kAttachPartition ||
         kind == AlterationKind::kDetachPartition;
}

}  // namespace

void Script::ForgetExcusesOf(const std::string& column) {
  if (column.empty()) return;
  touched_columns_.insert(column);
  const bool all = touched_columns_.size() > kMostNames || excusing_.size() > kMostExcusing;
  for (auto at = excusing_.begin(); at != excusing_.end();) {
    TableState& table = tables_[*at];
    table.checks.erase(std::remove_if(table.checks.begin(), table.checks.end(),
                                      [&](const TableState::Check& check) {
                                        return all || MayName(check, column);
                                      }),
                       table.checks.end());
    const std::vector<std::string>& key = table.partition_key;
    if (all || std::find(key.begin(), key.end(), column) != key.end()) table.key_in_doubt = true;
    const bool nothing = table.checks.empty() && (key.empty() || table.key_in_doubt);
    at = nothing ? excusing_.erase(at) : std::next(at);
  }
}

// Of the table itself one without a name may bear this, which the server gave it.
void Script::ForgetConstraint(const std::string& name, size_t of) {
  const bool all = excusing_.size() > kMostExcusing;
  for (const size_t at : excusing_) {
    TableState& table = tables_[at];
    table.checks.erase(std::remove_if(table.checks.begin(), table.checks.end(),
                                      [&](const TableState::Check& check) {
                                        return all || check.name == name ||
                                               (check.name.empty() && (at == of || of == kNone));
                                      }),
                       table.checks.end());
  }
}

void Script::ForgetExcuses(const Facts& facts) {
  const auto of = [&](const Name& name) { return IndexOf(name); };
  for (const Alteration& alteration : facts.alterations) {
    switch (alteration.kind) {
      case AlterationKind::kDropColumn:
        ForgetExcusesOf(alteration.name);
        break;
      case AlterationKind::kDropConstraint:
        if (facts.objects.empty()) break;
        ForgetConstraint(alteration.name, of(facts.objects[0]));
        break;
      case AlterationKind::kOther:
        if (facts.verb != Verb::kAlterType) break;
        [[fallthrough]];  // RENAME ATTRIBUTE
      case AlterationKind::kRenameColumn:
      case AlterationKind::kRenameConstraint:
        if (alteration.new_name.empty()) break;
        ForgetConstraint(alteration.name, kNone);
        ForgetConstraint(alteration.new_name, kNone);
        if (alteration.kind == AlterationKind::kRenameConstraint) break;
        ForgetExcusesOf(alteration.name);
        ForgetExcusesOf(alteration.new_name);
        break;
      default:
        if (!ChangesTree(alteration.kind)) break;
        for (const Name& name : {facts.objects.empty() ? Name() : facts.objects[0],
                                 Name{alteration.schema, alteration.name}}) {
          const size_t index = of(name);
          if (index != kNone) tables_[index].checks.clear();
        }
    }
  }
}

}  // namespace dbfleet::sql
