// What the earlier environment says of a change: the part of JobFlow's reading that the rule
// "promotion" decides on (docs/guides/policies.md).
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/concurrency/mutex.h"
#include "controller/policy/policy.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// What the newest changes of an environment did to which versions, whatever else they held: as
// folders of migrations grow, a version's rehearsal is that of a shorter change. An environment is
// read at most once in a second, for all changes that are promoted from it. Thread-safe.
class PastChanges {
 public:
  struct Change {
    PastChange past;
    std::set<std::string> engines;
    std::map<std::string, std::string> files;  // By version, of those in `past`.
    // A rollback of which cannot be read what it took back: it may have been anything.
    bool unreadable = false;
  };
  // Newest end first.
  using List = std::shared_ptr<const std::vector<Change>>;

  // `ahead`: `now` is a time that is looked ahead to. What is read for it is not taken for what
  // there is when that time has come.
  absl::StatusOr<List> Of(ReadTx& tx, const std::string& environment, absl::Time now, bool ahead);

 private:
  struct Kept {
    absl::Time read_time;
    List list;
  };

  Mutex mutex_;
  std::map<std::pair<std::string, bool>, Kept> kept_ ABSL_GUARDED_BY(mutex_);  // And `ahead`.
};

// Fills input->promotion. Expects the job, the policy, the versions and `now`. Changes of the same
// contents are read each time; of all others there, which are asked only for rehearsals, what
// `others` keeps.
absl::Status ReadPromotion(ReadTx& tx, PastChanges& others, PolicyInput* input);

}  // namespace dbfleet::controller
