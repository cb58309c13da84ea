#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "controller/domain/types.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// What the store says of the fleet at one moment, as far as metrics and discovery need it.
struct FleetSnapshot {
  struct InstanceSummary {
    std::string id;
    std::string agent_id;
    std::string environment;
    std::string engine;
    std::map<std::string, std::string> labels;
    absl::Time last_backup = absl::UnixEpoch();  // Epoch: never.
    absl::Time last_verified_backup = absl::UnixEpoch();
    std::map<std::string, int64_t> migrations;  // By outcome.
    std::map<std::string, int64_t> backups;     // The same.
  };
  struct AgentSummary {
    std::string id;
    std::string environment;
  };
  absl::Time time;
  std::vector<InstanceSummary> instances;  // Without removed ones.
  std::vector<AgentSummary> agents;        // Without revoked ones.
  std::map<JobState, int64_t> jobs;        // Every state has its number.
  int64_t approvals_pending = 0;
  uint64_t audit_records = 0;
};

// Makes snapshots. The first one walks all jobs; later ones look only at new jobs and at those that
// had not ended, so that the cost does not grow with the history. New jobs are found by the audit
// records of their making, whose numbers are in the order of commits: ids and times are not, and a
// clock that jumps back would hide jobs. After an error the object has
// seen a part only: go on with a copy from before. Not thread-safe.
class FleetSnapshotter {
 public:
  absl::Status Take(ReadTx& tx, absl::Time now, FleetSnapshot* snapshot);

 private:
  absl::Status TakeInstances(ReadTx& tx, FleetSnapshot* snapshot);
  absl::Status TakeAgents(ReadTx& tx, FleetSnapshot* snapshot);
  absl::Status TakeBackups(ReadTx& tx, FleetSnapshot::InstanceSummary* instance);
  absl::Status FindAllJobs(ReadTx& tx);
  absl::Status FindNewJobs(ReadTx& tx);
  absl::Status FollowOpenJobs(ReadTx& tx, FleetSnapshot* snapshot);
  absl::Status CountEnded(ReadTx& tx, const Job& job);

  std::set<std::string> open_;  // Ids of jobs that had not ended.
  uint64_t audit_records_ = 0;  // Looked at so far.
  bool first_ = true;
  std::map<JobState, int64_t> ended_;
  using Outcomes = std::map<std::string, std::map<std::string, int64_t>>;  // By instance.
  Outcomes migrations_;
  Outcomes backups_;
};

}  // namespace dbfleet::controller
