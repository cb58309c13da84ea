#include "controller/logs/segment.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

#include "common/base/files.h"
#include "common/base/hash.h"

namespace dbfleet::controller {
namespace {

constexpr absl::string_view kMagic = "dbflog1\n";
constexpr absl::string_view kSuffix = ".seg";
constexpr size_t kHashBytes = 32;
constexpr size_t kFrameHeaderBytes = 4 + 4 + kHashBytes;

std::string BigEndian(uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

uint64_t Uint(absl::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::string FrameHash(uint64_t lines, absl::string_view payload) {
  Sha256Stream hash;
  hash.Update(BigEndian(lines, 4));
  hash.Update(payload);
  return hash.Finish();
}

}  // namespace

std::string SegmentHeader(uint64_t first_line) {
  return absl::StrCat(kMagic, BigEndian(first_line, 8));
}

Frame MakeFrame(absl::string_view batch, const std::vector<LogLine>& lines) {
  const std::string payload = absl::StrCat(Sha256(batch), EncodeLines(lines));
  Frame frame;
  frame.lines = lines.size();
  frame.hash = FrameHash(lines.size(), payload);
  frame.bytes =
      absl::StrCat(BigEndian(payload.size(), 4), BigEndian(lines.size(), 4), frame.hash, payload);
  return frame;
}

SegmentReader::SegmentReader(absl::string_view content) : content_(content) {
  if (content.size() < kSegmentHeaderBytes || !absl::StartsWith(content, kMagic)) return;
  ok_ = true;
  first_line_ = Uint(content.substr(kMagic.size(), 8));
  position_ = kSegmentHeaderBytes;
}

bool SegmentReader::Next() {
  const absl::string_view rest = content_.substr(position_);
  if (!ok_ || rest.size() < kFrameHeaderBytes) return false;
  const uint64_t size = Uint(rest.substr(0, 4));
  const uint64_t lines = Uint(rest.substr(4, 4));
  if (size < kHashBytes || rest.size() - kFrameHeaderBytes < size) return false;
  const absl::string_view payload = rest.substr(kFrameHeaderBytes, size);
  const absl::string_view hash = rest.substr(8, kHashBytes);
  if (FrameHash(lines, payload) != hash) return false;
  hash_ = hash;
  lines_ = lines;
  payload_ = payload.substr(kHashBytes);
  position_ += kFrameHeaderBytes + size;
  return true;
}

bool SegmentReader::Decode(std::vector<LogLine>* lines) const {
  return DecodeLines(payload_, lines);
}

absl::StatusOr<std::vector<uint64_t>> ListSegments(const std::string& folder) {
  std::vector<uint64_t> numbers;
  std::error_code error;
  std::filesystem::directory_iterator it(folder, error);
  if (error == std::errc::no_such_file_or_directory) return numbers;
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    uint64_t number = 0;
    if (absl::EndsWith(name, kSuffix) &&
        absl::SimpleAtoi(name.substr(0, name.size() - kSuffix.size()), &number)) {
      numbers.push_back(number);
    }
  }
  if (error) return ErrnoStatus(error.value(), absl::StrCat("list ", folder));
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::optional<uint64_t> SegmentFirstLine(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string header(kSegmentHeaderBytes, '\0');
  if (!file.read(header.data(), static_cast<std::streamsize>(header.size()))) return std::nullopt;
  const SegmentReader reader(header);
  if (!reader.ok()) return std::nullopt;
  return reader.first_line();
}

std::string SegmentPath(const std::string& folder, uint64_t number) {
  return absl::StrFormat("%s/%08d%s", folder, number, kSuffix);
}

}  // namespace dbfleet::controller
