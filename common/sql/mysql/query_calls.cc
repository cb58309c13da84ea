// What stands in front of parentheses, and of strings.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/mysql/functions.h"
#include "common/sql/mysql/query_scan.h"

namespace dbfleet::sql::mysql {
namespace {

std::string NameFor(const Tok& token) { return SanitizeForDisplay(Truncate(token.text, 64)); }

// Reserved in both flavours, so that an opening parenthesis behind them calls no stored function.
bool IsReservedBeforeParen(Word word) {
  switch (word) {
    case K("ALL"):
    case K("AND"):
    case K("AS"):
    case K("BETWEEN"):
    case K("BINARY"):
    case K("BY"):
    case K("CASE"):
    case K("DISTINCT"):
    case K("DIV"):
    case K("ELSE"):
    case K("EXISTS"):
    case K("FROM"):
    case K("HAVING"):
    case K("IN"):
    case K("INDEX"):
    case K("INTERVAL"):
    case K("IS"):
    case K("JOIN"):
    case K("KEY"):
    case K("LIKE"):
    case K("LIMIT"):
    case K("NOT"):
    case K("ON"):
    case K("OR"):
    case K("REGEXP"):
    case K("RLIKE"):
    case K("SELECT"):
    case K("STRAIGHT_JOIN"):
    case K("THEN"):
    case K("UNION"):
    case K("USING"):
    case K("VALUES"):
    case K("WHEN"):
    case K("WHERE"):
    case K("XOR"):
      return true;
    default:
      return false;
  }
}

// Functions whose names are reserved, so that a gap before the parenthesis changes nothing.
bool IsReservedFunction(Word word) {
  switch (word) {
    case K("CHAR"):
    case K("CONVERT"):
    case K("IF"):
    case K("LEFT"):
    case K("MATCH"):
    case K("MOD"):
    case K("REPEAT"):
    case K("REPLACE"):
    case K("RIGHT"):
      return true;
    default:
      return false;
  }
}

bool IsType(Word word) {
  switch (word) {
    case K("BINARY"):
    case K("BIT"):
    case K("CHAR"):
    case K("DATETIME"):
    case K("DECIMAL"):
    case K("DOUBLE"):
    case K("FLOAT"):
    case K("INT"):
    case K("NCHAR"):
    case K("NUMERIC"):
    case K("TIME"):
    case K("TIMESTAMP"):
    case K("VARBINARY"):
    case K("VARCHAR"):
      return true;
    default:
      return false;
  }
}

// Geometries of MariaDB. With another number of arguments than theirs they are calls of stored
// functions.
bool IsConstructor(absl::string_view name) {
  static constexpr absl::string_view kConstructors[] = {
      "GEOMETRYCOLLECTION", "LINESTRING", "MULTILINESTRING", "MULTIPOINT",
      "MULTIPOLYGON",       "POINT",      "POLYGON"};
  for (absl::string_view constructor : kConstructors) {
    if (absl::EqualsIgnoreCase(name, constructor)) return true;
  }
  return false;
}

// MATCH a, t.b AGAINST (...), without parentheses. `i`: the last column.
bool FollowsMatch(const Toks& tokens, ptrdiff_t i) {
  constexpr ptrdiff_t kFar = 64;
  for (const ptrdiff_t first = i - kFar; i > first; --i) {
    if (tokens[i].Is(K("MATCH"))) return true;
    if (!tokens[i].IsName() && !tokens[i].IsSymbol('.') && !tokens[i].IsSymbol(',')) return false;
  }
  return false;
}

bool EndsOperand(const Tok& token) {
  return token.kind == TokenKind::kString || token.kind == TokenKind::kNumber ||
         token.kind == TokenKind::kQuotedName || token.IsSymbol(')') ||
         (token.kind == TokenKind::kWord && !EndsName(token.word));
}

}  // namespace

// Behind an operator, a comma or another opening parenthesis it only groups.
bool QueryScan::GroupsOnly(ptrdiff_t i) const {
  const Tok& before = tokens_[i - 1];
  if (i == from_) return true;
  // (...) (SELECT ...): nothing is called by a name in parentheses.
  if (before.IsSymbol(')') && tokens_[i + 1].IsOneOf({K("SELECT"), K("WITH"), K("VALUES")})) {
    return true;
  }
  if (before.IsSymbol(')') && tokens_[i + 1].IsSymbol('(')) return true;
  return i == 0 || (before.kind == TokenKind::kSymbol && !before.IsSymbol(')') &&
                    !before.IsSymbol('.') && !before.IsSymbol('@'));
}

// Not reserved everywhere, so they could be stored functions; these forms could not.
bool QueryScan::KnownWordBeforeParen(ptrdiff_t i, const Frame& outer) const {
  const Tok& name = tokens_[i - 1];
  const Tok& before = tokens_[i - 2];
  const bool select = tokens_[i + 1].IsOneOf({K("SELECT"), K("WITH"), K("VALUES")});
  switch (name.word) {
    case K("EXCEPT"):
    case K("INTERSECT"):
      // Older servers know no such operators, so that these are names of functions.
      if (!draft_.Since({8, 0, 31}, {10, 3, 0}) &&
          (!draft_.maria() || draft_.target.version.known())) {
        return false;
      }
      return select || tokens_[i + 1].IsSymbol('(');
    case K("DEFAULT"):
      // MariaDB computes the default anew, and so NEXTVAL(sequence).
      if (draft_.maria()) {
        draft_.Object("DEFAULT(column) may advance a sequence");
        draft_.Raise(Kind::kDataFix);
      }
      return true;
    case K("OVER"):  // Behind IGNORE NULLS too; MySQL 5.7 does not know it.
      return before.IsSymbol(')') || before.IsWord("NULLS");
    case K("ANY"):
    case K("SOME"):
      return select;
    case K("LATERAL"):
      return select && outer.expect_table;
    case K("AGAINST"):
      return before.IsSymbol(')') || FollowsMatch(tokens_, i - 2);
    case K("ESCAPE"):
      return before.IsSymbol(')') || before.IsText() || before.kind == TokenKind::kNumber;
    case K("PARTITION"):
      return EndsOperand(before);
    case K("GROUP"):
      return before.Is(K("WITHIN"));
    case K("OF"):
      return before.Is(K("MEMBER")) || before.Is(K("SYSTEM_TIME"));
    case K("COLUMNS"):
      return outer.types && before.IsText();
    case K("VALUE"):  // MariaDB: as VALUES(column), NULL in a query.
      return (writes_ && outer.clause == Clause::kValues) || draft_.Since({99, 0, 0}, {10, 3, 3});
    default:
      return outer.types && IsType(name.word);
  }
}

void QueryScan::CheckCall(ptrdiff_t i, const Frame& outer, Frame* frame) {
  if (GroupsOnly(i)) return;
  const Tok& name = tokens_[i - 1];
  const Tok& before = tokens_[i - 2];
  if (name.kind != TokenKind::kWord || before.IsSymbol('.') || before.IsSymbol('@')) {
    return ObjectToCall(i);
  }
  if (IsReservedBeforeParen(name.word)) return;
  if (before.Is(K("AS"))) return;  // CAST(x AS CHAR(3)), AS t(a, b).
  // JSON_TABLE is no reserved word of MariaDB's, and elsewhere a stored function.
  const bool pure =
      IsPureFunction(draft_.target, name.text) && (outer.expect_table || !name.Is(K("JSON_TABLE")));
  // With an OVER behind it no server takes it for a stored function: an old one refuses it.
  const bool window = !pure && !draft_.target.version.known() && IsWindowFunction(name.text);
  const bool known = pure || window;
  if (known) {
    if (name.Is(K("JSON_TABLE"))) draft_.reading.facts.query.table_functions = true;
    frame->call = true;
    frame->name = i - 1;
    frame->substring = name.IsOneOf({K("SUBSTRING"), K("SUBSTR"), K("MID")});
    frame->types = name.IsOneOf({K("CAST"), K("CONVERT"), K("JSON_TABLE")});
    frame->window = window;
    if (outer.query && outer.clause == Clause::kSelectList && queries_ == 1 &&
        IsAggregate(name.text)) {
      draft_.reading.facts.query.aggregates = true;
    }
    if (outer.clause == Clause::kOrderBy && name.Is(K("RAND"))) {
      draft_.reading.facts.query.orders_by_random = true;
    }
    if (name.Touches(tokens_[i]) || IsReservedFunction(name.word)) return;
    if (MayStandApart(name.text)) return;
    // Without IGNORE_SPACE, count (x) and now () call stored functions of those names. Which else
    // are like that depends on the server's version.
    draft_.reading.verdict.runs_unknown_code = UnknownCode::kComputes;
    draft_.Doubt(absl::StrCat("calls ", NameFor(name),
                              " () with something between the name and its parenthesis, so it may "
                              "be a stored function; write ",
                              NameFor(name), "("));
    draft_.Raise(Kind::kDataFix);
    return;
  }
  if (name.Is(K("LAST_INSERT_ID")) && tokens_[i + 1].IsSymbol(')') && name.Touches(tokens_[i])) {
    return;
  }
  if (!KnownWordBeforeParen(i, outer)) ObjectToCall(i);
}

void QueryScan::CheckCount(const Frame& call, ptrdiff_t close) {
  const Tok& name = tokens_[call.name];
  if (!draft_.maria() || !IsConstructor(name.text)) return;
  const bool none = tokens_[close - 1].IsSymbol('(') && close == call.name + 2;
  const bool wrong = absl::EqualsIgnoreCase(name.text, "POINT") ? none || call.commas != 1 : none;
  if (wrong) ObjectToCall(call.name + 1);
}

void QueryScan::ObjectToCall(ptrdiff_t i) {
  const Tok& name = tokens_[i - 1];
  calls_other_ = true;
  draft_.Raise(Kind::kDataFix);
  if (!name.IsName()) {
    draft_.Doubt("an opening parenthesis where none is expected");
    return;
  }
  const bool bare = !tokens_[i - 2].IsSymbol('.') && name.kind == TokenKind::kWord;
  const absl::string_view deed = bare ? WhatItDoes(name.text) : "";
  const std::string since =
      bare && !IsPureFunction(draft_.target, name.text) ? PureSince(draft_.target, name.text) : "";
  if (deed.empty()) draft_.reading.verdict.runs_unknown_code = UnknownCode::kComputes;
  if (!deed.empty()) {
    draft_.Object(absl::StrCat("calls ", NameFor(name), "(), which ", deed));
  } else if (!since.empty()) {
    draft_.Doubt(absl::StrCat("calls ", NameFor(name), "(), which is built in from ", since,
                              " on and may be a stored function before",
                              draft_.target.version.patch > 0
                                  ? ""
                                  : "; if the server is not older, say --server-version"));
  } else {
    draft_.Doubt(absl::StrCat("calls ", NameFor(name),
                              "(), which is not in the list of functions known to only read"));
  }
}

void QueryScan::CheckCharset(ptrdiff_t i) {
  // Whose every character is one byte, or whose later bytes are no quote and no backslash: not
  // big5, cp932, gb18030, gbk, sjis.
  static constexpr absl::string_view kHarmless[] = {
      "_armscii8", "_ascii", "_binary",   "_cp1250",  "_cp1251", "_cp1256", "_cp1257",  "_cp850",
      "_cp852",    "_cp866", "_dec8",     "_eucjpms", "_euckr",  "_gb2312", "_geostd8", "_greek",
      "_hebrew",   "_hp8",   "_keybcs2",  "_koi8r",   "_koi8u",  "_latin1", "_latin2",  "_latin5",
      "_latin7",   "_macce", "_macroman", "_swe7",    "_tis620", "_ucs2",   "_ujis",    "_utf16",
      "_utf16le",  "_utf32", "_utf8",     "_utf8mb3", "_utf8mb4"};
  const Tok& charset = tokens_[i - 1];
  if (charset.kind != TokenKind::kWord || charset.text[0] != '_') return;
  for (absl::string_view harmless : kHarmless) {
    if (absl::EqualsIgnoreCase(charset.text, harmless)) return;
  }
  draft_.Doubt("a character set that may change where a string ends");
}

}  // namespace dbfleet::sql::mysql
