#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/time/clock.h"
#include "controller/identity/rights.h"
#include "controller/jobs/job_manager.h"
#include "controller/resources/advice.h"
#include "controller/resources/apply.h"
#include "controller/resources/manifest.h"
#include "controller/resources/view.h"
#include "controller/store/store.h"
#include "controller/windows/cover.h"
#include "dbfleet/resource/v1/proposal.pb.h"

namespace dbfleet::controller {

// One window's or freeze's stretch of time.
struct WindowOccurrence {
  const DeclaredWindow* declared = nullptr;
  Span span;
  FreezeCover cover;  // Of a window's: the freezes over it.
};

struct WindowOccurrences {
  std::shared_ptr<const WindowBook> book;  // Holds what `items` point to.
  std::vector<WindowOccurrence> items;
  bool more = false;  // The limit cut it short.
};

// Keeps what `dbfleet apply` declares. Every change is one transaction with its audit records.
// Thread-safe; not to be called from the store's writer thread.
class ResourceManager {
 public:
  // `roles_changed` is called after each commit that changed a RoleBinding; `check_route` on the
  // thread of whoever applies.
  ResourceManager(Store& store, Clock& clock, std::function<void()> roles_changed = nullptr,
                  RouteCheck check_route = nullptr)
      : store_(store),
        clock_(clock),
        roles_changed_(std::move(roles_changed)),
        check_route_(std::move(check_route)) {}

  // All of them or none. INVALID_ARGUMENT: see ParseManifests; BAD_WINDOW; CheckReferences.
  // Applying the same again changes nothing, so a retry is harmless. With `dry_run` nothing is
  // changed. What would loosen a policy for which there is a quorum is proposed to it instead
  // (proposals.h): then `proposal` says so, and the changes are as they would be.
  // FAILED_PRECONDITION (QUORUM_UNFILLABLE): it would demand more people than there are, which a
  // dry run tells as well; and see LookAhead, from which the changes' warnings are.
  // PERMISSION_DENIED (ROLE_MISSING) for what lies beyond `rights`, also if it would only be
  // proposed, here and below; what they may not see is as if it were not there.
  absl::StatusOr<std::vector<ResourceChange>> Apply(
      const RequestMeta& meta, absl::Span<const ManifestText> texts, bool dry_run,
      const std::string& reason, const Rights& rights = Rights::All(),
      std::optional<resource::v1::Proposal>* proposal = nullptr);

  absl::StatusOr<ResourceView> Get(absl::string_view id, const Rights& rights = Rights::All());
  // Of a kind, or of all: "". Environments come first, all of them on the first page.
  absl::StatusOr<Page<ResourceView>> List(absl::string_view kind, const PageRequest& page,
                                          const Rights& rights = Rights::All());

  // `version` 0: whatever it is now. ABORTED (STALE); FAILED_PRECONDITION (ENVIRONMENT_STAYS). A
  // repeated request with the same id gives the same answer. Proposed as above. With `dry_run`
  // nothing is changed, and the proposal that would be made has no name.
  absl::StatusOr<ResourceView> Delete(const RequestMeta& meta, absl::string_view id,
                                      uint64_t version, const std::string& reason,
                                      const Rights& rights = Rights::All(),
                                      std::optional<resource::v1::Proposal>* proposal = nullptr,
                                      bool dry_run = false);

  // Those that overlap [from, until) and concern any of the environments, in the order of their
  // begins; at most `limit`. Freezes count over what is left of an opening from `from` on, in these
  // environments.
  absl::StatusOr<WindowOccurrences> Occurrences(const EnvironmentFilter& environments,
                                                absl::Time from, absl::Time until, size_t limit);

 private:
  Store& store_;
  Clock& clock_;
  const std::function<void()> roles_changed_;
  const RouteCheck check_route_;
};

}  // namespace dbfleet::controller
