// What changes rows.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/sql/mysql/heads.h"
#include "common/sql/mysql/joined_writes.h"
#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

// The names of a WITH list in front of the verb, and what its queries do.
void ScanWith(Parser* p, QueryScan* scan, ptrdiff_t verb) {
  ptrdiff_t with = 0;
  while (with < verb && !p->draft->tokens[with].Is(K("WITH"))) ++with;
  if (with < verb) scan->Run(with, verb, Clause::kOther);
}

void RowChange(Draft* draft) {
  Effects& effects = draft->reading.verdict.effects;
  effects.locks_rows = true;
  effects.undo = Undo::kRollback;
}

void Conclude(Draft* draft, QueryScan& scan) {
  scan.NoteWhere();
  Facts& facts = draft->reading.facts;
  facts.has_limit = scan.has_limit();
  facts.has_order_by = scan.has_order_by();
  facts.query.always_true_where = scan.where_is_always_true();
  // A portion of a period's time picks rows, too.
  facts.query.unguarded_write =
      !scan.has_portion() && (!scan.has_where() || facts.query.always_true_where);
  if (scan.calls_other()) draft->reading.verdict.effects.undo = Undo::kBackup;
}

void AddObjects(Draft* draft, const std::vector<Named>& names, Access access) {
  for (const Named& named : names) {
    draft->Use(named.written, access);
    draft->reading.facts.objects.push_back(named.name);
  }
}

// The first table of what stands at `at`, for the facts; the scan takes the uses.
void PeekTarget(const Parser& p) {
  Parser peek(p.draft, p.at);
  while (peek.AcceptSymbol('(')) {
  }
  const Named target = peek.ObjectName();
  if (!target.written.empty()) p.draft->reading.facts.objects.push_back(target.name);
}

// (a, b) of INSERT INTO t (a, b) VALUES ...; not the parentheses of a query.
bool ReadInsertColumns(Parser* p) {
  if (!p->Now().IsSymbol('(') ||
      p->Now(1).IsOneOf({K("SELECT"), K("WITH"), K("VALUES"), K("TABLE")}) ||
      p->Now(1).IsSymbol('(')) {
    return false;
  }
  ++p->at;
  while (!p->AtEnd() && !p->AcceptSymbol(')')) {
    const Named column = p->ObjectName();
    if (column.written.empty()) {
      p->NotUnderstood();
      return false;
    }
    std::string name = column.name.name;
    if (p->AcceptSymbol('.')) name = p->PlainName();
    std::vector<std::string>& columns = p->draft->reading.facts.insert.columns;
    constexpr size_t kMostKept = 5000;
    if (columns.size() < kMostKept) columns.push_back(std::move(name));
    if (!p->Now().IsSymbol(')') && !p->AcceptSymbol(',')) {
      p->NotUnderstood();
      return false;
    }
  }
  return true;
}

// a = 1, t.b = 2 of SET and of ON DUPLICATE KEY UPDATE.
void ListAssigned(const Toks& tokens, ptrdiff_t from, bool sets, std::vector<std::string>* to) {
  constexpr size_t kMostKept = 5000;
  int depth = 0;
  bool begins = sets;
  for (ptrdiff_t i = from; i < tokens.size(); ++i) {
    const Tok& token = tokens[i];
    if (token.IsSymbol('(')) ++depth;
    if (token.IsSymbol(')')) --depth;
    if (begins && token.IsName()) {
      ptrdiff_t last = i;
      while (tokens[last + 1].IsSymbol('.') && tokens[last + 2].IsName()) last += 2;
      if (tokens[last + 1].IsSymbol('=') && to->size() < kMostKept) {
        to->push_back(Unquoted(tokens[last]));
      }
    }
    const bool upserts = depth == 0 && token.Is(K("UPDATE")) && tokens[i - 1].Is(K("KEY")) &&
                         tokens[i - 2].Is(K("DUPLICATE"));
    sets = sets || upserts;
    begins = upserts || (sets && depth == 0 && token.IsSymbol(','));
  }
}

void ReadRowsOfInsert(Parser* p, QueryScan* scan) {
  Draft* draft = p->draft;
  InsertFacts& insert = draft->reading.facts.insert;
  const ptrdiff_t end = draft->tokens.size();
  const ptrdiff_t begin = p->at;
  if (p->Is(K("VALUES")) || p->Is(K("VALUE"))) {
    ++p->at;
    scan->Run(p->at, end, Clause::kValues, Access::kRead, true);
    insert.rows = scan->outer_rows();
  } else if (p->Is(K("SET"))) {
    insert.names_columns = true;
    insert.rows = 1;
    scan->Run(p->at, end, Clause::kOther, Access::kRead, true);
  } else if (p->Is(K("TABLE"))) {
    insert.from_query = true;
    ++p->at;
    scan->Run(p->at, end, Clause::kFrom, Access::kRead, true);
  } else if (p->Now().IsSymbol('(') || p->Now().IsOneOf({K("SELECT"), K("WITH")})) {
    insert.from_query = true;
    scan->Run(p->at, end, Clause::kOther, Access::kRead, true);
  } else {
    p->NotUnderstood();
  }
  insert.on_conflict = scan->upserts();
  const bool sets = draft->tokens[begin].Is(K("SET"));
  if (sets || insert.on_conflict) {
    ListAssigned(draft->tokens, sets ? begin + 1 : begin, sets, &insert.columns);
  }
}

// Whom an UPDATE or DELETE of joined tables writes; the others it only reads. Nothing where that is
// not known of all.
void OnlyTheseWritten(Draft* draft, const std::vector<Name>& targets) {
  std::vector<ObjectUse>& uses = draft->reading.verdict.uses;
  // A dot inside of quotes belongs to the name.
  const bool plain = std::none_of(uses.begin(), uses.end(), [](const ObjectUse& use) {
    const size_t quote = use.name.find('`');
    return quote != std::string::npos && use.name.find('.', quote) != std::string::npos;
  });
  if (targets.empty() || !plain) return;
  for (ObjectUse& use : uses) {
    if (use.access != Access::kWrite) continue;
    const std::string name =
        absl::StrReplaceAll(use.name.substr(use.name.rfind('.') + 1), {{"`", ""}});
    // Two schemas' tables of one name are both taken for written.
    const bool written = std::any_of(targets.begin(), targets.end(), [&](const Name& target) {
      return absl::EqualsIgnoreCase(target.name, name);
    });
    if (!written) use.access = Access::kRead;
  }
}

// What the tables that SET writes go by, in lower case; nothing where it does not say so of all.
std::vector<std::string> SetNames(const Toks& tokens, ptrdiff_t from) {
  std::vector<std::string> names;
  int depth = 0;
  bool begins = false;
  bool sets = false;
  for (ptrdiff_t i = from; i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) ++depth;
    if (tokens[i].IsSymbol(')')) --depth;
    if (begins) {
      ptrdiff_t last = i;
      while (tokens[last + 1].IsSymbol('.') && tokens[last + 2].IsName()) last += 2;
      if (last == i) return {};
      names.push_back(absl::AsciiStrToLower(Unquoted(tokens[last - 2])));
    }
    const bool set = depth == 0 && !sets && tokens[i].Is(K("SET"));
    sets = sets || set;
    begins = set || (sets && depth == 0 && tokens[i].IsSymbol(','));
  }
  return names;
}

// The tables that the SET of a statement about several of them names.
std::vector<Name> SetTargets(const Toks& tokens, ptrdiff_t from) {
  std::vector<Name> targets;
  int depth = 0;
  bool sets = false;
  bool begins = false;
  for (ptrdiff_t i = from; i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) ++depth;
    if (tokens[i].IsSymbol(')')) --depth;
    if (begins) {
      const bool one = tokens[i].IsName() && tokens[i + 1].IsSymbol('.') && tokens[i + 2].IsName();
      const bool two = one && tokens[i + 3].IsSymbol('.') && tokens[i + 4].IsName();
      Name table{two ? Unquoted(tokens[i]) : "", two ? Unquoted(tokens[i + 2]) : ""};
      if (!one || (!two && !TableCalled(tokens, from, Unquoted(tokens[i]), &table))) return {};
      targets.push_back(std::move(table));
    }
    if (sets && depth == 0 && tokens[i].Is(K("WHERE"))) break;
    const bool set = depth == 0 && !sets && tokens[i].Is(K("SET"));
    sets = sets || set;
    begins = set || (sets && depth == 0 && tokens[i].IsSymbol(','));
  }
  return targets;
}

// Behind FROM the targets are known by name; an alias stands for its table.
void ResolveTargets(Draft* draft, ptrdiff_t from) {
  std::vector<Name>& objects = draft->reading.facts.objects;
  bool all = true;
  for (Name& object : objects) {
    Name table;
    if (!object.schema.empty()) continue;
    if (TableCalled(draft->tokens, from, object.name, &table)) {
      object = std::move(table);
    } else {
      all = false;
    }
  }
  if (all) OnlyTheseWritten(draft, objects);
  // Two aliases of one table are one.
  for (size_t i = 1; i < objects.size();) {
    const auto at = objects.begin() + static_cast<ptrdiff_t>(i);
    if (std::find(objects.begin(), at, *at) == at) {
      ++i;
    } else {
      objects.erase(at);
    }
  }
}

// DELETE t1, t2.* FROM ...: the names in front of FROM are written, the others read.
bool ReadDeleteTargets(Parser* p) {
  Facts& facts = p->draft->reading.facts;
  do {
    const Named named = p->ObjectName();
    if (named.written.empty()) return false;
    facts.objects.push_back(named.name);
    if (p->AcceptSymbol('.')) p->AcceptSymbol('*');
  } while (p->AcceptSymbol(','));
  return true;
}

}  // namespace

void ReadInsert(Parser* p) {
  Draft* draft = p->draft;
  const ptrdiff_t verb = p->at;
  const bool replace = p->Is(K("REPLACE"));
  ++p->at;
  ApplyRow(draft, {replace ? K("REPLACE") : K("INSERT")});
  Facts& facts = draft->reading.facts;
  facts.verb = Verb::kInsert;
  facts.insert.replaces = replace;
  RowChange(draft);
  QueryScan scan(draft);
  ScanWith(p, &scan, verb);
  while (p->AcceptAny({K("LOW_PRIORITY"), K("DELAYED"), K("HIGH_PRIORITY"), K("IGNORE")})) {
  }
  p->Accept(K("INTO"));
  const Named table = p->ObjectName();
  if (table.written.empty()) return p->NotUnderstood();
  AddObjects(draft, {table}, Access::kWrite);
  if (!draft->planned && IsServersOwn(draft->target.dialect, table.name.schema, table.name.name)) {
    draft->Object(absl::StrCat(table.written, " is one of the server's own tables"));
  }
  if (p->Accept(K("PARTITION"))) p->SkipParens();
  facts.insert.names_columns = ReadInsertColumns(p);
  if (p->AtEnd()) return p->NotUnderstood();
  ReadRowsOfInsert(p, &scan);
  if (scan.calls_other()) draft->reading.verdict.effects.undo = Undo::kBackup;
  // Beyond that it is an INSERT, nothing may speak against it.
  draft->reading.verdict.adds_only =
      !replace && !scan.upserts() && draft->reading.verdict.reasons.size() == 1;
}

void ReadUpdate(Parser* p) {
  Draft* draft = p->draft;
  const ptrdiff_t verb = p->at - 1;
  ApplyRow(draft, {K("UPDATE")});
  draft->reading.facts.verb = Verb::kUpdate;
  RowChange(draft);
  QueryScan scan(draft);
  ScanWith(p, &scan, verb);
  while (p->AcceptAny({K("LOW_PRIORITY"), K("IGNORE")})) {
  }
  PeekTarget(*p);
  scan.Run(p->at, draft->tokens.size(), Clause::kFrom, Access::kWrite, true);
  ListWritten(draft->tokens, p->at, &draft->reading.facts.query);
  OnlyTheseWritten(draft, SetTargets(draft->tokens, p->at));
  Conclude(draft, scan);
  if (!scan.has_where() && JoinsRestrict(draft->tokens, p->at, SetNames(draft->tokens, p->at))) {
    draft->reading.facts.query.unguarded_write = false;
  }
}

void ReadDelete(Parser* p) {
  Draft* draft = p->draft;
  const ptrdiff_t verb = p->at - 1;
  const bool history = p->Accept(K("HISTORY"));
  if (history) {
    ApplyRow(draft, {K("DELETE"), K("HISTORY")});
  } else {
    ApplyRow(draft, {K("DELETE")});
  }
  Facts& facts = draft->reading.facts;
  facts.verb = Verb::kDelete;
  RowChange(draft);
  QueryScan scan(draft);
  ScanWith(p, &scan, verb);
  while (p->AcceptAny({K("LOW_PRIORITY"), K("QUICK"), K("IGNORE")})) {
  }
  bool several = false;
  if (p->Is(K("FROM"))) {
    ++p->at;
    const ptrdiff_t list = p->at;
    // DELETE FROM a, b USING a JOIN b ...
    const bool uses = ReadDeleteTargets(p) && p->Accept(K("USING"));
    if (!uses) {
      p->at = list;
      facts.objects.clear();
      PeekTarget(*p);
    }
    several = uses;
  } else {
    if (!ReadDeleteTargets(p) || !p->Accept(K("FROM"))) return p->NotUnderstood();
    several = true;
  }
  const ptrdiff_t from = p->at;
  scan.Run(from, draft->tokens.size(), Clause::kFrom, Access::kWrite, true);
  Conclude(draft, scan);
  if (several) {
    std::vector<std::string> targets;
    for (const Name& name : facts.objects) targets.push_back(absl::AsciiStrToLower(name.name));
    if (!scan.has_where() && JoinsRestrict(draft->tokens, from, targets)) {
      facts.query.unguarded_write = false;
    }
    ResolveTargets(draft, from);
  }
  if (history) {
    facts.object_type = "history";
    facts.query.unguarded_write = !draft->tokens.HasWord(K("BEFORE"));
    draft->reading.verdict.effects.undo = Undo::kBackup;
  }
}

void ReadLoad(Parser* p) {
  Draft* draft = p->draft;
  if (p->Is(K("INDEX"))) {
    --p->at;
    return ReadAdministration(p);
  }
  if (!p->Now().IsOneOf({K("DATA"), K("XML")})) {
    ApplyRow(draft, {K("LOAD"), K("DATA")});
    return p->NotUnderstood();
  }
  ApplyRow(draft, {K("LOAD"), p->Now().word});
  Facts& facts = draft->reading.facts;
  facts.verb = Verb::kCopy;
  RowChange(draft);
  while (!p->AtEnd() && !(p->Is(K("INTO")) && p->Now(1).Is(K("TABLE")))) ++p->at;
  facts.insert.replaces = p->Now(-1).Is(K("REPLACE"));
  if (!p->AcceptAll({K("INTO"), K("TABLE")})) return p->NotUnderstood();
  AddObjects(draft, {p->ObjectName()}, Access::kWrite);
  facts.insert.names_columns =
      draft->tokens[draft->tokens.size() - 1].IsSymbol(')') || draft->tokens.HasWord(K("SET"));
  draft->Object("it reads a file of the server or of the client");
}

}  // namespace dbfleet::sql::mysql
