#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "agent/actions/migrate/deed_reader.h"

namespace dbfleet::agent {
namespace {

using Verb = Act::Verb;

// One clause of ALTER TABLE. False: not understood, or of a kind that the schema does not show.
class AlterClause {
 public:
  AlterClause(DeedReader reader, std::string table, Deed* deed)
      : reader_(std::move(reader)), table_(std::move(table)), deed_(*deed) {}

  bool Read() {
    if (reader_.Skip("ADD")) return ReadAdd();
    if (reader_.Skip("DROP")) return ReadDrop();
    if (reader_.Skip("RENAME")) return ReadRename();
    if (reader_.Skip("ALTER")) return ReadAlterColumn();
    if (reader_.postgres()) return false;
    if (reader_.Skip("MODIFY")) return ReadModify();
    if (reader_.Skip("CHANGE")) return ReadChange();
    return ReadOption();
  }

 private:
  bool Put(Verb verb, absl::string_view kind, absl::string_view name, std::string renamed = "") {
    if (!renamed.empty()) renamed = absl::StrCat(table_, ".", renamed);
    deed_.acts.push_back({verb, std::string(kind), absl::StrCat(table_, ".", name), renamed});
    return true;
  }
  bool PutUnnamed(Verb verb, absl::string_view kind) {
    deed_.acts.push_back({verb, std::string(kind), table_, "", /*named=*/false});
    return true;
  }
  // A name, behind IF [NOT] EXISTS perhaps.
  std::string Name() {
    if (reader_.SkipIfExists()) deed_.conditional = true;
    const std::string text = reader_.ReadName().text;
    return reader_.Fold(text);
  }
  bool Named(Verb verb, absl::string_view kind) {
    const std::string name = Name();
    return name.empty() ? PutUnnamed(verb, kind) : Put(verb, kind, name);
  }

  bool ReadAdd() {
    if (reader_.Is("PARTITION") && !reader_.postgres()) return PutUnnamed(Verb::kCreate, "part");
    if (reader_.Skip("CONSTRAINT")) return ReadConstraint();
    if (reader_.Skip("PRIMARY")) return Put(Verb::kCreate, "primary", "");
    if (reader_.Skip("FOREIGN")) {
      reader_.Skip("KEY");
      return Named(Verb::kCreate, "constraint");
    }
    if (reader_.Skip("CHECK")) return PutUnnamed(Verb::kCreate, "constraint");
    for (absl::string_view special : {"UNIQUE", "FULLTEXT", "SPATIAL"}) {
      if (!reader_.Skip(special)) continue;
      if (!reader_.Skip("INDEX")) reader_.Skip("KEY");
      return reader_.Is("USING") ? PutUnnamed(Verb::kCreate, "index")
                                 : Named(Verb::kCreate, "index");
    }
    if (!reader_.postgres() && (reader_.Skip("INDEX") || reader_.Skip("KEY"))) {
      return reader_.Is("USING") ? PutUnnamed(Verb::kCreate, "index")
                                 : Named(Verb::kCreate, "index");
    }
    const bool said = reader_.Skip("COLUMN");
    if (reader_.IsSymbol('(')) return PutUnnamed(Verb::kCreate, "column");
    for (absl::string_view other : {"PERIOD", "SYSTEM", "EXCLUDE", "TABLE", "PARTITION"}) {
      if (!said && reader_.Is(other)) return false;
    }
    const std::string name = Name();
    return !name.empty() && Put(Verb::kCreate, "column", name);
  }

  bool ReadConstraint() {
    if (reader_.Is("PRIMARY") || reader_.Is("UNIQUE") || reader_.Is("FOREIGN") ||
        reader_.Is("CHECK")) {
      return PutUnnamed(Verb::kCreate, "constraint");
    }
    const std::string name = Name();
    if (name.empty()) return false;
    if (!reader_.postgres() && reader_.Is("PRIMARY")) return Put(Verb::kCreate, "primary", "");
    const bool index = !reader_.postgres() && reader_.Is("UNIQUE");
    return Put(Verb::kCreate, index ? "index" : "constraint", name);
  }

  bool ReadDrop() {
    if (reader_.Has("CASCADE")) return PutUnnamed(Verb::kDrop, "column");
    if (!reader_.postgres()) {
      if (reader_.Is("PARTITION")) return PutUnnamed(Verb::kDrop, "part");
      if (reader_.Skip("PRIMARY")) return Put(Verb::kDrop, "primary", "");
      if (reader_.Skip("INDEX") || reader_.Skip("KEY")) return Named(Verb::kDrop, "index");
      if (reader_.Skip("FOREIGN")) {
        reader_.Skip("KEY");
        return Named(Verb::kDrop, "constraint");
      }
      if (reader_.Skip("CHECK")) return Named(Verb::kDrop, "constraint");
      if (reader_.Is("SYSTEM") || reader_.Is("PERIOD")) return false;
    }
    if (reader_.Skip("CONSTRAINT")) return Named(Verb::kDrop, "constraint");
    reader_.Skip("COLUMN");
    const std::string name = Name();
    return !name.empty() && Put(Verb::kDrop, "column", name);
  }

  bool ReadRename() {
    std::string kind;
    if (reader_.Skip("COLUMN")) kind = "column";
    if (kind.empty() && (reader_.Skip("INDEX") || reader_.Skip("KEY"))) kind = "index";
    if (kind.empty() && reader_.Skip("CONSTRAINT")) kind = "constraint";
    if (kind.empty() && reader_.postgres() && !reader_.Is("TO")) kind = "column";
    if (!kind.empty()) {
      const std::string from = Name();
      if (from.empty() || !reader_.Skip("TO")) return false;
      const std::string to = reader_.Fold(reader_.ReadName().text);
      return !to.empty() && Put(Verb::kRename, kind, from, to);
    }
    if (!reader_.Skip("TO")) reader_.Skip("AS");
    const DeedReader::Name to = reader_.ReadName();
    if (to.text.empty() || !to.schema.empty()) return false;
    deed_.acts.push_back({Verb::kRename, "table", table_, to.text});
    return true;
  }

  bool ReadAlterColumn() {
    if (!reader_.postgres() && (reader_.Skip("INDEX") || reader_.Skip("KEY"))) {
      return Named(Verb::kChange, "index");
    }
    if (reader_.Is("CONSTRAINT") || reader_.Is("CHECK")) return false;
    reader_.Skip("COLUMN");
    const std::string name = Name();
    if (name.empty()) return false;
    const bool set = reader_.Skip("SET");
    const bool drop = !set && reader_.Skip("DROP");
    const bool shown = ((set || drop) &&
                        (reader_.Is("DEFAULT") || (reader_.Is("NOT") && reader_.Is("NULL", 1)))) ||
                       (set && reader_.Is("DATA") && reader_.Is("TYPE", 1)) ||
                       (!set && !drop && reader_.Is("TYPE"));
    return shown && Put(Verb::kChange, "column", name);
  }

  bool ReadModify() {
    reader_.Skip("COLUMN");
    const std::string name = Name();
    return !name.empty() && Put(Verb::kChange, "column", name);
  }

  bool ReadChange() {
    reader_.Skip("COLUMN");
    const std::string from = Name();
    const std::string to = reader_.Fold(reader_.ReadName().text);
    if (from.empty() || to.empty()) return false;
    return from == to ? Put(Verb::kChange, "column", from) : Put(Verb::kRename, "column", from, to);
  }

  bool ReadOption() {
    // How it is done, not what.
    for (absl::string_view how : {"ALGORITHM", "LOCK", "NOWAIT", "WAIT"}) {
      if (reader_.Is(how) && reader_.Left() <= 3) return true;
    }
    for (absl::string_view option : {"ENGINE", "COMMENT", "ROW_FORMAT"}) {
      if (reader_.Is(option) && reader_.Left() <= 3) return Put(Verb::kChange, "option", option);
    }
    return ReadCharset();
  }

  // [DEFAULT] CHARACTER SET [=] x [COLLATE [=] y], CONVERT TO CHARACTER SET x ...
  bool ReadCharset() {
    if (reader_.Skip("CONVERT")) {
      if (!reader_.Skip("TO")) return false;
    } else {
      reader_.Skip("DEFAULT");
    }
    bool read = false;
    if (reader_.Skip("CHARSET") || (reader_.Skip("CHARACTER") && reader_.Skip("SET"))) {
      if (reader_.IsSymbol('=')) reader_.Next();
      reader_.Next();
      read = true;
    }
    if (reader_.Skip("COLLATE")) {
      if (reader_.IsSymbol('=')) reader_.Next();
      reader_.Next();
      read = true;
    }
    return read && reader_.AtEnd() && PutUnnamed(Verb::kChange, "charset");
  }

  DeedReader reader_;
  const std::string table_;
  Deed& deed_;
};

// Two clauses on the same thing (DROP a, ADD a) or several new names (a swap) can end in the schema
// as it was, with other rows in it.
bool CouldCancelOut(const std::vector<Act>& acts) {
  int renames = 0;
  for (size_t i = 0; i < acts.size(); ++i) {
    if (acts[i].verb == Verb::kRename) ++renames;
    for (size_t k = 0; k < i; ++k) {
      const bool both = acts[i].verb != acts[k].verb && acts[i].kind == acts[k].kind;
      if (both && (acts[i].object == acts[k].object || !acts[i].named || !acts[k].named)) {
        return true;
      }
    }
  }
  return renames > 1 || (renames == 1 && acts.size() > 1);
}

}  // namespace

void ReadAlter(DeedReader reader, Deed* deed) {
  reader.Next();
  while (reader.Skip("ONLINE") || reader.Skip("IGNORE")) {
  }
  if (!reader.Skip("TABLE")) return;
  deed->conditional = reader.SkipIfExists();
  reader.Skip("ONLY");
  const DeedReader::Name table = reader.ReadName();
  if (table.text.empty() || reader.IsSymbol('*')) return;
  if (reader.Skip("WAIT")) {
    reader.Next();
  } else {
    reader.Skip("NOWAIT");
  }
  bool shown = true;
  for (const DeedReader& clause : reader.Clauses()) {
    shown = shown && AlterClause(clause, table.text, deed).Read();
    // Also in clauses that are not understood: who looks whether it may do nothing must know.
    for (DeedReader rest = clause; !rest.AtEnd(); rest.Next()) {
      deed->conditional = deed->conditional || rest.IsIfExists();
    }
  }
  if (!shown || CouldCancelOut(deed->acts)) deed->acts.clear();
}

}  // namespace dbfleet::agent
