#pragma once

#include <fstream>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dbfleet::cli {

// Where `--out FILE` of data goes. A regular file, or one that does not exist yet, gets its content
// as a whole or not at all: it is written beside its place and put there by Commit. Whatever else
// stands there (a device, a FIFO) is written to as it is, never replaced. Symbolic links are
// followed. Not thread-safe. Without Commit a file that was there keeps its content.
class OutFile {
 public:
  static absl::StatusOr<std::unique_ptr<OutFile>> Open(const std::string& path);
  ~OutFile();
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;

  std::ostream& stream() { return stream_; }
  // Once, at the end. An error of any write before shows here at the latest.
  absl::Status Commit();

 private:
  explicit OutFile(std::string path) : path_(std::move(path)) {}

  const std::string path_;  // Without symbolic links.
  std::string part_;        // Empty: written in place.
  std::ofstream stream_;
};

}  // namespace dbfleet::cli
