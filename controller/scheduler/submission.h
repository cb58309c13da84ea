#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "controller/jobs/job_manager.h"
#include "controller/scheduler/declared_job.h"
#include "controller/store/store.h"
#include "dbfleet/resource/v1/resource.pb.h"

namespace dbfleet::controller {

// A piece of an occurrence: its next targets.
struct Chunk {
  Occurrence occurrence;  // As it was when this was prepared.
  resource::v1::ScheduleSpec spec;
  std::vector<PreparedTarget> targets;
  bool last = false;  // Nothing comes after them.
};

// Makes an occurrence's jobs, one for each target, in pieces: what is prepared on a reader is
// written in one transaction, with how far that has brought the occurrence. A job's request key
// names occurrence and target, so that none is made twice whatever happens in between.
//
// The jobs go the way that a person's do (JobManager), with the schedule's account as requester.
// Not thread-safe.
class Submitter {
 public:
  explicit Submitter(JobManager& jobs) : jobs_(jobs) {}

  absl::StatusOr<Chunk> Prepare(ReadTx& tx, const Occurrence& occurrence, int most);
  // ABORTED (STALE) if the occurrence is not as it was.
  absl::Status Write(FlowContext& context, const Chunk& chunk);
  // It needs nothing more of what was kept for it.
  void Forget(const std::string& occurrence_id) { targets_.erase(occurrence_id); }

 private:
  using Targets = std::vector<std::string>;  // Ids, sorted.
  absl::StatusOr<std::shared_ptr<const Targets>> TargetsOf(ReadTx& tx, const Occurrence& occurrence,
                                                           const resource::v1::ScheduleSpec& spec);
  absl::Status WriteJob(FlowContext& context, const Chunk& chunk, const PreparedTarget& target);

  JobManager& jobs_;
  // Of those that are being submitted: listing a fleet for each piece would take the square of it.
  std::map<std::string, std::shared_ptr<const Targets>> targets_;
};

// The same chunk with only one of its targets.
Chunk Only(const Chunk& chunk, size_t index);

// The store is in trouble, or something changed meanwhile: it is worth another try, and says
// nothing about the target.
bool IsWorthAnotherTry(const absl::Status& status);

}  // namespace dbfleet::controller
