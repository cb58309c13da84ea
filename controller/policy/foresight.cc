#include "controller/policy/foresight.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "controller/policy/rules.h"

namespace dbfleet::controller {
namespace {

std::string Opening(const PolicyDecision& decision) {
  return absl::StrCat("the next opening at ", Moment(decision.opens));
}

// The words of a rule that blocks; "" if it does not.
std::string WordsOf(const PolicyDecision& decision, absl::string_view rule) {
  const auto found =
      std::find_if(decision.blockers.begin(), decision.blockers.end(),
                   [&](const PolicyBlocker& blocker) { return blocker.rule == rule; });
  return found == decision.blockers.end() ? std::string() : found->message;
}

// The digits of a digest that the command line shows and takes.
constexpr size_t kShortDigest = 12;

bool Waived(const PolicyDecision& decision, absl::string_view rule) {
  return std::find(decision.waived.begin(), decision.waived.end(), rule) != decision.waived.end();
}

void ForeseeApprovals(const Job& job, const PolicyDecision& decision, const PolicyDecision& then,
                      absl::Time now, std::vector<PolicyBlocker>* foreseen) {
  const std::string command = absl::StrCat(
      "dbfleet change approve ", job.id,
      job.digest.empty() ? "" : absl::StrCat(" --digest ", job.digest.substr(0, kShortDigest)),
      " --reason REASON");
  // Given from then on, an approval lasts until the opening.
  const absl::Time lasting = decision.opens - decision.approval_ttl;
  if (decision.BlockedBy("approvals")) {
    if (decision.refused() || now > lasting) return;
    foreseen->push_back(
        {"approvals",
         absl::StrCat("an approval that is given now expires at ",
                      Moment(now + decision.approval_ttl), ", before ", Opening(decision),
                      "; approve it after ", Moment(lasting), ": ", command),
         false});
    return;
  }
  if (!then.BlockedBy("approvals")) return;
  if (Waived(decision, "approvals")) {
    if (now > lasting) {
      foreseen->push_back({"approvals",
                           absl::StrCat("that approvals are waived ends before ", Opening(decision),
                                        "; ask for approvals: ", command),
                           false});
      return;
    }
    foreseen->push_back({"approvals",
                         absl::StrCat("that approvals are waived ends before ", Opening(decision),
                                      "; ask for approvals after ", Moment(lasting), ": ", command),
                         false});
    return;
  }
  std::vector<std::string> lapsing;
  for (const Approval& approval : decision.counted) {
    if (approval.expire_time > decision.opens) continue;
    lapsing.push_back(
        absl::StrCat("of ", approval.principal, " at ", Moment(approval.expire_time)));
  }
  if (lapsing.empty()) return;
  foreseen->push_back(
      {"approvals",
       absl::StrCat(lapsing.size() == 1 ? "the approval " : "approvals expire: ",
                    lapsing.size() == 1 ? absl::StrCat(lapsing[0], " expires")
                                        : absl::StrJoin(lapsing, ", "),
                    ", before ", Opening(decision), "; ask for a new one after ",
                    Moment(std::max(lasting, now)), " (", command,
                    "); the same person can give it once the present one has expired or was taken "
                    "back"),
       false});
}

}  // namespace

bool WaitsForKnownTime(const PolicyDecision& decision, absl::Time now) {
  return decision.BlockedByTime() && decision.opens > now &&
         decision.opens != absl::InfiniteFuture();
}

std::vector<PolicyBlocker> Foresee(const Job& job, const PolicyDecision& decision,
                                   const PolicyDecision& then, absl::Time now) {
  std::vector<PolicyBlocker> foreseen;
  if (!WaitsForKnownTime(decision, now)) return foreseen;
  if (job.expire_time <= decision.opens) {
    foreseen.push_back(
        {"expiry",
         absl::StrCat("it expires at ", Moment(job.expire_time), ", before ", Opening(decision),
                      ", and does not begin then; submit it "
                      "again with a later expiry, or ask for an earlier window"),
         false});
    return foreseen;  // What else would be missing then is no matter.
  }
  ForeseeApprovals(job, decision, then, now, &foreseen);
  if (!decision.BlockedBy("promotion") && then.BlockedBy("promotion")) {
    foreseen.push_back({"promotion",
                        absl::StrCat("at ", Opening(decision),
                                     " it is no longer promoted: ", WordsOf(then, "promotion")),
                        false});
  }
  return foreseen;
}

}  // namespace dbfleet::controller
