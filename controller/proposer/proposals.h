#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/jobs/job_manager.h"
#include "controller/proposer/events.h"
#include "controller/resources/event_rule_resource.h"
#include "controller/scheduler/declared_job.h"
#include "controller/store/store.h"

// The steps of a proposal's life, each inside of its caller's transaction.
namespace dbfleet::controller {

// What a match came to.
struct NotedEvent {
  int proposed = 0;
  std::map<std::string, int> suppressed;  // By reason: "COOLDOWN".
};

// Counts the event for the rule; where that makes as many as it asks for, each target gets its
// proposal, or an audit record of what kept it back. An event that was noted before, or is older
// than the rule, changes nothing.
absl::Status NoteEvent(WriteTx& tx, const DeclaredEventRule& rule, const RuleEvent& event,
                       const RuleMatch& match, absl::Time now, NotedEvent* noted);

// Looks for what its job takes, on a reader.
absl::StatusOr<PreparedTarget> PrepareProposal(ReadTx& tx, const JobProposal& proposal);
// Makes its job. After an error the transaction must not commit.
absl::Status SubmitProposal(JobManager& jobs, FlowContext& context, const PreparedTarget& target,
                            JobProposal* proposal);

// Ends it without a job, with a record of this action ("rule.expired").
absl::Status EndProposal(WriteTx& tx, absl::string_view actor, absl::string_view action,
                         JobProposal::State state, absl::string_view reason,
                         absl::string_view message, absl::Time now, JobProposal* proposal);

// A record about a proposal. Empty details are left out.
absl::Status AuditProposal(WriteTx& tx, absl::string_view actor, absl::string_view action,
                           const JobProposal& proposal,
                           std::map<std::string, std::string> details = {});

// Has its job ended, or is it gone?
absl::StatusOr<bool> JobHasEnded(ReadTx& tx, const JobProposal& proposal);

// Why a pending one is void: its rule was deleted, or is about other environments; "" if it is not.
absl::StatusOr<std::string> WhyVoid(ReadTx& tx, const JobProposal& proposal);

// DATA_LOSS (STORE_CORRUPT).
absl::StatusOr<resource::v1::ScheduledJob> JobIn(const JobProposal& proposal);

// The setting that holds which end of a RECOVERY rules know of.
inline constexpr char kRulesRecovered[] = "event_rules.recovered";

}  // namespace dbfleet::controller
