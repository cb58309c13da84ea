#include "common/sql/mysql/flavour.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace dbfleet::sql::mysql {
namespace {

bool SaysExists(const Toks& tokens, ptrdiff_t i) {
  return tokens.HasWords(i, {K("IF"), K("EXISTS")}) ||
         tokens.HasWords(i, {K("IF"), K("NOT"), K("EXISTS")});
}

std::string Upper(const Tok& token) { return absl::AsciiStrToUpper(token.text); }

bool SaysVersioning(const Toks& tokens, ptrdiff_t i) {
  return tokens.HasWords(i, {K("SYSTEM"), K("VERSIONING")}) &&
         tokens[i - 1].IsOneOf({K("WITH"), K("ADD"), K("DROP")});
}

// Outside of parentheses, where IF is no function.
std::string InAlterTable(const Toks& tokens) {
  for (ptrdiff_t i = 1; i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) i = tokens.AfterParen(i) - 1;
    if (SaysVersioning(tokens, i)) return "SYSTEM VERSIONING";
    if (tokens[i].Is(K("IGNORED")) && tokens[i - 2].IsOneOf({K("INDEX"), K("KEY"), K("NOT")})) {
      return "ALTER INDEX ... IGNORED";
    }
    if (!SaysExists(tokens, i)) continue;
    return tokens[i + 1].Is(K("NOT")) ? "IF NOT EXISTS in ALTER TABLE" : "IF EXISTS in ALTER TABLE";
  }
  return "";
}

std::string InCreate(const Toks& tokens) {
  if (tokens.HasWords(1, {K("OR"), K("REPLACE")})) {
    ptrdiff_t i = 3;
    if (tokens[i].Is(K("DEFINER"))) i += 3;  // The account may have any name.
    for (; i < tokens.size(); ++i) {
      // What MySQL replaces too: views, and spatial reference systems.
      if (tokens[i].IsOneOf({K("VIEW"), K("SPATIAL")})) return "";
      if (tokens[i].IsOneOf({K("TABLE"), K("DATABASE"), K("SCHEMA"), K("INDEX"), K("SEQUENCE"),
                             K("ROLE"), K("USER"), K("FUNCTION"), K("PROCEDURE"), K("TRIGGER"),
                             K("EVENT"), K("SERVER")})) {
        return absl::StrCat("CREATE OR REPLACE ", Upper(tokens[i]));
      }
    }
    return "";
  }
  if (tokens[1].Is(K("SEQUENCE"))) return "CREATE SEQUENCE";
  for (ptrdiff_t i = 2; tokens[1].Is(K("TABLE")) && i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) i = tokens.AfterParen(i) - 1;
    if (SaysVersioning(tokens, i)) return "SYSTEM VERSIONING";
  }
  const ptrdiff_t index = tokens[1].IsOneOf({K("UNIQUE"), K("FULLTEXT"), K("SPATIAL")}) ? 2 : 1;
  const bool of_index = tokens[index].Is(K("INDEX")) && SaysExists(tokens, index + 1);
  return of_index ? "CREATE INDEX IF NOT EXISTS" : "";
}

// Whether an expression may end with the token, and not merely go on.
bool EndsOperand(const Tok& token) {
  const bool name = token.IsName() && token.word == 0;
  return name || token.IsSymbol(')') || token.IsText() || token.kind == TokenKind::kNumber ||
         token.IsOneOf({K("NULL"), K("TRUE"), K("FALSE"), K("DEFAULT")});
}

// Behind a whole expression; elsewhere it is a column of that name.
std::string InChangeOfRows(const Toks& tokens) {
  bool may_follow = false;
  for (ptrdiff_t i = 1; i + 1 < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) i = tokens.AfterParen(i) - 1;
    if (tokens[i].IsOneOf({K("VALUES"), K("VALUE"), K("WHERE"), K("SET")})) {
      may_follow = true;
    } else if (may_follow && tokens[i].Is(K("RETURNING")) && EndsOperand(tokens[i - 1])) {
      return absl::StrCat(Upper(tokens[0]), " ... RETURNING");
    }
  }
  return "";
}

std::string Form(const Toks& tokens) {
  const Tok& verb = tokens[0];
  const Tok& object = tokens[1];
  if (verb.Is(K("CREATE"))) return InCreate(tokens);
  if (verb.IsOneOf({K("ALTER"), K("DROP")}) && object.Is(K("SEQUENCE"))) {
    return absl::StrCat(Upper(verb), " SEQUENCE");
  }
  if (verb.Is(K("ALTER")) && object.Is(K("TABLE"))) return InAlterTable(tokens);
  if (verb.Is(K("DROP")) && object.Is(K("INDEX")) && SaysExists(tokens, 2)) {
    return "DROP INDEX IF EXISTS";
  }
  if (verb.Is(K("RENAME")) && object.Is(K("TABLE")) && SaysExists(tokens, 2)) {
    return "RENAME TABLE IF EXISTS";
  }
  if (verb.Is(K("SET")) && object.Is(K("STATEMENT")) && tokens[2].IsName()) {
    return "SET STATEMENT";
  }
  return verb.IsOneOf({K("INSERT"), K("REPLACE"), K("DELETE")}) ? InChangeOfRows(tokens) : "";
}

}  // namespace

std::string MariaDbForm(const Toks& tokens) {
  const std::string form = Form(tokens);
  return form.empty() ? ""
                      : absl::StrCat(form, " is MariaDB's: MySQL refuses it as a syntax error");
}

}  // namespace dbfleet::sql::mysql
