#include "common/sql/mysql/pinned_columns.h"

#include "common/sql/mysql/always_true.h"

namespace dbfleet::sql::mysql {
namespace {

bool IsOneValue(const Tok& token) {
  return token.IsSymbol('?') || (IsLiteral(token) && !token.Is(K("NULL")));
}

// Where a column's name that begins at `i` ends; `i` if none does.
ptrdiff_t EndOfColumn(const Toks& tokens, ptrdiff_t i) {
  if (!tokens[i].IsName()) return i;
  ptrdiff_t last = i;
  while (tokens[last + 1].IsSymbol('.') && tokens[last + 2].IsName()) last += 2;
  return last + 1;
}

}  // namespace

std::vector<std::string> PinnedColumns(const Toks& tokens, ptrdiff_t from, ptrdiff_t to) {
  std::vector<std::string> columns;
  std::vector<bool> groups;  // Of each open parenthesis: whether it is around conditions alone.
  int others = 0;
  bool begins = true;  // A condition that has to hold.
  for (ptrdiff_t i = from; i < to; ++i) {
    const Tok& token = tokens[i];
    const bool joins = token.IsSymbol('|') || token.IsSymbol('&');
    if (joins || token.IsSymbol('!') ||
        token.IsOneOf({K("OR"), K("XOR"), K("NOT"), K("BETWEEN"), K("CASE"), K("SELECT")})) {
      return {};
    }
    if (token.IsSymbol('(')) {
      groups.push_back(begins);
      if (!begins) ++others;
      continue;
    }
    if (token.IsSymbol(')')) {
      if (groups.empty()) return {};
      if (!groups.back()) --others;
      groups.pop_back();
      begins = false;
      continue;
    }
    const bool whole = begins && others == 0;
    begins = others == 0 && token.Is(K("AND"));
    if (!whole) continue;
    const bool value_first = IsOneValue(token) && tokens[i + 1].IsSymbol('=');
    const ptrdiff_t column = value_first ? i + 2 : i;
    ptrdiff_t end = EndOfColumn(tokens, column);
    if (end == column) continue;
    const std::string name = Unquoted(tokens[end - 1]);
    if (!value_first) {
      if (!tokens[end].IsSymbol('=') || !IsOneValue(tokens[end + 1])) continue;
      end += 2;
    }
    if (end < to && !tokens[end].IsSymbol(')') && !tokens[end].Is(K("AND"))) continue;
    columns.push_back(name);
    i = end - 1;
  }
  return columns;
}

}  // namespace dbfleet::sql::mysql
