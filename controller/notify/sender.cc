#include "controller/notify/sender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/concurrency/backoff.h"
#include "common/log/log.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kStorePause = absl::Seconds(5);
// A waiting row whose time lies farther ahead was written by a clock that was ahead.
const absl::Duration kFarthest = Lanes::kLongestRetryAfter + kLongestDelay;

Verdict Unsent(const absl::Status& status) {
  Verdict verdict;
  verdict.definite = true;  // Somebody has to put it right; that takes longer than a few attempts.
  verdict.words = absl::StrCat(ReasonOf(status), ": ", Hide(status.message(), {}));
  return verdict;
}

}  // namespace

Sender::Sender(Store& store, const SteadyTime& time, transfer::Client& client,
               const RouteSecrets& secrets, metrics::Registry& registry, Post post, Options options)
    : store_(store),
      time_(time),
      client_(client),
      secrets_(secrets),
      registry_(registry),
      post_(std::move(post)),
      options_(options),
      lanes_(options.random == nullptr ? &UniformRandom : options.random),
      waiting_(registry.GetGauge("dbfleet_notifications_waiting",
                                 "Notifications that were not sent yet.")),
      failed_(registry.GetGauge("dbfleet_notifications_failed",
                                "Notifications that were given up and are still kept.")),
      oldest_(registry.GetGauge("dbfleet_notification_oldest_waiting_seconds",
                                "Age of the notification that waits longest; 0 if none does.")),
      open_circuits_(registry.GetGauge(
          "dbfleet_notification_open_circuits",
          "Routes that are being left alone for a while because their receivers fail.")) {}

DueTimes Sender::Times() const { return {time_.Now(), time_.Now() + kFarthest}; }

void Sender::Count(const std::string& receiver, const char* result) {
  registry_
      .GetCounter("dbfleet_notification_attempts_total",
                  "Attempts at sending a notification, by kind of receiver and result.",
                  {{"receiver", receiver}, {"result", result}})
      .Increment();
}

absl::StatusOr<bool> Sender::Send() {
  if (const absl::Status status = Settle(); !status.ok()) {
    log::Error("what became of notifications could not be written",
               {{"error", std::string(status.message())}});
  }
  std::vector<Notification> chosen;
  bool waiting = false;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    RETURN_IF_ERROR(book_.Refresh(tx));
    return Choose(tx, &chosen, &waiting);
  }));
  open_circuits_.Set(lanes_.open_circuits(time_.Passed()));
  waiting = waiting || !ended_.empty();
  if (chosen.empty() || stopped_ || time_.Passed() < mark_not_before_) return waiting;
  const absl::Status marked = store_.MutateAndWait([&](WriteTx& tx) { return Mark(tx, &chosen); });
  if (!marked.ok()) {
    // Not sent: an attempt that is not counted would be made for ever.
    mark_not_before_ = time_.Passed() + kStorePause;
    log::Error("notifications wait, because their attempts cannot be counted",
               {{"error", std::string(marked.message())}});
    return true;
  }
  for (const Notification& row : chosen) Begin(row);
  RETURN_IF_ERROR(Settle());  // What ended before it began.
  return true;
}

absl::Status Sender::Choose(ReadTx& tx, std::vector<Notification>* chosen, bool* waiting) {
  ASSIGN_OR_RETURN(std::vector<std::string> routes, tx.outbox_reader().WaitingRoutes());
  *waiting = !routes.empty();
  // Each round begins with another route, so that none is always the last to be looked at.
  const auto first = std::upper_bound(routes.begin(), routes.end(), next_route_);
  std::rotate(routes.begin(), first, routes.end());
  int room_left = Lanes::kMost - lanes_.under_way();
  for (const std::string& name : routes) {
    if (chosen->size() >= kMostBegun || room_left <= 0) break;
    next_route_ = name;
    const std::shared_ptr<const Route> route = book_.Find(name);
    if (route == nullptr || route->spec.disabled()) continue;
    const int room = std::min(lanes_.Room(name, time_.Passed()), room_left);
    if (room <= 0) continue;
    // What is under way still counts as waiting.
    ASSIGN_OR_RETURN(
        std::vector<Notification> due,
        tx.outbox_reader().Due(name, Times(),
                               room + Lanes::kMostOfRoute + static_cast<int>(ended_.size())));
    int taken = 0;
    for (Notification& row : due) {
      if (taken == room) break;
      if (under_way_.count(row.id) != 0) continue;
      chosen->push_back(std::move(row));
      ++taken;
    }
    room_left -= taken;
  }
  return absl::OkStatus();
}

absl::Status Sender::Mark(WriteTx& tx, std::vector<Notification>* chosen) {
  std::vector<Notification> marked;
  for (const Notification& row : *chosen) {
    ASSIGN_OR_RETURN(Notification fresh, tx.outbox().Get(row.id));
    if (fresh.version != row.version) continue;
    ++fresh.attempts;
    const auto random = options_.random == nullptr ? &UniformRandom : options_.random;
    fresh.next_time = time_.Now() + NextDelay(fresh.attempts, random());
    RETURN_IF_ERROR(tx.outbox().Update(&fresh));
    marked.push_back(std::move(fresh));
  }
  *chosen = std::move(marked);
  return absl::OkStatus();
}

void Sender::Begin(const Notification& row) {
  const std::shared_ptr<const Route> route = book_.Find(row.route);
  if (route == nullptr) return;
  under_way_.insert(row.id);
  lanes_.Begin(row.route);
  absl::StatusOr<Outgoing> outgoing = MakeOutgoing(*route, row, secrets_, time_.Now());
  if (!outgoing.ok()) return End(row, *route, "", Unsent(outgoing.status()));
  const absl::Duration wait = lanes_.HostWait(outgoing->host, time_.Passed());
  if (wait > absl::ZeroDuration()) {
    Verdict later;
    later.retry_after = wait;
    later.postponed = true;
    return End(row, *route, outgoing->host, std::move(later));
  }
  const bool mail = outgoing->request.mail.has_value();
  client_.Start(std::move(outgoing->request),
                [this, row, route, host = outgoing->host, hidden = outgoing->hidden,
                 mail](absl::StatusOr<transfer::Response> result) {
                  // A stop is no word of the receiver's: the row waits as it is.
                  if (!result.ok() && ReasonOf(result.status()) == "STOPPED") return;
                  post_([this, row, route, host, verdict = Judge(result, hidden, mail)] {
                    End(row, *route, host, verdict);
                  });
                });
}

void Sender::End(const Notification& row, const Route& route, const std::string& host,
                 Verdict verdict) {
  // A receiver that says what it does not like is alive.
  const bool alive = verdict.delivered || verdict.definite || verdict.retry_after.has_value();
  lanes_.End(row.route, alive, time_.Passed());
  if (!verdict.delivered && verdict.retry_after.has_value()) {
    lanes_.Pause(row.route, *verdict.retry_after, time_.Passed());
    if (!verdict.postponed) lanes_.AskedForTime(host, *verdict.retry_after, time_.Passed());
  }
  if (!verdict.postponed) {
    Count(route.receiver, verdict.delivered  ? "delivered"
                          : verdict.definite ? "refused"
                                             : "failed");
  }
  ended_.push_back({row, route.receiver, std::move(verdict)});
}

bool Sender::IsOver(const Notification& row, const Verdict& verdict) const {
  if (verdict.postponed) return time_.Now() - row.create_time >= options_.most_age;
  if (verdict.definite && row.attempts >= options_.most_definite) return true;
  return row.attempts >= options_.most_attempts ||
         time_.Now() - row.create_time >= options_.most_age;
}

absl::Status Sender::Settle() {
  if (ended_.empty() || time_.Passed() < settle_not_before_) return absl::OkStatus();
  const absl::Status status = store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    std::map<std::string, int> given_up;
    std::map<std::string, std::string> why;
    for (const Ended& ended : ended_) {
      RETURN_IF_ERROR(SettleOne(tx, ended, &given_up, &why));
    }
    for (const auto& [route, count] : given_up) {
      RETURN_IF_ERROR(AuditGivenUp(tx, route, count, why[route]));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) {
    // They stay under way, and so are not sent again in this life.
    settle_not_before_ = time_.Passed() + kStorePause;
    return status;
  }
  for (const Ended& ended : ended_) under_way_.erase(ended.row.id);
  ended_.clear();
  return absl::OkStatus();
}

absl::Status Sender::SettleOne(WriteTx& tx, const Ended& ended,
                               std::map<std::string, int>* given_up,
                               std::map<std::string, std::string>* why) {
  absl::StatusOr<Notification> stored = tx.outbox().Get(ended.row.id);
  if (absl::IsNotFound(stored.status())) return absl::OkStatus();
  if (!stored.ok()) return stored.status();
  Notification& row = *stored;
  if (row.state != Notification::State::kWaiting) return absl::OkStatus();
  const Verdict& verdict = ended.verdict;
  if (!verdict.postponed) row.error = verdict.delivered ? "" : verdict.words;
  if (verdict.delivered) {
    row.state = Notification::State::kSent;
    row.end_time = time_.Now();
  } else if (IsOver(ended.row, verdict)) {
    row.state = Notification::State::kDead;
    row.end_time = time_.Now();
    // Of messages about failed messages nobody is told, or two broken routes would go on for ever.
    if (row.trigger != kFailedTrigger) {
      ++(*given_up)[row.route];
      (*why)[row.route] = row.error;
    }
    Count(ended.receiver, "given_up");
  } else if (verdict.postponed) {
    --row.attempts;  // It was none.
    row.next_time = time_.Now() + *verdict.retry_after;
  } else if (verdict.retry_after.has_value()) {
    row.next_time = std::max(
        row.next_time, time_.Now() + std::min(*verdict.retry_after, Lanes::kLongestRetryAfter));
  }
  return tx.outbox().Update(&row);
}

absl::Status Sender::AuditGivenUp(WriteTx& tx, const std::string& route, int count,
                                  const std::string& why) {
  return tx.AppendAudit({"system/notify",
                         "notification.failed",
                         absl::StrCat("notificationroutes/", route),
                         "",
                         {{"count", absl::StrCat(count)}, {"error", why}}});
}

absl::StatusOr<bool> Sender::Upkeep() {
  bool more = false;
  std::vector<std::string> routes;
  NotificationCounts counts;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(counts, tx.outbox_reader().Count());
    ASSIGN_OR_RETURN(routes, tx.outbox_reader().WaitingRoutes());
    return book_.Refresh(tx);
  }));
  waiting_.Set(static_cast<double>(counts.waiting));
  failed_.Set(static_cast<double>(counts.failed));
  const absl::Duration age = time_.Now() - counts.oldest_waiting;
  oldest_.Set(counts.waiting == 0 ? 0 : std::max(0.0, absl::ToDoubleSeconds(age)));
  for (const std::string& name : routes) {
    const bool gone = book_.Find(name) == nullptr;
    if (gone) lanes_.Forget(name);
    // Behind an open circuit nothing is tried, and so nothing would ever be given up.
    if (!gone && !lanes_.IsOpen(name, time_.Passed())) continue;
    RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) {
      return GiveUp(tx, name, gone ? "the route was deleted" : nullptr, !gone, &more);
    }));
  }
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    using State = Notification::State;
    ASSIGN_OR_RETURN(const int sent,
                     tx.outbox().Prune(State::kSent, time_.Now() - kKeepSent, kMostKept, kPruned));
    ASSIGN_OR_RETURN(const int failed, tx.outbox().Prune(State::kDead, time_.Now() - kKeepFailed,
                                                         kMostKept, kPruned));
    more = more || sent == kPruned || failed == kPruned;
    return absl::OkStatus();
  }));
  return more;
}

absl::Status Sender::GiveUp(WriteTx& tx, const std::string& route, const char* why, bool only_old,
                            bool* more) {
  ASSIGN_OR_RETURN(const std::vector<Notification> due, tx.outbox().Due(route, Times(), kPruned));
  int count = 0;
  std::string error = why == nullptr ? "" : why;
  for (Notification row : due) {
    if (under_way_.count(row.id) != 0) continue;
    if (only_old && time_.Now() - row.create_time < options_.most_age) continue;
    row.state = Notification::State::kDead;
    row.end_time = time_.Now();
    if (why != nullptr) {
      row.error = why;
    } else if (row.error.empty()) {
      row.error = "its receiver failed again and again, also for others of the route";
    }
    RETURN_IF_ERROR(tx.outbox().Update(&row));
    *more = true;  // What another waited for comes with the next call.
    if (row.trigger == kFailedTrigger) continue;
    error = row.error;
    ++count;
  }
  return count == 0 ? absl::OkStatus() : AuditGivenUp(tx, route, count, error);
}

}  // namespace dbfleet::controller
