#pragma once

#include "absl/strings/string_view.h"

namespace dbfleet::sql {

// Whether a server's message is one that the server itself words like that. RAISE and SIGNAL can
// give any text any error number, and what a stored program says may hold rows.
//
// In `pattern`, "%" is one or more bytes that are no quotes (the name between quotes, a number),
// and
// "~" at the end is anything.
bool MatchesServerText(absl::string_view text, absl::string_view pattern);

}  // namespace dbfleet::sql
