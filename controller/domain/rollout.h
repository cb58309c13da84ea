#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// How a change goes over its targets: in waves, one after the other. Part of the domain's types
// (types.h), with its arithmetic as pure functions.
namespace dbfleet::controller {

// What becomes of a change when more targets have failed than it may bear.
enum class OnFailure {
  kStop,      // What has not begun is skipped, what runs ends.
  kPause,     // Nothing further begins; a person resumes or cancels it.
  kRollback,  // As kStop; then what it applied is taken back by a change of its own.
};

// As it was asked for; part of what people approve.
struct Rollout {
  // The sizes of the waves in turn: "3" targets, or "25%" of all targets, rounded up. The last one
  // repeats until all targets are covered. Empty: one wave.
  std::vector<std::string> waves;
  absl::Duration pause_between = absl::ZeroDuration();  // From the end of a wave to the next.
  int failures_tolerated = 0;                           // Targets that may fail.
  OnFailure on_failure = OnFailure::kStop;
  // Between two waves each target that was changed is checked, and has to be well.
  bool health_check = true;

  bool operator==(const Rollout&) const = default;
};

// Where it stands. Waves count from 0.
struct RolloutProgress {
  int wave = 0;                                // The last one that was let begin.
  int ended = 0;                               // So many are over.
  absl::Time end_time = absl::InfinitePast();  // When the last of those ended.
  std::string check_job;  // Looks whether the targets are well after it; "" if none does yet.
  int forgiven = 0;       // Failures that a person has accepted.

  bool operator==(const RolloutProgress&) const = default;
};

inline constexpr int kMostWaves = 1000;
inline constexpr absl::Duration kLongestPauseBetween = absl::Hours(30 * 24);

// How many targets each wave has; their sum is `targets` (at least 1). INVALID_ARGUMENT (BAD_WAVES)
// for a size that is none, or more than kMostWaves.
absl::StatusOr<std::vector<int>> WaveSizes(const std::vector<std::string>& waves, int targets);

// How many of `targets` may fail by a budget "2" or "10%" (rounded down, so that it is never more
// than it says); "" is none. INVALID_ARGUMENT (BAD_FAILURE_BUDGET).
absl::StatusOr<int> FailuresTolerated(absl::string_view budget, int targets);

// INVALID_ARGUMENT (BAD_PAUSE).
absl::Status CheckPauseBetween(absl::Duration pause);

// Have more failed than may, beside those that a person has accepted?
bool BudgetSpent(const Rollout& rollout, const RolloutProgress& progress, int failed);

// Its part of the digest, with the window that carries the change, "" if none does: when it runs is
// approved with how. "max_parallel=N" alone for one in one wave without a budget, as before there
// were waves.
std::string RolloutText(const Rollout& rollout, int max_parallel, absl::string_view window = "");

}  // namespace dbfleet::controller
