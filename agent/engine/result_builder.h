#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::agent {

// Collects the result of an inspection within bounds: at most `max_rows` rows, 64 KiB per value and
// 2 MiB in all, so that a result always fits into one message and little memory. Not thread-safe.
class ResultBuilder {
 public:
  static constexpr size_t kMaxValueBytes = 64 << 10;
  static constexpr size_t kMaxResultBytes = 2 << 20;

  explicit ResultBuilder(int max_rows) : max_rows_(max_rows) {}

  void AddColumn(absl::string_view name, absl::string_view type);

  // A value as the server sent it; `binary` when its type is.
  struct Cell {
    std::optional<absl::string_view> value;
    bool binary = false;
  };
  // False when the row did not fit: the result is then marked as truncated, and the caller stops
  // reading.
  [[nodiscard]] bool AddRow(const std::vector<Cell>& cells);
  void MarkTruncated() { result_.set_truncated(true); }
  bool full() const { return result_.truncated(); }

  work::v1::InspectResult Finish(absl::Duration duration);

 private:
  const int max_rows_;
  size_t bytes_ = 0;
  work::v1::InspectResult result_;
};

// The value as text: binary ones, and those that are no valid UTF-8, as "\x" and hexadecimal
// digits; long ones cut, with a mark that tells the full length.
std::string DisplayValue(absl::string_view value, bool binary);

}  // namespace dbfleet::agent
