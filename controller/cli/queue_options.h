#pragma once

#include <string>

#include "absl/time/time.h"

#include "controller/cli/commands.h"
#include "dbfleet/api/v1/job_service.pb.h"

namespace dbfleet::cli {

// --window, --priority and --estimate of commands that submit a job.
struct QueueOptions {
  std::string window;
  int priority = 0;         // 0: not given.
  absl::Duration estimate;  // 0: not given.
};
void AddQueueOptions(CLI::App* command, QueueOptions* options);
api::v1::QueuePlace PlaceOf(const QueueOptions& options);

// "maintenancewindows/nightly, priority 80, takes 40m (declared)".
std::string DescribePlace(const api::v1::QueuePlace& place);

void AddQueue(CLI::App& window, Shell& shell);      // `window queue`.
void AddReprioritize(CLI::App& job, Shell& shell);  // `job reprioritize`.

}  // namespace dbfleet::cli
