#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dbfleet::controller::sqlite {

// Copies the store at `from`, also while a controller works on it, into the new file `to` (0600):
// one consistent state of it, synced, and checked for damage. ALREADY_EXISTS if `to` is there.
absl::Status CopyStore(const std::string& from, const std::string& to);

// For a copy that was put in the place of a store, and that nobody has opened yet: the next start
// demands RECOVERY. `setting` is the key and `value` what the controller's recovery reads.
struct Mark {
  std::string key;
  std::string value;
};
absl::Status MarkStore(const std::string& path, const Mark& mark);

// A setting of such a copy; "" if it was never set.
absl::StatusOr<std::string> SettingOf(const std::string& path, const std::string& key);

// Is the store's schema this program's? Also beside a controller that works on it.
absl::StatusOr<bool> HasCurrentSchema(const std::string& path);

// The number of audit records in such a copy.
absl::StatusOr<uint64_t> CountRecords(const std::string& path);

}  // namespace dbfleet::controller::sqlite
