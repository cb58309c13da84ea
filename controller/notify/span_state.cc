#include "controller/notify/span_state.h"

#include <algorithm>

#include "common/proto_time/proto_time.h"

namespace dbfleet::controller {
namespace {

using Span = store::v1::FollowedSpan;

absl::Time RemoteEndOf(const Span& span) {
  return span.has_remote_end() ? FromProto(span.remote_end()) : absl::InfinitePast();
}

absl::Duration LeaseOf(const Span& span) { return FromProto(span.spec().silences().lease()); }

SpanNext DecideSilence(const SpanState& row, absl::Time now, SpanStep* step) {
  const Span& span = row.span;
  const absl::Time remote_end = RemoteEndOf(span);
  if (span.over()) {
    // Of one that is there, or was, nobody may know until when.
    const bool unknown = !span.remote_id().empty() && !span.has_remote_end();
    const absl::Time sent_end = span.unsure() ? FromProto(span.sent_end()) : absl::InfinitePast();
    // It has ended by itself.
    if (!unknown && std::max(remote_end, sent_end) <= now) return SpanNext::kForget;
    if (span.unsure()) {
      *step = SpanStep::kFind;
      return SpanNext::kCall;
    }
    if (span.remote_id().empty()) return SpanNext::kForget;
    *step = (unknown || row.failures > 0) && !row.was_read ? SpanStep::kRead : SpanStep::kEnd;
    return SpanNext::kCall;
  }
  if (span.unsure()) {
    *step = SpanStep::kFind;
    return SpanNext::kCall;
  }
  if (EndOf(span) <= now) return SpanNext::kNothing;
  if (span.remote_id().empty()) {
    *step = SpanStep::kPut;
    return SpanNext::kCall;
  }
  const bool moves =
      span.has_end() ? remote_end != EndOf(span) : remote_end - now < LeaseOf(span) / 2;
  if (!moves && span.matchers() == span.remote_matchers()) return SpanNext::kNothing;
  *step = row.was_read ? SpanStep::kPut : SpanStep::kRead;
  return SpanNext::kCall;
}

SpanNext DecideAnnotation(const SpanState& row, absl::Time, SpanStep* step) {
  const Span& span = row.span;
  if (span.unsure()) {
    *step = SpanStep::kFind;
    return SpanNext::kCall;
  }
  // What was over before it could be shown is shown all the same.
  const bool moves = span.has_end() && RemoteEndOf(span) != EndOf(span);
  if (!span.remote_id().empty() && !moves)
    return span.over() ? SpanNext::kForget : SpanNext::kNothing;
  *step = span.over() && !span.remote_id().empty() ? SpanStep::kEnd : SpanStep::kPut;
  return SpanNext::kCall;
}

}  // namespace

absl::Time EndOf(const Span& span) {
  return span.has_end() ? FromProto(span.end()) : absl::InfiniteFuture();
}

SpanNext DecideSpan(const SpanState& row, absl::Time now, SpanStep* step) {
  const Span& span = row.span;
  if (span.over() && now - EndOf(span) >= kMostSpanTrouble) return SpanNext::kForget;
  if (span.let_go()) return span.over() ? SpanNext::kForget : SpanNext::kNothing;
  return span.receiver() == "silences" ? DecideSilence(row, now, step)
                                       : DecideAnnotation(row, now, step);
}

void PrepareSpan(SpanStep step, absl::Time now, SpanState* row) {
  if (step == SpanStep::kFind || step == SpanStep::kRead) return;
  Span& span = row->span;
  const bool silence = span.receiver() == "silences";
  if (span.has_end()) {
    *span.mutable_sent_end() = span.end();
  } else if (silence) {
    *span.mutable_sent_end() = ToProto(WholeMillis(now + LeaseOf(span)));
  } else {
    span.clear_sent_end();
  }
  if (step == SpanStep::kEnd) return;
  span.set_sent_matchers(span.matchers());
  // Moving an annotation makes nothing; moving a silence may.
  if (!silence && !span.remote_id().empty()) return;
  span.set_unsure(true);
  row->dirty = true;
}

void TakeSpanAnswer(SpanStep step, const SpanAnswer& answer, SpanState* row) {
  Span& span = row->span;
  const bool silence = span.receiver() == "silences";
  const auto forget = [&] {
    span.clear_remote_id();
    span.clear_remote_end();
    span.clear_remote_matchers();
  };
  switch (step) {
    case SpanStep::kPut:
      if (!answer.remote_id.empty()) span.set_remote_id(answer.remote_id);
      if (span.has_sent_end()) *span.mutable_remote_end() = span.sent_end();
      span.set_remote_matchers(span.sent_matchers());
      span.set_unsure(false);
      row->dirty = true;
      return;
    case SpanStep::kFind:
      span.set_unsure(false);
      row->dirty = true;
      if (!answer.found && !silence) return forget();
      // Looked for by what was sent last: a former silence that has its former matchers, since
      // what was sent never came, is not found so. Reading it tells how it stands.
      if (answer.found) span.set_remote_id(answer.remote_id);
      span.clear_remote_end();
      if (silence && answer.found) *span.mutable_remote_end() = ToProto(WholeMillis(answer.end));
      // Nor does a silence that was found need to have got all that was sent.
      span.set_remote_matchers(silence ? answer.matchers : "");
      return;
    case SpanStep::kRead:
      row->was_read = !answer.expired;
      row->start = answer.start;
      if (!answer.expired) return;
      row->dirty = true;
      if (!span.over() && answer.end < RemoteEndOf(span)) {
        // A person wants to hear of it again.
        span.set_let_go(true);
      }
      row->error.clear();
      return forget();
    case SpanStep::kEnd:
      row->dirty = true;
      if (silence) {
        forget();
      } else {
        *span.mutable_remote_end() = span.sent_end();
      }
      return;
  }
}

bool TakeSpanRefusal(SpanStep step, int code, SpanState* row) {
  Span& span = row->span;
  const bool silence = span.receiver() == "silences";
  // A definite no: nothing was made.
  if (step == SpanStep::kPut && code >= 400 && code < 500 && code != 408) {
    span.set_unsure(false);
    row->dirty = true;
  }
  if (code != 404 || step == SpanStep::kFind || span.remote_id().empty()) return false;
  row->dirty = true;
  span.clear_remote_id();
  span.clear_remote_end();
  span.clear_remote_matchers();
  // A silence that its Alertmanager has lost is made again; an annotation was deleted by somebody.
  if (!silence) span.set_let_go(true);
  row->error.clear();
  return true;
}

}  // namespace dbfleet::controller
