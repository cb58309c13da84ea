#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/rpc/x509.h"

namespace dbfleet::controller {

// The folder data_dir/ca (0700) with ca.key (0600) and ca.crt. It appears by one rename, complete
// and synced, so a crash leaves all of it or nothing. Not thread-safe.
class CaFolder {
 public:
  explicit CaFolder(const std::string& data_dir);

  const std::string& path() const { return path_; }
  // Is anything there, in whatever state?
  absl::StatusOr<bool> Exists() const;
  // FAILED_PRECONDITION (CA_DAMAGED) unless both files are there, readable, and belong together.
  absl::StatusOr<rpc::CaMaterial> Load() const;
  // Also removes what a crashed Create left.
  absl::Status Create(absl::string_view common_name, absl::Time now, absl::Duration lifetime) const;

 private:
  const std::string path_;
  const std::string unfinished_path_;
};

}  // namespace dbfleet::controller
