#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::cli {

// What may be done to a column so that a line fits the terminal.
enum class Fit {
  kWhole,     // Shown whole or left out: half a time or half a state tells nothing.
  kText,      // May be cut, ending in "...".
  kIdentity,  // Always there and always whole: it is what one copies into the next command.
};

struct Column {
  std::string title;
  bool wide_only = false;
  Fit fit = Fit::kWhole;
};

inline Column IdentityColumn(std::string title) {
  return {std::move(title), false, Fit::kIdentity};
}
inline Column TextColumn(std::string title) { return {std::move(title), false, Fit::kText}; }

// Rows under titles, for people. Cells are made printable as they come in. Not thread-safe.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell per column.
  void AddRow(const std::vector<std::string>& cells);

  // With `max_width` above 0, and not `wide`, the lines are made to fit: columns that bear it are
  // cut, and where that is not enough the last ones are left out, so a listing's columns stand in
  // the order of their worth. Identity columns stay whole even where the lines then do not fit.
  std::string Render(bool wide, int max_width) const;

  // Of a listing too long to be kept, the rows that came in since the last part, as the next part
  // of one table: the titles stand above the first part only, and no column becomes narrower again.
  std::string RenderPart(bool wide, int max_width);

 private:
  std::string RenderRows(bool wide, int max_width, bool titled) const;
  size_t WidthOf(size_t column) const;

  const std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> widths_;  // Of the parts before; empty if there are none.
};

// The characters of valid UTF-8 text, each taken as one place wide.
size_t DisplayWidth(absl::string_view text);

// `text` cut to `width` characters, the last three of them "...".
std::string FitWidth(absl::string_view text, size_t width);

}  // namespace dbfleet::cli
