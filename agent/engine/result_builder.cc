#include "agent/engine/result_builder.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/hash.h"
#include "common/base/text.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

// Cut at a character's boundary: a half character would make the whole value invalid.
absl::string_view CutUtf8(absl::string_view text, size_t max) {
  if (text.size() <= max) return text;
  while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xC0) == 0x80) --max;
  return text.substr(0, max);
}

}  // namespace

std::string DisplayValue(absl::string_view value, bool binary) {
  const std::string mark = absl::StrCat("... [cut, ", value.size(), " bytes in all]");
  constexpr size_t kMax = ResultBuilder::kMaxValueBytes;
  const absl::string_view head = CutUtf8(value, kMax);
  if (!binary && IsValidUtf8(head)) {
    return absl::StrCat(head, head.size() < value.size() ? mark : "");
  }
  const absl::string_view bytes = value.substr(0, kMax / 2);
  return absl::StrCat("\\x", HexEncode(bytes), bytes.size() < value.size() ? mark : "");
}

void ResultBuilder::AddColumn(absl::string_view name, absl::string_view type) {
  work::v1::Column* column = result_.add_columns();
  column->set_name(DisplayValue(name, false));
  column->set_type(std::string(type));
  bytes_ += column->name().size();
}

bool ResultBuilder::AddRow(const std::vector<Cell>& cells) {
  work::v1::Row row;
  size_t bytes = 0;
  for (const Cell& cell : cells) {
    work::v1::Value* value = row.add_values();
    if (cell.value.has_value()) {
      value->set_text(DisplayValue(*cell.value, cell.binary));
      bytes += value->text().size();
    } else {
      value->set_null(true);
    }
    bytes += 4;  // Its tags and lengths.
  }
  if (result_.rows_size() >= max_rows_ || bytes_ + bytes > kMaxResultBytes) {
    result_.set_truncated(true);
    return false;
  }
  bytes_ += bytes;
  *result_.add_rows() = std::move(row);
  return true;
}

work::v1::InspectResult ResultBuilder::Finish(absl::Duration duration) {
  *result_.mutable_duration() = ToProto(duration);
  return std::move(result_);
}

}  // namespace dbfleet::agent
