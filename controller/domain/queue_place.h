#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// A job's place in the queue of a maintenance window. Part of the domain's types (types.h).
namespace dbfleet::controller {

// Where the time that a job is expected to take comes from.
enum class EstimateSource {
  kAssumed,   // Nothing is known: kAssumedWork for each target.
  kDeclared,  // Its requester said so.
  kLearned,   // The longest that the same took in its last runs.
};

// Priorities are Nomad's: 1 to 100, a higher one first.
inline constexpr int kLowestPriority = 1;
inline constexpr int kHighestPriority = 100;
inline constexpr int kDefaultPriority = 50;

// Of work of which nothing is known, on one target. What turns out shorter is learned from; what
// was taken for short and is not would run over the window's end.
inline constexpr absl::Duration kAssumedWork = absl::Minutes(30);

struct QueuePlace {
  std::string window;  // The name of the MaintenanceWindow that carries it; "": it is in no queue.
  int priority = kDefaultPriority;
  absl::Duration estimate = absl::ZeroDuration();  // Of the whole job.
  EstimateSource source = EstimateSource::kAssumed;
  int runs = 0;  // kLearned: from so many.
  // The end of the occurrence in which it was let begin, or go on, last.
  absl::Time until = absl::InfinitePast();

  bool operator==(const QueuePlace&) const = default;
};

}  // namespace dbfleet::controller
