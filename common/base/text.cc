#include "common/base/text.h"

#include <cstdint>

#include "absl/strings/str_format.h"

namespace dbfleet {
namespace {

// Decodes one UTF-8 sequence at `text[*i]`. Returns false (and leaves *i) if it is not valid.
bool DecodeUtf8(absl::string_view text, size_t* i, uint32_t* code_point) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char lead = byte(*i);
  size_t length = 0;
  uint32_t value = 0;
  if (lead < 0x80) {
    length = 1;
    value = lead;
  } else if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
    value = lead & 0x1F;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    value = lead & 0x0F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    value = lead & 0x07;
  } else {
    return false;
  }
  if (*i + length > text.size()) return false;
  for (size_t k = 1; k < length; ++k) {
    if ((byte(*i + k) & 0xC0) != 0x80) return false;
    value = value << 6 | (byte(*i + k) & 0x3F);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (overlong || surrogate || value > 0x10FFFF) return false;
  *i += length;
  *code_point = value;
  return true;
}

// Characters that move the cursor, change colours or reorder what a reader sees.
bool IsDangerous(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x200E || c == 0x200F ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
}

}  // namespace

std::string SanitizeForDisplay(absl::string_view text, bool keep_newlines) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    uint32_t c = 0;
    if (!DecodeUtf8(text, &i, &c)) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(text[i]));
      ++i;
    } else if (keep_newlines && (c == '\n' || c == '\t')) {
      out.push_back(static_cast<char>(c));
    } else if (IsDangerous(c)) {
      if (c < 0x100) {
        absl::StrAppendFormat(&out, "\\x%02x", c);
      } else {
        absl::StrAppendFormat(&out, "\\u%04x", c);
      }
    } else {
      out.append(text.data() + start, i - start);
    }
  }
  return out;
}

bool IsValidUtf8(absl::string_view text) {
  uint32_t c = 0;
  for (size_t i = 0; i < text.size();) {
    if (!DecodeUtf8(text, &i, &c)) return false;
  }
  return true;
}

std::string Truncate(absl::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace dbfleet
