#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"

#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/disk_guard.h"

namespace dbfleet::controller::sqlite {

struct UpgradeCopyOptions {
  std::string store;          // Its path.
  int64_t reserve_bytes = 0;  // What has to stay free beside the copy.
  std::function<int64_t(const std::string& path)> free_bytes = FreeBytesOf;
};

// "PATH.before-schema-VERSION".
std::string UpgradeCopyPath(const std::string& store, int version);

// Keeps the store as it is in UpgradeCopyPath, if its schema is older than `version`, so that the
// program which knows that schema can go on from it when the upgrade turns out badly. To be called
// before UpgradeSchema, by whoever holds the store's lock.
//
// The copy is one consistent state (0600), checked and synced before it gets its name: under that
// name no part of a copy ever stands. A copy that is there already is kept if it is of this very
// state (an upgrade that was cut short), else replaced: the former program has worked since, and
// what it did would be missing. RESOURCE_EXHAUSTED (DISK_FULL): there is no room for it; the store
// is as it was.
absl::Status CopyBeforeUpgrade(Connection& connection, int version,
                               const UpgradeCopyOptions& options);

}  // namespace dbfleet::controller::sqlite
