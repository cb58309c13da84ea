#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

#include "common/sql/mysql/heads.h"
#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

// Whether some variable of the list turns transactions; by their text, for @@session.autocommit is
// no word.
bool NamesTransactions(const Toks& tokens) {
  static constexpr absl::string_view kVariables[] = {
      "autocommit",   "completion_type", "transaction_isolation", "transaction_read_only",
      "tx_isolation", "tx_read_only"};
  for (ptrdiff_t i = 0; i < tokens.size(); ++i) {
    if (!tokens[i].IsName()) continue;
    const std::string name = Unquoted(tokens[i]);
    for (absl::string_view variable : kVariables) {
      if (absl::EqualsIgnoreCase(name, variable)) return true;
    }
  }
  return false;
}

// SET autocommit = 0, wherever it stands in the list.
void NoteAutocommit(Draft* draft) {
  const Toks& tokens = draft->tokens;
  for (ptrdiff_t i = 0; i + 2 < tokens.size(); ++i) {
    if (!tokens[i].IsName() || !absl::EndsWithIgnoreCase(Unquoted(tokens[i]), "autocommit"))
      continue;
    ptrdiff_t value = i + 1;
    if (tokens[value].IsSymbol(':')) ++value;
    if (!tokens[value].IsSymbol('=') || value + 1 >= tokens.size()) continue;
    SettingChange change;
    change.name = "autocommit";
    change.values = {absl::AsciiStrToLower(tokens[value + 1].text)};
    draft->reading.facts.settings.push_back(std::move(change));
  }
}

// SET default_storage_engine = name, and its like, wherever it stands in the list.
void NoteEngines(Draft* draft) {
  const Toks& tokens = draft->tokens;
  for (ptrdiff_t i = 0; i + 2 < tokens.size(); ++i) {
    std::string name = tokens[i].IsName() ? Unquoted(tokens[i]) : std::string(tokens[i].text);
    name = absl::AsciiStrToLower(name);
    if (!absl::EndsWith(name, "storage_engine")) continue;
    ptrdiff_t value = i + 1;
    if (tokens[value].IsSymbol(':')) ++value;
    if (!tokens[value].IsSymbol('=') || value + 1 >= tokens.size()) continue;
    ++value;
    SettingChange change;
    change.name = name.substr(name.find_last_of("@.") + 1);
    change.values = {std::string(tokens[value].text)};
    const bool ends = value + 1 >= tokens.size() || tokens[value + 1].IsSymbol(',') ||
                      tokens[value + 1].IsSymbol(';') || tokens[value + 1].Is(K("FOR"));
    change.in_doubt = !ends;
    draft->reading.facts.settings.push_back(std::move(change));
  }
}

// SET foreign_key_checks = 0 of the session, wherever it stands in the list. What is written GLOBAL
// stays so for the names behind it, up to one that says another.
void NoteForeignKeyChecks(Draft* draft) {
  constexpr absl::string_view kName = "foreign_key_checks";
  const Toks& tokens = draft->tokens;
  bool global = false;
  for (ptrdiff_t i = 1; i + 2 < tokens.size(); ++i) {
    if (tokens[i].IsOneOf({K("GLOBAL"), K("PERSIST"), K("PERSIST_ONLY")})) global = true;
    if (tokens[i].IsOneOf({K("SESSION"), K("LOCAL")})) global = false;
    std::string name = tokens[i].IsName() ? Unquoted(tokens[i]) : std::string(tokens[i].text);
    name = absl::AsciiStrToLower(name);
    if (!absl::EndsWith(name, kName)) continue;
    const std::string scope = name.substr(0, name.size() - kName.size());
    if (!scope.empty() && scope != "@@" && scope != "@@session." && scope != "@@local.") continue;
    const Tok& before = tokens[i - 1];
    if (scope.empty() && global && !before.IsSymbol('.') && !before.IsSymbol('@')) continue;
    const Tok& of = before.IsSymbol('.') ? tokens[i - 2] : before;
    if (of.IsOneOf({K("GLOBAL"), K("PERSIST"), K("PERSIST_ONLY")})) continue;
    if (before.IsSymbol('@') && !tokens[i - 2].IsSymbol('@')) continue;  // One of the user's own.
    ptrdiff_t value = i + 1;
    if (tokens[value].IsSymbol(':')) ++value;
    if (!tokens[value].IsSymbol('=') || value + 1 >= tokens.size()) continue;
    SettingChange change;
    change.name = std::string(kName);
    change.values = {absl::AsciiStrToLower(tokens[value + 1].text)};
    // 0+1 is not 0.
    change.in_doubt = value + 2 < tokens.size() && !tokens[value + 2].IsSymbol(',') &&
                      tokens[value + 2].kind != TokenKind::kDelimiter;
    draft->reading.facts.settings.push_back(std::move(change));
  }
}

void TransactionSetting(Draft* draft) {
  draft->reading.verdict.transaction_control = true;
  draft->reading.verdict.transactional = false;
}

// The name of the first variable that is set.
std::string SettingName(Parser p) {
  while (p.AcceptAny({K("GLOBAL"), K("SESSION"), K("LOCAL"), K("PERSIST"), K("PERSIST_ONLY")})) {
  }
  std::string name;
  while (p.AcceptSymbol('@')) name += '@';
  for (;;) {
    name += absl::AsciiStrToLower(Unquoted(p.Now()));
    ++p.at;
    if (!p.Now().IsSymbol('.')) break;
    ++p.at;
    name += '.';
  }
  for (absl::string_view scope : {"@@session.", "@@local.", "@@global.", "@@persist.", "@@"}) {
    if (!absl::StartsWith(name, scope)) continue;
    return name.substr(scope.size());
  }
  return name;
}

// SET STATEMENT a = 1, b = 2 FOR statement: settings for one statement.
void ReadSetStatement(Parser* p) {
  Draft* draft = p->draft;
  ApplyRow(draft, {K("SET"), K("STATEMENT")});
  int depth = 0;
  const ptrdiff_t begin = p->at;
  for (; !p->AtEnd() && !(depth == 0 && p->Is(K("FOR"))); ++p->at) {
    if (p->Now().IsSymbol('(')) ++depth;
    if (p->Now().IsSymbol(')')) --depth;
  }
  QueryScan scan(draft);
  scan.Run(begin, p->at, Clause::kSet, Access::kRead, true);
  if (!p->Accept(K("FOR")) || p->AtEnd() || (p->Is(K("SET")) && p->Now(1).Is(K("STATEMENT")))) {
    // One level only: the inner statement of a second one is not looked for.
    draft->reading.verdict.kind = Kind::kSchemaMigration;
    draft->reading.verdict.transactional = false;
    return p->NotUnderstood();
  }
  const bool doubtful_kind = scan.calls_other();
  NoteEngines(draft);
  ReadStatement(p);
  if (doubtful_kind) draft->Raise(Kind::kDataFix);
}

}  // namespace

void ReadSet(Parser* p) {
  Draft* draft = p->draft;
  if (p->Accept(K("STATEMENT"))) return ReadSetStatement(p);
  Facts& facts = draft->reading.facts;
  facts.verb = Verb::kSet;
  const ptrdiff_t scope = p->Now().IsOneOf({K("SESSION"), K("LOCAL"), K("GLOBAL")}) ? 1 : 0;
  if (p->Now(scope).Is(K("TRANSACTION"))) {
    ApplyRow(draft, {K("SET"), K("TRANSACTION")});
    facts.setting = "transaction";
    return;
  }
  const bool value = p->Now(1).IsSymbol('=') || p->Now(1).IsSymbol(':');
  if (p->Is(K("PASSWORD"))) {
    ApplyRow(draft, {K("SET"), K("PASSWORD")});
    facts.setting = "password";
    return;
  }
  if (!value && p->Is(K("ROLE"))) {
    ApplyRow(draft, {K("SET"), K("ROLE")});
    facts.setting = "role";
    return;
  }
  if (p->Is(K("DEFAULT")) && p->Now(1).Is(K("ROLE"))) {
    ApplyRow(draft, {K("SET"), K("DEFAULT"), K("ROLE")});
    facts.setting = "role";
    return;
  }
  if (p->Is(K("RESOURCE")) && p->Now(1).Is(K("GROUP"))) {
    ApplyRow(draft, {K("SET"), K("RESOURCE"), K("GROUP")});
    return;
  }
  ApplyRow(draft, {K("SET")});
  draft->reading.verdict.effects.undo = Undo::kInverse;
  if (NamesTransactions(draft->tokens)) {
    TransactionSetting(draft);
    NoteAutocommit(draft);
  }
  NoteEngines(draft);
  NoteForeignKeyChecks(draft);
  facts.setting = p->Is(K("CHARACTER")) ? "character set" : SettingName(*p);
  if (p->AtEnd()) return p->NotUnderstood();
  QueryScan scan(draft);
  scan.Run(p->at, draft->tokens.size(), Clause::kSet, Access::kRead, true);
}

}  // namespace dbfleet::sql::mysql
