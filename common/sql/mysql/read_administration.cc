// Transactions, locks, upkeep, accounts, servers, and code that runs text.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/model/verdict.h"
#include "common/sql/mysql/heads.h"
#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

void UseAll(Parser* p, Access access) {
  for (const Named& named : p->ObjectNames()) {
    p->draft->Use(named.written, access);
    p->draft->reading.facts.objects.push_back(named.name);
  }
}

// ANALYZE, OPTIMIZE, CHECK, REPAIR, CHECKSUM [LOCAL | NO_WRITE_TO_BINLOG] TABLE a, b ...
void ReadUpkeep(Parser* p) {
  Draft* draft = p->draft;
  const Word verb = p->Now().word;
  ++p->at;
  p->AcceptAny({K("LOCAL"), K("NO_WRITE_TO_BINLOG")});
  const bool view = p->Is(K("VIEW"));
  if (!p->AcceptAny({K("TABLE"), K("TABLES"), K("VIEW")})) {
    ApplyRow(draft, {verb, K("TABLE")});
    return p->NotUnderstood();
  }
  ApplyRow(draft, {verb, view ? K("VIEW") : K("TABLE")});
  UseAll(p, Access::kLock);
  Effects& effects = draft->reading.verdict.effects;
  effects.undo = Undo::kNothingToUndo;
  Facts& facts = draft->reading.facts;
  switch (verb) {
    case K("ANALYZE"):
      facts.verb = Verb::kAnalyze;
      break;
    case K("OPTIMIZE"):
      facts.verb = Verb::kOptimize;
      effects.rewrites_table = true;
      effects.blocks = Blocking::kWrites;
      break;
    case K("REPAIR"):
      effects.rewrites_table = true;
      effects.blocks = Blocking::kReadsAndWrites;
      effects.undo = Undo::kBackup;
      break;
    default:
      effects.scans_table = true;
      effects.blocks = Blocking::kWrites;
      break;
  }
}

// LOCK TABLES a [AS x] READ | WRITE, ...
void ReadLock(Parser* p) {
  Draft* draft = p->draft;
  ++p->at;
  draft->reading.facts.verb = Verb::kLock;
  Effects& effects = draft->reading.verdict.effects;
  effects.undo = Undo::kNothingToUndo;
  effects.blocks = Blocking::kWrites;
  if (!p->AcceptAny({K("TABLE"), K("TABLES")})) return;
  bool begins = true;
  for (; !p->AtEnd(); ++p->at) {
    if (begins) {
      const Named named = p->ObjectName();
      if (named.written.empty()) return p->NotUnderstood();
      draft->Use(named.written, Access::kLock);
      draft->reading.facts.objects.push_back(named.name);
    }
    begins = p->Now().IsSymbol(',');
    if (p->Is(K("WRITE"))) effects.blocks = Blocking::kReadsAndWrites;
  }
}

// GRANT and REVOKE name what they are about behind ON.
void ReadGrant(Parser* p) {
  Draft* draft = p->draft;
  draft->reading.facts.verb = Verb::kGrant;
  draft->reading.verdict.effects.undo = Undo::kInverse;
  while (!p->AtEnd() && !p->Is(K("ON"))) ++p->at;
  if (!p->Accept(K("ON"))) return;
  p->AcceptAny({K("TABLE"), K("FUNCTION"), K("PROCEDURE"), K("PACKAGE")});
  const Named named = p->ObjectName();
  draft->Use(named.written, Access::kDefine);
  draft->reading.facts.objects.push_back(named.name);
}

// What only the server knows the deeds of.
void ReadCode(Parser* p) {
  Draft* draft = p->draft;
  draft->reading.facts.verb = Verb::kExecutesText;
  draft->Doubt("it runs code that is not looked into");
}

// CALL p(f()), DO f(): what they are given is executed too.
void ScanExpressions(Parser* p) {
  QueryScan scan(p->draft);
  scan.Run(p->at, p->draft->tokens.size(), Clause::kOther);
}

void ReadCall(Parser* p) {
  Draft* draft = p->draft;
  ++p->at;
  draft->reading.facts.verb = Verb::kExecutesText;
  const Named named = p->ObjectName();
  if (named.written.empty()) return p->NotUnderstood();
  draft->reading.facts.objects.push_back(named.name);
  draft->Doubt("what the procedure does is not known");
  if (p->Now().IsSymbol('(')) {
    ++p->at;
    QueryScan scan(draft);
    scan.Run(p->at, draft->tokens.size() - 1, Clause::kOther);
  }
}

void ReadTransaction(Parser* p, Word verb) {
  Facts& facts = p->draft->reading.facts;
  p->draft->reading.verdict.effects.undo = Undo::kNothingToUndo;
  if (verb == K("COMMIT")) facts.verb = Verb::kCommit;
  const Toks& tokens = p->draft->tokens;
  for (ptrdiff_t i = p->at; i < tokens.size(); ++i) {  // Not AND NO CHAIN.
    const bool chain = absl::EqualsIgnoreCase(tokens[i].text, "CHAIN");
    if (chain && tokens[i - 1].Is(K("AND"))) facts.chain = true;
  }
  if (verb == K("ROLLBACK")) {
    // To a savepoint: the transaction goes on.
    bool to = false;
    for (ptrdiff_t i = p->at; i < p->draft->tokens.size(); ++i) {
      to = to || p->draft->tokens[i].Is(K("TO"));
    }
    if (!to) facts.verb = Verb::kRollback;
  }
  if (verb == K("BEGIN") || verb == K("START")) facts.verb = Verb::kBegin;
}

// The longest head of the table that stands here.
bool ApplyLongest(Parser* p) {
  const Word a = p->Now().word;
  const Word b = p->Now(1).word;
  const Word c = p->Now(2).word;
  if (b != 0 && c != 0 && FindStatement({a, b, c}) != nullptr) {
    ApplyRow(p->draft, {a, b, c});
  } else if (b != 0 && FindStatement({a, b}) != nullptr) {
    ApplyRow(p->draft, {a, b});
  } else if (FindStatement({a}) != nullptr) {
    ApplyRow(p->draft, {a});
  } else {
    ApplyRow(p->draft, {K("CHANGE")});
    p->NotUnderstood();
    return false;
  }
  return true;
}

// A block, unless nothing or WORK follows.
void ReadBegin(Parser* p) {
  const bool plain = p->draft->tokens.size() == p->at + 1 ||
                     (p->Now(1).Is(K("WORK")) && p->draft->tokens.size() == p->at + 2);
  if (plain) {
    ApplyRow(p->draft, {K("BEGIN")});
    return ReadTransaction(p, K("BEGIN"));
  }
  ApplyRow(p->draft, {K("BEGIN"), K("NOT"), K("ATOMIC")});
  ReadCode(p);
}

void ReadFlush(Parser* p) {
  Effects& effects = p->draft->reading.verdict.effects;
  effects.undo = Undo::kNothingToUndo;
  ++p->at;
  p->AcceptAny({K("LOCAL"), K("NO_WRITE_TO_BINLOG")});
  if (!p->AcceptAny({K("TABLE"), K("TABLES")})) return;
  effects.blocks = Blocking::kReadsAndWrites;
  if (p->Is(K("WITH"))) {
    effects.blocks = Blocking::kWrites;
    return;
  }
  if (!p->AtEnd()) UseAll(p, Access::kLock);
}

}  // namespace

void ReadAdministration(Parser* p) {
  const Word verb = p->Now().word;
  if (p->Is(K("BEGIN"))) return ReadBegin(p);
  if (p->Now().IsOneOf({K("ANALYZE"), K("OPTIMIZE"), K("CHECK"), K("REPAIR"), K("CHECKSUM")})) {
    return ReadUpkeep(p);
  }
  if (!ApplyLongest(p)) return;
  Draft* draft = p->draft;
  switch (verb) {
    case K("LOCK"):
      return ReadLock(p);
    case K("START"):
      if (!p->Now(1).Is(K("TRANSACTION"))) return;
      return ReadTransaction(p, verb);
    case K("COMMIT"):
    case K("ROLLBACK"):
    case K("SAVEPOINT"):
    case K("RELEASE"):
    case K("UNLOCK"):
      return ReadTransaction(p, verb);
    case K("GRANT"):
    case K("REVOKE"):
      return ReadGrant(p);
    case K("CALL"):
      return ReadCall(p);
    case K("DO"):
      ++p->at;
      return ScanExpressions(p);
    case K("FLUSH"):
      return ReadFlush(p);
    case K("IF"):
    case K("FOR"):
    case K("WHILE"):
    case K("LOOP"):
    case K("REPEAT"):
    case K("CASE"):
    case K("DECLARE"):
    case K("PREPARE"):
    case K("EXECUTE"):
      return ReadCode(p);
    case K("HANDLER"): {
      ++p->at;
      draft->Use(p->ObjectName().written, Access::kLock);
      draft->reading.verdict.effects.undo = Undo::kNothingToUndo;
      return;
    }
    case K("HELP"):
      ++p->at;
      if (!p->Now().IsText() && !p->Now().IsName()) return p->NotUnderstood();
      ++p->at;
      return p->ExpectEnd();
    case K("USE"):
      draft->reading.verdict.effects.undo = Undo::kInverse;
      ++p->at;
      if (const std::string schema = p->PlainName(); schema.empty()) {
        return p->NotUnderstood();
      } else if (IsServersOwn(draft->target.dialect, schema, "")) {
        draft->Object("what follows without a database writes the server's own tables");
      } else {
        SettingChange change;
        change.name = "database";
        // A server may skip an executable comment.
        if (!absl::StrContains(draft->text, "/*")) change.values = {schema};
        draft->reading.facts.settings.push_back(std::move(change));
      }
      return p->ExpectEnd();
    default:
      return;
  }
}

}  // namespace dbfleet::sql::mysql
