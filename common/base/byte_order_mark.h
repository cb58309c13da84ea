#pragma once

#include "absl/strings/string_view.h"

namespace dbfleet {

// What some editors put at the head of a file in UTF-8; it is no part of the text.
inline constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace dbfleet
