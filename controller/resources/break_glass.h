#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/time/clock.h"
#include "controller/identity/rights.h"
#include "controller/jobs/job_hub.h"
#include "controller/jobs/job_manager.h"
#include "controller/resources/waiver.h"
#include "controller/store/store.h"
#include "dbfleet/resource/v1/break_glass.pb.h"

namespace dbfleet::controller {

// Breaks the glass, ends that and reviews it (requirement P4). Thread-safe; not to be called from
// the store's writer thread.
class BreakGlass {
 public:
  // `on_change` is told how many reviews are open.
  BreakGlass(Store& store, const JobFlow& flow, JobHub& hub, Clock& clock,
             std::function<void(int open)> on_change)
      : store_(store), flow_(flow), hub_(hub), clock_(clock), on_change_(std::move(on_change)) {}

  struct Request {
    std::string job_id;
    std::vector<std::string> waives;
    absl::Duration duration;
    std::string reason;
    std::string digest;  // "": the job's, whatever it is.
  };
  // The record is committed before the job is looked at again. PERMISSION_DENIED
  // (NO_BREAK_GLASS) if no policy lets the caller waive all of that for so long; (REVIEW_OVERDUE)
  // while a review of the caller's own is overdue. FAILED_PRECONDITION: BAD_STATE unless the job is
  // planned and waits; GLASS_BROKEN if it was broken for this very plan and nobody has reviewed
  // that. A repetition of the request id gives the same answer.
  absl::StatusOr<resource::v1::BrokenGlass> Break(const RequestMeta& meta, const Request& request);

  // Takes away what the last of them waived, before its time. PERMISSION_DENIED (ROLE_MISSING) for
  // who is neither operator, approver nor auditor in the job's environment by `rights`;
  // FAILED_PRECONDITION (NOTHING_TO_END) if nobody broke it, or its time is over. Ending twice
  // changes nothing.
  absl::StatusOr<resource::v1::BrokenGlass> End(const RequestMeta& meta, const std::string& job_id,
                                                const std::string& reason,
                                                const Rights& rights = Rights::All());

  // Of all that nobody reviewed yet of the job. PERMISSION_DENIED (SELF_REVIEW) for who broke it,
  // and for who has an account, role or token from there; (ROLE_MISSING) for who is neither
  // approver nor auditor in the job's environment, and beyond `rights`.
  absl::StatusOr<resource::v1::BrokenGlass> Review(const RequestMeta& meta,
                                                   const std::string& job_id,
                                                   const std::string& reason,
                                                   const Rights& rights = Rights::All());

  // Of these environments. Pages may be shorter than asked for.
  absl::StatusOr<Page<resource::v1::BrokenGlass>> List(bool only_open, const PageRequest& page,
                                                       const EnvironmentFilter& where = {});

  // Counts the open reviews, for `on_change`.
  absl::Status Count();

 private:
  absl::Status LookAgain(const RequestMeta& meta, const std::string& job_id);

  Store& store_;
  const JobFlow& flow_;
  JobHub& hub_;
  Clock& clock_;
  const std::function<void(int open)> on_change_;
};

}  // namespace dbfleet::controller
