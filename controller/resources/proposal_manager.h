#pragma once

#include <functional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/time/clock.h"
#include "controller/identity/rights.h"
#include "controller/jobs/job_manager.h"
#include "controller/resources/proposals.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// What people do with proposals (proposals.h). Each call is one transaction with its audit records;
// the last approval that is needed applies the proposal in its own. Refusals are audited, too.
// Thread-safe; not to be called from the store's writer thread.
class ProposalManager {
 public:
  // `roles_changed` is called after each commit that may have changed a RoleBinding.
  ProposalManager(Store& store, Clock& clock, std::function<void()> roles_changed = nullptr)
      : store_(store), clock_(clock), roles_changed_(std::move(roles_changed)) {}

  // As `rights` let it be seen: proposal_access.h.
  absl::StatusOr<resource::v1::Proposal> Get(absl::string_view name,
                                             const Rights& rights = Rights::All());
  // Oldest first. Pages may be shorter than asked for.
  absl::StatusOr<Page<resource::v1::Proposal>> List(bool only_pending, const PageRequest& page,
                                                    const Rights& rights = Rights::All());

  // ABORTED (DIGEST_CHANGED) if `digest` is not the proposal's; FAILED_PRECONDITION (BAD_STATE) if
  // it has ended, by going stale too; PERMISSION_DENIED (SELF_APPROVAL, DEPENDENT_APPROVER,
  // NOT_AN_APPROVER; ROLE_MISSING beyond `rights`, which a token may have narrowed).
  absl::StatusOr<resource::v1::Proposal> Approve(const RequestMeta& meta, absl::string_view name,
                                                 const std::string& digest,
                                                 const std::string& reason,
                                                 const Rights& rights = Rights::All());
  absl::StatusOr<resource::v1::Proposal> Reject(const RequestMeta& meta, absl::string_view name,
                                                const std::string& reason,
                                                const Rights& rights = Rights::All());
  // The requester takes back the proposal, anybody else their approval of it.
  absl::StatusOr<resource::v1::Proposal> Withdraw(const RequestMeta& meta, absl::string_view name,
                                                  const std::string& reason,
                                                  const Rights& rights = Rights::All());

 private:
  Store& store_;
  Clock& clock_;
  const std::function<void()> roles_changed_;
};

}  // namespace dbfleet::controller
