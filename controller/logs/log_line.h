#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dbfleet::controller {

// A line of a job's log.
struct LogLine {
  absl::Time time;   // On the agent's clock.
  int severity = 0;  // work.v1.Severity.
  std::string attempt_id;
  std::string text;             // At most 64 KiB are kept.
  uint64_t dropped_before = 0;  // Lines lost just before this one.
};

inline constexpr size_t kMaxLogText = 64 << 10;

// The lines as bytes for a segment file, and back. False if the bytes are not whole lines.
std::string EncodeLines(const std::vector<LogLine>& lines);
bool DecodeLines(absl::string_view bytes, std::vector<LogLine>* lines);

}  // namespace dbfleet::controller
