#include "common/sql/redis/answer_size.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace dbfleet::sql {
namespace {

using Arguments = std::vector<std::string>;

bool Is(const std::string& argument, absl::string_view word) {
  return absl::EqualsIgnoreCase(argument, word);
}

bool Has(const Arguments& arguments, absl::string_view word, size_t from) {
  for (size_t i = from; i < arguments.size(); ++i) {
    if (Is(arguments[i], word)) return true;
  }
  return false;
}

// A number as servers read them; nothing where one refuses the command.
std::optional<int64_t> Number(const Arguments& arguments, size_t i) {
  int64_t number = 0;
  if (i >= arguments.size() || !absl::SimpleAtoi(arguments[i], &number)) return std::nullopt;
  return number;
}

// The number `behind` places behind the last `word`, from `from` on.
std::optional<int64_t> NumberBehind(const Arguments& arguments, absl::string_view word, size_t from,
                                    size_t behind) {
  std::optional<int64_t> last;
  for (size_t i = from; i + behind < arguments.size(); ++i) {
    if (Is(arguments[i], word)) last = Number(arguments, i + behind);
  }
  return last;
}

bool IsSmall(std::optional<int64_t> count) {
  return count.has_value() && *count >= 0 && *count <= kMostElements;
}

// SORT key [BY pattern] [LIMIT offset count] [GET pattern ...]
bool SortsAll(const Arguments& arguments) {
  std::optional<int64_t> count;
  for (size_t i = 2; i < arguments.size(); ++i) {
    if (Is(arguments[i], "LIMIT")) {
      count = Number(arguments, i + 2);
      i += 2;
    } else if (Is(arguments[i], "BY") || Is(arguments[i], "GET") || Is(arguments[i], "STORE")) {
      ++i;
    }
  }
  return !IsSmall(count);
}

// From place `from` to place `to`, counted from the end where they are negative.
bool SpansFar(std::optional<int64_t> from, std::optional<int64_t> to) {
  if (!from.has_value() || !to.has_value()) return false;  // The server refuses it.
  if ((*from < 0) == (*to < 0)) return *to >= *from && *to - *from >= kMostElements;
  if (*from >= 0) return true;
  // Both are bounds: the last `-from` elements, and the first `to` + 1.
  return *to >= kMostElements && *from < -kMostElements;
}

// A score or a text that has everything on one side of it.
bool IsEnd(absl::string_view text) {
  if (text == "-" || text == "+") return true;
  absl::ConsumePrefix(&text, "(");
  double score = 0;
  return absl::SimpleAtod(text, &score) && std::isinf(score);
}

bool IsFirstId(absl::string_view id) {
  absl::ConsumePrefix(&id, "(");
  return id == "-" || id == "0" || absl::StartsWith(id, "0-");
}

bool IsLastId(absl::string_view id) {
  // In milliseconds; beyond the year 5000 nothing was added yet.
  constexpr uint64_t kFar = 100'000'000'000'000;
  absl::ConsumePrefix(&id, "(");
  uint64_t time = 0;
  return id == "+" || (absl::SimpleAtoi(id.substr(0, id.find('-')), &time) && time > kFar);
}

// Of a negative COUNT the server makes 0, which gives nothing.
bool CountsFew(std::optional<int64_t> count) {
  return count.has_value() && *count <= kMostElements;
}

// XREAD [COUNT count] [BLOCK ms] STREAMS key ... id ...: without a COUNT, or one of 0, all of them.
bool ReadsWholeStreams(const Arguments& arguments) {
  size_t streams = 1;
  while (streams < arguments.size() && !Is(arguments[streams], "STREAMS")) ++streams;
  const size_t keys = (arguments.size() - std::min(streams + 1, arguments.size())) / 2;
  bool from_first = false;
  for (size_t i = streams + 1 + keys; i < arguments.size(); ++i) {
    from_first = from_first || IsFirstId(arguments[i]);
  }
  const Arguments options(arguments.begin(), arguments.begin() + static_cast<ptrdiff_t>(streams));
  const std::optional<int64_t> count = NumberBehind(options, "COUNT", 1, 1);
  return from_first && !(IsSmall(count) && *count > 0);
}

// XPENDING key group [IDLE ms] start end count [consumer]
bool ShowsManyPending(const Arguments& arguments) {
  const size_t start = arguments.size() > 3 && Is(arguments[3], "IDLE") ? 5 : 3;
  return Number(arguments, start + 2).value_or(0) > kMostElements;
}

}  // namespace

bool IsUnboundedRead(absl::string_view name, const Arguments& arguments) {
  static constexpr absl::string_view kWhole[] = {"DUMP",   "HGETALL", "HKEYS",  "HVALS",
                                                 "KEYS",   "SDIFF",   "SINTER", "SMEMBERS",
                                                 "SUNION", "ZDIFF",   "ZINTER", "ZUNION"};
  if (std::binary_search(std::begin(kWhole), std::end(kWhole), name)) return true;
  if (name == "SORT" || name == "SORT_RO") return SortsAll(arguments);
  if (name == "XREAD") return ReadsWholeStreams(arguments);
  if (name == "XPENDING") return ShowsManyPending(arguments);
  if (name == "SRANDMEMBER" || name == "HRANDFIELD" || name == "ZRANDMEMBER") {
    return Number(arguments, 2).value_or(0) > kMostElements;
  }
  if (name == "LPOS") {
    const std::optional<int64_t> count = NumberBehind(arguments, "COUNT", 3, 1);
    return count.has_value() && (*count == 0 || *count > kMostElements);
  }
  if (arguments.size() < 4) return false;
  const std::string& from = arguments[2];
  const std::string& to = arguments[3];
  if (name == "XRANGE" || name == "XREVRANGE") {
    const bool whole =
        name == "XRANGE" ? IsFirstId(from) && IsLastId(to) : IsLastId(from) && IsFirstId(to);
    const std::optional<int64_t> count = NumberBehind(arguments, "COUNT", 4, 1);
    // A COUNT that says more than that asks for all, wherever it begins.
    return count.has_value() ? !CountsFew(count) : whole;
  }
  const bool by_value = Has(arguments, "BYSCORE", 4) || Has(arguments, "BYLEX", 4);
  if (name == "ZRANGEBYSCORE" || name == "ZREVRANGEBYSCORE" || name == "ZRANGEBYLEX" ||
      name == "ZREVRANGEBYLEX" || (name == "ZRANGE" && by_value)) {
    const std::optional<int64_t> count = NumberBehind(arguments, "LIMIT", 4, 2);
    if (IsSmall(count)) return false;
    return (count.has_value() && *count > kMostElements) || (IsEnd(from) && IsEnd(to));
  }
  if (name != "LRANGE" && name != "ZRANGE" && name != "ZREVRANGE") return false;
  return SpansFar(Number(arguments, 2), Number(arguments, 3));
}

}  // namespace dbfleet::sql
