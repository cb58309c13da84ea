#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

#include "controller/domain/types.h"
#include "controller/store/store.h"
#include "dbfleet/work/v1/work.pb.h"

// How long a job that is queued for a window is expected to take. Learned is the longest of the
// last kRunsLearnedFrom successful runs of the same: a longest does not hide the bad nights, and a
// few forget what a database once was.
namespace dbfleet::controller {

inline constexpr int kRunsLearnedFrom = 3;

struct Estimate {
  absl::Duration time;
  EstimateSource source = EstimateSource::kAssumed;
  int runs = 0;
};

// How a change goes over its targets.
struct WorkShape {
  std::vector<int> wave_sizes;  // Their sum is the number of targets.
  int max_parallel = 1;
  absl::Duration pause_between = absl::ZeroDuration();
};

// From the begin of the first target to the end of the last, if each takes what stands here: they
// begin in their order, as many at a time as may. The checks between waves are taken to be short.
absl::Duration RolloutTime(absl::Span<const absl::Duration> targets, const WorkShape& shape);

// Of a backup of these databases of the instance, with or without its verification.
absl::StatusOr<Estimate> EstimateBackup(ReadTx& tx, const std::string& instance_id,
                                        const std::vector<std::string>& databases, bool verify);
// Of reading a backup of the instance again.
absl::StatusOr<Estimate> EstimateVerification(ReadTx& tx, const std::string& instance_id);
// Of a change: of the same contents, in the same direction and environment. A target that had no
// run yet is taken to need as long as the longest of the others.
absl::StatusOr<Estimate> EstimateChange(ReadTx& tx, const Job& job,
                                        work::v1::MigrateDirection direction,
                                        const std::vector<std::string>& instances,
                                        const WorkShape& shape);

}  // namespace dbfleet::controller
