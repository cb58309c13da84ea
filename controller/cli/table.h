#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::cli {

struct Column {
  std::string title;
  bool wide_only = false;
};

// Rows under titles, for people. Cells are made printable as they come in. Not thread-safe.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell per column.
  void AddRow(const std::vector<std::string>& cells);

  // With `max_width` above 0 the widest columns are cut, ending in "...", until the lines fit.
  std::string Render(bool wide, int max_width) const;

 private:
  const std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// The characters of valid UTF-8 text, each taken as one place wide.
size_t DisplayWidth(absl::string_view text);

// `text` cut to `width` characters, the last three of them "...".
std::string FitWidth(absl::string_view text, size_t width);

}  // namespace dbfleet::cli
