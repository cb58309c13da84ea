#include "controller/notify/window_watch.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/status.h"
#include "controller/notify/facts.h"

namespace dbfleet::controller {
namespace {

constexpr char kToldUntil[] = "windows.told_until";

struct Edge {
  absl::Time time;
  const DeclaredWindow* window = nullptr;
  Span span;
  bool opens = false;
};

// Those in (after, until], in their order.
std::vector<Edge> EdgesIn(const WindowBook& book, absl::Time after, absl::Time until,
                          size_t limit) {
  std::vector<Edge> edges;
  for (const DeclaredWindow& declared : book.windows()) {
    std::optional<Span> span = NextOccurrence(declared.window.times, after);
    for (size_t n = 0; span.has_value() && span->begin <= until && n < limit; ++n) {
      if (span->begin > after) edges.push_back({span->begin, &declared, *span, true});
      if (span->end > after && span->end <= until) {
        edges.push_back({span->end, &declared, *span, false});
      }
      span = NextOccurrence(declared.window.times, span->end);
    }
  }
  std::sort(edges.begin(), edges.end(),
            [](const Edge& a, const Edge& b) { return a.time < b.time; });
  return edges;
}

std::string Moment(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

absl::StatusOr<absl::Time> ToldUntil(ReadTx& tx, absl::Time now) {
  ASSIGN_OR_RETURN(const std::string setting, tx.GetSetting(kToldUntil));
  int64_t nanoseconds = 0;
  if (!absl::SimpleAtoi(setting, &nanoseconds)) return now;
  // A clock that was set back: from now on.
  return std::clamp(absl::FromUnixNanos(nanoseconds), now - WindowWatch::kFarthestBack, now);
}

}  // namespace

bool WindowWatch::IsDue(ReadTx& tx, const WindowBook& book, absl::Time now) {
  const absl::StatusOr<std::string> setting = tx.GetSetting(kToldUntil);
  if (!setting.ok()) return false;
  if (setting->empty()) return true;  // From now on, also for the first window that is declared.
  const absl::StatusOr<absl::Time> after = ToldUntil(tx, now);
  // Without edges the moment is written now and then only.
  return after.ok() &&
         (now - *after >= kFarthestBack / 2 || !EdgesIn(book, *after, now, kMostEdges).empty());
}

absl::Status WindowWatch::Tell(WriteTx& tx, const WindowBook& book, absl::Time now, bool* told) {
  ASSIGN_OR_RETURN(const absl::Time after, ToldUntil(tx, now));
  std::vector<Edge> edges = EdgesIn(book, after, now, kMostEdges);
  absl::Time until = now;
  if (edges.size() > kMostEdges) {
    until = edges[kMostEdges - 1].time;
    std::erase_if(edges, [&](const Edge& edge) { return edge.time > until; });
  }
  for (const Edge& edge : edges) {
    const DeclaredWindow& declared = *edge.window;
    const bool deny = declared.window.effect == WindowEffect::kDeny;
    const std::string environments = declared.environments.empty()
                                         ? std::string(kEverywhere)
                                         : absl::StrJoin(declared.environments, ",");
    RETURN_IF_ERROR(tx.AppendAudit(
        {"system/windows",
         edge.opens ? "window.open" : "window.close",
         absl::StrCat("maintenancewindows/", declared.window.name),
         declared.environments.size() == 1 ? declared.environments[0] : "",
         {{"effect", deny ? "freeze" : "window"},
          {"environments", environments},
          {"begin", Moment(edge.span.begin)},
          {"end", Moment(edge.span.end)},
          {"reason", absl::StrCat(deny ? "a freeze" : "a window", " from ", Moment(edge.span.begin),
                                  " to ", Moment(edge.span.end))}}}));
  }
  *told = !edges.empty();
  return tx.PutSetting(kToldUntil, absl::StrCat(absl::ToUnixNanos(until)));
}

}  // namespace dbfleet::controller
