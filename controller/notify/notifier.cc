#include "controller/notify/notifier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kAfterTrouble = absl::Seconds(5);
constexpr absl::Duration kWindowPulse = absl::Seconds(5);

}  // namespace

Notifier::Notifier(Store& store, Clock& clock, metrics::Registry& registry, Clients clients,
                   RouteSecrets secrets, Windows windows, Options options)
    : store_(store),
      clock_(clock),
      time_(clock),
      secrets_(std::move(secrets)),
      options_(options),
      executor_(MakeSerialExecutor("notify")),
      clients_(std::move(clients)),
      collector_(store, time_, registry),
      sender_(
          store, time_, *clients_.sends, secrets_, registry,
          [this](std::function<void()> fn) {
            if (executor_->Add(std::move(fn))) Wake();
          },
          options.sender),
      windows_(store, std::move(windows)),
      spans_(store, time_, *clients_.sends, secrets_, registry, [this](std::function<void()> fn) {
        if (executor_->Add(std::move(fn))) Wake();
      }) {}

Notifier::~Notifier() { Stop(); }

void Notifier::Start() { Wake(); }

void Notifier::Stop() {
  if (stopped_.exchange(true)) return;
  clients_.tests->Stop();
  clients_.sends->Stop();  // From here on nothing is added but by rounds.
  (void)executor_->Add([this] {
    sender_.Stop();
    spans_.Stop();
    (void)sender_.Send();  // Writes down what ended.
    (void)spans_.Tick(clock_.Now());
  });
  executor_->Shutdown();
  MutexLock lock(&mutex_);
  timer_.reset();
  head_timer_.reset();
}

void Notifier::Wake() {
  if (posted_.exchange(true)) return;
  const bool added = executor_->Add([this] {
    posted_ = false;
    Round();
  });
  if (!added) posted_ = false;
}

void Notifier::WakeAfter(absl::Duration delay) {
  if (stopped_) return;
  std::unique_ptr<Clock::Timer> timer = clock_.After(delay, [this] { Wake(); });
  MutexLock lock(&mutex_);
  timer_.swap(timer);
}

void Notifier::OnHead() {
  if (stopped_ || head_wake_.exchange(true)) return;
  std::unique_ptr<Clock::Timer> timer = clock_.After(options_.coalesce, [this] {
    head_wake_ = false;
    Wake();
  });
  MutexLock lock(&mutex_);
  head_timer_.swap(timer);
}

void Notifier::Round() {
  if (stopped_) return;
  absl::Duration next = options_.idle_pulse;
  const bool more_windows = TellWindows();
  const absl::StatusOr<bool> more = collector_.Collect();
  if (!more.ok()) {
    next = kAfterTrouble;
    log::Error("events could not be collected for notifications",
               {{"error", std::string(more.status().message())}});
  }
  const absl::StatusOr<bool> waiting = sender_.Send();
  if (!waiting.ok()) {
    next = kAfterTrouble;
    log::Error("notifications could not be sent",
               {{"error", std::string(waiting.status().message())}});
  } else if (*waiting) {
    next = options_.pulse;
  }
  const absl::StatusOr<absl::Duration> follow = spans_.Tick(clock_.Now());
  if (!follow.ok()) {
    log::Error("silences and annotations could not be looked after",
               {{"error", std::string(follow.status().message())}});
  }
  next = std::min(next, follow.ok() ? *follow : kAfterTrouble);
  DoUpkeep();
  if (more_windows || (more.ok() && *more)) return Wake();
  WakeAfter(next);
}

bool Notifier::TellWindows() {
  if (time_.Passed() < windows_at_) return false;
  // By the wall clock, as windows open by it.
  const absl::StatusOr<bool> more = windows_.Tell(clock_.Now());
  if (!more.ok()) {
    log::Error("the begins and ends of windows could not be recorded",
               {{"error", std::string(more.status().message())}});
  }
  const bool again = more.ok() && *more;
  windows_at_ = time_.Passed() + (again ? absl::ZeroDuration() : kWindowPulse);
  return again;
}

void Notifier::DoUpkeep() {
  if (time_.Passed() < upkeep_at_) return;
  const absl::StatusOr<bool> more = sender_.Upkeep();
  upkeep_at_ = time_.Passed() + (more.ok() && *more ? options_.pulse : options_.upkeep);
  if (!more.ok()) {
    log::Error("old notifications could not be removed",
               {{"error", std::string(more.status().message())}});
  }
}

absl::StatusOr<Page<Notification>> Notifier::List(const NotificationFilter& filter,
                                                  const PageRequest& page) {
  Page<Notification> found;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(found, tx.outbox_reader().List(filter, page));
    return absl::OkStatus();
  }));
  return found;
}

absl::Status Notifier::Again(WriteTx& tx, Notification row, bool alerts, bool alone,
                             RetryOutcome* outcome) {
  if (alerts) {
    // An alert that is over by now must not be opened again.
    ASSIGN_OR_RETURN(const std::optional<Notification> last,
                     tx.outbox().Last(row.route, row.subject));
    if (last.has_value() && last->seq > row.seq) {
      if (!alone) return absl::OkStatus();
      return Error(absl::StatusCode::kFailedPrecondition, "OVERTAKEN",
                   absl::StrCat("notifications/", last->id, " tells later news of ", row.subject));
    }
  }
  row.state = Notification::State::kWaiting;
  row.attempts = 0;
  row.create_time = row.next_time = time_.Now();
  row.end_time = absl::InfinitePast();
  RETURN_IF_ERROR(tx.outbox().Update(&row));
  ++outcome->retried;
  return absl::OkStatus();
}

absl::StatusOr<RetryOutcome> Notifier::Retry(const std::string& principal, const std::string& id,
                                             const std::string& route) {
  RetryOutcome outcome;
  std::string name = route;
  RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    outcome = RetryOutcome();
    std::vector<Notification> rows;
    if (!id.empty()) {
      ASSIGN_OR_RETURN(Notification row, tx.outbox().Get(id));
      name = row.route;
      if (row.state == Notification::State::kWaiting) return absl::OkStatus();  // A repetition.
      if (row.state != Notification::State::kDead) {
        return Error(absl::StatusCode::kFailedPrecondition, "NOT_FAILED",
                     absl::StrCat("notifications/", id, " was sent; there is nothing to retry"));
      }
      rows.push_back(std::move(row));
    } else {
      ASSIGN_OR_RETURN(Page<Notification> page,
                       tx.outbox().List({Notification::State::kDead, route}, {kMostRetried, ""}));
      outcome.more = !page.next_token.empty();
      rows = std::move(page.items);
    }
    ASSIGN_OR_RETURN(const Resource resource,
                     tx.GetResource(absl::StrCat("notificationroutes/", name)));
    ASSIGN_OR_RETURN(const std::shared_ptr<const Route> declared, ReadRoute(resource));
    for (Notification& row : rows) {
      RETURN_IF_ERROR(Again(tx, std::move(row), declared->alerts(), !id.empty(), &outcome));
    }
    if (outcome.retried == 0) {
      outcome.more = false;  // Those that are left have been overtaken.
      return absl::OkStatus();
    }
    return tx.AppendAudit({principal,
                           "notification.retry",
                           resource.id,
                           "",
                           {{"count", absl::StrCat(outcome.retried)}, {"notification", id}}});
  }));
  (void)executor_->Add([this, name] { sender_.RetryNow(name); });
  Wake();
  return outcome;
}

}  // namespace dbfleet::controller
