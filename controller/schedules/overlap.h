#pragma once

#include "absl/strings/string_view.h"

// Which occurrence of a schedule may begin beside others: pure.
namespace dbfleet::controller {

// What an occurrence does when an earlier one of the same schedule has not ended.
enum class Overlap { kSkip, kQueueOne, kAllow, kCancelRunning };

// The schedule's other open occurrences.
struct OpenOccurrencesOf {
  int running = 0;  // Begun, and not over.
  int waiting = 0;  // Not begun; without missed ones, which stand in no one's way.
};

enum class BeginStep {
  kBegin,
  kBeginAndCancel,  // Begin, and in the same transaction decide that what runs is cancelled.
  kWait,
  kSkip,
};

struct OverlapDecision {
  BeginStep step = BeginStep::kBegin;
  absl::string_view reason;   // Of a skip: "OVERLAP".
  absl::string_view message;  // The same for people.
};

// So many run beside each other at most, also where that is allowed.
inline constexpr int kMostRunning = 100;

// Of one whose time has come just now, or that a person asks for.
OverlapDecision DecideNew(Overlap overlap, const OpenOccurrencesOf& open);

// Of one that has waited, the oldest that does. A missed one never begins beside others (unless
// that is allowed) and never cancels them: what it makes up for is not worth the present run.
OverlapDecision DecideWaiting(Overlap overlap, const OpenOccurrencesOf& open, bool missed);

}  // namespace dbfleet::controller
