#pragma once

#include "controller/domain/types.h"
#include "controller/policy/policy.h"

namespace dbfleet::controller {

// Paused by the policy and not by a person.
bool IsPausedByItself(const Job& job);

// A change under way that its window's end cancels.
bool EndsWithItsWindow(const Job& job);
// By this word on it: now. A freeze lets go on what runs, and holds up the rest.
bool HasClosed(const PolicyDecision& decision);

// Job.error_reason of a job that is paused until its next window.
inline constexpr char kWindowClosed[] = "WINDOW_CLOSED";
// The same of one that a person has to resume: the policy does not allow the rest, or the backup
// for it failed.
inline constexpr char kBlockedByPolicy[] = "BLOCKED_BY_POLICY";
inline constexpr char kGateFailed[] = "BACKUP_GATE_FAILED";
// The same of one that waits between two waves, and of those that a person has to resume: targets
// are not well after a wave; more have failed than the rollout tolerates.
inline constexpr char kBetweenWaves[] = "BETWEEN_WAVES";
inline constexpr char kWaveUnwell[] = "WAVE_UNWELL";
inline constexpr char kFailureBudget[] = "FAILURE_BUDGET";

}  // namespace dbfleet::controller
