#include "common/sql/tokens/classify.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/text/cutter.h"
#include "common/sql/tokens/credentials.h"
#include "common/sql/tokens/nature.h"
#include "common/sql/tokens/read_only.h"

namespace dbfleet::sql {
namespace {

absl::Status Lex(Dialect dialect, absl::string_view text, LexOptions options,
                 std::vector<Token>* tokens) {
  Lexer lexer(dialect, text, options);
  Token token;
  while (lexer.Next(&token)) tokens->push_back(token);
  return lexer.status();
}

// Whether a server with other settings (sql_mode, standard_conforming_strings) would see strings
// end elsewhere, and so might execute what looks like text.
bool DependsOnSettings(Dialect dialect, absl::string_view text, const std::vector<Token>& tokens) {
  if (!absl::StrContains(text, "\\")) return false;
  const LexOptions usual = DefaultOptions(dialect);
  for (LexOptions other : {LexOptions{true, false}, LexOptions{false, false}}) {
    if (other.backslash_in_single_quotes == usual.backslash_in_single_quotes &&
        other.backslash_in_double_quotes == usual.backslash_in_double_quotes) {
      continue;
    }
    std::vector<Token> reading;
    if (!Lex(dialect, text, other, &reading).ok() || reading.size() != tokens.size()) return true;
    const bool same = std::equal(
        tokens.begin(), tokens.end(), reading.begin(), [](const Token& a, const Token& b) {
          return a.kind == b.kind && a.offset == b.offset && a.text.size() == b.text.size();
        });
    if (!same) return true;
  }
  return false;
}

struct Pieces {
  std::vector<Token> plain;                           // Without hints and executable marks.
  std::vector<std::pair<size_t, size_t>> statements;  // [begin, end) in `plain`.
};

Pieces Cut(Dialect dialect, const std::vector<Token>& tokens, std::vector<std::string>* reasons) {
  Pieces pieces;
  StatementCutter cutter(dialect);
  size_t begin = 0;
  bool executable = false;
  bool hint = false;
  const auto cut = [&] {
    if (pieces.plain.size() > begin) pieces.statements.emplace_back(begin, pieces.plain.size());
    begin = pieces.plain.size();
  };
  for (const Token& token : tokens) {
    if (token.kind == TokenKind::kExecutableOpen || token.kind == TokenKind::kExecutableClose) {
      executable = true;
    } else if (token.kind == TokenKind::kHint) {
      const std::string upper = absl::AsciiStrToUpper(token.text);
      hint = hint || absl::StrContains(upper, "SET") || absl::StrContains(upper, "RESOURCE_GROUP");
    } else if (cutter.Ends(token)) {
      cut();
    } else {
      pieces.plain.push_back(token);
    }
  }
  cut();
  if (executable) {
    reasons->push_back(
        "an executable comment (/*! */): what it does depends on the server's "
        "version; write the statement itself");
  }
  if (hint) reasons->push_back("a hint that changes settings");
  return pieces;
}

Verdict NotUnderstood(std::string reason) {
  Verdict verdict;
  verdict.kind = Kind::kControl;
  verdict.transactional = false;
  verdict.reasons.push_back(std::move(reason));
  return verdict;
}

void AddTables(std::vector<std::string> tables, Verdict* verdict) {
  for (std::string& table : tables) {
    if (std::find(verdict->tables.begin(), verdict->tables.end(), table) == verdict->tables.end()) {
      verdict->tables.push_back(std::move(table));
    }
  }
}

}  // namespace

Verdict ClassifyTokens(Dialect dialect, absl::string_view text, absl::string_view database) {
  if (!IsValidUtf8(text)) return NotUnderstood("it is not valid UTF-8");
  std::vector<Token> tokens;
  if (absl::Status status = Lex(dialect, text, DefaultOptions(dialect), &tokens); !status.ok()) {
    return NotUnderstood(absl::StrCat("it cannot be read: ", status.message()));
  }
  Verdict verdict;
  if (DependsOnSettings(dialect, text, tokens)) {
    verdict.reasons.push_back(
        "where its strings end depends on the server's settings for "
        "backslashes; double the quote instead of escaping it");
  }
  const Pieces pieces = Cut(dialect, tokens, &verdict.reasons);
  if (pieces.statements.empty()) return NotUnderstood("there is no statement in it");
  const auto view = [&](size_t begin, size_t end) {
    return TokenView(absl::MakeConstSpan(pieces.plain).subspan(begin, end - begin));
  };
  const bool several = pieces.statements.size() > 1;
  if (several) verdict.reasons.push_back("it is more than one statement");

  const auto [begin, end] = pieces.statements[0];
  const TokenView first = view(begin, end);
  verdict.kind = Kind::kInspection;
  // What stands in a routine's body is defined, not executed.
  const bool body = dialect != Dialect::kPostgres && DefinesRoutine(first);
  for (const auto& [from, to] : pieces.statements) {
    const Nature nature = NatureOf(dialect, view(from, to));
    verdict.kind = Heavier(verdict.kind, nature.kind);
    verdict.transactional = verdict.transactional && nature.transactional;
    verdict.transaction_control = verdict.transaction_control || nature.transaction_control;
    AddTables(NamedTables(dialect, view(from, to)), &verdict);
    if (body) break;
  }
  if (!several) {
    Objections objections = CheckReadOnly(dialect, first);
    if (objections.kind.has_value()) verdict.kind = Heavier(verdict.kind, *objections.kind);
    for (std::string& reason : objections.reasons) verdict.reasons.push_back(std::move(reason));
    std::string credentials = CredentialObjection(dialect, first, database);
    verdict.credentials = !credentials.empty();
    if (verdict.credentials) verdict.reasons.push_back(std::move(credentials));
  }
  verdict.safety = verdict.reasons.empty() ? Safety::kSafe : Safety::kDestructive;
  return verdict;
}

}  // namespace dbfleet::sql
