#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "controller/identity/principals.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Puts into the audit trail who was refused what for want of a role, or with a token that counts no
// more: "access.denied" on "methods/METHOD". Of the same token, method and environment one record
// in kQuiet, so that a dead token is not told as a repetition of its owner's; those between
// are counted, and told by the next one, or in a record of their own once they are forgotten
// ("repeated"), so that being refused fills no disk. Where there are more of them in kQuiet than
// are remembered, the others are one record on "methods/-". Nothing is told by itself: what is
// counted waits for the next refusal of anybody. Calls without a token that was ever known are
// nobody's, and in the log only. Thread-safe; does not wait for the store.
class Denials {
 public:
  static constexpr absl::Duration kQuiet = absl::Minutes(1);
  static constexpr size_t kMostRemembered = 10'000;

  Denials(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  // `environment`: where it was to be, of those that there are; "": not known, or several.
  void Record(const Caller& caller, absl::string_view method, const absl::Status& refusal,
              const std::string& environment = "");

 private:
  // Caller, method, environment, token.
  using Key = std::tuple<std::string, std::string, std::string, std::string>;
  struct Told {
    Key key;
    absl::Time time;
    int64_t repeated = 0;  // Since then.
  };

  // A call removes so many at most, so that it takes no long time; they come one by one as well.
  static constexpr int kForgottenAtOnce = 4;
  // Those of which there is nothing to tell any more but how often they were repeated.
  void Forget(absl::Time now, std::vector<AuditEntry>* entries)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TellUntold(absl::Time now, std::vector<AuditEntry>* entries)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How often it was repeated since its last record; nullopt if it has to be told no record now.
  std::optional<int64_t> Count(const Key& key, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Store& store_;
  const Clock& clock_;
  Mutex mutex_;
  std::list<Told> told_ ABSL_GUARDED_BY(mutex_);  // By their last records, the oldest first.
  std::map<Key, std::list<Told>::iterator> by_key_ ABSL_GUARDED_BY(mutex_);
  int64_t untold_ ABSL_GUARDED_BY(mutex_) = 0;  // For which there was no place.
  absl::Time untold_since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
