#include "common/sql/postgres/source.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/sql/postgres/symbols.h"
#include "common/sql/text/lexer.h"

namespace dbfleet::sql::pg {
namespace {

Lexer LexerOf(absl::string_view text) {
  return Lexer(Dialect::kPostgres, text, DefaultOptions(Dialect::kPostgres));
}

bool InText(absl::string_view text, int64_t at) {
  return at >= 0 && static_cast<uint64_t>(at) < text.size();
}

// Words of a column's definition that end the expression before them.
bool EndsExpression(const Token& token) {
  for (absl::string_view word : {"NOT", "NULL", "CHECK", "UNIQUE", "PRIMARY", "REFERENCES",
                                 "CONSTRAINT", "GENERATED", "DEFAULT", "COLLATE"}) {
    if (token.IsWord(word)) return true;
  }
  return false;
}

}  // namespace

Name NameIn(Node node) {
  Name name;
  if (node.Is("RangeVar")) {
    name.schema = std::string(node["schemaname"].text());
    name.name = std::string(node["relname"].text());
    return name;
  }
  const Node list = node.Is("List") ? node["items"] : node;
  for (Node part : list) {
    name.schema = std::move(name.name);
    name.name = std::string(part.text());
  }
  return name;
}

std::string Dotted(Node names) {
  std::string dotted;
  for (Node part : names) absl::StrAppend(&dotted, dotted.empty() ? "" : ".", part.text());
  return dotted;
}

std::string Quoted(absl::string_view name) {
  const bool plain =
      !name.empty() && !absl::ascii_isdigit(name[0]) && name[0] != '$' && !IsReserved(name) &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_' || c == '$';
      });
  if (plain) return std::string(name);
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

std::string Quoted(const Name& name) {
  return name.schema.empty() ? Quoted(name.name)
                             : absl::StrCat(Quoted(name.schema), ".", Quoted(name.name));
}

std::string Written(absl::string_view text, Node range_var) {
  const int64_t location = range_var["location"].number(range_var["relname"] ? 0 : -1);
  std::string written;
  if (InText(text, location)) {
    Lexer lexer = LexerOf(text.substr(static_cast<size_t>(location)));
    Token token;
    bool name = true;
    while (lexer.Next(&token) && (name ? token.IsName() : token.IsSymbol('.'))) {
      written.append(token.text.data(), token.text.size());
      name = !name;
    }
  }
  return written.empty() ? Quoted(NameIn(range_var)) : written;
}

std::vector<bool> QuotedParts(absl::string_view text, int64_t from) {
  std::vector<bool> quoted;
  if (!InText(text, from)) return quoted;
  Lexer lexer = LexerOf(text.substr(static_cast<size_t>(from)));
  Token token;
  bool name = true;
  while (lexer.Next(&token) && (name ? token.IsName() : token.IsSymbol('.'))) {
    if (name) quoted.push_back(token.kind == TokenKind::kQuotedName);
    name = !name;
  }
  return quoted;
}

int64_t FirstLocation(Node node) {
  int64_t first = -1;
  for (const Slot* at = node.subtree_begin(); at != node.subtree_end(); ++at) {
    if (at->key != "location") continue;
    const int64_t location = Node(at).number(-1);
    if (location >= 0 && (first < 0 || location < first)) first = location;
  }
  return first;
}

std::string ExpressionAt(absl::string_view text, int64_t from) {
  if (!InText(text, from)) return "";
  const absl::string_view rest = text.substr(static_cast<size_t>(from));
  Lexer lexer = LexerOf(rest);
  Token token;
  int depth = 0;
  size_t end = 0;
  while (lexer.Next(&token)) {
    if (token.IsSymbol('(') || token.IsSymbol('[')) ++depth;
    const bool closes = token.IsSymbol(')') || token.IsSymbol(']');
    if (depth == 0 && (closes || token.IsSymbol(',') || token.kind == TokenKind::kDelimiter ||
                       (end > 0 && EndsExpression(token)))) {
      break;
    }
    if (closes) --depth;
    end = token.offset + token.text.size();
  }
  return std::string(rest.substr(0, end));
}

std::vector<std::string> Parts(absl::string_view text, size_t from) {
  std::vector<std::string> parts;
  const absl::string_view rest = text.substr(std::min(from, text.size()));
  Lexer lexer = LexerOf(rest);
  Token token;
  int depth = 0;
  size_t begin = 0;
  size_t end = 0;
  while (lexer.Next(&token) && token.kind != TokenKind::kDelimiter) {
    if (token.IsSymbol('(')) ++depth;
    if (token.IsSymbol(')')) --depth;
    if (depth == 0 && token.IsSymbol(',')) {
      parts.emplace_back(absl::StripAsciiWhitespace(rest.substr(begin, token.offset - begin)));
      begin = token.offset + 1;
    }
    end = token.offset + token.text.size();
  }
  if (end > begin) parts.emplace_back(absl::StripAsciiWhitespace(rest.substr(begin, end - begin)));
  return parts;
}

}  // namespace dbfleet::sql::pg
