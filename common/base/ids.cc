#include "common/base/ids.h"

#include <cctype>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet {
namespace {

constexpr char kCrockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr size_t kUlidLength = 26;
constexpr size_t kMaxNameLength = 63;

}  // namespace

std::string MakeUlid(absl::Time now, absl::string_view random) {
  unsigned char bytes[16];
  const uint64_t millis = static_cast<uint64_t>(absl::ToUnixMillis(now));
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<unsigned char>(millis >> (8 * (5 - i)));
  for (int i = 0; i < 10; ++i) bytes[6 + i] = static_cast<unsigned char>(random[i]);
  // 128 bits as 26 groups of five, the first one padded by two zero bits.
  std::string out(kUlidLength, '0');
  for (size_t i = 0; i < kUlidLength; ++i) {
    unsigned value = 0;
    for (int bit = 0; bit < 5; ++bit) {
      const int position = static_cast<int>(i) * 5 + bit - 2;
      const unsigned b = position < 0 ? 0 : (bytes[position / 8] >> (7 - position % 8)) & 1;
      value = value << 1 | b;
    }
    out[i] = kCrockford[value];
  }
  return out;
}

std::string NewUlid(absl::Time now) { return MakeUlid(now, RandomBytes(10)); }

bool IsUlid(absl::string_view text) {
  return text.size() == kUlidLength && text[0] <= '7' &&
         text.find_first_not_of(kCrockford) == absl::string_view::npos;
}

absl::Status ValidateName(absl::string_view what, absl::string_view name) {
  auto fail = [&](absl::string_view why) {
    return Error(
        absl::StatusCode::kInvalidArgument, "INVALID_NAME",
        absl::StrCat(what, " \"", absl::CHexEscape(name.substr(0, kMaxNameLength)), "\" ", why,
                     "; use lower-case letters, digits and \"-\", beginning with a letter, "
                     "at most 63 characters"));
  };
  if (name.empty()) return fail("is empty");
  if (name.size() > kMaxNameLength) return fail("is too long");
  if (name[0] < 'a' || name[0] > 'z') return fail("does not begin with a lower-case letter");
  if (name.back() == '-') return fail("ends in \"-\"");
  for (const char c : name) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!ok) return fail("has a character that is not allowed");
  }
  return absl::OkStatus();
}

absl::string_view PlainEnvironment(absl::string_view name) {
  return name == "staging" ? "qa" : name;
}

absl::Status ParseResourceName(absl::string_view collection, absl::string_view name,
                               std::string* id) {
  const std::string prefix = absl::StrCat(collection, "/");
  if (!absl::StartsWith(name, prefix) || name.size() == prefix.size() ||
      absl::StrContains(name.substr(prefix.size()), '/')) {
    return Error(absl::StatusCode::kInvalidArgument, "INVALID_RESOURCE_NAME",
                 absl::StrCat("\"", absl::CHexEscape(name.substr(0, 200)),
                              "\" is not a resource name of the form ", prefix, "ID"));
  }
  *id = std::string(name.substr(prefix.size()));
  return absl::OkStatus();
}

}  // namespace dbfleet
