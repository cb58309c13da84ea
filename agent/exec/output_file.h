#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

#include "agent/exec/launch.h"
#include "common/base/hash.h"

namespace dbfleet::agent {

// The file into which a pipeline's output goes. Counts and hashes what was written. The first error
// stays, and everything after it is dropped. Not thread-safe.
class OutputFile {
 public:
  // Creates it anew (O_EXCL, mode 0600).
  void Open(const std::string& path);
  void Write(absl::string_view data);
  // fsync of the file and its folder, close.
  void Finish();

  bool ok() const { return error_.empty(); }
  // "DISK_FULL: ..." or another reason and message.
  const std::string& error() const { return error_; }
  int64_t bytes() const { return bytes_; }
  // After Finish; "" if there was no file.
  const std::string& sha256() const { return sha256_; }

 private:
  void Fail(int error, absl::string_view what);

  std::string path_;
  UniqueFd fd_;
  int64_t bytes_ = 0;
  Sha256Stream hash_;
  std::string sha256_;
  std::string error_;
};

}  // namespace dbfleet::agent
