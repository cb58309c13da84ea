#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/time/clock.h"
#include "controller/identity/rights.h"
#include "controller/jobs/job_hub.h"
#include "controller/jobs/job_manager.h"
#include "controller/proposer/proposals.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// A proposal as people see it.
struct JobProposalView {
  JobProposal proposal;
  std::string action;  // "backup".
  resource::v1::ScheduledJob proposed;
  std::string job_state;  // "" if there is no job, or it is no longer stored.
};

// How a rule stands.
struct EventRuleView {
  std::string name;
  std::string mode;
  bool suspended = false;
  std::vector<std::string> triggers;
  std::vector<std::string> environments;  // Empty: every one.
  int waiting = 0;
  int last_day = 0;
  absl::Time last_proposal = absl::InfinitePast();
  std::string problem;
};

// What a rule would have proposed.
struct RuleRehearsal {
  std::string rule;                        // Its name.
  std::vector<JobProposalView> proposals;  // Without ids.
  int64_t events = 0;
  int64_t records = 0;
  std::map<std::string, int64_t> suppressed;  // By reason.
  bool cut = false;                           // `records` did not reach back to `from`.
  absl::Time from;
};

// What people ask of rules, and do with what they propose. Thread-safe; not to be called from the
// store's writer thread.
class JobProposals {
 public:
  JobProposals(Store& store, JobManager& jobs, JobHub& hub, Clock& clock)
      : store_(store), jobs_(jobs), hub_(hub), clock_(clock) {}

  // Of rules that these rights may see, by name.
  absl::StatusOr<Page<EventRuleView>> Rules(const PageRequest& page, const Rights& rights);
  // By name ("look-again"). PERMISSION_DENIED (ROLE_MISSING), also if there is none.
  absl::StatusOr<EventRuleView> Rule(const std::string& name, const Rights& rights);

  absl::StatusOr<Page<JobProposalView>> List(const JobProposalFilter& filter,
                                             const PageRequest& page);
  absl::StatusOr<JobProposalView> Get(const std::string& id);

  // Makes its job in the name of the rule; whoever accepts does not approve it. A repetition by the
  // same person gives what the first time made. FAILED_PRECONDITION (PROPOSAL_ENDED, IN_RECOVERY),
  // and what keeps its job from being made.
  absl::StatusOr<JobProposalView> Accept(const RequestMeta& meta, const std::string& id,
                                         const std::string& reason);
  // INVALID_ARGUMENT (REASON_MISSING).
  absl::StatusOr<JobProposalView> Decline(const RequestMeta& meta, const std::string& id,
                                          const std::string& reason);

  // Goes over the audit trail of the last `window`, as far as these rights reach. INVALID_ARGUMENT:
  // see ParseManifests; BAD_MANIFEST if it is not one EventRule.
  absl::StatusOr<RuleRehearsal> Rehearse(const std::string& path, const std::string& text,
                                         absl::Duration window, const Rights& rights);

  static constexpr int64_t kMostRecords = 200'000;
  static constexpr size_t kMostRehearsed = 1000;

 private:
  Store& store_;
  JobManager& jobs_;
  JobHub& hub_;
  Clock& clock_;
  std::atomic<bool> rehearsing_ = false;  // One at a time: it reads much.
};

// NOT_FOUND (JOB_PROPOSAL_NOT_FOUND) and the like are the store's.
absl::StatusOr<JobProposalView> ViewOf(ReadTx& tx, JobProposal proposal);

}  // namespace dbfleet::controller
