#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "controller/identity/principals.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Puts into the audit trail who was refused what for want of a role: "access.denied" on
// "methods/METHOD". Of the same caller, method and environment one record in kQuiet; those between
// are counted, and told by the next one ("repeated"), so that being refused fills no disk. Calls
// without a valid
// token are nobody's, and in the log only. Thread-safe; does not wait for the store.
class Denials {
 public:
  static constexpr absl::Duration kQuiet = absl::Minutes(1);
  static constexpr size_t kMostRemembered = 10'000;

  Denials(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  // `environment`: where it was to be, of those that there are; "": not known, or several.
  void Record(const Caller& caller, absl::string_view method, const absl::Status& refusal,
              const std::string& environment = "");

 private:
  struct Told {
    absl::Time time;
    int64_t repeated = 0;  // Since then.
  };

  void Forget(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Store& store_;
  const Clock& clock_;
  Mutex mutex_;
  using Key = std::tuple<std::string, std::string, std::string>;  // Caller, method, environment.
  std::map<Key, Told> told_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
