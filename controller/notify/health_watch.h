#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"

#include "common/concurrency/mutex.h"
#include "common/time/clock.h"
#include "controller/store/store.h"
#include "dbfleet/work/v1/work.pb.h"

namespace dbfleet::controller {

// Puts into the audit trail when an instance becomes critical or unreachable, and when it is well
// again ("instance.health"). Two reports have to agree, and of one instance there is at most one
// record in kQuiet, so that one on the edge fills no disk; what was told last is kept in the store.
// Thread-safe; does not wait for the store.
class HealthWatch {
 public:
  static constexpr absl::Duration kQuiet = absl::Minutes(1);

  HealthWatch(Store& store, const Clock& clock) : store_(store), clock_(clock) {}

  void Report(const std::string& agent_id, const work::v1::InstanceHealth& health);

 private:
  struct Seen {
    bool bad = false;  // By the last report.
    int agreeing = 0;  // Reports in a row that say so.
    int told = -1;     // What was told last; -1: not known, 0: well, 1: bad.
    absl::Duration tell_not_before;
  };

  Store& store_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<std::string, Seen> seen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
