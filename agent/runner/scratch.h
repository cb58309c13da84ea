#pragma once

#include <set>
#include <string>

#include "absl/status/statusor.h"

namespace dbfleet::agent {

// The attempts' private folders: <data_dir>/scratch/<attempt>, mode 0700. Thread-safe.
class Scratch {
 public:
  explicit Scratch(const std::string& data_dir) : root_(data_dir + "/scratch") {}

  std::string PathOf(const std::string& attempt_id) const { return root_ + "/" + attempt_id; }
  absl::StatusOr<std::string> Make(const std::string& attempt_id) const;
  void Remove(const std::string& attempt_id) const;
  // Removes what earlier lives left, but for `keep`.
  absl::Status RemoveLeftovers(const std::set<std::string>& keep) const;

 private:
  const std::string root_;
};

}  // namespace dbfleet::agent
