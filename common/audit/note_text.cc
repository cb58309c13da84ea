#include "common/audit/note_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"

namespace dbfleet::audit::impl {
namespace {

constexpr char kTimeFormat[] = "%E4Y-%m-%dT%H:%M:%E6SZ";

}  // namespace

std::string WriteTime(absl::Time time) {
  return absl::FormatTime(kTimeFormat, time, absl::UTCTimeZone());
}

bool IsWritableTime(absl::Time time) {
  return time == absl::FromUnixMicros(absl::ToUnixMicros(time)) &&
         time >= absl::FromCivil(absl::CivilSecond(1), absl::UTCTimeZone()) &&
         time < absl::FromCivil(absl::CivilSecond(10000), absl::UTCTimeZone());
}

bool IsId(absl::string_view text) {
  return !text.empty() && text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
         });
}

absl::Status NoteReader::Bad(absl::string_view why) const {
  return Error(absl::StatusCode::kInvalidArgument, reason_,
               absl::StrCat(what_, ": line ", line_, " ", why));
}

bool NoteReader::NextIs(absl::string_view prefix) const { return absl::StartsWith(rest_, prefix); }

absl::StatusOr<absl::string_view> NoteReader::Line(absl::string_view prefix) {
  ++line_;
  const size_t end = rest_.find('\n');
  if (end == absl::string_view::npos) {
    return Bad(rest_.empty() ? "is missing" : "does not end in a newline");
  }
  absl::string_view line = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  if (!absl::StartsWith(line, prefix)) {
    return Bad(absl::StrCat("should begin with \"", prefix, "\""));
  }
  line.remove_prefix(prefix.size());
  return line;
}

absl::StatusOr<uint64_t> NoteReader::Number(absl::string_view prefix) {
  ASSIGN_OR_RETURN(const absl::string_view text, Line(prefix));
  return ToNumber(text);
}

absl::StatusOr<std::string> NoteReader::Hash(absl::string_view prefix) {
  ASSIGN_OR_RETURN(const absl::string_view text, Line(prefix));
  return ToBytes(text, 32);
}

absl::StatusOr<std::string> NoteReader::Id(absl::string_view prefix) {
  ASSIGN_OR_RETURN(const absl::string_view text, Line(prefix));
  return ToId(text);
}

absl::StatusOr<absl::Time> NoteReader::Time(absl::string_view prefix) {
  ASSIGN_OR_RETURN(const absl::string_view text, Line(prefix));
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error) || !IsWritableTime(time) ||
      WriteTime(time) != text) {
    return Bad("holds no time like 2026-01-02T03:04:05.000006Z");
  }
  return time;
}

absl::Status NoteReader::Literal(absl::string_view line) {
  ASSIGN_OR_RETURN(const absl::string_view rest, Line(line));
  return rest.empty() ? absl::OkStatus() : Bad("is longer than it may be");
}

absl::Status NoteReader::End() {
  ++line_;
  return rest_.empty() ? absl::OkStatus() : Bad("is one too many");
}

absl::StatusOr<uint64_t> NoteReader::ToNumber(absl::string_view text) const {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || absl::StrCat(number) != text) {
    return Bad("holds no decimal number");
  }
  return number;
}

absl::StatusOr<std::string> NoteReader::ToBytes(absl::string_view base64, size_t size) const {
  std::string bytes;
  // Base64 has several spellings of the same bytes; one of them counts.
  if (!absl::Base64Unescape(base64, &bytes) || bytes.size() != size ||
      absl::Base64Escape(bytes) != base64) {
    return Bad(absl::StrCat("holds no base64 of ", size, " bytes"));
  }
  return bytes;
}

absl::StatusOr<std::string> NoteReader::ToId(absl::string_view text) const {
  if (!IsId(text)) return Bad("holds no id: 1 to 64 of letters, digits and . _ -");
  return std::string(text);
}

}  // namespace dbfleet::audit::impl
