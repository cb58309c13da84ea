// How a job ends before its time, and with it the backup that was taken for it.
#pragma once

#include <string>

#include "absl/status/status.h"

#include "controller/domain/types.h"
#include "controller/jobs/job_flow.h"

namespace dbfleet::controller {

// What has not begun ends now; what runs is asked to stop, and has the last word.
absl::Status EndCancelled(const JobFlow& flow, FlowContext& context, Job job);

// By the end of the window in which it began (EndsWithItsWindow): the job is cancelled in the name
// of nobody, with its backup.
absl::Status CancelClosed(const JobFlow& flow, FlowContext& context, const std::string& job_id,
                          const std::string& why);

// The backup that only this change wanted, unless it has ended: with the change's work, or in other
// `words`.
absl::Status CancelGate(const JobFlow& flow, FlowContext& context, const Job& change,
                        const std::string& reason);
absl::Status EndGate(const JobFlow& flow, FlowContext& context, const Job& change,
                     const std::string& reason, const std::string& words);

// How the words end with which a backup is paused because its change is. By them it is known again:
// one that a person paused by itself is that person's, whatever becomes of the change.
std::string PausedWith(const Job& change);
bool IsPausedWith(const Job& change, const Job& gate);

// Of a change that has ended. A backup that goes on ends by itself, and is a backup; one that was
// paused with the change would stay so for ever, as nobody resumes what it was paused with.
absl::Status CancelPausedGate(const JobFlow& flow, FlowContext& context, const Job& change);

}  // namespace dbfleet::controller
