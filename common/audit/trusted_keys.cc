#include "common/audit/trusted_keys.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::audit {
namespace {

constexpr char kTimeFormat[] = "%E4Y-%m-%dT%H:%M:%SZ";

std::string Write(absl::Time time) {
  return absl::FormatTime(kTimeFormat, time, absl::UTCTimeZone());
}

absl::Status BadLine(int number, absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_TRUSTED_KEYS",
               absl::StrCat("line ", number, " of the trusted keys: ", what));
}

absl::StatusOr<absl::Time> ReadTime(int number, absl::string_view text) {
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_sec, text, &time, &error) || Write(time) != text) {
    return BadLine(number, "a time reads like 2026-01-02T03:04:05Z");
  }
  return time;
}

absl::StatusOr<TrustedKey> ReadKey(int number, absl::string_view line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (words.size() != 3) return BadLine(number, "a line reads KEY NOT-BEFORE NOT-AFTER");
  TrustedKey trusted;
  absl::StatusOr<VerifyingKey> key = ParseVerifyingKey(words[0]);
  if (!key.ok()) return BadLine(number, key.status().message());
  trusted.key = *std::move(key);
  ASSIGN_OR_RETURN(trusted.not_before, ReadTime(number, words[1]));
  ASSIGN_OR_RETURN(trusted.not_after, ReadTime(number, words[2]));
  if (trusted.not_after <= trusted.not_before) {
    return BadLine(number, "the key's validity ends before it begins");
  }
  return trusted;
}

}  // namespace

absl::StatusOr<TrustedKeys> TrustedKeys::Parse(absl::string_view text) {
  TrustedKeys trusted;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    ASSIGN_OR_RETURN(TrustedKey key, ReadKey(number, line));
    const bool twice = std::any_of(trusted.keys_.begin(), trusted.keys_.end(),
                                   [&](const TrustedKey& other) { return other.key == key.key; });
    if (twice) return BadLine(number, "the key stands here for the second time");
    trusted.keys_.push_back(std::move(key));
  }
  if (trusted.empty()) return BadLine(number, "there is no key in the file");
  return trusted;
}

std::string TrustedKeys::Text() const {
  std::string text;
  for (const TrustedKey& key : keys_) {
    absl::StrAppend(&text, key.key.Text(), " ", Write(key.not_before), " ", Write(key.not_after),
                    "\n");
  }
  return text;
}

absl::StatusOr<TrustedKey> TrustedKeys::Signer(absl::string_view name, absl::string_view id,
                                               absl::string_view data,
                                               absl::string_view signature) const {
  bool known = false;
  // Ids have 32 bits only, so two keys may share one.
  for (const TrustedKey& trusted : keys_) {
    if (trusted.key.name != name || trusted.key.id() != id) continue;
    known = true;
    if (trusted.key.Verifies(data, signature)) return trusted;
  }
  if (known) {
    return Error(absl::StatusCode::kUnauthenticated, "BAD_SIGNATURE",
                 absl::StrCat("its signature was not made by the key ", name, "+", HexEncode(id),
                              " over this text"));
  }
  return Error(absl::StatusCode::kUnauthenticated, "UNKNOWN_KEY",
               absl::StrCat("it is signed with the key ", name, "+", HexEncode(id),
                            ", which is not among the trusted keys"));
}

}  // namespace dbfleet::audit
