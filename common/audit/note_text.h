#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// Reads the line-by-line texts that are signed (checkpoint.h, receipt.h): each has exactly one
// spelling, and an error says in which line it was left.
namespace dbfleet::audit::impl {

std::string WriteTime(absl::Time time);  // RFC 3339, UTC, microseconds.
// Kept to the microsecond, between the years 1 and 9999, so that WriteTime can be read back.
bool IsWritableTime(absl::Time time);

// 1 to 64 of letters, digits and ".", "_", "-".
bool IsId(absl::string_view text);

class NoteReader {
 public:
  // `what` begins the errors ("checkpoint"), `reason` is theirs. The text must outlive the reader.
  NoteReader(absl::string_view text, absl::string_view what, absl::string_view reason)
      : rest_(text), what_(what), reason_(reason) {}

  // The next line without its "\n", after `prefix`, which it must have.
  absl::StatusOr<absl::string_view> Line(absl::string_view prefix);
  absl::StatusOr<uint64_t> Number(absl::string_view prefix);
  absl::StatusOr<std::string> Hash(absl::string_view prefix);  // Base64 of 32 bytes.
  absl::StatusOr<std::string> Id(absl::string_view prefix);
  absl::StatusOr<absl::Time> Time(absl::string_view prefix);
  absl::Status Literal(absl::string_view line);
  absl::Status End();  // Nothing may follow.

  // For values inside of a line; errors are for the line read last.
  absl::StatusOr<uint64_t> ToNumber(absl::string_view text) const;
  absl::StatusOr<std::string> ToBytes(absl::string_view base64, size_t size) const;
  absl::StatusOr<std::string> ToId(absl::string_view text) const;
  absl::Status Bad(absl::string_view why) const;

  bool NextIs(absl::string_view prefix) const;
  absl::string_view rest() const { return rest_; }

 private:
  absl::string_view rest_;
  const absl::string_view what_;
  const absl::string_view reason_;
  int line_ = 0;
};

}  // namespace dbfleet::audit::impl
