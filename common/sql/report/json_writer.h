#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::sql {

// Writes JSON as pure ASCII, so that no name or statement can steer a terminal. Bytes that are no
// UTF-8 become U+FFFD. Not thread-safe; calls have to nest well, which nothing checks.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(absl::string_view name);
  JsonWriter& String(absl::string_view text);
  JsonWriter& Number(int64_t number);
  JsonWriter& Bool(bool value);
  JsonWriter& Strings(const std::vector<std::string>& texts);
  // Text that is JSON already.
  JsonWriter& Raw(absl::string_view json);

  const std::string& text() const { return out_; }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();

  std::string out_;
  bool first_ = true;  // Nothing stands before in this object or array.
  bool after_key_ = false;
};

}  // namespace dbfleet::sql
