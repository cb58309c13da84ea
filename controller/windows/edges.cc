#include "controller/windows/edges.h"

#include <algorithm>
#include <utility>

namespace dbfleet::controller {
namespace {

using Kind = WindowEdge::Kind;
using Cause = WindowEdge::Cause;

bool SelectsTheSame(const DeclaredWindow& declared, const ToldWindow& told) {
  return declared.window.effect == told.effect && declared.environments == told.environments &&
         declared.labels == told.labels;
}

WindowEdge Close(const ToldWindow& told, Cause cause, absl::Time now) {
  // Whatever happened to it afterwards, it had come to its end.
  if (told.span.end <= now) {
    return {Kind::kClose, Cause::kPlanned, told.span.end, told.span};
  }
  return {Kind::kClose, cause, now, {std::min(told.span.begin, now), now}};
}

WindowEdge Moved(const ToldWindow& told, absl::Time end, absl::Time now) {
  return {end > told.span.end ? Kind::kExtend : Kind::kShorten,
          Cause::kEdited,
          std::min(told.span.end, now),
          {told.span.begin, end}};
}

EdgeLook LookAtOpen(const DeclaredWindow* declared, const ToldWindow& told, absl::Time now) {
  if (declared == nullptr) return {Close(told, Cause::kDeleted, now)};
  if (declared->uid != told.uid) return {Close(told, Cause::kReplaced, now)};
  if (!SelectsTheSame(*declared, told)) return {Close(told, Cause::kEdited, now)};
  const WindowTimes& times = declared->window.times;
  if (told.span.end <= now) {
    // Made longer since the last look?
    const std::optional<Span> longer = NextCoverage(times, told.span.end);
    if (longer.has_value() && longer->begin <= told.span.end) {
      return {Moved(told, longer->end, now)};
    }
    return {Close(told, Cause::kPlanned, now)};
  }
  const std::optional<Span> span = NextCoverage(times, now);
  if (span.has_value() && span->Contains(now)) {
    if (span->end != told.span.end) return {Moved(told, span->end, now)};
    return {std::nullopt, told.span.end};
  }
  if (now >= told.span.begin) return {Close(told, Cause::kEdited, now)};
  if (told.span.begin - now <= kWatchSlack) return {std::nullopt, told.span.begin};
  return {Close(told, Cause::kClock, now)};
}

}  // namespace

EdgeLook NextEdge(const DeclaredWindow* declared, const ToldWindow& told, absl::Time since,
                  absl::Time now) {
  if (told.open) return LookAtOpen(declared, told, now);
  if (declared == nullptr) return {};
  // No further back than the declaration was made: what it says of an earlier time never held.
  absl::Time from = std::max(since, declared->change_time);
  from = std::max(from, told.until);
  if (from - now > kWatchSlack) from = now;  // The clock was set back.
  const std::optional<Span> span = NextCoverage(declared->window.times, from);
  if (!span.has_value()) return {};
  if (span->begin > now) return {std::nullopt, span->begin};
  const absl::Time time = std::max({span->begin, declared->change_time, told.until});
  return {WindowEdge{Kind::kOpen, Cause::kPlanned, std::min(time, now), *span}};
}

ToldWindow After(const DeclaredWindow* declared, ToldWindow told, const WindowEdge& edge) {
  told.span = edge.span;
  told.open = edge.kind != Kind::kClose;
  if (!told.open) {
    told.until = edge.time;
  } else if (edge.kind == Kind::kOpen && declared != nullptr) {
    told.name = declared->window.name;
    told.uid = declared->uid;
    told.effect = declared->window.effect;
    told.environments = declared->environments;
    told.labels = declared->labels;
  }
  return told;
}

}  // namespace dbfleet::controller
