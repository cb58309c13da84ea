// What reads: queries, SHOW, EXPLAIN, DESCRIBE.
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/mysql/heads.h"
#include "common/sql/mysql/query_scan.h"
#include "common/sql/mysql/syntax.h"

namespace dbfleet::sql::mysql {
namespace {

std::string Upper(const Tok& token) {
  if (token.kind != TokenKind::kWord) return "of something";
  return absl::AsciiStrToUpper(SanitizeForDisplay(Truncate(token.text, 40)));
}

void ScanQuery(Parser* p) {
  p->draft->reading.facts.verb = Verb::kSelect;
  QueryScan scan(p->draft);
  scan.Run(p->at, p->draft->tokens.size(), Clause::kOther);
  scan.NoteWhere();
  if (std::string problem = QueryProblem(p->draft->tokens, p->at); !problem.empty()) {
    p->draft->Doubt(std::move(problem));
    p->draft->reading.facts.unreadable = true;
  }
  p->at = p->draft->tokens.size();
  // Only of a query of one table it is known whose columns it names.
  Facts& facts = p->draft->reading.facts;
  if (facts.objects.size() != 1 || facts.query.select_depth > 1) facts.objects.clear();
  if (!facts.objects.empty()) ListSelected(p->draft->tokens, &facts.query);
}

// VALUES and TABLE as statements are calls of nothing only where the server knows them.
void ReadRows(Parser* p) {
  Draft* draft = p->draft;
  const bool table = p->Is(K("TABLE"));
  ApplyRow(draft, {p->Now().word});
  const bool known = draft->maria() ? !table && draft->Since({}, {10, 3, 0})
                                    : draft->Since({8, 0, 19}, {99, 0, 0});
  if (!known) {
    draft->Doubt(absl::StrCat(table ? "TABLE" : "VALUES",
                              " as a statement is known only of MySQL 8.0.19 and newer",
                              table ? "" : " and MariaDB 10.3 and newer"));
  }
  QueryScan scan(draft);
  if (!table) {
    scan.Run(p->at, draft->tokens.size(), Clause::kOther);
  } else {
    ++p->at;
    scan.Run(p->at, draft->tokens.size(), Clause::kFrom);
  }
}

// The word behind the opening parentheses.
ptrdiff_t BehindParens(const Toks& tokens, ptrdiff_t i) {
  while (tokens[i].IsSymbol('(')) ++i;
  return i;
}

struct ShowForm {
  Word words[3];  // Zeros at the end: fewer.
};

// What SHOW may show behind its modifiers. Not here: GRANTS, CREATE USER and CREATE SERVER
// (password hashes and passwords), BINLOG EVENTS and RELAYLOG EVENTS (large, and rows of any
// table), EXPLAIN and ANALYZE (they make another connection work).
constexpr ShowForm kShow[] = {
    {{K("TABLES")}},
    {{K("COLUMNS")}},
    {{K("FIELDS")}},
    {{K("INDEX")}},
    {{K("INDEXES")}},
    {{K("KEYS")}},
    {{K("DATABASES")}},
    {{K("SCHEMAS")}},
    {{K("STATUS")}},
    {{K("VARIABLES")}},
    {{K("PROCESSLIST")}},
    {{K("WARNINGS")}},
    {{K("ERRORS")}},
    {{K("COUNT")}},  // (*) WARNINGS
    {{K("ENGINES")}},
    {{K("ENGINE")}},
    {{K("STORAGE"), K("ENGINES")}},
    {{K("PLUGINS")}},
    {{K("PRIVILEGES")}},
    {{K("TRIGGERS")}},
    {{K("EVENTS")}},
    {{K("COLLATION")}},
    {{K("CHARSET")}},
    {{K("CHARACTER"), K("SET")}},
    {{K("OPEN"), K("TABLES")}},
    {{K("TABLE"), K("STATUS")}},
    {{K("CREATE"), K("TABLE")}},
    {{K("CREATE"), K("VIEW")}},
    {{K("CREATE"), K("DATABASE")}},
    {{K("CREATE"), K("SCHEMA")}},
    {{K("CREATE"), K("PROCEDURE")}},
    {{K("CREATE"), K("FUNCTION")}},
    {{K("CREATE"), K("TRIGGER")}},
    {{K("CREATE"), K("EVENT")}},
    {{K("CREATE"), K("SEQUENCE")}},
    {{K("CREATE"), K("PACKAGE")}},
    {{K("PROCEDURE"), K("STATUS")}},
    {{K("FUNCTION"), K("STATUS")}},
    {{K("PACKAGE"), K("STATUS")}},
    {{K("PACKAGE"), K("BODY"), K("STATUS")}},
    {{K("MASTER"), K("STATUS")}},
    {{K("MASTER"), K("LOGS")}},
    {{K("BINARY"), K("LOGS")}},
    {{K("BINARY"), K("LOG"), K("STATUS")}},
    {{K("BINLOG"), K("STATUS")}},
    {{K("SLAVE"), K("STATUS")}},
    {{K("SLAVE"), K("HOSTS")}},
    {{K("REPLICA"), K("STATUS")}},
    {{K("REPLICA"), K("HOSTS")}},
    {{K("REPLICAS")}},
    {{K("ALL"), K("SLAVES"), K("STATUS")}},
    {{K("ALL"), K("REPLICAS"), K("STATUS")}},
    {{K("PROFILE")}},
    {{K("PROFILES")}},
    {{K("AUTHORS")}},
    {{K("CONTRIBUTORS")}},
    {{K("LOCALES")}},
    {{K("CLIENT_STATISTICS")}},
    {{K("INDEX_STATISTICS")}},
    {{K("TABLE_STATISTICS")}},
    {{K("USER_STATISTICS")}},
};

ptrdiff_t LengthOfShow(const Toks& tokens, ptrdiff_t i) {
  for (const ShowForm& form : kShow) {
    ptrdiff_t length = 0;
    while (length < 3 && form.words[length] != 0 && tokens[i + length].word == form.words[length]) {
      ++length;
    }
    if (length > 0 && (length == 3 || form.words[length] == 0)) return length;
  }
  return 0;
}

}  // namespace

void ReadQuery(Parser* p) {
  Draft* draft = p->draft;
  const Toks& tokens = draft->tokens;
  const ptrdiff_t first = BehindParens(tokens, p->at);
  if (tokens[first].Is(K("WITH"))) {
    const ptrdiff_t verb = VerbAfterWith(tokens, first);
    if (verb < 0) {
      ApplyRow(draft, {K("WITH")});
      draft->Doubt("its WITH list is not understood");
      draft->Raise(Kind::kDataFix);
      return;
    }
    if (tokens[verb].IsOneOf({K("UPDATE"), K("DELETE"), K("INSERT"), K("REPLACE")})) {
      p->at = verb;  // The readers scan the list too.
      if (p->Accept(K("UPDATE"))) return ReadUpdate(p);
      if (p->Accept(K("DELETE"))) return ReadDelete(p);
      return ReadInsert(p);
    }
    if (!tokens[BehindParens(tokens, verb)].IsOneOf({K("SELECT"), K("VALUES"), K("WITH")})) {
      ApplyRow(draft, {K("WITH")});
      draft->Doubt("what follows its WITH list is not known");
      draft->Raise(Kind::kSchemaMigration);
      return;
    }
  } else if (first == p->at && tokens[first].IsOneOf({K("VALUES"), K("TABLE")})) {
    return ReadRows(p);
  } else if (!tokens[first].IsOneOf({K("SELECT"), K("VALUES"), K("TABLE")})) {
    ApplyRow(draft, {K("SELECT")});
    draft->Doubt("what it begins with is not known");
    draft->Raise(Kind::kControl);
    draft->reading.verdict.transactional = false;
    return;
  }
  ApplyRow(draft, {K("SELECT")});
  ScanQuery(p);
}

void ReadShow(Parser* p) {
  Draft* draft = p->draft;
  ApplyRow(draft, {K("SHOW")});
  while (p->AcceptAny({K("FULL"), K("EXTENDED"), K("GLOBAL"), K("SESSION"), K("LOCAL")})) {
  }
  // SHOW REPLICA 'name' STATUS
  const bool replica = p->Is(K("SLAVE")) || p->Is(K("REPLICA"));
  if (draft->maria() && replica && p->Now(1).IsText() && p->Now(2).Is(K("STATUS"))) p->at += 2;
  const ptrdiff_t length = LengthOfShow(draft->tokens, p->at);
  if (length == 0) {
    draft->Doubt(absl::StrCat("SHOW ", Upper(p->Now()), " is not known to be safe"));
    return;
  }
  const bool create = p->Is(K("CREATE"));
  const bool count = p->Is(K("COUNT"));
  p->at += length;
  if (create) {
    p->Accept(K("BODY"));
    p->IfNotExists();
    const Named named = p->ObjectName();
    draft->Use(named.written, Access::kRead, false);
    return p->ExpectEnd();
  }
  if (count) {
    const bool rest = p->AcceptSymbol('(') && p->AcceptSymbol('*') && p->AcceptSymbol(')') &&
                      p->AcceptAny({K("WARNINGS"), K("ERRORS")});
    return rest ? p->ExpectEnd() : p->NotUnderstood();
  }
  if (draft->tokens[p->at - 1].Is(K("PLUGINS")) && p->Now().IsWord("SONAME")) {
    draft->Object("SHOW PLUGINS SONAME loads libraries of the plugin folder; use SHOW PLUGINS");
  }
  QueryScan scan(draft);
  scan.Run(p->at, draft->tokens.size(), Clause::kOther);
}

namespace {

// Whether no query stands in the INSERT or REPLACE at `begin`. What is not plainly so counts as
// one.
bool HoldsNoQuery(const Toks& tokens, ptrdiff_t begin) {
  for (ptrdiff_t i = begin + 1; i < tokens.size(); ++i) {
    if (tokens[i].IsOneOf({K("SELECT"), K("TABLE"), K("WITH"), K("JOIN"), K("STRAIGHT_JOIN")})) {
      return false;
    }
  }
  return true;
}

// EXPLAIN of INSERT, REPLACE, UPDATE or DELETE, which plans it and no more: no trigger fires, no
// default is computed. As tried out on MariaDB 10.11, that of INSERT ... VALUES locks no row; of
// several tables, also behind the name of a view, of a subquery and of what INSERT ... SELECT reads
// it looks rows up while it plans, with the locks of the statement, and evaluates what it finds to
// be constant. That it evaluates of the statement's own conditions too, so that a call in it is
// objected to as in a query.
void ReadPlannedChange(Parser* p) {
  Draft* draft = p->draft;
  const ptrdiff_t begin = p->at;
  const absl::string_view verb = p->Now().text;
  const bool adds = p->Is(K("INSERT")) || p->Is(K("REPLACE"));
  Draft change(draft->target, draft->tokens, draft->text, draft->origin);
  change.planned = true;
  Parser reader(&change, begin);
  ReadStatement(&reader);
  const Reading planned = change.Finish();
  for (const ObjectUse& use : planned.verdict.uses) draft->Use(use.name, Access::kRead);
  const std::vector<std::string>& reasons = planned.verdict.reasons;
  draft->reading.verdict.runs_unknown_code = planned.verdict.runs_unknown_code;
  if (!planned.verdict.understood) draft->Doubt(planned.verdict.doubt);
  // Of the first, that it changes data, nothing is left.
  for (size_t i = 1; i < reasons.size(); ++i) draft->Object(reasons[i]);
  if (!planned.verdict.understood || reasons.size() != 1) {
    draft->Raise(Kind::kDataFix);
    draft->Object(absl::StrCat("EXPLAIN ", verb, " evaluates parts of it"));
  } else if (!adds) {
    draft->Object(absl::StrCat("EXPLAIN ", verb,
                               " looks rows up and locks them if the name is that of a view over "
                               "several tables, which is not seen"));
  } else if (!HoldsNoQuery(draft->tokens, begin) || planned.verdict.uses.size() != 1) {
    draft->Object(absl::StrCat(
        "EXPLAIN ", verb, " with a query in it may look rows up while it plans, and lock them"));
  }
}

}  // namespace

void ReadExplain(Parser* p) {
  Draft* draft = p->draft;
  const Tok& verb = p->Now(-1);
  ApplyRow(draft, {verb.word});
  if (p->Is(K("ANALYZE"))) {
    ++p->at;
    return ReadAnalyze(p);
  }
  if (!p->AcceptAny({K("EXTENDED"), K("PARTITIONS")}) && p->Is(K("FORMAT")) &&
      p->Now(1).IsSymbol('=')) {
    p->at += 3;
    if (p->Is(K("ANALYZE"))) {
      ++p->at;
      return ReadAnalyze(p);
    }
  }
  const ptrdiff_t first = BehindParens(draft->tokens, p->at);
  if (draft->tokens[first].IsOneOf({K("SELECT"), K("WITH")})) {
    const ptrdiff_t query =
        draft->tokens[first].Is(K("WITH")) ? VerbAfterWith(draft->tokens, first) : first;
    const bool reads =
        query >= 0 && draft->tokens[BehindParens(draft->tokens, query)].Is(K("SELECT"));
    if (reads) return ScanQuery(p);
    draft->Doubt("EXPLAIN of something else than a query");
    return;
  }
  if (p->Is(K("VALUES"))) return ReadRows(p);
  if (p->Now().IsOneOf({K("DELETE"), K("INSERT"), K("REPLACE"), K("UPDATE")})) {
    return ReadPlannedChange(p);
  }
  // EXPLAIN [schema.]table [column], which is DESCRIBE.
  if (!p->Now().IsOneOf({K("FOR"), K("TABLE"), K("VALUES"), K("INTO")})) {
    const Named table = p->ObjectName();
    if (!table.written.empty()) {
      draft->Use(table.written, Access::kRead);
      if (!p->AtEnd()) ++p->at;  // A column, or a pattern.
      if (p->AtEnd()) return;
    }
  }
  if (p->Is(K("FOR"))) {
    return draft->Doubt(absl::StrCat(
        Upper(verb), " FOR shows another session's statement, which is not known to be safe"));
  }
  draft->Doubt(
      absl::StrCat(Upper(verb), " ", Upper(p->Now()), " executes the statement or is not known"));
}

void ReadAnalyze(Parser* p) {
  Draft* draft = p->draft;
  const bool alone = p->at == 1;
  if (alone && p->Now().IsOneOf({K("TABLE"), K("LOCAL"), K("NO_WRITE_TO_BINLOG")})) {
    --p->at;
    return ReadAdministration(p);
  }
  while (p->Is(K("FORMAT")) && p->Now(1).IsSymbol('=')) p->at += 3;
  // One is all that there is, and each more would take a piece of the stack.
  if (p->Now().IsOneOf({K("EXPLAIN"), K("DESCRIBE"), K("DESC"), K("ANALYZE")})) {
    return p->NotUnderstood();
  }
  ReadStatement(p);
  // What reads and no more does so here, too.
  if (!draft->reading.verdict.reasons.empty()) draft->Object("ANALYZE executes the statement");
}

}  // namespace dbfleet::sql::mysql
