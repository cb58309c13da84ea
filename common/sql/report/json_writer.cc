#include "common/sql/report/json_writer.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace dbfleet::sql {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

// The character at the head of `text`, and its length in bytes; overlong forms, surrogates and what
// is cut off are no characters.
uint32_t TakeCharacter(absl::string_view text, size_t* length) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  *length = 1;
  const uint32_t lead = byte(0);
  if (lead < 0x80) return lead;
  const size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < wanted) return kReplacement;
  uint32_t code = lead & (0xFFu >> (wanted + 1));
  for (size_t i = 1; i < wanted; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return kReplacement;
    code = (code << 6) | (byte(i) & 0x3Fu);
  }
  static constexpr uint32_t kLowest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLowest[wanted] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
    return kReplacement;
  }
  *length = wanted;
  return code;
}

void AppendEscaped(uint32_t code, std::string* out) {
  if (code >= 0x10000) {
    code -= 0x10000;
    absl::StrAppendFormat(out, "\\u%04x\\u%04x", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF));
    return;
  }
  absl::StrAppendFormat(out, "\\u%04x", code);
}

void AppendString(absl::string_view text, std::string* out) {
  out->push_back('"');
  while (!text.empty()) {
    size_t length = 0;
    const uint32_t code = TakeCharacter(text, &length);
    text.remove_prefix(length);
    if (code == '"' || code == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(code));
    } else if (code == '\n') {
      out->append("\\n");
    } else if (code == '\t') {
      out->append("\\t");
    } else if (code >= 0x20 && code < 0x7F) {
      out->push_back(static_cast<char>(code));
    } else {
      AppendEscaped(code, out);
    }
  }
  out->push_back('"');
}

}  // namespace

void JsonWriter::Separate() {
  if (!first_ && !after_key_) out_.push_back(',');
  first_ = after_key_ = false;
}

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  out_.push_back(bracket);
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  out_.push_back(bracket);
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::Key(absl::string_view name) {
  Separate();
  AppendString(name, &out_);
  out_.push_back(':');
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(absl::string_view text) {
  Separate();
  AppendString(text, &out_);
  return *this;
}

JsonWriter& JsonWriter::Number(int64_t number) {
  Separate();
  absl::StrAppend(&out_, number);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  Separate();
  absl::StrAppend(&out_, value ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::Strings(const std::vector<std::string>& texts) {
  BeginArray();
  for (const std::string& text : texts) String(text);
  return EndArray();
}

JsonWriter& JsonWriter::Raw(absl::string_view json) {
  Separate();
  absl::StrAppend(&out_, json);
  return *this;
}

}  // namespace dbfleet::sql
