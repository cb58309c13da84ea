#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "tests/fakes/memory_tables.h"

namespace dbfleet::controller {

// The part of a transaction that is about rules.
class MemoryRules : public RuleTables {
 public:
  explicit MemoryRules(MemoryStore::Tables* tables) : t_(*tables) {}

  absl::StatusOr<EventRuleState> GetState(absl::string_view name) const override {
    return memory::Get(t_.rules, "event_rule", name);
  }
  absl::StatusOr<EventRuleCount> GetCount(absl::string_view id) const override {
    return memory::Get(t_.rule_counts, "count", id);
  }
  absl::StatusOr<JobProposal> GetProposal(absl::string_view id) const override {
    return memory::Get(t_.job_proposals, "job_proposal", id);
  }
  absl::StatusOr<Page<JobProposal>> ListProposals(const JobProposalFilter& filter,
                                                  const PageRequest& page) const override {
    const std::string query = absl::StrCat(
        "job_proposals ", filter.rule, " ", absl::StrJoin(filter.environment.names(), ","), " ",
        filter.state.has_value() ? static_cast<int>(*filter.state) : -1);
    return memory::ListNewestFirst(t_.job_proposals, query, page, [&](const JobProposal& p) {
      return (filter.rule.empty() || filter.rule == p.rule) &&
             filter.environment.Has(p.environment) &&
             (!filter.state.has_value() || *filter.state == p.state);
    });
  }
  absl::StatusOr<std::vector<JobProposal>> OpenIn(JobProposal::State state, absl::string_view after,
                                                  int limit) const override {
    std::vector<JobProposal> found = memory::Select(t_.job_proposals, [&](const JobProposal& p) {
      return p.IsOpen() && p.state == state && p.id > after;
    });
    if (static_cast<int>(found.size()) > limit) found.resize(limit);
    return found;
  }
  absl::StatusOr<std::vector<JobProposal>> OpenFor(absl::string_view uid,
                                                   absl::string_view instance) const override {
    return memory::Select(t_.job_proposals, [&](const JobProposal& p) {
      return p.IsOpen() && p.uid == uid && p.instance == instance;
    });
  }
  absl::StatusOr<absl::Time> NearestEvent(absl::string_view uid, absl::string_view instance,
                                          absl::Time time) const override {
    absl::Time nearest = absl::InfinitePast();
    for (const auto& [id, p] : t_.job_proposals.rows()) {
      if (p.uid != uid || p.instance != instance) continue;
      if (absl::AbsDuration(p.event_time - time) < absl::AbsDuration(nearest - time)) {
        nearest = p.event_time;
      }
    }
    return nearest;
  }
  absl::StatusOr<std::vector<std::string>> RuleNames() const override {
    std::vector<std::string> names;
    for (const auto& [name, rule] : t_.rules.rows()) names.push_back(name);
    return names;
  }
  absl::StatusOr<int> CountProposals(absl::string_view uid, absl::Time from, absl::Time until,
                                     int limit) const override {
    int count = 0;
    for (const auto& [id, p] : t_.job_proposals.rows()) {
      count += p.uid == uid && p.event_time > from && p.event_time <= until;
    }
    return std::min(count, limit);
  }
  absl::Status Insert(EventRuleState* value) override {
    return memory::Insert(&t_.rules, "event_rule", value->name, value);
  }
  absl::Status Update(EventRuleState* value) override {
    return memory::Update(&t_.rules, "event_rule", value->name, value);
  }
  absl::Status Insert(EventRuleCount* value) override {
    return memory::Insert(&t_.rule_counts, "count", value->id, value);
  }
  absl::Status Update(EventRuleCount* value) override {
    return memory::Update(&t_.rule_counts, "count", value->id, value);
  }
  absl::Status Insert(JobProposal* value) override {
    for (const auto& [id, p] : t_.job_proposals.rows()) {
      if (p.rule != value->rule || p.seq != value->seq || p.instance != value->instance) continue;
      return Error(absl::StatusCode::kAlreadyExists, "JOB_PROPOSAL_EXISTS", "proposed before");
    }
    return memory::Insert(&t_.job_proposals, "job_proposal", value->id, value);
  }
  absl::Status Update(JobProposal* value) override {
    return memory::Update(&t_.job_proposals, "job_proposal", value->id, value);
  }
  absl::StatusOr<int> Prune(absl::string_view rule, int keep, absl::Time events_before,
                            absl::Time counts_before, int limit) override {
    std::vector<std::string> ids;
    const std::vector<JobProposal> ended = memory::Select(
        t_.job_proposals, [&](const JobProposal& p) { return p.rule == rule && !p.IsOpen(); });
    for (int i = static_cast<int>(ended.size()) - keep - 1; i >= 0; --i) ids.push_back(ended[i].id);
    if (static_cast<int>(ids.size()) > limit) ids.resize(limit);
    std::erase_if(ids, [&](const std::string& id) {
      return t_.job_proposals.rows().at(id).event_time >= events_before;
    });
    for (const std::string& id : ids) t_.job_proposals.Mutable().erase(id);
    int pruned = static_cast<int>(ids.size());
    for (const EventRuleCount& count : memory::Select(t_.rule_counts, [&](const EventRuleCount& c) {
           return c.rule == rule && c.update_time < counts_before;
         })) {
      t_.rule_counts.Mutable().erase(count.id);
      ++pruned;
    }
    return pruned;
  }

 private:
  MemoryStore::Tables& t_;
};

}  // namespace dbfleet::controller
