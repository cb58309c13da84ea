// What a lexer needs to know beforehand, and what is asked of its tokens.
#include <algorithm>

#include "common/sql/text/lexer.h"

namespace dbfleet::sql {

LexOptions DefaultOptions(Dialect dialect) {
  const bool mysql = dialect != Dialect::kPostgres;
  return {mysql, mysql, false};
}

LexOptions OptionsFor(const Target& target) {
  LexOptions options = DefaultOptions(target.dialect);
  if (!target.modes.known || !target.mysql_family()) return options;
  const SqlModes& modes = target.modes;
  options.backslash_in_single_quotes = !modes.no_backslash_escapes;
  options.backslash_in_double_quotes =
      !modes.no_backslash_escapes && !modes.ansi_quotes && !modes.oracle;
  return options;
}

Position PositionAt(absl::string_view text, size_t offset, Position origin) {
  const absl::string_view before = text.substr(0, offset);
  const size_t newline = before.rfind('\n');
  Position position;
  position.line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  position.column = static_cast<int>(newline == absl::string_view::npos ? before.size() + 1
                                                                        : before.size() - newline);
  const absl::string_view of_line =
      newline == absl::string_view::npos ? before : before.substr(newline + 1);
  position.character = CountCharacters(of_line) + 1;
  if (position.line == 1) {
    position.column += origin.column - 1;
    position.character += origin.character - 1;
  }
  position.line += origin.line - 1;
  return position;
}

}  // namespace dbfleet::sql
