#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/sql/model/engines.h"
#include "common/sql/script_reader.h"

// Tables that a script makes and fills, of which what views may read says nothing.
namespace dbfleet::sql {
namespace {

bool KeepsTables(Verb verb) {
  return verb == Verb::kInsert || verb == Verb::kSet || verb == Verb::kLock ||
         verb == Verb::kBegin || verb == Verb::kCommit;
}

}  // namespace

// Rows for a table that the script has made, as dumps do: it is no view, and nothing is beneath it.
bool ScriptReader::FillsFreshTable(const Reading& reading) const {
  const Facts& facts = reading.facts;
  if (facts.verb != Verb::kInsert || facts.objects.size() != 1) return false;
  return !fresh_.empty() && reading.verdict.uses.size() == 1 && databases_.size() == 1 &&
         fresh_ == FreshName(facts.objects[0]);
}

std::string ScriptReader::FreshName(const Name& table) const {
  return absl::StrCat(table.schema.empty() ? databases_[0] : table.schema, "\n", table.name);
}

// The last one alone: a dump fills each table behind its CREATE TABLE.
void ScriptReader::NoteFresh(const Reading& reading) {
  const Facts& facts = reading.facts;
  if (KeepsTables(facts.verb)) return;
  const bool plain = reading.verdict.understood && facts.objects.size() == 1;
  // DISABLE KEYS
  const bool keeps = std::all_of(
      facts.alterations.begin(), facts.alterations.end(),
      [](const Alteration& alteration) { return alteration.kind == AlterationKind::kOther; });
  if (facts.verb == Verb::kAlterTable && plain && keeps) return;
  fresh_.clear();
  if (!target_.mysql_family() || !plain || databases_.size() != 1) return;
  if (facts.verb != Verb::kCreateTable || facts.if_not_exists || facts.temporary) return;
  if (facts.as_query || facts.engine.empty() || !KeepsItsOwnRows(facts.engine)) return;
  fresh_ = FreshName(facts.objects[0]);
}

}  // namespace dbfleet::sql
