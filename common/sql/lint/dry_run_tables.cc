#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/lint/dry_run.h"
#include "common/sql/model/engines.h"

// The tables of which a server would refuse a statement.
namespace dbfleet::sql {
namespace {

using Found = FollowedSchema::Found;
using Presence = FollowedSchema::Presence;

void ReportMissing(const Look& look, const Name& name, const Found& found, std::string advice) {
  look.ReportOn(name, LintId::kDryRun,
                absl::StrCat("there is no table ", look.Sql(name),
                             found.gone ? " any more: a statement before this one took it away"
                                        : " in the snapshot"),
                std::move(advice));
}

// MariaDB makes them up: seq_1_to_10, seq_0_to_100_step_5.
bool IsNumberSeries(const Look& look, const std::string& name) {
  return look.target.dialect == Dialect::kMariaDb && absl::StartsWithIgnoreCase(name, "seq_") &&
         absl::StrContains(name, "_to_");
}

// A query of one table and of nothing else. What a model's query reads is named by convention, and
// may have another name.
bool ReadsOneTable(const Look& look) {
  const Facts& facts = look.facts;
  if (!look.is(Verb::kSelect) || facts.objects.size() != 1 || look.verdict.uses.size() != 1) {
    return false;
  }
  if (facts.call.has_value() && !facts.call->raw_sql) return false;
  const Name& table = look.table();
  return look.verdict.understood && !facts.query.table_functions && facts.query.select_depth <= 1 &&
         !IsServersOwn(look.target.dialect, table.schema, table.name) &&
         !IsNumberSeries(look, table.name);
}

bool NeedsTable(Verb verb) {
  return IsDml(verb) || verb == Verb::kAlterTable || verb == Verb::kCreateIndex;
}

void ReportIfMissing(const Look& look, const Name& name) {
  const Found found = Find(look, name);
  if (found.presence == Presence::kMissing) ReportMissing(look, name, found, "");
}

void MissingTable(const Look& look) {
  if (look.is(Verb::kTruncate)) {
    for (const Name& name : look.facts.objects) ReportIfMissing(look, name);
    return;
  }
  const bool reads = ReadsOneTable(look);
  if (!NeedsTable(look.facts.verb) && !reads) return;
  if (look.facts.if_exists || (look.facts.query.select_depth > 0 && !reads)) return;
  ReportIfMissing(look, look.table());
}

// As it is written; none if it has letters that the server may fold.
std::optional<Name> NameOf(const Look& look, const ObjectUse& use) {
  Name name;
  char quote = 0;
  bool quoted = false;
  for (const char c : use.name) {
    if (quote == 0 && (c == '"' || c == '`')) {
      quote = c;
      quoted = true;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '.' && quote == 0) {
      if (!name.schema.empty()) return std::nullopt;
      name.schema = std::exchange(name.name, "");
    } else if (look.postgres() && !quoted && absl::ascii_isupper(c)) {
      return std::nullopt;
    } else {
      name.name.push_back(c);
    }
  }
  if (name.name.empty()) return std::nullopt;
  return name;
}

// What a view reads, where that is one table and nothing else.
std::optional<Name> ReadByView(const Look& look) {
  const QueryFacts& query = look.facts.query;
  if (!look.is(Verb::kCreateView) || !look.verdict.understood) return std::nullopt;
  if (query.table_functions || query.select_depth > 1) return std::nullopt;
  std::optional<Name> read;
  for (const ObjectUse& use : look.verdict.uses) {
    if (use.access == Access::kDefine) continue;
    if (use.access != Access::kRead || read.has_value()) return std::nullopt;
    read = NameOf(look, use);
    if (!read.has_value()) return std::nullopt;
  }
  if (!read.has_value() || IsNumberSeries(look, read->name) ||
      IsServersOwn(look.target.dialect, read->schema, read->name)) {
    return std::nullopt;
  }
  return read;
}

// The table of a view, of a trigger, of a policy.
void MissingBehindDefinition(const Look& look) {
  const Facts& facts = look.facts;
  if (facts.if_exists || facts.if_not_exists) return;
  if (!facts.part_of.name.empty()) {
    ReportIfMissing(look, facts.part_of);
  } else if (look.mysql() && look.is(Verb::kCreateRoutine) && facts.object_type == "trigger") {
    if (facts.objects.size() > 1) ReportIfMissing(look, facts.objects.back());
  } else if (const std::optional<Name> read = ReadByView(look); read.has_value()) {
    ReportIfMissing(look, *read);
  }
}

void MissingParents(const Look& look) {
  for (const ForeignKeyFacts* key : CheckedForeignKeys(look)) {
    ReportIfMissing(look, ParentOf(look, *key));
  }
}

void DroppedTables(const Look& look) {
  const bool table = look.is(Verb::kDropTable) && look.facts.object_type == "table";
  if (!table || look.facts.if_exists || look.facts.temporary) return;
  for (const Name& name : look.facts.objects) {
    const Found found = Find(look, name);
    if (found.presence != Presence::kMissing) continue;
    ReportMissing(look, name, found,
                  absl::StrCat("correct the name, or write DROP TABLE IF EXISTS ", look.Sql(name)));
  }
}

// `made`: with the schema where it would be, as far as that is known.
void ReportThere(const Look& look, const Name& written, const Name& made,
                 absl::string_view advice) {
  const Found found = Find(look, made);
  if (look.schema->may_lack_tables()) return;
  if (!look.schema->IsMadeThere(made, found, look.script.session())) return;
  look.Report(LintId::kDryRun,
              absl::StrCat("there is a table ", look.Sql(written), " already",
                           found.changed == nullptr ? " in the snapshot" : ""),
              Already(advice));
}

void MadeTable(const Look& look) {
  const Facts& facts = look.facts;
  const bool makes =
      look.is(Verb::kCreateTable) || look.is(Verb::kCreateView) || look.is(Verb::kCreateSequence);
  if (!makes || facts.if_not_exists || facts.or_replace || facts.temporary) return;
  ReportThere(look, look.table(), look.table(),
              "give it another name, or change the one that there is");
}

bool IsOneOf(const std::vector<Name>& names, const Name& name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const Name& one) { return absl::EqualsIgnoreCase(one.name, name.name); });
}

// Names that are taken, or that nothing has, by the renames of one statement in their order.
void RenamedTables(const Look& look) {
  const std::vector<Name>& objects = look.facts.objects;
  const bool rename = look.is(Verb::kRenameTable);
  const bool altered =
      look.is(Verb::kAlterTable) &&
      std::any_of(look.facts.alterations.begin(), look.facts.alterations.end(),
                  [](const Alteration& one) { return one.kind == AlterationKind::kRenameTable; });
  if (!rename && !altered) return;
  std::vector<Name> came;
  std::vector<Name> left;
  for (size_t i = 0; i + 1 < objects.size(); i += 2) {
    const Name& from = objects[i];
    const Name& to = objects[i + 1];
    const Found found = Find(look, from);
    // PostgreSQL renames indexes and sequences by it too.
    const bool missing = found.presence == Presence::kMissing && !IsOneOf(came, from);
    if (missing && look.mysql() && rename && !look.facts.if_exists) {
      ReportMissing(look, from, found, "");
    }
    if (missing && look.facts.if_exists) continue;
    Name target = to;
    if (look.postgres() && to.schema.empty() && found.is_there()) {
      target.schema = found.name().schema;
    }
    const bool temporary = found.changed != nullptr && found.changed->temporary;
    if (!temporary && (found.is_there() || (look.mysql() && !look.facts.if_exists)) &&
        !IsOneOf(left, to) && !absl::EqualsIgnoreCase(from.name, to.name)) {
      ReportThere(look, to, target, "give it another name, or rename the one that there is before");
    }
    came.push_back(to);
    left.push_back(from);
  }
}

}  // namespace

void CheckTablesThere(const Look& look) {
  MissingTable(look);
  MissingBehindDefinition(look);
  MissingParents(look);
  DroppedTables(look);
  MadeTable(look);
  RenamedTables(look);
}

}  // namespace dbfleet::sql
