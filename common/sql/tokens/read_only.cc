#include "common/sql/tokens/read_only.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/tokens/functions.h"
#include "common/sql/tokens/nature.h"
#include "common/sql/tokens/read_only_rules.h"

namespace dbfleet::sql {
namespace {

constexpr int kMaxDepth = 100;
constexpr size_t kMaxReasons = 8;

// Statement words that have no place in a query, and clauses of it that do more than read.
constexpr std::string_view kForbidden[] = {"CALL",    "DELETE",    "INSERT", "INTO",
                                           "LOAD",    "LOCK",      "MERGE",  "NEXTVAL",
                                           "OUTFILE", "PROCEDURE", "UPDATE"};
static_assert(std::is_sorted(std::begin(kForbidden), std::end(kForbidden)));

bool IsFunctionCall(TokenView tokens, ptrdiff_t i) { return tokens[i + 1].IsSymbol('('); }

void CheckForbidden(TokenView tokens, ptrdiff_t i, Objections* objections) {
  // INSERT() is a function of MySQL as well.
  if (!IsIn(kForbidden, tokens[i]) || (tokens[i].IsWord("INSERT") && IsFunctionCall(tokens, i))) {
    return;
  }
  objections->Add(absl::StrCat("contains ", absl::AsciiStrToUpper(tokens[i].text)));
  const bool only_locks = tokens[i].IsWord("LOCK") || tokens[i - 1].IsWord("FOR");
  if (!only_locks) objections->kind = Kind::kDataFix;
}

// FOR has harmless meanings; FOR UPDATE, FOR SHARE, FOR NO KEY UPDATE and NEXT VALUE FOR are not.
void CheckFor(TokenView tokens, ptrdiff_t i, bool in_substring, Objections* objections) {
  const bool of_sequence = tokens[i - 1].IsWord("VALUE");
  if (!tokens[i].IsWord("FOR") || (in_substring && !of_sequence)) return;
  static constexpr absl::string_view kHarmless[] = {"JOIN", "ORDER", "GROUP", "SYSTEM_TIME",
                                                    "CHANNEL"};
  for (absl::string_view word : kHarmless) {
    if (tokens[i + 1].IsWord(word) && !of_sequence) return;
  }
  objections->Add("FOR may lock rows or advance a sequence");
  if (of_sequence) objections->kind = Kind::kDataFix;
}

class QueryCheck {
 public:
  QueryCheck(Dialect dialect, TokenView tokens, const std::vector<ptrdiff_t>& column_lists,
             Objections* objections)
      : dialect_(dialect), tokens_(tokens), lists_(column_lists), objections_(objections) {}

  void Run() {
    for (ptrdiff_t i = 0; i < tokens_.size() && objections_->reasons.size() < kMaxReasons; ++i) {
      const Token& token = tokens_[i];
      if (token.IsSymbol('(')) {
        Open(i);
      } else if (token.IsSymbol(')')) {
        if (frames_.empty()) {
          objections_->Add("a closing parenthesis has no opening one");
          return;
        }
        frames_.pop_back();
      } else {
        CheckToken(i);
      }
      if (frames_.size() > kMaxDepth) {
        objections_->Add(absl::StrCat("nested deeper than ", kMaxDepth, " levels"));
        return;
      }
    }
  }

 private:
  struct Frame {
    bool substring = false;
    bool cast = false;
  };

  void Open(ptrdiff_t i) {
    const Token& name = tokens_[i - 1];
    Frame frame;
    frame.substring = name.IsWord("SUBSTRING") || name.IsWord("SUBSTR") || name.IsWord("OVERLAY") ||
                      name.IsWord("MID");
    frame.cast = name.IsWord("CAST");
    frames_.push_back(frame);
    if (std::binary_search(lists_.begin(), lists_.end(), i)) return;
    std::string objection = dialect_ == Dialect::kPostgres
                                ? PostgresParenObjection(tokens_, i)
                                : MySqlParenObjection(dialect_, tokens_, i);
    if (!objection.empty()) {
      objections_->Add(std::move(objection));
      objections_->kind = Kind::kDataFix;
    }
  }

  void CheckToken(ptrdiff_t i) {
    CheckForbidden(tokens_, i, objections_);
    CheckFor(tokens_, i, !frames_.empty() && frames_.back().substring, objections_);
    const Token& token = tokens_[i];
    if (token.kind == TokenKind::kWord && absl::ascii_isdigit(token.text[0])) {
      objections_->Add("a number runs into a word");
    }
    const bool in_cast = !frames_.empty() && frames_.back().cast;
    std::string objection = dialect_ == Dialect::kPostgres
                                ? PostgresTokenObjection(tokens_, i, in_cast)
                                : MySqlTokenObjection(tokens_, i);
    if (!objection.empty()) objections_->Add(std::move(objection));
  }

  const Dialect dialect_;
  const TokenView tokens_;
  const std::vector<ptrdiff_t>& lists_;
  Objections* const objections_;
  std::vector<Frame> frames_;
};

void CheckTokens(Dialect dialect, TokenView tokens, const std::vector<ptrdiff_t>& column_lists,
                 Objections* objections) {
  QueryCheck(dialect, tokens, column_lists, objections).Run();
}

std::string VerbName(const Token& verb) {
  if (verb.kind != TokenKind::kWord) return "what it begins with";
  return absl::AsciiStrToUpper(SanitizeForDisplay(Truncate(verb.text, 40)));
}

absl::string_view WhatItDoes(Kind kind) {
  switch (kind) {
    case Kind::kDataFix:
      return "changes data";
    case Kind::kSchemaMigration:
      return "changes the schema, or runs code that may";
    case Kind::kQueryOptimization:
      return "builds or removes an index";
    case Kind::kMaintenance:
      return "works on whole tables and may lock them";
    case Kind::kInspection:
    case Kind::kControl:
      break;
  }
  return "is not known to be safe";
}

void CheckQuery(Dialect dialect, TokenView tokens, Objections* objections) {
  const Head head = HeadOf(tokens);
  const Token& verb = tokens[head.verb];
  const bool values = verb.IsWord("VALUES") && dialect == Dialect::kPostgres;
  if (!head.understood) {
    objections->Add("its WITH list is not understood");
  } else if (!verb.IsWord("SELECT") && !values) {
    objections->Add(absl::StrCat(VerbName(verb), " ", WhatItDoes(NatureOf(dialect, tokens).kind)));
    return;
  }
  CheckTokens(dialect, tokens, head.column_lists, objections);
}

void CheckMySqlShow(Dialect dialect, TokenView tokens, Objections* objections) {
  ptrdiff_t i = 1;
  while (tokens[i].IsWord("FULL") || tokens[i].IsWord("EXTENDED") || tokens[i].IsWord("GLOBAL") ||
         tokens[i].IsWord("SESSION") || tokens[i].IsWord("LOCAL")) {
    ++i;
  }
  const bool shows_user = tokens[i].IsWord("CREATE") && tokens[i + 1].IsWord("USER");
  if (!IsSafeMySqlShow(tokens[i]) || shows_user) {
    objections->Add(absl::StrCat("SHOW ", VerbName(tokens[i]), " is not known to be safe"));
    return;
  }
  // SHOW PROCEDURE STATUS: the word is refused elsewhere.
  const bool routine = tokens[i].IsWord("PROCEDURE") || tokens[i + 1].IsWord("PROCEDURE");
  CheckTokens(dialect, routine ? tokens.From(i + 2) : tokens, {}, objections);
}

void CheckPostgresShow(TokenView tokens, Objections* objections) {
  for (ptrdiff_t i = 1; i < tokens.size(); ++i) {
    if (!tokens[i].IsName() && !tokens[i].IsSymbol('.')) {
      objections->Add("SHOW with more than the name of a setting");
      return;
    }
  }
}

// Where the query begins behind EXPLAIN and its options; -1 with an objection.
ptrdiff_t AfterPostgresExplain(TokenView tokens, Objections* objections) {
  static constexpr std::string_view kOptions[] = {"BUFFERS",      "COSTS",    "FORMAT",
                                                  "GENERIC_PLAN", "SETTINGS", "SUMMARY",
                                                  "TIMING",       "VERBOSE",  "WAL"};
  static_assert(std::is_sorted(std::begin(kOptions), std::end(kOptions)));
  if (tokens[1].IsWord("ANALYZE") || tokens[1].IsWord("ANALYSE")) {
    objections->Add("EXPLAIN ANALYZE executes the statement");
    return -1;
  }
  if (tokens[1].IsWord("VERBOSE")) return 2;
  const Token& first = tokens[2];
  if (!tokens[1].IsSymbol('(') || first.IsWord("SELECT") || first.IsWord("WITH") ||
      first.IsWord("VALUES") || first.IsSymbol('(')) {
    return 1;
  }
  const ptrdiff_t end = tokens.AfterParen(1);
  for (ptrdiff_t i = 1; i < end - 1; ++i) {
    if ((tokens[i].IsSymbol('(') || tokens[i].IsSymbol(',')) && !IsIn(kOptions, tokens[i + 1])) {
      objections->Add(absl::StrCat("EXPLAIN (", VerbName(tokens[i + 1]),
                                   ") executes the statement or is not known"));
      return -1;
    }
  }
  return end;
}

bool BeginsQuery(const Token& token) {
  return token.IsWord("SELECT") || token.IsWord("WITH") || token.IsSymbol('(');
}

// DESCRIBE table [column], or -1 with an objection, or where the query begins.
ptrdiff_t AfterMySqlExplain(TokenView tokens, Objections* objections) {
  ptrdiff_t i = 1;
  if (tokens[i].IsWord("EXTENDED") || tokens[i].IsWord("PARTITIONS")) ++i;
  if (tokens[i].IsWord("FORMAT") && tokens[i + 1].IsSymbol('=')) i += 3;
  if (BeginsQuery(tokens[i])) return i;
  constexpr ptrdiff_t kMaxTokens = 5;  // DESCRIBE schema . table column
  static constexpr std::string_view kVerbs[] = {"ANALYZE", "DELETE", "FOR",    "INSERT",
                                                "REPLACE", "TABLE",  "UPDATE", "VALUES"};
  static_assert(std::is_sorted(std::begin(kVerbs), std::end(kVerbs)));
  bool table = tokens.size() > 1 && tokens.size() <= kMaxTokens && !IsIn(kVerbs, tokens[1]);
  for (ptrdiff_t k = 1; k < tokens.size(); ++k) {
    table = table && (tokens[k].IsName() || tokens[k].IsSymbol('.') ||
                      (k + 1 == tokens.size() && tokens[k].kind == TokenKind::kString));
  }
  if (!table) {
    objections->Add(absl::StrCat(VerbName(tokens[0]), " ", VerbName(tokens[i]),
                                 " executes the statement or is not known"));
  }
  return -1;
}

}  // namespace

void Objections::Add(std::string reason) {
  if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) {
    reasons.push_back(std::move(reason));
  }
}

Objections CheckReadOnly(Dialect dialect, TokenView tokens) {
  Objections objections;
  const Token& verb = tokens[0];
  const bool postgres = dialect == Dialect::kPostgres;
  if (verb.IsWord("SHOW")) {
    if (postgres) {
      CheckPostgresShow(tokens, &objections);
    } else {
      CheckMySqlShow(dialect, tokens, &objections);
    }
  } else if (verb.IsWord("EXPLAIN") ||
             (!postgres && (verb.IsWord("DESCRIBE") || verb.IsWord("DESC")))) {
    const ptrdiff_t query = postgres ? AfterPostgresExplain(tokens, &objections)
                                     : AfterMySqlExplain(tokens, &objections);
    if (query >= 0) CheckQuery(dialect, tokens.From(query), &objections);
  } else {
    CheckQuery(dialect, tokens, &objections);
  }
  return objections;
}

}  // namespace dbfleet::sql
