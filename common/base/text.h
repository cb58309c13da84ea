#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace dbfleet {

// Text from outside made fit for a terminal or a log line: control characters (C0, DEL, C1, and the
// Unicode bidirectional overrides) become visible escapes such as "\x1b"; invalid UTF-8 becomes
// "\xNN". With `keep_newlines`, "\n" and "\t" stay.
std::string SanitizeForDisplay(absl::string_view text, bool keep_newlines = false);

bool IsValidUtf8(absl::string_view text);

// The first `max_bytes` of `text`, cut at a character boundary, with "..." when something was cut.
std::string Truncate(absl::string_view text, size_t max_bytes);

}  // namespace dbfleet
