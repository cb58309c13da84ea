#include "controller/cli/table.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

#include "common/base/text.h"

namespace dbfleet::cli {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kTextFloor = 12;  // Below this a text says too little to keep its column.

bool StartsCharacter(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

struct Shown {
  size_t index;  // Of the column.
  Fit fit;
  size_t width;
  size_t floor;  // How narrow it may become.
};

void AppendLine(const std::vector<std::string>& cells, const std::vector<Shown>& shown,
                std::string* out) {
  std::string line;
  for (const Shown& column : shown) {
    const std::string cell = FitWidth(cells[column.index], column.width);
    line += cell;
    line.append(column.width - DisplayWidth(cell) + kGap, ' ');
  }
  line.erase(line.find_last_not_of(' ') + 1);
  absl::StrAppend(out, line, "\n");
}

size_t Total(const std::vector<Shown>& shown, size_t Shown::*what) {
  size_t total = shown.empty() ? 0 : kGap * (shown.size() - 1);
  for (const Shown& column : shown) total += column.*what;
  return total;
}

// Leaves out the last columns until the others fit when cut as far as they bear it.
void LeaveOut(size_t max_width, std::vector<Shown>* shown) {
  while (Total(*shown, &Shown::floor) > max_width) {
    const auto last = std::find_if(shown->rbegin(), shown->rend(), [](const Shown& column) {
      return column.fit != Fit::kIdentity;
    });
    if (last == shown->rend()) return;
    shown->erase(std::next(last).base());
  }
}

// Cuts the widest text until the line fits.
void Cut(size_t max_width, std::vector<Shown>* shown) {
  while (Total(*shown, &Shown::width) > max_width) {
    Shown* widest = nullptr;
    for (Shown& column : *shown) {
      if (column.width <= column.floor) continue;
      if (widest == nullptr || column.width > widest->width) widest = &column;
    }
    if (widest == nullptr) return;
    --widest->width;
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
  return RenderRows(wide, max_width, /*titled=*/true);
}

std::string Table::RenderPart(bool wide, int max_width) {
  std::string part = RenderRows(wide, max_width, /*titled=*/widths_.empty());
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) widths.push_back(WidthOf(i));
  widths_ = std::move(widths);
  rows_.clear();
  return part;
}

size_t Table::WidthOf(size_t column) const {
  size_t width = widths_.empty() ? DisplayWidth(columns_[column].title) : widths_[column];
  for (const auto& row : rows_) width = std::max(width, DisplayWidth(row[column]));
  return width;
}

std::string Table::RenderRows(bool wide, int max_width, bool titled) const {
  std::vector<Shown> shown;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].wide_only && !wide) continue;
    const size_t title = DisplayWidth(columns_[i].title);
    const size_t width = WidthOf(i);
    const size_t floor =
        columns_[i].fit == Fit::kText ? std::min(width, std::max(title, kTextFloor)) : width;
    shown.push_back({i, columns_[i].fit, width, floor});
  }
  if (max_width > 0 && !wide) {
    LeaveOut(static_cast<size_t>(max_width), &shown);
    Cut(static_cast<size_t>(max_width), &shown);
  }
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  std::string out;
  if (titled) AppendLine(titles, shown, &out);
  for (const auto& row : rows_) AppendLine(row, shown, &out);
  return out;
}

}  // namespace dbfleet::cli
