#include "controller/jobs/agent_ability.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "common/plan/abilities.h"

namespace dbfleet::controller {

absl::StatusOr<std::string> WhyAgentsAreTooOld(ReadTx& tx, const PolicyInput& input,
                                               const PolicyDecision& decision) {
  constexpr size_t kMostNamed = 5;
  if (decision.backups.empty() && !decision.BlockedBy("verified-backup")) return std::string();
  std::set<std::string> seen;
  std::vector<std::string> old;
  for (const PolicyInput::Target& target : input.targets) {
    if (!seen.insert(target.agent_id).second) continue;
    ASSIGN_OR_RETURN(const Agent agent, tx.GetAgent(target.agent_id));
    const auto& can = agent.capabilities;
    if (std::find(can.begin(), can.end(), kLooksForBackup) != can.end()) continue;
    old.push_back(absl::StrCat("agents/", agent.id));
  }
  if (old.empty()) return std::string();
  const size_t more = old.size() - std::min(old.size(), kMostNamed);
  const bool one = old.size() == 1;
  old.resize(old.size() - more);
  return absl::StrCat(absl::StrJoin(old, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "", one ? " is" : " are",
                      " too old to look whether the backup is there on which the change rests: "
                      "upgrade ",
                      one ? "it" : "them");
}

}  // namespace dbfleet::controller
