#include "common/base/canonical.h"

namespace dbfleet {
namespace {

std::string BigEndian(uint64_t value) {
  std::string out(8, '\0');
  for (int i = 0; i < 8; ++i) out[i] = static_cast<char>(value >> (8 * (7 - i)));
  return out;
}

}  // namespace

CanonicalWriter::CanonicalWriter(absl::string_view domain) {
  bytes_.reserve(512);  // Most of what is hashed is an audit record.
  Item('D', domain);
}

CanonicalWriter& CanonicalWriter::Text(absl::string_view value) {
  Item('T', value);
  return *this;
}

CanonicalWriter& CanonicalWriter::Uint(uint64_t value) {
  Item('U', BigEndian(value));
  return *this;
}

CanonicalWriter& CanonicalWriter::Int(int64_t value) {
  Item('I', BigEndian(static_cast<uint64_t>(value)));
  return *this;
}

CanonicalWriter& CanonicalWriter::Bool(bool value) {
  Item('B', value ? "1" : "0");
  return *this;
}

CanonicalWriter& CanonicalWriter::List(const std::vector<std::string>& values) {
  Begin(values.size());
  for (const std::string& value : values) Text(value);
  return *this;
}

CanonicalWriter& CanonicalWriter::Map(const std::map<std::string, std::string>& values) {
  Begin(values.size());
  for (const auto& [key, value] : values) Text(key).Text(value);
  return *this;
}

CanonicalWriter& CanonicalWriter::Begin(uint64_t size) {
  Item('L', BigEndian(size));
  return *this;
}

void CanonicalWriter::Item(char tag, absl::string_view content) {
  bytes_.push_back(tag);
  bytes_ += BigEndian(content.size());
  bytes_.append(content.data(), content.size());
}

}  // namespace dbfleet
