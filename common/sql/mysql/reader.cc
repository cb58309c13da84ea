#include "common/sql/mysql/reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/mysql/credentials.h"
#include "common/sql/mysql/flavour.h"
#include "common/sql/mysql/heads.h"
#include "common/sql/mysql/injection.h"
#include "common/sql/mysql/syntax.h"

namespace dbfleet::sql {
namespace {

using mysql::Draft;
using mysql::Lexed;
using mysql::Parser;
using mysql::Tok;
using mysql::Toks;

Reading NotUnderstood(std::string reason) {
  Reading reading;
  reading.verdict.kind = Kind::kControl;
  reading.verdict.transactional = false;
  reading.verdict.doubt = reason;
  reading.verdict.reasons.push_back(std::move(reason));
  return reading;
}

// `plain`: it holds no other statements, and all of it is executed.
Reading ReadOne(const Target& target, Toks tokens, bool plain, absl::string_view text,
                Position origin) {
  Draft draft(target, tokens, text, origin);
  Parser parser(&draft);
  mysql::ReadStatement(&parser);
  std::string problem = mysql::EndProblem(tokens);
  if (problem.empty() && plain) problem = mysql::FormProblem(tokens);
  // Without a version it may be said of a program's SQL that nobody named the server of.
  const bool old = target.version.known() && target.version <= Version{9, 1, 99};
  if (problem.empty() && plain && target.dialect == Dialect::kMySql && old) {
    problem = mysql::MariaDbForm(tokens);
  }
  if (problem.empty() && plain && target.dialect == Dialect::kMariaDb && target.version.known()) {
    if (target.version < Version{12, 0, 0}) problem = mysql::MySqlForm(tokens);
    const bool lacks = target.version < Version{11, 4, 0};
    if (problem.empty() && lacks) problem = mysql::MySqlCollation(tokens);
  }
  if (!problem.empty()) {
    draft.reading.verdict.doubt = problem;  // It says more than where reading stopped.
    draft.Doubt(std::move(problem));
    draft.reading.facts.unreadable = true;
  }
  std::string credentials = mysql::CredentialObjection(tokens, target.database);
  draft.reading.verdict.credentials = !credentials.empty();
  if (!credentials.empty()) draft.Object(std::move(credentials));
  return draft.Finish();
}

void AddReason(std::string reason, Verdict* verdict) {
  std::vector<std::string>& reasons = verdict->reasons;
  verdict->safety = Safety::kDestructive;
  verdict->adds_only = false;
  if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) {
    reasons.insert(reasons.begin(), std::move(reason));
  }
}

// The whole is not understood, and this is why.
void Doubt(std::string reason, Verdict* verdict) {
  verdict->understood = false;
  verdict->doubt = reason;
  AddReason(std::move(reason), verdict);
}

// What is said of two readings, or of two statements, of which both may be executed.
void Merge(const Verdict& other, Verdict* verdict) {
  verdict->kind = Heavier(verdict->kind, other.kind);
  verdict->transactional = verdict->transactional && other.transactional;
  verdict->transaction_control = verdict->transaction_control || other.transaction_control;
  verdict->credentials = verdict->credentials || other.credentials;
  verdict->understood = false;
  if (verdict->doubt.empty()) verdict->doubt = other.doubt;
  verdict->adds_only = false;
  verdict->effects.blocks = std::max(verdict->effects.blocks, other.effects.blocks);
  verdict->effects.locks_rows = verdict->effects.locks_rows || other.effects.locks_rows;
  verdict->effects.rewrites_table = verdict->effects.rewrites_table || other.effects.rewrites_table;
  verdict->effects.scans_table = verdict->effects.scans_table || other.effects.scans_table;
  verdict->effects.undo = std::max(verdict->effects.undo, other.effects.undo);
  constexpr size_t kMostUses = 256;
  for (const ObjectUse& use : other.uses) {
    if (verdict->uses.size() < kMostUses) verdict->uses.push_back(use);
  }
  for (const std::string& table : other.tables) {
    const auto& tables = verdict->tables;
    if (tables.size() < kMostUses &&
        std::find(tables.begin(), tables.end(), table) == tables.end()) {
      verdict->tables.push_back(table);
    }
  }
}

Reading ReadLexed(const Target& target, const Lexed& lexed, absl::string_view text,
                  Position origin) {
  const absl::Span<const Tok> all(lexed.tokens);
  Reading reading;
  int statements = 0;
  size_t begin = 0;
  for (size_t i = 0; i < lexed.ends.size(); ++i) {
    if (lexed.ends[i] <= begin) continue;
    size_t end = lexed.ends[i];
    const Toks head(all.subspan(begin, end - begin));
    const bool compound = target.dialect == Dialect::kMariaDb && mysql::IsCompound(head);
    const bool holds_others = compound || mysql::DefinesRoutine(head);
    if (holds_others) {
      // What stands in a routine's body is no statement of its own.
      end = mysql::EndOfRoutine(all, lexed.ends, begin, end);
      while (i + 1 < lexed.ends.size() && lexed.ends[i] < end) ++i;
    }
    const bool plain = !holds_others && !lexed.doubtful_comment && !lexed.doubtful_quotes;
    Reading one = ReadOne(target, Toks(all.subspan(begin, end - begin)), plain, text, origin);
    if (statements == 0) {
      reading = std::move(one);
    } else {
      Merge(one.verdict, &reading.verdict);
    }
    ++statements;
    begin = end;
  }
  if (statements == 0) return NotUnderstood("there is no statement in it");
  mysql::FindInjection(lexed, text, &reading.facts.injection);
  reading.facts.injection.stacked = statements > 1;  // A routine's body is one statement.
  if (statements > 1) {
    reading.facts.complete = false;
    Doubt("it is more than one statement", &reading.verdict);
  }
  return reading;
}

// Who skips an executable comment takes the first "*/" for its end, which may stand in what who
// executes it takes for a string or a comment.
bool MayEndElsewhere(const Target& target, absl::string_view text) {
  if (!absl::StrContains(text, "/*")) return false;
  Lexer lexer(target.dialect, text, OptionsFor(target));
  Token token;
  size_t end = 0;
  while (lexer.Next(&token)) {
    if (token.kind == TokenKind::kExecutableOpen && end < token.offset + 2) {
      end = text.find("*/", token.offset + 2);
    }
    if (token.kind == TokenKind::kExecutableClose && token.offset != end) return true;
  }
  return !lexer.status().ok();
}

}  // namespace

Reading ReadMySql(const Target& target, absl::string_view text, Position origin) {
  if (!IsValidUtf8(text)) return NotUnderstood("it is not valid UTF-8");
  const Lexed lexed = mysql::Lex(target, text, origin);
  if (!lexed.status.ok()) {
    Reading reading = NotUnderstood(absl::StrCat("it cannot be read: ", lexed.status.message()));
    reading.facts.unreadable = reading.facts.strings_in_doubt = true;
    return reading;
  }
  Reading reading = ReadLexed(target, lexed, text, origin);
  if (lexed.doubtful_comment) {
    const Lexed rest = mysql::WithoutCommented(lexed);
    if (!rest.tokens.empty())
      Merge(ReadLexed(target, rest, text, origin).verdict, &reading.verdict);
    reading.facts.complete = false;
    Doubt(
        "an executable comment (/*! */): what it does depends on the server's "
        "version; write the statement itself",
        &reading.verdict);
  }
  reading.facts.strings_in_doubt = lexed.doubtful_quotes || MayEndElsewhere(target, text);
  if (lexed.doubtful_quotes) {
    reading.facts.complete = false;
    Doubt(
        "where its strings end depends on the server's settings for "
        "backslashes; double the quote instead of escaping it, or tell its sql_mode",
        &reading.verdict);
  }
  if (lexed.doubtful_hint)
    AddReason("a hint that changes settings, or holds quotes", &reading.verdict);
  return reading;
}

}  // namespace dbfleet::sql
