// What no server takes of a whole statement, whichever its version is. Each was refused by MariaDB
// 10.11 as a syntax error, and the grammars of all versions of both agree. Of the 219,000
// statements in the tests of MariaDB 10.11 those that are called so are refused by it.
#include <algorithm>
#include <array>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "common/sql/mysql/syntax.h"

namespace dbfleet::sql::mysql {
namespace {

// What stands behind CREATE, ALTER and DROP. Other words may be those of a version that nobody
// knows here; one that is a letter off one of these is none.
constexpr absl::string_view kBehindVerb[] = {
    "DATABASE", "EVENT",      "FULLTEXT", "FUNCTION",  "INDEX",   "PROCEDURE", "ROLE", "SCHEMA",
    "SERVER",   "TABLESPACE", "TABLE",    "TEMPORARY", "TRIGGER", "UNIQUE",    "USER", "VIEW"};

// Whether one letter too many, too few, another, or two in the wrong order make one of the other.
bool IsOneOff(absl::string_view a, absl::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  size_t same = 0;
  while (same < a.size() && a[same] == b[same]) ++same;
  a.remove_prefix(same);
  b.remove_prefix(same);
  if (a.size() != b.size()) return a == b.substr(1);
  if (a.empty()) return false;
  if (a.substr(1) == b.substr(1)) return true;
  return a.size() > 1 && a[0] == b[1] && a[1] == b[0] && a.substr(2) == b.substr(2);
}

std::string ObjectProblem(const Toks& tokens) {
  if (!tokens[0].IsOneOf({K("CREATE"), K("ALTER"), K("DROP")})) return "";
  const std::string verb = absl::AsciiStrToUpper(tokens[0].text);
  if (tokens.size() < 3) return absl::StrCat(verb, " does not say of what kind it is");
  ptrdiff_t at = tokens.HasWords(1, {K("OR"), K("REPLACE")}) ? 3 : 1;
  while (tokens[at].IsOneOf({K("TEMPORARY"), K("UNIQUE"), K("FULLTEXT"), K("SPATIAL")})) ++at;
  const Tok& object = tokens[at];
  if (object.kind != TokenKind::kWord || object.word != 0 || at + 1 >= tokens.size()) return "";
  const std::string upper = absl::AsciiStrToUpper(object.text);
  const auto meant = std::find_if(std::begin(kBehindVerb), std::end(kBehindVerb),
                                  [&](absl::string_view known) { return IsOneOff(upper, known); });
  if (meant == std::end(kBehindVerb)) return "";
  return absl::StrCat(SanitizeForDisplay(Truncate(upper, 40)), " cannot stand behind ", verb,
                      "; write ", *meant);
}

std::string SymbolProblem(const Toks& tokens) {
  int depth = 0;
  for (ptrdiff_t i = 0; i < tokens.size(); ++i) {
    const Tok& token = tokens[i];
    if (token.kind != TokenKind::kSymbol) continue;
    if (token.IsSymbol('(')) ++depth;
    if (token.IsSymbol(')') && --depth < 0) return "a closing parenthesis has no opening one";
    const Tok& next = tokens[i + 1];
    if (token.IsSymbol('(') && next.IsSymbol(',')) return "a comma stands behind (";
    if (!token.IsSymbol(',')) continue;
    if (i + 1 == tokens.size()) return "nothing stands behind a comma";
    if (next.IsSymbol(',') || next.IsSymbol(')')) {
      return absl::StrCat(next.text, " stands behind a comma");
    }
    // Reserved in all versions, and at the head of no item of any list.
    if (next.IsOneOf({K("FROM"), K("HAVING"), K("WHERE")})) {
      return absl::StrCat(absl::AsciiStrToUpper(next.text), " stands behind a comma");
    }
  }
  return depth > 0 ? "an opening parenthesis has no closing one" : "";
}

bool HasAny(const Toks& tokens, std::initializer_list<Word> words) {
  return std::any_of(words.begin(), words.end(), [&](Word word) { return tokens.HasWord(word); });
}

// The first place behind the name of a table; 0 where no plain one stands.
ptrdiff_t BehindTable(const Toks& tokens, ptrdiff_t at) {
  if (!tokens[at].IsName()) return 0;
  ++at;
  if (tokens[at].IsSymbol('.') && tokens[at + 1].IsName()) at += 2;
  return at;
}

std::string InsertProblem(const Toks& tokens) {
  const std::string verb = absl::AsciiStrToUpper(tokens[0].text);
  if (!HasAny(tokens, {K("VALUES"), K("VALUE"), K("SET"), K("SELECT"), K("TABLE"), K("WITH")})) {
    return absl::StrCat(verb, " says nothing of what it inserts");
  }
  ptrdiff_t at = 1;
  while (tokens[at].IsOneOf({K("LOW_PRIORITY"), K("DELAYED"), K("HIGH_PRIORITY"), K("IGNORE")})) {
    ++at;
  }
  if (tokens[at].Is(K("INTO"))) ++at;
  at = BehindTable(tokens, at);
  const Tok& next = tokens[at];
  const bool name =
      next.kind == TokenKind::kQuotedName || (next.kind == TokenKind::kWord && next.word == 0);
  if (at == 0 || !name) return "";
  return absl::StrCat("a name stands behind that of the table of ", verb);
}

// UPDATE t SET a: an assignment without its value, as far as it begins with a plain name.
std::string UpdateProblem(const Toks& tokens) {
  int depth = 0;
  for (ptrdiff_t i = 1; i < tokens.size(); ++i) {
    if (tokens[i].IsSymbol('(')) ++depth;
    if (tokens[i].IsSymbol(')')) --depth;
    if (depth != 0 || !tokens[i].Is(K("SET"))) continue;
    ptrdiff_t at = i + 1;
    if (!tokens[at].IsName()) return "";
    while (tokens[at + 1].IsSymbol('.') && tokens[at + 2].IsName()) at += 2;
    const Tok& next = tokens[at + 1];
    const bool assigns = next.IsSymbol('=') || next.IsSymbol(':') || next.IsSymbol('.');
    return assigns ? "" : "a column behind SET is given no value";
  }
  return "UPDATE has no SET";
}

std::string VerbProblem(const Toks& tokens) {
  const Tok& verb = tokens[0];
  if (verb.IsOneOf({K("INSERT"), K("REPLACE")})) return InsertProblem(tokens);
  if (verb.Is(K("UPDATE"))) return UpdateProblem(tokens);
  if (verb.Is(K("DELETE")) && !tokens.HasWord(K("FROM"))) return "DELETE has no FROM";
  if (verb.Is(K("TRUNCATE")) && tokens.size() == 1) return "TRUNCATE names no table";
  // Also of roles and of PROXY.
  if (verb.Is(K("GRANT")) && !tokens.HasWord(K("TO"))) return "GRANT names no account behind TO";
  if (verb.Is(K("REVOKE")) && !tokens.HasWord(K("FROM"))) {
    return "REVOKE names no account behind FROM";
  }
  if (verb.Is(K("CREATE"))) {
    constexpr ptrdiff_t kFarthest = 4;  // CREATE OR REPLACE UNIQUE INDEX
    for (ptrdiff_t i = 1; i <= kFarthest; ++i) {
      if (tokens.HasWords(i, {K("INDEX"), K("ON")})) return "the index has no name";
    }
  }
  if (!tokens.HasWords(0, {K("CREATE"), K("TABLE")})) return "";
  const ptrdiff_t at =
      BehindTable(tokens, tokens.HasWords(2, {K("IF"), K("NOT"), K("EXISTS")}) ? 5 : 2);
  const bool nothing = at > 0 && tokens[at].IsSymbol('(') && tokens[at + 1].IsSymbol(')');
  return nothing ? "the table has no columns" : "";
}

}  // namespace

std::string FormProblem(const Toks& tokens) {
  // HELP takes nearly anything.
  if (tokens.size() == 0 || tokens[0].Is(K("HELP"))) return "";
  for (auto* problem : {SymbolProblem, ObjectProblem, VerbProblem}) {
    if (std::string what = problem(tokens); !what.empty()) return what;
  }
  return "";
}

}  // namespace dbfleet::sql::mysql
