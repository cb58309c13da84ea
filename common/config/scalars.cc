#include "common/config/scalars.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/status.h"

namespace dbfleet::config {
namespace {

absl::Status Bad(absl::string_view reason, absl::string_view message) {
  return Error(absl::StatusCode::kInvalidArgument, reason, message);
}

absl::Status BadDuration() {
  return Bad("BAD_DURATION", "a duration such as 90s, 1m30s, 24h or 7d is wanted");
}

bool TakeUnit(absl::string_view* text, absl::Duration* unit) {
  // Longer units before their beginnings.
  const std::pair<absl::string_view, absl::Duration> units[] = {
      {"ms", absl::Milliseconds(1)}, {"us", absl::Microseconds(1)}, {"ns", absl::Nanoseconds(1)},
      {"d", absl::Hours(24)},        {"h", absl::Hours(1)},         {"m", absl::Minutes(1)},
      {"s", absl::Seconds(1)},
  };
  for (const auto& [name, value] : units) {
    if (absl::ConsumePrefix(text, name)) {
      *unit = value;
      return true;
    }
  }
  return false;
}

// [-]digits without a leading zero.
bool IsPlainInteger(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// Optimal string alignment distance: a swap of neighbours counts as one error, as in "listne".
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

// Without what people most often get wrong: case and separators.
std::string Fold(absl::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c != '_' && c != '-' && c != ' ') out.push_back(absl::ascii_tolower(c));
  }
  return out;
}

}  // namespace

absl::StatusOr<absl::Duration> ParseHumanDuration(absl::string_view text) {
  if (text == "0") return absl::ZeroDuration();
  if (text.empty()) return BadDuration();
  absl::Duration total;
  while (!text.empty()) {
    const size_t digits =
        std::find_if_not(text.begin(), text.end(),
                         [](char c) { return absl::ascii_isdigit(c) || c == '.'; }) -
        text.begin();
    double number = 0;
    absl::Duration unit;
    if (digits == 0 || !absl::SimpleAtod(text.substr(0, digits), &number)) return BadDuration();
    text.remove_prefix(digits);
    if (!TakeUnit(&text, &unit)) return BadDuration();
    total += unit * number;
  }
  constexpr int kMaxDays = 36500;  // A century; what google.protobuf.Duration can surely hold.
  if (total > absl::Hours(24) * kMaxDays) {
    return Bad("BAD_DURATION", "the duration is longer than a century");
  }
  return total;
}

absl::StatusOr<int64_t> ParseSigned(absl::string_view text, int64_t min, int64_t max) {
  int64_t value = 0;
  if (!IsPlainInteger(text)) return Bad("BAD_NUMBER", "a decimal whole number is wanted");
  if (!absl::SimpleAtoi(text, &value) || value < min || value > max) {
    return Bad("BAD_NUMBER", absl::StrCat("a number from ", min, " to ", max, " is wanted"));
  }
  return value;
}

absl::StatusOr<uint64_t> ParseUnsigned(absl::string_view text, uint64_t max) {
  uint64_t value = 0;
  if (!IsPlainInteger(text)) return Bad("BAD_NUMBER", "a decimal whole number is wanted");
  if (text[0] == '-' || !absl::SimpleAtoi(text, &value) || value > max) {
    return Bad("BAD_NUMBER", absl::StrCat("a number from 0 to ", max, " is wanted"));
  }
  return value;
}

absl::StatusOr<double> ParseNumber(absl::string_view text) {
  double value = 0;
  const bool decimal = text.find_first_not_of("+-.0123456789eE") == absl::string_view::npos;
  if (!decimal || !absl::SimpleAtod(text, &value) || !std::isfinite(value)) {
    return Bad("BAD_NUMBER", "a decimal number is wanted");
  }
  return value;
}

void NearestName::Consider(absl::string_view candidate) {
  constexpr size_t kMaxLength = 64;  // Nothing of ours is longer; bounds the work on foreign input.
  if (wanted_.size() > kMaxLength || candidate.size() > kMaxLength) return;
  const size_t distance = EditDistance(Fold(wanted_), Fold(candidate));
  const size_t tolerable = std::max<size_t>(1, candidate.size() / 3);
  if (distance <= tolerable && (best_.empty() || distance < best_distance_)) {
    best_ = std::string(candidate);
    best_distance_ = distance;
  }
}

std::string NearestName::Hint() const {
  return best_.empty() ? "" : absl::StrCat(" (did you mean \"", best_, "\"?)");
}

}  // namespace dbfleet::config
