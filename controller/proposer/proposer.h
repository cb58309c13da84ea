#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/concurrency/executor.h"
#include "common/concurrency/ticker.h"
#include "common/metrics/registry.h"
#include "common/time/clock.h"
#include "controller/jobs/job_hub.h"
#include "controller/jobs/job_manager.h"
#include "controller/proposer/events.h"
#include "controller/proposer/proposals.h"
#include "controller/resources/event_rule_source.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

struct ProposerOptions {
  absl::Duration tick = absl::Seconds(1);
  // Between looks at which proposals have expired, became void, or whose jobs have ended.
  absl::Duration settle = absl::Seconds(5);
  absl::Duration prune = absl::Minutes(10);
  // Audit records that are looked at in one go; matches after which no further record is.
  int batch = 1000;
  size_t most_matches = 500;
  // Proposals of one state that are looked at in one go.
  int page = 200;
  // Ended proposals that are kept of each rule; all by which a cooldown may be measured stay.
  int keep = 1000;
  // After an error one proposal is left alone so long; the others go on.
  absl::Duration retry_after = absl::Seconds(10);
};

// Makes proposals of events, as rules say, and jobs of proposals that wait for nobody.
//
// Events are taken out of the audit trail by a number, which is kept in the very transaction that
// writes what they came to: whatever happens, each record is looked at, and comes to what it comes
// to once. Counting and limits go by the records' times (rules/debounce.h). That transaction writes
// rows of rules and nothing else, so that nothing about one rule can hold up another; a rule that
// cannot be read is left out. The jobs come afterwards, each in a transaction of its own, found by
// the state of its proposal: one that cannot be made is refused, and says why.
//
// While RECOVERY is demanded nothing is done. After it nothing that is older proposes or runs.
//
// Thread-safe; works on `executor`'s one thread, which nobody else may use. Stop() before the
// executor is shut down. What is passed in outlives the proposer.
class Proposer {
 public:
  Proposer(ProposerOptions options, Store& store, JobManager& jobs, JobHub& hub,
           EventRuleSource& source, Clock& clock, Executor& executor, metrics::Registry& metrics);

  void Start() { ticker_.Start(); }
  // Nothing is begun any more; waits for what the executor has in hand.
  void Stop() { ticker_.Stop(); }
  // Looks now, and not with the next tick.
  void Wake() { ticker_.Wake(); }

  // One look, on the executor's thread.
  void Tick();

 private:
  struct Match {
    const DeclaredEventRule* rule = nullptr;  // Of `Look::book`.
    std::shared_ptr<const RuleEvent> event;
    RuleMatch match;
  };
  // What a reader found in the trail.
  struct Look {
    std::shared_ptr<const EventRuleBook> book;
    std::string cursor;                          // As it was stored.
    uint64_t to = 0;                             // What it is to be.
    uint64_t head = 0;                           // The newest record.
    std::map<uint64_t, std::string> unreadable;  // Records that are left out, and why.
    bool more = false;
    std::vector<Match> matches;
  };

  void NoteFailure(absl::string_view what, const absl::Status& status);

  absl::StatusOr<bool> Collect();
  absl::Status LookAtTrail(ReadTx& tx, Look* look);
  absl::Status Write(WriteTx& tx, const Look& look, NotedEvent* noted);

  // steps.cc: proposals that are there.
  void SubmitAccepted();
  absl::Status SubmitOne(const JobProposal& proposal);
  absl::Status Refuse(const std::string& id, const absl::Status& why);
  void Settle(absl::Time now);
  void Prune(absl::Time now);
  absl::Status SettleRestore(const std::string& recovery, absl::Time now);
  // All open ones of a state, in pieces.
  absl::Status ForOpen(JobProposal::State state,
                       const std::function<absl::Status(const JobProposal&)>& fn);

  const ProposerOptions options_;
  Store& store_;
  JobManager& jobs_;
  JobHub& hub_;
  EventRuleSource& source_;
  Clock& clock_;
  metrics::Gauge& rules_gauge_;
  metrics::Gauge& unreadable_gauge_;
  metrics::Gauge& waiting_gauge_;
  metrics::Gauge& unseen_gauge_;
  metrics::Counter& proposed_total_;
  metrics::Counter& suppressed_total_;
  metrics::Counter& jobs_total_;
  metrics::Counter& refused_total_;
  metrics::Counter& failures_total_;

  // The executor's thread only.
  std::shared_ptr<const EventRuleBook> book_;  // Of the last look.
  bool started_ = false;
  uint64_t seen_ = 0;                              // Records up to here were looked at.
  std::string cursor_;                             // As it is stored.
  std::map<std::string, absl::Duration> resting_;  // Proposals, until when, monotonic.
  absl::Duration settled_at_ = -absl::InfiniteDuration();
  absl::Duration persisted_at_ = -absl::InfiniteDuration();
  absl::Duration pruned_at_ = -absl::InfiniteDuration();

  Ticker ticker_;  // The last: it dies before what its ticks use.
};

// The setting that holds how far the trail was looked at.
inline constexpr char kRulesCursor[] = "event_rules.cursor";

}  // namespace dbfleet::controller
