#include "controller/windows/queue.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "controller/windows/opening.h"

namespace dbfleet::controller {
namespace {

// When the member could begin in the occurrence, from `from` on; nullopt: not in this one.
std::optional<absl::Time> BeginIn(const QueueMember& member, const Span& occurrence,
                                  absl::Time from) {
  const absl::Duration needs = member.entry.needs + kLeastOpen;
  if (member.freezes.empty()) {
    return occurrence.end - from >= needs ? std::make_optional(from) : std::nullopt;
  }
  const std::optional<Span> open = NextOpening(member.freezes, false, from, needs);
  if (!open.has_value() || occurrence.end - open->begin < needs) return std::nullopt;
  return open->begin;
}

}  // namespace

bool ComesBefore(const QueueEntry& one, const QueueEntry& other) {
  return std::tie(other.priority, one.create_time, one.job) <
         std::tie(one.priority, other.create_time, other.job);
}

bool Fits(const QueueEntry& entry, absl::Time end, absl::Time now) {
  return now + entry.needs <= std::min(end, entry.closes) - kLeastOpen;
}

QueueTurn TurnOf(const QueueEntry& mine, absl::Span<const QueueEntry> others, absl::Time end,
                 int parallel, absl::Time now) {
  QueueTurn turn;
  if (!Fits(mine, end, now)) return {QueueTurn::Kind::kTooLong, {}};
  for (const QueueEntry& other : others) {
    if (other.state == QueueEntry::State::kRuns) turn.others.push_back(&other);
  }
  const size_t places = static_cast<size_t>(std::max(parallel, 1));
  if (turn.others.size() >= places) {
    turn.kind = QueueTurn::Kind::kTaken;
    return turn;
  }
  const size_t free = places - turn.others.size();
  turn.others.clear();
  for (const QueueEntry& other : others) {
    if (other.state == QueueEntry::State::kReady && ComesBefore(other, mine) &&
        Fits(other, end, now)) {
      turn.others.push_back(&other);
    }
  }
  if (turn.others.size() >= free) {
    turn.kind = QueueTurn::Kind::kBehind;
    return turn;
  }
  return {};
}

std::vector<QueueForecast> ForecastQueue(absl::Span<const QueueMember> queue,
                                         const WindowTimes& times, int parallel, absl::Time now,
                                         int occurrences) {
  std::vector<QueueForecast> forecast;
  std::vector<absl::Time> places(static_cast<size_t>(std::max(parallel, 1)), now);
  std::vector<const QueueMember*> waiting;
  size_t taken = 0;
  for (const QueueMember& member : queue) {
    forecast.push_back({member.entry.job});
    if (member.entry.state != QueueEntry::State::kRuns) {
      waiting.push_back(&member);
    } else if (taken < places.size()) {
      places[taken++] = now + member.entry.needs;
    }
  }
  absl::Time after = now;
  for (int looked = 0; looked < occurrences && !waiting.empty(); ++looked) {
    const std::optional<Span> occurrence = NextCoverage(times, after);
    if (!occurrence.has_value() || occurrence->begin - now > kWindowHorizon) break;
    for (;;) {
      const auto place = std::min_element(places.begin(), places.end());
      const absl::Time from = std::max({*place, occurrence->begin, now});
      // The first that can begin at once; if none can, the one that can the earliest.
      auto next = waiting.end();
      absl::Time begin = absl::InfiniteFuture();
      for (auto it = waiting.begin(); it != waiting.end(); ++it) {
        const std::optional<absl::Time> can = BeginIn(**it, *occurrence, from);
        if (!can.has_value() || *can >= begin) continue;
        next = it;
        begin = *can;
        if (begin == from) break;
      }
      if (next == waiting.end()) break;
      *place = begin + (*next)->entry.needs;
      QueueForecast& told = forecast[static_cast<size_t>(*next - queue.data())];
      told.begin = begin;
      told.occurrence = *occurrence;
      waiting.erase(next);
    }
    after = occurrence->end;
  }
  return forecast;
}

}  // namespace dbfleet::controller
