#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/postgres/facts.h"
#include "common/sql/postgres/head.h"
#include "common/sql/postgres/injection.h"
#include "common/sql/postgres/judge.h"
#include "common/sql/postgres/parse.h"
#include "common/sql/postgres/postgres.h"
#include "common/sql/postgres/versions.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql {
namespace {

bool Lex(absl::string_view text, LexOptions options, std::vector<Token>* tokens) {
  Lexer lexer(Dialect::kPostgres, text, options);
  Token token;
  while (lexer.Next(&token)) tokens->push_back(token);
  return lexer.status().ok();
}

// Whether a server with standard_conforming_strings off would see strings end elsewhere, and so
// might execute what looks like text.
bool DependsOnSettings(absl::string_view text) {
  if (!absl::StrContains(text, "\\")) return false;
  std::vector<Token> usual;
  std::vector<Token> other;
  if (!Lex(text, DefaultOptions(Dialect::kPostgres), &usual)) return true;
  if (!Lex(text, LexOptions{true, false}, &other)) return true;
  return !std::equal(
      usual.begin(), usual.end(), other.begin(), other.end(), [](const Token& a, const Token& b) {
        return a.kind == b.kind && a.offset == b.offset && a.text.size() == b.text.size();
      });
}

// What can be said of a text without a tree: by its first words what it is for, and no more.
Reading NotUnderstood(absl::string_view text, std::string problem) {
  Reading reading;
  Verdict& verdict = reading.verdict;
  const pg::StatementRow* row = pg::GuessStatement(text);
  verdict.kind = row == nullptr ? Kind::kControl : row->kind;
  verdict.transaction_control = row != nullptr && row->transaction_control;
  verdict.transactional = row != nullptr && row->transactional && row->kind != Kind::kMaintenance &&
                          !absl::StrContains(absl::AsciiStrToLower(text), "concurrently");
  verdict.effects.blocks = Blocking::kReadsAndWrites;
  verdict.effects.rewrites_table = verdict.effects.scans_table = true;
  std::string newer = pg::NewerSyntax(text, problem);
  verdict.doubt = newer.empty() ? problem : newer;
  verdict.reasons.push_back(std::move(problem));
  reading.facts.unreadable = newer.empty();
  reading.facts.strings_in_doubt = DependsOnSettings(text);
  // What a newer version knows is named first: it is what the reader of the message can act on.
  if (!newer.empty()) verdict.reasons.insert(verdict.reasons.begin(), std::move(newer));
  return reading;
}

// What several statements are together.
void Add(const Verdict& more, Verdict* verdict) {
  verdict->kind = Heavier(verdict->kind, more.kind);
  verdict->transactional = verdict->transactional && more.transactional;
  verdict->transaction_control = verdict->transaction_control || more.transaction_control;
  verdict->understood = verdict->understood && more.understood;
  if (verdict->doubt.empty()) verdict->doubt = more.doubt;
  verdict->credentials = verdict->credentials || more.credentials;
  verdict->runs_unknown_code = std::max(verdict->runs_unknown_code, more.runs_unknown_code);
  verdict->adds_only = false;
  for (const std::string& table : more.tables) {
    if (std::find(verdict->tables.begin(), verdict->tables.end(), table) == verdict->tables.end()) {
      verdict->tables.push_back(table);
    }
  }
  verdict->uses.insert(verdict->uses.end(), more.uses.begin(), more.uses.end());
  pg::Merge(more.effects, &verdict->effects);
  verdict->effects.undo = std::max(verdict->effects.undo, more.effects.undo);
}

}  // namespace

Reading ReadPostgres(const Target& target, absl::string_view text, Position origin) {
  pg::Parsed parsed = pg::Parse(text, origin);
  if (!parsed.problem.empty()) {
    Reading reading = NotUnderstood(text, std::move(parsed.problem));
    if (parsed.too_large) reading.facts.unreadable = false;
    return reading;
  }
  const pg::Node statements = parsed.statements();
  if (statements.empty()) return NotUnderstood(text, "there is no statement in it");
  Reading reading;
  const pg::Source source{target, text};
  const pg::Node first = statements.first()["stmt"];
  reading.verdict = pg::Judge(source, first);
  reading.facts = pg::FactsOf(source, first);
  reading.facts.injection = pg::FindInjection(text);
  Verdict& verdict = reading.verdict;
  constexpr size_t kMaxStatements = 100;  // The reasons do not become better with more of them.
  size_t count = 0;
  for (pg::Node statement : statements) {
    if (count++ == 0) continue;
    if (count > kMaxStatements) {
      verdict.understood = verdict.transactional = false;
      verdict.kind = Heavier(verdict.kind, Kind::kSchemaMigration);
      break;
    }
    Add(pg::Judge(source, statement["stmt"]), &verdict);
  }
  if (count > 1) {
    verdict.reasons.assign(1, "it is more than one statement");
    verdict.doubt = verdict.reasons[0];
    verdict.understood = false;
  }
  if (DependsOnSettings(text)) {
    reading.facts.strings_in_doubt = true;
    verdict.reasons.push_back(
        "where its strings end depends on the server's settings for backslashes; double the quote "
        "instead of escaping it, or write E'...'");
    verdict.doubt = verdict.reasons.back();
    verdict.understood = verdict.adds_only = false;
  }
  verdict.safety = verdict.reasons.empty() ? Safety::kSafe : Safety::kDestructive;
  reading.facts.complete = verdict.understood;
  return reading;
}

}  // namespace dbfleet::sql
