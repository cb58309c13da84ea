#include "common/sql/lint/live_types.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/sql/lint/column_text.h"

namespace dbfleet::sql {
namespace {

constexpr int kLargestCharacter = 4;  // In bytes: utf8mb4.

struct Type {
  std::string name;
  std::vector<int64_t> numbers;  // Behind it in parentheses.
  bool readable = true;
};

// "timestamp(3) with time zone" -> {"timestamp with time zone", {3}}.
Type Parse(absl::string_view text) {
  Type type;
  const size_t open = text.find('(');
  const size_t close = text.find(')');
  if (open == text.npos || close == text.npos || close < open) {
    type.name = std::string(text);
    return type;
  }
  type.name = absl::StrCat(absl::StripTrailingAsciiWhitespace(text.substr(0, open)),
                           text.substr(close + 1));
  for (absl::string_view part : absl::StrSplit(text.substr(open + 1, close - open - 1), ',')) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(part, &number)) type.readable = false;
    type.numbers.push_back(number);
  }
  return type;
}

// PostgreSQL's names for one type.
void UseShortName(Type* type) {
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"character varying", "varchar"},
      {"bit varying", "varbit"},
      {"decimal", "numeric"},
      {"timestamp without time zone", "timestamp"},
      {"timestamp with time zone", "timestamptz"},
      {"time without time zone", "time"},
      {"time with time zone", "timetz"},
      {"integer", "int4"},
      {"int", "int4"},
      {"bigint", "int8"},
      {"smallint", "int2"},
      {"boolean", "bool"},
  };
  for (const auto& [name, shorter] : kNames) {
    if (type->name == name) {
      type->name = std::string(shorter);
      return;
    }
  }
}

bool IsTime(absl::string_view name) {
  return name == "timestamp" || name == "timestamptz" || name == "time" || name == "timetz";
}

// From a limit to none or to one that is not lower. Without one only to none.
bool Widens(const Type& before, const Type& after) {
  if (after.numbers.empty()) return true;
  return before.numbers.size() == 1 && after.numbers.size() == 1 &&
         after.numbers[0] >= before.numbers[0];
}

bool KeepsPostgresRows(Type before, Type after) {
  UseShortName(&before);
  UseShortName(&after);
  // The types between which every value is the same bytes. character(n) holds its padding.
  const bool text = before.name == "varchar" || before.name == "text";
  if (text && after.name == "text" && after.numbers.empty()) return true;
  if (before.name == "text" && after.name == "varchar") return after.numbers.empty();
  if (before.name == "cidr" && after.name == "inet") return true;
  if (before.name != after.name) return false;
  if (before.numbers == after.numbers) return true;
  if (before.name == "varchar" || before.name == "varbit") return Widens(before, after);
  if (before.name == "numeric") {
    if (after.numbers.empty()) return true;
    if (before.numbers.empty()) return false;
    const int64_t scale = before.numbers.size() > 1 ? before.numbers[1] : 0;
    const int64_t new_scale = after.numbers.size() > 1 ? after.numbers[1] : 0;
    return after.numbers[0] >= before.numbers[0] && scale == new_scale;
  }
  constexpr int64_t kFullPrecision = 6;  // Microseconds: what is kept without another word.
  if (!IsTime(before.name)) return false;
  const int64_t precision = before.numbers.empty() ? kFullPrecision : before.numbers[0];
  const int64_t wanted = after.numbers.empty() ? kFullPrecision : after.numbers[0];
  return wanted >= std::min(precision, kFullPrecision);
}

size_t BytesOf(absl::string_view kind, size_t values) {
  if (kind == "enum") return values > 255 ? 2 : 1;
  const size_t bytes = (values + 7) / 8;
  return bytes > 4 ? 8 : bytes;
}

// Values are only appended, and rows have room for their numbers.
bool AppendsValues(absl::string_view before, const ColumnFacts& after) {
  if (!absl::StartsWithIgnoreCase(before, absl::StrCat(after.type, "("))) return false;
  const std::vector<std::string> old = ValuesOf(before);
  const std::vector<std::string>& values = after.arguments;
  return !old.empty() && old.size() <= values.size() &&
         std::equal(old.begin(), old.end(), values.begin()) &&
         BytesOf(after.type, old.size()) == BytesOf(after.type, values.size());
}

// A varchar keeps its rows while its length needs as many bytes as before. MariaDB has that from
// InnoDB 5.7; since 10.4.3 (MDEV-15563) rows of less than 128 bytes keep their form, too, as tried
// out on 10.11.
bool KeepsRowsInBytes(const Target& target, int64_t before, int64_t after) {
  const bool since = target.dialect == Dialect::kMariaDb && target.version >= Version{10, 4, 3};
  return after <= 255 || before > 255 || (since && before < 128);
}

// In how many of the sizes that a character may have, of 1 to 4 bytes, a varchar keeps its rows.
int SizesThatKeepRows(const Target& target, const Type& before, const Type& after) {
  if (target.dialect == Dialect::kMariaDb && target.version < Version{10, 2, 2}) return 0;
  if (before.name != "varchar" || after.name != "varchar") return 0;
  if (before.numbers.size() != 1 || !Widens(before, after) || after.numbers.empty()) return 0;
  int sizes = 0;
  for (int64_t bytes = 1; bytes <= kLargestCharacter; ++bytes) {
    sizes += KeepsRowsInBytes(target, before.numbers[0] * bytes, after.numbers[0] * bytes) ? 1 : 0;
  }
  return sizes;
}

}  // namespace

bool KeepsRows(const Target& target, absl::string_view before, const ColumnFacts& after) {
  const std::string text = TypeText(after);
  if (text.empty()) return false;
  const bool values = after.type == "enum" || after.type == "set";
  if (target.mysql_family() && values) return AppendsValues(before, after);
  const std::string old_text = NormalType(before);
  const std::string new_text = NormalType(text);
  if (old_text == new_text) return true;
  const Type old_type = Parse(old_text);
  const Type new_type = Parse(new_text);
  if (!old_type.readable || !new_type.readable) return false;
  return target.mysql_family() ? SizesThatKeepRows(target, old_type, new_type) == kLargestCharacter
                               : KeepsPostgresRows(old_type, new_type);
}

bool MayKeepRows(const Target& target, absl::string_view before, const ColumnFacts& after) {
  const Type old_type = Parse(NormalType(before));
  const Type new_type = Parse(NormalType(TypeText(after)));
  return target.mysql_family() && old_type.readable && new_type.readable &&
         SizesThatKeepRows(target, old_type, new_type) > 0;
}

bool IsSameType(absl::string_view before, const ColumnFacts& after) {
  const std::string text = TypeText(after);
  const bool values = after.type == "enum" || after.type == "set";
  return !text.empty() && !values && NormalType(before) == NormalType(text);
}

}  // namespace dbfleet::sql
