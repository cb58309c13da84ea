#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/sql/mysql/flavour.h"

namespace dbfleet::sql::mysql {
namespace {

std::string Upper(const Tok& token) { return absl::AsciiStrToUpper(token.text); }

bool IsArrow(const Toks& tokens, ptrdiff_t i) {
  return tokens[i].IsSymbol('-') && tokens[i + 1].IsSymbol('>') && tokens[i].Touches(tokens[i + 1]);
}

// CAST(... AS JSON), CONVERT(..., JSON): `i` is the word before the parenthesis.
bool CastsToItsType(const Toks& tokens, ptrdiff_t i) {
  const ptrdiff_t last = tokens.AfterParen(i + 1) - 2;
  const bool type = tokens[last].IsOneOf({K("JSON"), K("YEAR")});
  if (!type || last <= i + 2) return false;
  return tokens[i].Is(K("CAST")) ? tokens[last - 1].Is(K("AS")) : tokens[last - 1].IsSymbol(',');
}

// What may stand in any statement that reads or changes rows.
std::string InExpressions(const Toks& tokens, ptrdiff_t i) {
  if (IsArrow(tokens, i)) return "-> of JSON";
  const Tok& next = tokens[i + 1];
  switch (tokens[i].word) {
    case K("LATERAL"): {
      const bool behind = tokens[i - 1].IsSymbol(',') || tokens[i - 1].Is(K("JOIN"));
      const bool query = tokens[i + 2].IsOneOf({K("SELECT"), K("WITH"), K("VALUES"), K("TABLE")});
      return behind && next.IsSymbol('(') && query ? "LATERAL" : "";
    }
    case K("FOR"):
      if (next.Is(K("SHARE"))) return "FOR SHARE";
      return tokens.HasWords(i + 1, {K("UPDATE"), K("OF")}) ? "FOR UPDATE OF" : "";
    case K("VALUES"):
      return next.Is(K("ROW")) && tokens[i + 2].IsSymbol('(') ? "VALUES ROW()" : "";
    case K("MEMBER"):
      return next.Is(K("OF")) && tokens[i + 2].IsSymbol('(') ? "MEMBER OF" : "";
    case K("CAST"):
    case K("CONVERT"):
      if (!next.IsSymbol('(') || !CastsToItsType(tokens, i)) return "";
      return absl::StrCat(Upper(tokens[i]), " to ", Upper(tokens[tokens.AfterParen(i + 1) - 2]));
    default:
      return "";
  }
}

// INSERT ... VALUES (...) AS new: the row under a name. Behind a query it names a table.
std::string InInsert(const Toks& tokens) {
  bool values = false;
  for (ptrdiff_t i = 1; i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) i = tokens.AfterParen(i) - 1;
    if (tokens[i].IsOneOf({K("SELECT"), K("WITH"), K("TABLE")})) return "";
    if (tokens[i].IsOneOf({K("VALUES"), K("VALUE"), K("SET")})) values = true;
    if (tokens[i].IsOneOf({K("ON"), K("RETURNING")})) return "";
    if (values && tokens[i].Is(K("AS")) && tokens[i + 1].IsName()) {
      return absl::StrCat(Upper(tokens[0]), " ... AS ", tokens[i + 1].text);
    }
  }
  return "";
}

// Whether an element of the list of keys in these parentheses is an expression.
bool HasKeyExpression(const Toks& tokens, ptrdiff_t open) {
  if (!tokens[open].IsSymbol('(')) return false;
  const ptrdiff_t end = tokens.AfterParen(open) - 1;
  for (ptrdiff_t i = open + 1; i < end; ++i) {
    if (!tokens[i].IsSymbol('(')) continue;
    if (i == open + 1 || tokens[i - 1].IsSymbol(',')) return true;
    i = tokens.AfterParen(i) - 1;
  }
  return false;
}

// An index's list of keys and what follows it.
std::string InIndex(const Toks& tokens, ptrdiff_t open) {
  if (!tokens[open].IsSymbol('(')) return "";
  if (HasKeyExpression(tokens, open)) return "an index over an expression";
  for (ptrdiff_t i = tokens.AfterParen(open); i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol(',') || tokens[i].IsSymbol(')')) return "";
    if (tokens[i].IsSymbol('(')) i = tokens.AfterParen(i) - 1;
    if (tokens[i].Is(K("INVISIBLE"))) return "an INVISIBLE index";  // VISIBLE is taken.
  }
  return "";
}

std::string InCreateIndex(const Toks& tokens) {
  for (ptrdiff_t i = 2; i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) return InIndex(tokens, i);
  }
  return "";
}

// [NOT] ENFORCED and what else a table's definition may hold, at any depth.
std::string InTable(const Toks& tokens, ptrdiff_t i) {
  const Tok& next = tokens[i + 1];
  switch (tokens[i].word) {
    case K("CHECK"): {
      if (!next.IsSymbol('(')) return "";
      const ptrdiff_t after = tokens.AfterParen(i + 1);
      const bool enforced =
          tokens[after].Is(K("ENFORCED")) || tokens.HasWords(after, {K("NOT"), K("ENFORCED")});
      return enforced ? "[NOT] ENFORCED" : "";
    }
    case K("SRID"):
      return next.kind == TokenKind::kNumber ? "SRID" : "";
    case K("INDEX"):
    case K("KEY"):
    case K("UNIQUE"): {
      // A column's KEY may be followed by what takes an expression.
      const bool name =
          next.IsName() && !next.IsOneOf({K("AS"), K("CHECK"), K("DEFAULT"), K("REFERENCES"),
                                          K("USING"), K("INDEX"), K("KEY")});
      ptrdiff_t open = name ? i + 2 : i + 1;
      if (tokens[open].Is(K("USING"))) open += 2;
      return InIndex(tokens, open);
    }
    default:
      return "";
  }
}

std::string InAlterTable(const Toks& tokens) {
  for (ptrdiff_t i = 3; i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) i = tokens.AfterParen(i) - 1;
    if (tokens.HasWords(i, {K("DROP"), K("CHECK")})) return "DROP CHECK";
    if (!tokens[i].Is(K("ALTER"))) continue;
    const Tok& what = tokens[i + 1];
    if (what.IsOneOf({K("INDEX"), K("KEY")}) &&
        tokens[i + 3].IsOneOf({K("VISIBLE"), K("INVISIBLE")})) {
      return absl::StrCat("ALTER INDEX ... ", Upper(tokens[i + 3]));
    }
    if (what.IsOneOf({K("CHECK"), K("CONSTRAINT")})) {
      return absl::StrCat("ALTER ", Upper(what));
    }
  }
  return "";
}

// SET PERSIST name = ...; PERSIST alone may be a variable of a program.
std::string InSet(const Toks& tokens) {
  for (ptrdiff_t i = 1; i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) i = tokens.AfterParen(i) - 1;
    const bool first = i == 1 || tokens[i - 1].IsSymbol(',');
    if (first && tokens[i].IsOneOf({K("PERSIST"), K("PERSIST_ONLY")}) && tokens[i + 1].IsName()) {
      return absl::StrCat("SET ", Upper(tokens[i]));
    }
  }
  return "";
}

// Statements that only MySQL has, by how they begin.
std::string ByHead(const Toks& tokens) {
  static constexpr Word kHeads[][3] = {
      {K("ALTER"), K("INSTANCE"), 0},
      {K("ALTER"), K("RESOURCE"), K("GROUP")},
      {K("CLONE"), 0, 0},
      {K("CREATE"), K("RESOURCE"), K("GROUP")},
      {K("CREATE"), K("SPATIAL"), K("REFERENCE")},
      {K("CREATE"), K("UNDO"), K("TABLESPACE")},
      {K("DESC"), K("ANALYZE"), 0},
      {K("DESCRIBE"), K("ANALYZE"), 0},
      {K("DROP"), K("RESOURCE"), K("GROUP")},
      {K("DROP"), K("SPATIAL"), K("REFERENCE")},
      {K("DROP"), K("UNDO"), K("TABLESPACE")},
      {K("EXPLAIN"), K("ANALYZE"), 0},
      {K("IMPORT"), K("TABLE"), 0},
      {K("LOCK"), K("INSTANCE"), 0},
      {K("RESTART"), 0, 0},
      {K("SHOW"), K("EXTENDED"), 0},
      {K("UNLOCK"), K("INSTANCE"), 0},
  };
  for (const auto& head : kHeads) {
    std::string said;
    for (ptrdiff_t i = 0; i < 3 && head[i] != 0; ++i) {
      if (!tokens[i].Is(head[i])) {
        said.clear();
        break;
      }
      absl::StrAppend(&said, i == 0 ? "" : " ", Upper(tokens[i]));
    }
    if (!said.empty()) return said;
  }
  return "";
}

std::string Form(const Toks& tokens) {
  std::string form = ByHead(tokens);
  if (!form.empty()) return form;
  const bool definition = tokens[0].IsOneOf({K("CREATE"), K("ALTER")});
  ptrdiff_t object = 1;
  while (definition && tokens[object].IsOneOf({K("TEMPORARY"), K("UNIQUE"), K("FULLTEXT"),
                                               K("SPATIAL"), K("OR"), K("REPLACE")})) {
    ++object;
  }
  const bool table = definition && tokens[object].Is(K("TABLE"));
  if (tokens[0].IsOneOf({K("INSERT"), K("REPLACE")})) form = InInsert(tokens);
  if (tokens[0].Is(K("SET"))) form = InSet(tokens);
  if (table && tokens[0].Is(K("ALTER"))) form = InAlterTable(tokens);
  if (tokens[0].Is(K("CREATE")) && tokens[object].Is(K("INDEX"))) form = InCreateIndex(tokens);
  if (tokens[0].Is(K("ANALYZE"))) {
    for (ptrdiff_t i = 2; i < tokens.size(); ++i) {
      if (tokens[i + 1].Is(K("HISTOGRAM")) && tokens[i].IsOneOf({K("UPDATE"), K("DROP")})) {
        return absl::StrCat(Upper(tokens[i]), " HISTOGRAM");
      }
    }
  }
  for (ptrdiff_t i = 0; form.empty() && i < tokens.size(); ++i) {
    form = InExpressions(tokens, i);
    if (form.empty() && table) form = InTable(tokens, i);
  }
  return form;
}

}  // namespace

std::string MySqlForm(const Toks& tokens) {
  const std::string form = Form(tokens);
  return form.empty() ? ""
                      : absl::StrCat(form, " is MySQL's: MariaDB refuses it as a syntax error");
}

std::string MySqlCollation(const Toks& tokens) {
  for (ptrdiff_t i = 1; i < tokens.size(); ++i) {
    if (!tokens[i].Is(K("COLLATE"))) continue;
    const Tok& token = tokens[i + 1].IsSymbol('=') ? tokens[i + 2] : tokens[i + 1];
    const std::string name = token.IsText() ? std::string(Inside(token)) : Unquoted(token);
    if (!absl::StartsWithIgnoreCase(name, "utf8mb4_0900_")) continue;
    return absl::StrCat(name,
                        " is MySQL's collation: this MariaDB has none of that name; write "
                        "utf8mb4_unicode_ci, or utf8mb4_uca1400_ai_ci from 10.10 on");
  }
  return "";
}

}  // namespace dbfleet::sql::mysql
