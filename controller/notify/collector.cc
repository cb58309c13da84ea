#include "controller/notify/collector.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/duration_text.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/domain/names.h"

namespace dbfleet::controller {
namespace {

constexpr char kCursor[] = "notify.cursor";
// Looking again at so many records that told nothing costs little after a crash.
constexpr uint64_t kLeastToPersist = 5000;

absl::StatusOr<uint64_t> HeadOf(ReadTx& tx) {
  ASSIGN_OR_RETURN(const Page<AuditRow> last, tx.ListAudit({}, {1, ""}));
  return last.items.empty() ? 0 : last.items[0].seq;
}

}  // namespace

Collector::Collector(Store& store, const SteadyTime& time, metrics::Registry& registry)
    : store_(store),
      time_(time),
      overflow_total_(registry.GetCounter(
          "dbfleet_notification_overflow_total",
          "Notifications given up at once because too many of their route waited.")),
      lag_(registry.GetGauge("dbfleet_notification_unseen_records",
                             "Audit records that were not yet looked at for notifications.")) {}

absl::StatusOr<bool> Collector::Collect() {
  Found found;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) { return Look(tx, &found); }));
  const bool worth = !found.events.empty() || !found.settings.empty() || !started_ ||
                     found.to - persisted_ >= kLeastToPersist;
  if (worth && (found.to != persisted_ || !started_)) {
    RETURN_IF_ERROR(store_.MutateAndWait([&](WriteTx& tx) { return Put(tx, found); }));
    persisted_ = found.to;
  }
  seen_ = found.to;
  started_ = true;
  return found.more;
}

absl::Status Collector::Look(ReadTx& tx, Found* found) {
  RETURN_IF_ERROR(book_.Refresh(tx));
  if (!started_) {
    ASSIGN_OR_RETURN(const std::string cursor, tx.GetSetting(kCursor));
    ASSIGN_OR_RETURN(const uint64_t head, HeadOf(tx));
    // The first start, or a store that lost its last records: what lies behind was told by others,
    // or is history.
    if (cursor.empty() || !absl::SimpleAtoi(cursor, &seen_) || seen_ > head) seen_ = head;
    if (!absl::SimpleAtoi(cursor, &persisted_)) persisted_ = 0;
  }
  found->from = found->to = seen_;
  ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, tx.SkimAudit(seen_ + 1, kBatch));
  found->more = rows.size() == kBatch;
  for (const AuditRow& row : rows) {
    if (found->events.size() * book_.recipients() >= kMostRows) {
      found->more = true;
      break;
    }
    if (MayBeEvent(row.entry.action)) {
      const absl::Status looked = LookAtRecord(tx, row.seq, found);
      // A record that cannot be read must not hold up what comes behind it.
      if (!absl::IsDataLoss(looked)) RETURN_IF_ERROR(looked);
      if (!looked.ok()) {
        log::Error("an audit record is left out by notifications: it cannot be read",
                   {{"record", absl::StrCat(row.seq)}, {"why", std::string(looked.message())}});
      }
    }
    found->to = row.seq;
  }
  lag_.Set(found->more ? kBatch : 0);
  return absl::OkStatus();
}

absl::Status Collector::LookAtRecord(ReadTx& tx, uint64_t seq, Found* found) {
  ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, tx.ReadAudit(seq, 1));
  if (rows.empty() || rows[0].seq != seq) return absl::OkStatus();
  std::optional<AuditEvent> event = EventOf(rows[0].entry);
  if (!event.has_value()) return absl::OkStatus();
  // Without a route there is nothing to tell, but durations are learnt all the same.
  if (book_.routes().empty() && event->trigger != "succeeded") return absl::OkStatus();
  ASSIGN_OR_RETURN(ToldEvent told,
                   Gather(tx, rows[0], *std::move(event), book_.looks_at_instances()));
  if (told.event.trigger == "succeeded") RETURN_IF_ERROR(NoteDuration(tx, &told, found));
  if (book_.routes().empty()) return absl::OkStatus();
  found->events.push_back(std::move(told));
  found->seqs.push_back(seq);
  return absl::OkStatus();
}

absl::Status Collector::NoteDuration(ReadTx& tx, ToldEvent* told, Found* found) {
  if (told->place.job_kind != NameOf(JobKind::kBackup) &&
      told->place.job_kind != NameOf(JobKind::kVerify)) {
    return absl::OkStatus();
  }
  const std::string id = told->event.subject.substr(told->event.subject.find('/') + 1);
  const absl::StatusOr<Job> job = tx.GetJob(id);
  if (!job.ok()) return absl::OkStatus();
  const absl::StatusOr<std::vector<Task>> tasks = tx.TasksOfJob(id);
  if (IsGone(tasks.status())) return absl::OkStatus();
  RETURN_IF_ERROR(tasks.status());
  if (tasks->size() != 1) return absl::OkStatus();
  const Task& task = tasks->front();
  // The attempts' time: a job that waited for its instance was not slow.
  const absl::StatusOr<std::vector<Attempt>> attempts = tx.AttemptsOfTask(task.id);
  if (IsGone(attempts.status())) return absl::OkStatus();
  RETURN_IF_ERROR(attempts.status());
  const auto last = std::find_if(attempts->rbegin(), attempts->rend(), [](const Attempt& attempt) {
    return attempt.state == AttemptState::kSucceeded;
  });
  if (last == attempts->rend() || last->start_time == absl::InfinitePast()) return absl::OkStatus();
  const absl::Duration took = last->end_time - last->start_time;
  if (took < absl::ZeroDuration()) return absl::OkStatus();  // The clock was set back.
  const std::string key = UsualTime::KeyOf(*job, task);
  const auto seen = found->settings.find(key);
  std::string setting;
  if (seen != found->settings.end()) {
    setting = seen->second;
  } else {
    ASSIGN_OR_RETURN(setting, tx.GetSetting(key));
  }
  const std::vector<absl::Duration> samples = UsualTime::Read(setting);
  const absl::Duration usual = UsualTime::Median(samples);
  found->settings[key] = UsualTime::Write(samples, took);
  told->fields["duration"] = DurationText(absl::Trunc(took, absl::Seconds(1)));
  if (usual > absl::ZeroDuration()) told->fields["usual"] = DurationText(usual);
  if (UsualTime::IsSlow(took, usual)) told->slower = true;
  return absl::OkStatus();
}

absl::Status Collector::Put(WriteTx& tx, const Found& found) {
  for (size_t i = 0; i < found.events.size(); ++i) {
    RETURN_IF_ERROR(PutEvent(tx, found.events[i], found.seqs[i]));
  }
  for (const auto& [key, value] : found.settings) RETURN_IF_ERROR(tx.PutSetting(key, value));
  return tx.PutSetting(kCursor, absl::StrCat(found.to));
}

absl::Status Collector::PutEvent(WriteTx& tx, const ToldEvent& told, uint64_t seq) {
  for (const auto& [name, route] : book_.routes()) {
    if (route->spec.disabled() || !route->Selects(told.place)) continue;
    std::string trigger = told.event.trigger;
    if (told.slower && route->triggers.count(std::string(kSlower)) != 0)
      trigger = std::string(kSlower);
    bool wanted = route->triggers.count(trigger) != 0;
    if (!wanted && route->alerts() && told.event.meaning == Meaning::kRelief) {
      // What was told as trouble is taken back, whether or not its end has been asked for.
      ASSIGN_OR_RETURN(const std::optional<Notification> last,
                       tx.outbox().Last(name, told.event.subject));
      wanted = last.has_value() && last->fields.count("status") != 0 &&
               last->fields.at("status") == "trouble";
    }
    if (!wanted) continue;
    // A route does not tell of its own failures.
    if (told.event.trigger == kFailedTrigger &&
        told.event.subject == absl::StrCat("notificationroutes/", name)) {
      continue;
    }
    ASSIGN_OR_RETURN(const int waiting, tx.outbox().CountWaiting(name, kMostWaiting));
    for (const std::string& recipient : route->recipients) {
      Notification row;
      row.id = NewUlid(time_.Now());
      row.route = name;
      row.recipient = recipient;
      row.subject = told.event.subject;
      row.seq = seq;
      row.trigger = trigger.empty() ? "over" : trigger;
      row.fields = FieldsFor(told, *route);
      row.fields["trigger"] = row.trigger;
      row.create_time = row.next_time = time_.Now();
      if (waiting >= kMostWaiting) {
        row.state = Notification::State::kDead;
        row.end_time = row.create_time;
        row.error = absl::StrCat("more than ", kMostWaiting, " of this route were waiting");
        overflow_total_.Increment();
      }
      RETURN_IF_ERROR(tx.outbox().Insert(&row));
    }
  }
  return absl::OkStatus();
}

}  // namespace dbfleet::controller
