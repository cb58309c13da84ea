#include "common/sql/model/statement.h"

#include <algorithm>

namespace dbfleet::sql {

Position Statement::origin() const {
  const auto head = text.begin() + static_cast<ptrdiff_t>(std::min(content, text.size()));
  const int lines = static_cast<int>(std::count(text.begin(), head, '\n'));
  // Where comments on lines of their own stand in front, no error is about the first of them.
  return {line - lines, lines > 0 ? 1 : column - static_cast<int>(content)};
}

}  // namespace dbfleet::sql
