#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

#include "common/concurrency/mutex.h"
#include "common/plan/digest_tree.h"
#include "controller/domain/types.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Shows that a task is a part of what its job's digest covers, without reading all the job's tasks
// each time: the trees of the large jobs that were asked for last are kept, and only the task
// itself is read anew. A kept tree is never believed by its name: it counts only where it gives the
// digest that is asked for. Thread-safe.
class DigestPlaces {
 public:
  // What gives the job's digest. Without a place: `input` lists all targets, of which there are
  // few.
  struct Covered {
    JobDigestInput input;
    std::optional<TargetPlace> place;
  };
  // DIGEST_BROKEN (INTERNAL) if the job, with this task as it is now, does not have the digest that
  // it is stored with.
  absl::StatusOr<Covered> Check(ReadTx& tx, const Job& job, const Task& task);

 private:
  std::shared_ptr<const JobDigestTree> Kept(const std::string& digest);
  void Keep(std::shared_ptr<const JobDigestTree> tree);

  Mutex mutex_;
  std::deque<std::shared_ptr<const JobDigestTree>> trees_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
