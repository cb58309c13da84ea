#include "common/sql/text/executable_comment.h"

#include "absl/strings/ascii.h"

namespace dbfleet::sql {
namespace {

constexpr size_t kFewestDigits = 5;
constexpr size_t kMostDigits = 6;

char At(absl::string_view text, size_t i) { return i < text.size() ? text[i] : '\0'; }

size_t CountDigits(absl::string_view text, size_t from) {
  size_t digits = 0;
  while (digits < kMostDigits && absl::ascii_isdigit(At(text, from + digits))) ++digits;
  return digits;
}

int Number(absl::string_view text, size_t from, size_t digits) {
  int value = 0;
  for (size_t i = 0; i < digits; ++i) value = value * 10 + (text[from + i] - '0');
  return value;
}

// The numbers that the server's version may have, as servers write them: 10.11.6 is 101106. A zero
// at the end of a version stands for what is not known.
struct Range {
  int low = 0;
  int high = 0;
};

Range RangeOf(const Target& target) {
  constexpr Range kMySql{50700, 99999};
  constexpr Range kMariaDb{100000, 999998};
  const Version& v = target.version;
  if (!v.known()) return target.dialect == Dialect::kMySql ? kMySql : kMariaDb;
  const int exact = v.major * 10000 + v.minor * 100 + v.patch;
  if (v.patch > 0) return {exact, exact};
  if (v.minor > 0) return {exact, exact + 99};
  return {exact, exact + 9999};
}

CommentFate FateOf(const Range& server, int number) {
  if (number <= server.low) return CommentFate::kExecuted;
  return number > server.high ? CommentFate::kSkipped : CommentFate::kDepends;
}

}  // namespace

ExecutableComment ReadOpening(const Target& target, absl::string_view text) {
  constexpr size_t kMark = 3;  // "/*!"
  constexpr int kFirstOfMySqlOnly = 50700;
  constexpr int kLastOfMySqlOnly = 99999;
  const bool maria_server = target.dialect == Dialect::kMariaDb;
  const bool maria_mark = maria_server && At(text, 2) == 'M' && At(text, 3) == '!';
  if (!maria_mark && At(text, 2) != '!') return {};
  const size_t from = maria_mark ? kMark + 1 : kMark;
  const size_t digits = CountDigits(text, from);
  if (digits < kFewestDigits) return {CommentFate::kExecuted, from};
  const Range server = RangeOf(target);
  if (!maria_server) {
    const int number = Number(text, from, kFewestDigits);
    if (digits == kFewestDigits) return {FateOf(server, number), from + digits};
    constexpr int kSixDigitsSince = 80100;
    if (server.high < kSixDigitsSince) return {FateOf(server, number), from + kFewestDigits};
    return {CommentFate::kDepends, from + digits};
  }
  const int number = Number(text, from, digits);
  if (!maria_mark && number >= kFirstOfMySqlOnly && number <= kLastOfMySqlOnly) {
    return {CommentFate::kSkipped, from + digits};
  }
  return {FateOf(server, number), from + digits};
}

size_t LongestOpening(absl::string_view text) {
  size_t length = 2;
  if (absl::ascii_toupper(At(text, length)) == 'M') ++length;
  if (At(text, length) != '!') return 0;
  ++length;
  const size_t digits = CountDigits(text, length);
  return length + (digits < kFewestDigits ? 0 : digits);
}

}  // namespace dbfleet::sql
