#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"

#include "common/time/clock.h"
#include "controller/jobs/job_manager.h"
#include "controller/store/store.h"
#include "dbfleet/api/v1/job_service.pb.h"

namespace dbfleet::controller {

// Reads jobs as the API shows them: with tasks, attempts and everything that blocks them.
// Thread-safe.
class JobViews {
 public:
  JobViews(Store& store, JobManager& jobs, Clock& clock, JobManager::WhyNoWork why_no_work)
      : store_(store), jobs_(jobs), clock_(clock), why_no_work_(std::move(why_no_work)) {}

  // `name` is "jobs/J". NOT_FOUND (JOB_NOT_FOUND). For whoever asks how it stands: with those who
  // could approve it, for which all users are looked at.
  absl::StatusOr<api::v1::Job> ByName(const std::string& name) const;
  // Without: the answer of what was done to it, and each of a watch's pictures.
  absl::StatusOr<api::v1::Job> ById(const std::string& id) const;
  absl::StatusOr<api::v1::Job> Of(const JobPicture& picture) const;
  const JobManager::WhyNoWork& why_no_work() const { return why_no_work_; }
  // `only_changes` limits the listing to migrations, `visible` one that names no environment.
  absl::Status List(const api::v1::ListJobsRequest& request, const EnvironmentFilter& visible,
                    bool only_changes, api::v1::ListJobsResponse* response) const;

 private:
  absl::StatusOr<api::v1::Job> Read(const std::string& id, bool with_candidates) const;

  Store& store_;
  JobManager& jobs_;
  Clock& clock_;
  const JobManager::WhyNoWork why_no_work_;
};

// NOT_FOUND (UNKNOWN_ENVIRONMENT) for a filter that names no environment; "" is none.
absl::Status CheckEnvironmentFilter(ReadTx& tx, const std::string& environment);

// "environments/x", "x" or "" to "x".
std::string EnvironmentId(const std::string& name);

}  // namespace dbfleet::controller
