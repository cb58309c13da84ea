#include "controller/logs/log_line.h"

#include <utility>

#include "common/base/text.h"

namespace dbfleet::controller {
namespace {

void PutUint(uint64_t value, int bytes, std::string* out) {
  for (int i = bytes - 1; i >= 0; --i) out->push_back(static_cast<char>(value >> (8 * i)));
}

bool TakeUint(absl::string_view* in, int bytes, uint64_t* value) {
  if (in->size() < static_cast<size_t>(bytes)) return false;
  *value = 0;
  for (int i = 0; i < bytes; ++i) *value = *value << 8 | static_cast<unsigned char>((*in)[i]);
  in->remove_prefix(bytes);
  return true;
}

void PutText(absl::string_view text, std::string* out) {
  PutUint(text.size(), 4, out);
  out->append(text.data(), text.size());
}

bool TakeText(absl::string_view* in, std::string* text) {
  uint64_t size = 0;
  if (!TakeUint(in, 4, &size) || in->size() < size) return false;
  *text = std::string(in->substr(0, size));
  in->remove_prefix(size);
  return true;
}

}  // namespace

std::string EncodeLines(const std::vector<LogLine>& lines) {
  std::string out;
  for (const LogLine& line : lines) {
    PutUint(static_cast<uint64_t>(absl::ToUnixMicros(line.time)), 8, &out);
    PutUint(static_cast<uint64_t>(line.severity), 1, &out);
    PutUint(line.dropped_before, 8, &out);
    PutText(Truncate(line.attempt_id, 64), &out);
    PutText(Truncate(line.text, kMaxLogText), &out);
  }
  return out;
}

bool DecodeLines(absl::string_view bytes, std::vector<LogLine>* lines) {
  while (!bytes.empty()) {
    LogLine line;
    uint64_t micros = 0;
    uint64_t severity = 0;
    if (!TakeUint(&bytes, 8, &micros) || !TakeUint(&bytes, 1, &severity) ||
        !TakeUint(&bytes, 8, &line.dropped_before) || !TakeText(&bytes, &line.attempt_id) ||
        !TakeText(&bytes, &line.text)) {
      return false;
    }
    line.time = absl::FromUnixMicros(static_cast<int64_t>(micros));
    line.severity = static_cast<int>(severity);
    lines->push_back(std::move(line));
  }
  return true;
}

}  // namespace dbfleet::controller
