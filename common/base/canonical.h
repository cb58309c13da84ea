#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet {

// Builds bytes that two programs agree on, for hashing: every item is its tag byte, its length as
// eight big-endian bytes, and its content, so that no two different sequences give the same bytes.
// Protocol Buffers' serialisation is not canonical, which is why hashes do not use it.
class CanonicalWriter {
 public:
  // `domain` separates uses from each other, for example "dbfleet.audit.v1".
  explicit CanonicalWriter(absl::string_view domain);

  CanonicalWriter& Text(absl::string_view value);
  CanonicalWriter& Uint(uint64_t value);
  CanonicalWriter& Int(int64_t value);
  CanonicalWriter& Bool(bool value);
  CanonicalWriter& List(const std::vector<std::string>& values);
  CanonicalWriter& Map(const std::map<std::string, std::string>& values);
  // Starts a list of `size` items that the caller writes next.
  CanonicalWriter& Begin(uint64_t size);

  const std::string& bytes() const { return bytes_; }
  std::string Take() && { return std::move(bytes_); }

 private:
  void Item(char tag, absl::string_view content);

  std::string bytes_;
};

}  // namespace dbfleet
