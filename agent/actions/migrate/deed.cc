#include "agent/actions/migrate/deed.h"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "agent/actions/migrate/deed_reader.h"

namespace dbfleet::agent {
namespace {

using Verb = Act::Verb;

std::string KeyOf(const std::vector<Act>& acts, bool undo) {
  std::vector<std::string> names;
  for (const Act& act : acts) {
    if (!act.named) return "";
    Verb verb = act.verb;
    if (undo && verb == Verb::kCreate) {
      verb = Verb::kDrop;
    } else if (undo && verb == Verb::kDrop) {
      verb = Verb::kCreate;
    }
    const bool turn = undo && verb == Verb::kRename;
    names.push_back(absl::StrCat(static_cast<int>(verb), " ", act.kind, " ",
                                 turn ? act.renamed : act.object, " > ",
                                 turn ? act.object : act.renamed));
  }
  std::sort(names.begin(), names.end());
  return absl::StrJoin(names, "\n");
}

bool IsRoutineKind(absl::string_view kind) {
  return kind == "PROCEDURE" || kind == "FUNCTION" || kind == "TRIGGER" || kind == "EVENT";
}

void ReadCreateIndex(DeedReader reader, Deed* deed) {
  reader.Skip("CONCURRENTLY");
  reader.SkipIfExists();
  if (reader.Is("ON")) {  // PostgreSQL invents a name.
    deed->acts.push_back({Verb::kCreate, "index", "", "", /*named=*/false});
    return;
  }
  const DeedReader::Name name = reader.ReadName();
  while (!reader.AtEnd() && !reader.Is("ON")) reader.Next();
  if (name.text.empty() || !reader.Skip("ON")) return;
  reader.Skip("ONLY");
  const DeedReader::Name table = reader.ReadName();
  if (table.text.empty()) return;
  // In PostgreSQL an index has a name of its own in its table's schema.
  deed->acts.push_back({Verb::kCreate, "index",
                        reader.postgres() ? absl::StrCat(table.schema, name.text)
                                          : absl::StrCat(table.text, ".", reader.Fold(name.text)),
                        ""});
}

void ReadDropIndex(DeedReader reader, Deed* deed) {
  reader.Skip("CONCURRENTLY");
  reader.SkipIfExists();
  const DeedReader::Name name = reader.ReadName();
  if (name.text.empty()) return;
  if (reader.postgres()) {
    if (reader.HasComma() || reader.Has("CASCADE")) return;
    deed->acts.push_back({Verb::kDrop, "index", name.text, ""});
    return;
  }
  if (!reader.Skip("ON")) return;
  const DeedReader::Name table = reader.ReadName();
  deed->acts.push_back(
      {Verb::kDrop, "index", absl::StrCat(table.text, ".", reader.Fold(name.text)), ""});
}

// CREATE and DROP of everything else.
void ReadObject(DeedReader reader, Verb verb, absl::string_view kind, Deed* deed) {
  static constexpr absl::string_view kKinds[] = {
      "TABLE",  "VIEW",   "PROCEDURE", "FUNCTION",  "TRIGGER", "EVENT", "SEQUENCE",
      "SCHEMA", "DOMAIN", "TYPE",      "EXTENSION", "POLICY",  "RULE"};
  if (std::find(std::begin(kKinds), std::end(kKinds), kind) == std::end(kKinds)) return;
  if (reader.postgres() && kind == "SCHEMA" && reader.Is("AUTHORIZATION")) return;
  reader.SkipIfExists();
  const DeedReader::Name name = reader.ReadName();
  if (name.text.empty()) return;
  // CASCADE takes more along than it names, and a list is several things at once.
  if (verb == Verb::kDrop && (reader.HasComma() || reader.Has("CASCADE"))) return;
  std::string object = name.text;
  bool named = true;
  if (reader.postgres()) {
    // Overloads share a name, and such names are unique per table only.
    if (kind == "TRIGGER" || kind == "POLICY" || kind == "RULE") {
      while (!reader.AtEnd() && !reader.Is("ON") && !reader.Is("TO")) reader.Next();
      named = reader.Skip("ON") || reader.Skip("TO");
      object = absl::StrCat(reader.ReadName().text, ".", name.text);
    } else if (kind == "FUNCTION" || kind == "PROCEDURE") {
      const bool bare = reader.AtEnd();
      named = bare || (reader.IsSymbol('(') && reader.IsSymbol(')', 1));
    }
  } else if (IsRoutineKind(kind) && kind != "TRIGGER") {
    object = reader.Fold(object);
  }
  deed->acts.push_back({verb, absl::AsciiStrToLower(kind), object, "", named});
}

void ReadDefinition(DeedReader reader, Verb verb, Deed* deed) {
  reader.Next();
  deed->replaces = reader.Is("OR");
  if (reader.Skip("OR")) reader.Skip("REPLACE");
  if (reader.Is("TEMPORARY") || reader.Is("TEMP")) {
    deed->temporary = verb == Verb::kCreate;
    reader.Next();
  }
  const std::string kind = reader.FindKind();
  deed->conditional = deed->replaces;
  // Behind CONCURRENTLY, MAPPING and the like.
  for (const size_t ahead : {0, 1, 2}) {
    deed->conditional = deed->conditional || reader.IsIfExists(ahead);
  }
  if (kind == "INDEX") {
    verb == Verb::kCreate ? ReadCreateIndex(reader, deed) : ReadDropIndex(reader, deed);
  } else {
    ReadObject(reader, verb, kind, deed);
  }
}

void ReadRename(DeedReader reader, Deed* deed) {
  reader.Next();
  if (!reader.Skip("TABLE")) return;
  deed->conditional = reader.IsIfExists();
  reader.SkipIfExists();
  const DeedReader::Name from = reader.ReadName();
  if (from.text.empty() || !reader.Skip("TO") || reader.HasComma()) return;
  deed->acts.push_back({Verb::kRename, "table", from.text, reader.ReadName().text});
}

void ReadData(DeedReader reader, Deed* deed) {
  Verb verb = Verb::kChange;
  if (reader.Is("INSERT")) verb = Verb::kCreate;
  if (reader.Is("DELETE")) verb = Verb::kDrop;
  deed->conditional =
      reader.Is("REPLACE") || reader.HasPair("ON", "DUPLICATE") || reader.HasPair("ON", "CONFLICT");
  if (reader.Skip("REPLACE")) return;
  reader.Next();
  for (bool more = true; more;) {
    deed->conditional = deed->conditional || reader.Is("IGNORE");
    more = reader.Skip("LOW_PRIORITY") || reader.Skip("HIGH_PRIORITY") || reader.Skip("DELAYED") ||
           reader.Skip("QUICK") || reader.Skip("IGNORE") || reader.Skip("INTO") ||
           reader.Skip("FROM") || reader.Skip("ONLY");
  }
  const DeedReader::Name table = reader.ReadName();
  // Several tables: which of them it changes is not told.
  const bool several =
      verb != Verb::kCreate && (reader.IsSymbol(',') || reader.Has("JOIN") || reader.Has("USING"));
  if (table.text.empty() || several) return;
  deed->acts.push_back({verb, "rows", table.text, ""});
}

}  // namespace

std::string Deed::Key() const { return conditional && replaces ? "" : KeyOf(acts, false); }
std::string Deed::UndoKey() const { return conditional && replaces ? "" : KeyOf(acts, true); }

Deed DeedOf(sql::Dialect dialect, absl::string_view text, absl::string_view database) {
  Deed deed;
  const DeedReader reader(dialect, text, database);
  if (reader.Is("CREATE")) {
    ReadDefinition(reader, Verb::kCreate, &deed);
  } else if (reader.Is("DROP")) {
    ReadDefinition(reader, Verb::kDrop, &deed);
  } else if (reader.Is("ALTER")) {
    ReadAlter(reader, &deed);
  } else if (reader.Is("RENAME")) {
    ReadRename(reader, &deed);
  } else if (reader.Is("INSERT") || reader.Is("UPDATE") || reader.Is("DELETE") ||
             reader.Is("REPLACE")) {
    ReadData(reader, &deed);
  } else if (reader.Is("MERGE") || reader.Is("WITH")) {
    deed.conditional = reader.Is("MERGE") || reader.HasPair("ON", "CONFLICT");
  }
  return deed;
}

}  // namespace dbfleet::agent
