#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "controller/domain/approval_policy.h"
#include "controller/domain/break_glass.h"
#include "controller/store/store.h"
#include "dbfleet/resource/v1/break_glass.pb.h"

// What is waived, as it stands, inside of a transaction; controller/resources/break_glass.h has
// what people do about it.
namespace dbfleet::controller {

// Rows beside the declared resources, one for each job for which the glass was broken.
inline constexpr absl::string_view kBrokenGlassKind = "BrokenGlass";

std::string GlassRowOf(const std::string& job_id);

struct StoredGlass {
  Resource row;  // Version 0: there is none.
  resource::v1::BrokenGlass glass;
};
// DATA_LOSS (STORE_CORRUPT).
absl::StatusOr<StoredGlass> LoadGlass(ReadTx& tx, const std::string& job_id);
// Those that cannot be read are left out.
absl::Status ForEachGlass(ReadTx& tx,
                          const std::function<void(const resource::v1::BrokenGlass&)>& fn);

// What is waived for the job, for JobFlow: by the last time that the glass was broken for it. No
// union of several: each time is judged, and reviewed, as a whole. Nothing, as long as WhyVoid.
absl::StatusOr<std::optional<Waiver>> ReadWaiver(ReadTx& tx, const std::string& job_id);

// What somebody wants to waive, or has waived.
struct WaiverAsk {
  std::string principal;
  std::string environment;
  std::vector<std::string> rules;
  absl::Duration duration;
  // Policies count as they were then: one that was declared or changed afterwards permits what
  // comes, not what was done.
  absl::Time when = absl::InfiniteFuture();
  std::set<std::string> without;  // Policies as if they were not there: "breakglasspolicies/ops".
};
// The policy by which it may be done. PERMISSION_DENIED (NO_BREAK_GLASS).
absl::StatusOr<BreakGlassPolicy> PermitWaiver(ReadTx& tx, const WaiverAsk& ask);

// Why the episode waives nothing, its time and the plan aside; "" if it does. A waiver is at least
// as strong as the approvals that it stands for, and ends with what those end with: whose token was
// revoked or account disabled may not have broken the glass himself. Nor does it outlive the policy
// that permitted it, and does not come back with another one, nor with a role (EndVoidWaivers).
absl::StatusOr<std::string> WhyVoid(ReadTx& tx, const std::string& environment,
                                    const resource::v1::GlassEpisode& episode);

// The last episodes that are not over, of changes that go on as they were then, as long as `is_one`
// says yes: "jobs/..." in no order. Whether they are void is not asked.
absl::StatusOr<std::vector<std::string>> ChangesWithWaivers(
    ReadTx& tx, absl::Time now,
    const std::function<bool(const std::string& environment, const resource::v1::GlassEpisode&)>&
        is_one);

// The changes whose waivers end where these policies are changed or deleted: "jobs/...", each that
// no other policy permits.
absl::StatusOr<std::vector<std::string>> WaiversOnlyBy(ReadTx& tx,
                                                       const std::set<std::string>& policies,
                                                       absl::Time now);

// Part of every transaction that changes who has which role, or enables an account, before it does:
// ends for good, with its audit record, what is void at that time. A role that is taken away and
// given again, by whomever, permits what comes.
absl::Status EndVoidWaivers(WriteTx& tx, absl::Time now);

// Ends the last episode for good, by whom and why. To be stored.
void EndEpisode(const std::string& ender, const std::string& reason, absl::Time now,
                resource::v1::GlassEpisode* episode);
absl::Status SaveGlass(WriteTx& tx, const std::string& job_id, const std::string& editor,
                       absl::Time now, StoredGlass* stored);

// Says so where people see it, of the last episode unless it is over or was ended.
absl::Status ShowVoid(ReadTx& tx, absl::Time now, resource::v1::BrokenGlass* glass);

// What was ever waived for the job, as it is shown; nullopt: nothing. DATA_LOSS (STORE_CORRUPT).
absl::StatusOr<std::optional<resource::v1::BrokenGlass>> BrokenGlassOf(ReadTx& tx,
                                                                       const std::string& job_id,
                                                                       absl::Time now);

}  // namespace dbfleet::controller
