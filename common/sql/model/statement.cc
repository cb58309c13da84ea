#include "common/sql/model/statement.h"

#include <algorithm>

namespace dbfleet::sql {

Position Statement::origin() const {
  const auto head = text.begin() + static_cast<ptrdiff_t>(std::min(content, text.size()));
  const int lines = static_cast<int>(std::count(text.begin(), head, '\n'));
  // Where comments on lines of their own stand in front, no error is about the first of them.
  if (lines > 0) return {line - lines, 1, 1};
  const int characters = CountCharacters(absl::string_view(text).substr(0, content));
  return {line, column - static_cast<int>(content), character - characters};
}

}  // namespace dbfleet::sql
