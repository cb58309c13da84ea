#include "controller/cli/table.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"

#include "common/base/text.h"

namespace dbfleet::cli {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kMinWidth = 6;

bool StartsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

void AppendLine(const std::vector<std::string>& cells, const std::vector<size_t>& shown,
                const std::vector<size_t>& widths, std::string* out) {
  std::string line;
  size_t column = 0;
  for (const size_t index : shown) {
    const std::string cell = FitWidth(cells[index], widths[column]);
    line += cell;
    line.append(widths[column] - DisplayWidth(cell) + kGap, ' ');
    ++column;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  absl::StrAppend(out, line, "\n");
}

void Shrink(size_t max_width, std::vector<size_t>* widths) {
  const auto total = [&] {
    return std::accumulate(widths->begin(), widths->end(), kGap * (widths->size() - 1));
  };
  while (total() > max_width) {
    auto widest = std::max_element(widths->begin(), widths->end());
    if (*widest <= kMinWidth) return;
    --*widest;
  }
}

}  // namespace

size_t DisplayWidth(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), StartsCharacter);
}

std::string FitWidth(absl::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width <= 3) return std::string(width, '.');
  size_t end = 0;
  for (size_t characters = 0; end < text.size(); ++end) {
    if (StartsCharacter(text[end]) && ++characters > width - 3) break;
  }
  return absl::StrCat(text.substr(0, end), "...");
}

void Table::AddRow(const std::vector<std::string>& cells) {
  std::vector<std::string>& row = rows_.emplace_back();
  for (const std::string& cell : cells) row.push_back(SanitizeForDisplay(cell));
  row.resize(columns_.size());
}

std::string Table::Render(bool wide, int max_width) const {
  std::vector<size_t> shown;
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].wide_only && !wide) continue;
    size_t width = DisplayWidth(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[i]));
    shown.push_back(i);
    widths.push_back(width);
  }
  if (max_width > 0 && !wide) Shrink(static_cast<size_t>(max_width), &widths);
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::string out;
  AppendLine(titles, shown, widths, &out);
  for (const auto& row : rows_) AppendLine(row, shown, widths, &out);
  return out;
}

}  // namespace dbfleet::cli
