#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/cli/shell.h"
#include "dbfleet/api/v1/job_service.pb.h"

namespace dbfleet::cli {

struct WaitOptions {
  bool wait = false;
  absl::Duration timeout = absl::InfiniteDuration();
  // False: end with kExitPending as soon as only a person can make the job go on.
  bool block = true;
};

// Is it paused between two waves, or until its window opens, and goes on by itself?
bool WaitsForTime(const api::v1::Job& job);

// Reads the job, then follows it until it has ended, showing its progress on stderr: one line that
// changes on a terminal, otherwise a line per change of state. A broken stream is opened again.
// Returns the exit code; `*job` is the last state seen. What went wrong has been said on stderr.
int WaitForJob(Shell& shell, const std::string& name, const WaitOptions& options,
               api::v1::Job* job);

// What every command that makes or changes a job ends with: shows the error, or waits if asked to,
// and prints the job (for people: its results, when it has any).
int FinishJobCommand(Shell& shell, const absl::StatusOr<api::v1::Job>& job,
                     const WaitOptions& options);

}  // namespace dbfleet::cli
