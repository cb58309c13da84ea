#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <string>

#include "common/base/text.h"

namespace dbfleet::fuzz {

// Text as it can come over the wire: protobuf refuses a message whose strings are not UTF-8.
inline std::string WireText(FuzzedDataProvider& input, size_t max_bytes) {
  const std::string text = input.ConsumeRandomLengthString(max_bytes);
  return IsValidUtf8(text) ? text : SanitizeForDisplay(text);
}

}  // namespace dbfleet::fuzz
