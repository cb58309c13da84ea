#pragma once

#include "absl/status/status.h"

#include "dbfleet/api/v1/job_service.pb.h"

// What the process's exit code says; docs/reference/cli.md is the promise.
namespace dbfleet::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotAuthorised = 4;
inline constexpr int kExitRefused = 5;
inline constexpr int kExitConflict = 6;
inline constexpr int kExitUnreachable = 7;
inline constexpr int kExitPending = 8;
inline constexpr int kExitWaitTimedOut = 9;
inline constexpr int kExitInterrupted = 130;

// For an error of the controller or of this host's files.
int ExitCodeOf(const absl::Status& status);

bool IsTerminal(api::v1::Job::State state);

// For a job that has been waited for: kExitPending when it is not terminal.
int ExitCodeOf(const api::v1::Job& job);

}  // namespace dbfleet::cli
