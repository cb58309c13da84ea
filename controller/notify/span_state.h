#pragma once

#include <string>

#include "absl/time/time.h"

#include "controller/notify/span_calls.h"
#include "dbfleet/store/v1/window_state.pb.h"

// What is to be done next about one silence or annotation, and what an answer changes: pure
// functions, apart from the keeper (span_keeper.h) that stores and sends.
namespace dbfleet::controller {

struct SpanState {
  store::v1::FollowedSpan span;  // As it is, or is to be, stored.
  bool dirty = false;            // It differs from what is stored.
  bool was_read = false;         // kRead told `start`, and nothing was sent since.
  std::string start;
  int failures = 0;   // In a row.
  std::string error;  // Of the last attempt; "" if it went well.
};

// An end that its receiver does not take is given up.
inline constexpr absl::Duration kMostSpanTrouble = absl::Hours(24);

absl::Time EndOf(const store::v1::FollowedSpan& span);  // InfiniteFuture while nobody knows.

enum class SpanNext { kNothing, kCall, kForget };
SpanNext DecideSpan(const SpanState& state, absl::Time now, SpanStep* step);

// Before the request: what it says, and whether nobody knows what it came to until its answer.
void PrepareSpan(SpanStep step, absl::Time now, SpanState* state);

void TakeSpanAnswer(SpanStep step, const SpanAnswer& answer, SpanState* state);

// An answer with this HTTP status, 0 for none. True: what was refused need not be tried again.
bool TakeSpanRefusal(SpanStep step, int code, SpanState* state);

// Receivers keep milliseconds.
inline absl::Time WholeMillis(absl::Time time) {
  return absl::FromUnixMillis(absl::ToUnixMillis(time));
}

}  // namespace dbfleet::controller
