#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "controller/jobs/job_manager.h"
#include "controller/resources/scheduled_job.h"
#include "controller/store/store.h"
#include "dbfleet/resource/v1/resource.pb.h"

// The jobs that schedules and rules declare, on their way to JobManager.
namespace dbfleet::controller {

// One target of such a job, looked at on a reader.
struct PreparedTarget {
  Instance instance;
  std::string backup_id;  // Of a verification.
  absl::Status refusal;   // Why it gets no job, if so.
};

// Finds what the job takes. Why the target gets none, as far as that shows before it is made.
absl::Status PrepareJob(ReadTx& tx, const resource::v1::ScheduledJob& job,
                        absl::string_view environment, PreparedTarget* target);

// Inserts it (JobManager) and gives its id. A backup says `reason`.
absl::StatusOr<std::string> InsertDeclaredJob(JobManager& jobs, FlowContext& context,
                                              const RequestMeta& meta,
                                              const resource::v1::ScheduledJob& job,
                                              const PreparedTarget& target,
                                              const std::string& reason);

}  // namespace dbfleet::controller
