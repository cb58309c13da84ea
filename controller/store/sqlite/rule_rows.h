#pragma once

#include <string>
#include <vector>

#include "controller/store/rule_tx.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/page_tokens.h"

namespace dbfleet::controller::sqlite {

// The statements behind RuleTables, on a connection that is inside of a transaction.
class SqliteRules : public RuleTables {
 public:
  SqliteRules(Connection* connection, const PageTokens* tokens)
      : db_(*connection), tokens_(*tokens) {}

  absl::StatusOr<EventRuleState> GetState(absl::string_view name) const override;
  absl::StatusOr<EventRuleCount> GetCount(absl::string_view id) const override;
  absl::StatusOr<JobProposal> GetProposal(absl::string_view id) const override;
  absl::StatusOr<Page<JobProposal>> ListProposals(const JobProposalFilter& filter,
                                                  const PageRequest& page) const override;
  absl::StatusOr<std::vector<JobProposal>> OpenIn(JobProposal::State state, absl::string_view after,
                                                  int limit) const override;
  absl::StatusOr<std::vector<JobProposal>> OpenFor(absl::string_view uid,
                                                   absl::string_view instance) const override;
  absl::StatusOr<absl::Time> NearestEvent(absl::string_view uid, absl::string_view instance,
                                          absl::Time time) const override;
  absl::StatusOr<std::vector<std::string>> RuleNames() const override;
  absl::StatusOr<int> CountProposals(absl::string_view uid, absl::Time from, absl::Time until,
                                     int limit) const override;
  absl::Status Insert(EventRuleState* value) override;
  absl::Status Update(EventRuleState* value) override;
  absl::Status Insert(EventRuleCount* value) override;
  absl::Status Update(EventRuleCount* value) override;
  absl::Status Insert(JobProposal* value) override;
  absl::Status Update(JobProposal* value) override;
  absl::StatusOr<int> Prune(absl::string_view rule, int keep, absl::Time events_before,
                            absl::Time counts_before, int limit) override;

 private:
  Connection& db_;
  const PageTokens& tokens_;
};

}  // namespace dbfleet::controller::sqlite
