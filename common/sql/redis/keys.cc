#include "common/sql/redis/keys.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"

#include "common/base/text.h"

namespace dbfleet::sql {
namespace {

using Begin = RedisKeySpec::Begin;
using Find = RedisKeySpec::Find;
using Arguments = std::vector<std::string>;

// -1: there is no such part, which is not an error (STORE of GEORADIUS).
int FirstPlace(const RedisKeySpec& spec, const Arguments& arguments) {
  const int count = static_cast<int>(arguments.size());
  if (spec.begin == Begin::kIndex) return spec.at;
  // What the server cannot say in this form: SORT's BY and GET, and its STORE, whose last counts.
  const bool store = spec.begin == Begin::kNowhere;
  if (store && !HasFlag(spec.flags, "OW")) return -1;
  const absl::string_view keyword = store ? "STORE" : spec.keyword;
  const int from = store ? count - 1 : spec.at >= 0 ? spec.at : count + spec.at;
  const int step = store || spec.at < 0 ? -1 : 1;
  // A keyword at the very end is none: nothing follows it.
  for (int i = std::min(from, count - 1); i > 0 && i < count; i += step) {
    if (i + 1 < count && absl::EqualsIgnoreCase(arguments[static_cast<size_t>(i)], keyword)) {
      return i + 1;
    }
  }
  return -1;
}

Access AccessOf(const RedisKeySpec& spec) {
  return HasFlag(spec.flags, "RO") ? Access::kRead : Access::kWrite;
}

void Add(const std::string& key, Access access, RedisKeys* keys) {
  keys->uses.push_back({SanitizeForDisplay(key), access});
}

// The first and the last key; false if the arguments do not have the form.
bool Range(const RedisKeySpec& spec, const Arguments& arguments, int* first, int* last) {
  const int count = static_cast<int>(arguments.size());
  if (spec.find == Find::kNothing) {
    *last = *first;
  } else if (spec.find == Find::kRange) {
    if (spec.last_or_count >= 0) {
      *last = *first + spec.last_or_count;
    } else if (spec.limit_or_first == 0) {
      *last = count + spec.last_or_count;
    } else {
      *last = *first + (count - *first) / spec.limit_or_first + spec.last_or_count;
    }
  } else {
    const int place = *first + spec.last_or_count;
    int number = 0;
    if (place >= count || !absl::SimpleAtoi(arguments[static_cast<size_t>(place)], &number) ||
        number < 0 || number > count) {
      return false;
    }
    *first += spec.limit_or_first;
    *last = *first + (number - 1) * spec.step;
  }
  return *last < count && (*first < count || *last < *first);
}

}  // namespace

RedisKeys FindRedisKeys(const RedisCommand& command, const std::vector<std::string>& arguments) {
  RedisKeys keys;
  for (const RedisKeySpec& spec : KeySpecsOf(command)) {
    if (HasFlag(spec.flags, "not_key")) continue;
    int first = FirstPlace(spec, arguments);
    if (first < 0) {
      // A part that must be there is missing: "XREAD COUNT 1 s 0" has no STREAMS.
      if (spec.begin == Begin::kKeyword && KeySpecsOf(command).size() == 1) keys.complete = false;
      continue;
    }
    int last = 0;
    if (!Range(spec, arguments, &first, &last)) {
      keys.complete = false;
      continue;
    }
    for (int i = first; i <= last; i += std::max(1, spec.step)) {
      Add(arguments[static_cast<size_t>(i)], AccessOf(spec), &keys);
    }
  }
  return keys;
}

}  // namespace dbfleet::sql
