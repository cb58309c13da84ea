#include "controller/schedules/overlap.h"

namespace dbfleet::controller {
namespace {

OverlapDecision Skip(absl::string_view reason, absl::string_view message) {
  return {BeginStep::kSkip, reason, message};
}

}  // namespace

OverlapDecision DecideNew(Overlap overlap, const OpenOccurrencesOf& open) {
  switch (overlap) {
    case Overlap::kSkip:
      if (open.running > 0) return Skip("OVERLAP", "an earlier run has not ended");
      return {};
    case Overlap::kQueueOne:
      if (open.waiting > 0) return Skip("QUEUE_FULL", "another run waits already");
      if (open.running > 0) return {BeginStep::kWait, "", ""};
      return {};
    case Overlap::kAllow:
      if (open.running >= kMostRunning) {
        return Skip("TOO_MANY_RUNNING", "100 earlier runs have not ended");
      }
      return {};
    case Overlap::kCancelRunning:
      if (open.running > 0) return {BeginStep::kBeginAndCancel, "", ""};
      return {};
  }
  return Skip("OVERLAP", "an earlier run has not ended");
}

OverlapDecision DecideWaiting(Overlap overlap, const OpenOccurrencesOf& open, bool missed) {
  if (open.running == 0) return {};
  if (overlap == Overlap::kAllow && open.running < kMostRunning) return {};
  if (overlap == Overlap::kCancelRunning && !missed) return {BeginStep::kBeginAndCancel, "", ""};
  return {BeginStep::kWait, "", ""};
}

}  // namespace dbfleet::controller
