// The rule "promotion" (policy.h).
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/duration_text.h"
#include "controller/policy/rules.h"

namespace dbfleet::controller {
namespace {

// Which change to take back and to apply again differs by version: folders of migrations grow, and
// the newest change applied only what was new.
std::string WhyNotRehearsed(const PolicyInput& input, const std::string& which) {
  const PolicyInput::Promotion& record = input.promotion;
  std::map<std::string, std::vector<std::string>> by_change;
  for (const std::string& version : input.versions) {
    if (record.rehearsed.count(version) != 0) continue;
    const auto newest = record.newest.find(version);
    by_change[newest == record.newest.end() ? "" : newest->second.job].push_back(version);
  }
  if (input.versions.empty() && record.rehearsed.empty()) by_change[record.job];
  // Newest first, in which order they can be taken back: nothing is taken out below what is
  // applied.
  constexpr size_t kMostNamed = 5;
  std::vector<std::string> words;
  for (auto group = by_change.rbegin(); group != by_change.rend(); ++group) {
    const auto& [change, versions] = *group;
    if (words.size() == kMostNamed) {
      words.push_back(absl::StrCat("and so for ", by_change.size() - kMostNamed, " changes more"));
      break;
    }
    const std::string job = change == record.job ? which : absl::StrCat("jobs/", change);
    if (change.empty()) {
      words.push_back(absl::StrCat(
          "no change there, within that time, applied ", Some(versions),
          " with the same files: apply it there to a target that lacks it, roll that back, and "
          "apply it there again"));
    } else if (!versions.empty() && !record.newest.at(versions.front()).applied) {
      words.push_back(
          absl::StrCat(job, " took back ", Some(versions), " there; apply it there again"));
    } else {
      words.push_back(
          absl::StrCat(job, versions.empty() ? "" : absl::StrCat(", for ", Some(versions), ","),
                       " was no rehearsal: roll it back there (dbfleet change rollback ", change,
                       "), and apply it there again"));
    }
  }
  return absl::StrJoin(words, "; ");
}

std::string WhyNotPromoted(const PolicyInput& input) {
  const PromotionPolicy& policy = input.policy.promotion;
  const PolicyInput::Promotion& record = input.promotion;
  if (input.job.content_digest.empty()) {
    return "it was submitted to a version that did not compare changes; submit it again";
  }
  if (record.job.empty()) {
    return "no change with the same files was applied there; submit it there first";
  }
  const std::string which = absl::StrCat("jobs/", record.job, " of ", Moment(record.end_time));
  if (!record.applied) {
    return absl::StrCat(which, " took it back there, or a part of it; apply it there again");
  }
  if (input.now - record.end_time > policy.within) {
    return absl::StrCat(which, " is too long ago; roll it back there and apply it again");
  }
  if (!policy.rehearsal) return "";
  return WhyNotRehearsed(input, which);
}

}  // namespace

void CheckPromotion(const PolicyInput& input, std::vector<PolicyBlocker>* blockers) {
  if (!PromotionCounts(input.job, input.policy)) return;
  const std::string why = WhyNotPromoted(input);
  if (why.empty()) return;
  const PromotionPolicy& policy = input.policy.promotion;
  blockers->push_back(
      {"promotion",
       absl::StrCat("a change in ", input.job.environment, " has to have succeeded in ",
                    policy.from, policy.rehearsal ? ", with its rollback rehearsed," : "",
                    " within ", DurationText(policy.within), ": ", why),
       input.job.state == JobState::kPlanning});
}

bool PromotionCounts(const Job& job, const EnvironmentPolicy& policy) {
  return job.kind == JobKind::kMigrate && job.rollback_of.empty() && !policy.promotion.from.empty();
}

PolicyInput::Promotion PromotionOf(absl::Span<const PastChange> past, absl::Time now,
                                   absl::Duration within) {
  PolicyInput::Promotion record;
  if (past.empty()) return record;
  record.job = past.front().job;
  record.end_time = past.front().end_time;
  record.applied = past.front().applied;
  // Per version, newest first: applied, taken back, applied.
  std::map<std::string, int> found;
  for (const PastChange& change : past) {
    if (now - change.end_time > within) break;
    for (const std::string& version : change.versions) {
      record.newest.try_emplace(version, PolicyInput::Promotion::Step{change.job, change.applied});
      if (!change.whole || !record.newest.at(version).applied) continue;
      int& steps = found[version];
      if (steps < 3 && change.applied == (steps % 2 == 0)) ++steps;
      if (steps == 3) record.rehearsed.insert(version);
    }
  }
  return record;
}

}  // namespace dbfleet::controller
