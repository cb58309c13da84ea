#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "controller/logs/log_line.h"

// A segment file: a header of 16 bytes ("dbflog1\n" and the number of its first line, big-endian),
// then frames. A frame is what one batch had for this job: 4 bytes length of the payload, 4 bytes
// number of lines (big-endian), 32 bytes SHA-256 over the number and the payload, the payload,
// which is SHA-256 of the batch's identity and the lines (EncodeLines). A frame that is cut off or
// does not match its hash ends the segment: a crash tore it.
namespace dbfleet::controller {

inline constexpr size_t kSegmentHeaderBytes = 16;

std::string SegmentHeader(uint64_t first_line);

// `batch` says which batch of which agent it is. Frames with the same hash are the same batch.
struct Frame {
  std::string hash;   // 32 bytes.
  std::string bytes;  // As written.
  uint64_t lines = 0;
};
Frame MakeFrame(absl::string_view batch, const std::vector<LogLine>& lines);

// Walks the frames of a segment's content.
class SegmentReader {
 public:
  // False from ok() if the header is not one.
  explicit SegmentReader(absl::string_view content);

  bool ok() const { return ok_; }
  uint64_t first_line() const { return first_line_; }
  // The next whole frame's hash, number of lines and payload; false at the end of what is good.
  bool Next();
  absl::string_view hash() const { return hash_; }
  uint64_t lines() const { return lines_; }
  bool Decode(std::vector<LogLine>* lines) const;
  // Bytes up to the end of the last frame that Next has returned.
  size_t good_bytes() const { return position_; }

 private:
  const absl::string_view content_;
  bool ok_ = false;
  uint64_t first_line_ = 0;
  size_t position_ = 0;
  absl::string_view hash_;
  absl::string_view payload_;
  uint64_t lines_ = 0;
};

// The numbers of the segments in a job's folder, ascending. Empty if there is no folder.
absl::StatusOr<std::vector<uint64_t>> ListSegments(const std::string& folder);
// The number of its first line, from its header; nullopt if it is gone or has none.
std::optional<uint64_t> SegmentFirstLine(const std::string& path);
std::string SegmentPath(const std::string& folder, uint64_t number);

}  // namespace dbfleet::controller
