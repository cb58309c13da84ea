#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/domain/event_rule.h"
#include "controller/store/queries.h"

// The part of a transaction (store.h) for rules and what they propose.
namespace dbfleet::controller {

struct JobProposalFilter {
  std::string rule;  // By name; "" matches all, here and below.
  EnvironmentFilter environment;
  std::optional<JobProposal::State> state;
};

class RuleReader {
 public:
  virtual ~RuleReader() = default;

  // EVENT_RULE_NOT_FOUND; of deleted ones, too.
  virtual absl::StatusOr<EventRuleState> GetState(absl::string_view name) const = 0;
  // COUNT_NOT_FOUND.
  virtual absl::StatusOr<EventRuleCount> GetCount(absl::string_view id) const = 0;
  // JOB_PROPOSAL_NOT_FOUND.
  virtual absl::StatusOr<JobProposal> GetProposal(absl::string_view id) const = 0;
  // Newest first.
  virtual absl::StatusOr<Page<JobProposal>> ListProposals(const JobProposalFilter& filter,
                                                          const PageRequest& page) const = 0;
  // Up to `limit` open ones of a state, behind the id `after` (""), in the order of their ids.
  virtual absl::StatusOr<std::vector<JobProposal>> OpenIn(JobProposal::State state,
                                                          absl::string_view after,
                                                          int limit) const = 0;
  // The open ones of the rule for this instance.
  virtual absl::StatusOr<std::vector<JobProposal>> OpenFor(absl::string_view uid,
                                                           absl::string_view instance) const = 0;
  // Of the rule's events that came to a proposal for this instance, the time that is nearest to
  // this one; InfinitePast: there is none. It is the last one, but for a clock that was set back.
  virtual absl::StatusOr<absl::Time> NearestEvent(absl::string_view uid, absl::string_view instance,
                                                  absl::Time time) const = 0;
  // Of the rule, with events in (from, until], counted up to `limit`.
  virtual absl::StatusOr<int> CountProposals(absl::string_view uid, absl::Time from,
                                             absl::Time until, int limit) const = 0;
  // Of all that there are or were, as long as something of them is kept.
  virtual absl::StatusOr<std::vector<std::string>> RuleNames() const = 0;
};

class RuleTables : public RuleReader {
 public:
  virtual absl::Status Insert(EventRuleState* value) = 0;
  virtual absl::Status Update(EventRuleState* value) = 0;
  virtual absl::Status Insert(EventRuleCount* value) = 0;
  virtual absl::Status Update(EventRuleCount* value) = 0;
  // ALREADY_EXISTS (JOB_PROPOSAL_EXISTS): the rule proposed this because of that record before.
  virtual absl::Status Insert(JobProposal* value) = 0;
  virtual absl::Status Update(JobProposal* value) = 0;
  // Deletes up to `limit` of the rule's ended ones behind its newest `keep`, of events before
  // `events_before`, and counts that were not touched since `counts_before`. Returns how many.
  virtual absl::StatusOr<int> Prune(absl::string_view rule, int keep, absl::Time events_before,
                                    absl::Time counts_before, int limit) = 0;
};

// What ReadTx and WriteTx have of these.
class RuleReads {
 public:
  virtual ~RuleReads() = default;
  virtual const RuleReader& rules_reader() = 0;
};

class RuleWrites {
 public:
  virtual ~RuleWrites() = default;
  virtual RuleTables& rules() = 0;
};

}  // namespace dbfleet::controller
