#include "controller/audit/checkpointer.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/failpoint.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "controller/audit/trail.h"

namespace dbfleet::controller {
namespace {

constexpr char kActor[] = "system/controller";
constexpr absl::Duration kThinTime = absl::Hours(1);

absl::Status NoteBeginning(WriteTx& tx, const AuditKeys& keys, const std::string& new_log) {
  ASSIGN_OR_RETURN(TrailLog log, ReadTrailLog(tx));
  ASSIGN_OR_RETURN(const std::string former_key, KnownAuditKey(tx));
  if (log.id.empty()) {
    log.id = new_log;
    RETURN_IF_ERROR(WriteTrailLog(tx, log));
    RETURN_IF_ERROR(tx.AppendAudit({kActor, "audit.begin", "audit", "", {{"log", log.id}}}));
  }
  if (former_key == keys.key_id()) return absl::OkStatus();
  RETURN_IF_ERROR(NoteAuditKey(tx, keys.key_id()));
  return tx.AppendAudit({kActor,
                         "audit.key",
                         "audit",
                         "",
                         {{"former_key", former_key},
                          {"key", keys.key_id()},
                          {"public_key", keys.signing_key().verifying_key().Text()}}});
}

// Is the stored tree the one that was signed last?
absl::StatusOr<std::shared_ptr<const IssuedCheckpoint>> CheckLast(ReadTx& tx) {
  ASSIGN_OR_RETURN(const TrailLog log, ReadTrailLog(tx));
  ASSIGN_OR_RETURN(const std::vector<AuditCheckpoint> last, tx.LastCheckpoints(log.id, 1));
  if (last.empty()) return std::shared_ptr<const IssuedCheckpoint>();
  ASSIGN_OR_RETURN(audit::SignedCheckpoint parsed, audit::ParseCheckpoint(last[0].text));
  ASSIGN_OR_RETURN(const audit::Checkpoint now, DescribeTrail(tx, log, parsed.checkpoint.size));
  if (now.root != parsed.checkpoint.root || now.head != parsed.checkpoint.head) {
    return Error(absl::StatusCode::kDataLoss, "AUDIT_TREE_DAMAGED",
                 absl::StrCat("the store's first ", now.size,
                              " audit records are not those that were signed; restore the store "
                              "from its backup, or keep it as evidence and begin a new one"));
  }
  return std::make_shared<const IssuedCheckpoint>(
      IssuedCheckpoint{std::move(parsed.checkpoint), last[0].text});
}

// Of checkpoints that follow each other within an hour and 1,000 records only the last stays, so
// that an idle controller keeps at most 24 a day. The first of a log, which tells of an adoption,
// always does, and so does the newest.
absl::Status Thin(WriteTx& tx, const std::string& log_id, uint64_t records) {
  ASSIGN_OR_RETURN(const std::vector<AuditCheckpoint> last, tx.LastCheckpoints(log_id, 3));
  if (last.size() < 3) return absl::OkStatus();
  const AuditCheckpoint& newest = last[0];
  const AuditCheckpoint& before = last[2];
  const bool near = newest.size - before.size < records &&
                    absl::AbsDuration(newest.time - before.time) < kThinTime;
  return near ? tx.DeleteAuditCheckpoint(last[1].id) : absl::OkStatus();
}

}  // namespace

Checkpointer::Checkpointer(Options options, Store& store, const AuditKeys& keys, Clock& clock,
                           Executor& executor, metrics::Registry& metrics)
    : options_(options),
      store_(store),
      keys_(keys),
      clock_(clock),
      executor_(executor),
      signed_total_(metrics.GetCounter("dbfleet_audit_checkpoints_total",
                                       "Checkpoints of the audit trail that were signed.")),
      failures_total_(
          metrics.GetCounter("dbfleet_audit_checkpoint_failures_total",
                             "Checkpoints of the audit trail that could not be signed or stored.")),
      size_gauge_(metrics.GetGauge("dbfleet_audit_checkpoint_size",
                                   "Audit records that the last checkpoint covers.")) {}

Checkpointer::~Checkpointer() = default;

absl::StatusOr<std::unique_ptr<Checkpointer>> Checkpointer::Open(Options options, Store& store,
                                                                 const AuditKeys& keys,
                                                                 Clock& clock, Executor& executor,
                                                                 metrics::Registry& metrics) {
  const std::string new_log = NewUlid(clock.Now());
  RETURN_IF_ERROR(
      store.MutateAndWait([&](WriteTx& tx) { return NoteBeginning(tx, keys, new_log); }));
  std::unique_ptr<Checkpointer> checkpointer(
      new Checkpointer(options, store, keys, clock, executor, metrics));
  std::shared_ptr<const IssuedCheckpoint> last;
  RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(last, CheckLast(tx));
    return absl::OkStatus();
  }));
  if (last != nullptr) checkpointer->signed_size_ = last->checkpoint.size;
  MutexLock lock(&checkpointer->mutex_);
  checkpointer->latest_ = std::move(last);
  return checkpointer;
}

void Checkpointer::SetListener(
    std::function<void(std::shared_ptr<const IssuedCheckpoint>)> listener) {
  listener_ = std::move(listener);
}

absl::Status Checkpointer::Start() {
  const std::shared_ptr<const IssuedCheckpoint> former = Latest();
  RETURN_IF_ERROR(Sign());
  // The one that the last end signed is news to those who were not there any more.
  if (former != nullptr && former == Latest() && listener_) listener_(former);
  ScheduleTimer();
  return absl::OkStatus();
}

void Checkpointer::Stop() {
  std::unique_ptr<Clock::Timer> timer;
  {
    MutexLock lock(&mutex_);
    if (std::exchange(stopped_, true)) return;
    timer = std::move(timer_);
  }
  timer.reset();
  SignAndLog();
}

void Checkpointer::OnHead(uint64_t seq) {
  if (seq >= signed_size_ + options_.records) Post();
}

void Checkpointer::Post() {
  if (posted_.exchange(true)) return;
  const bool added = executor_.Add([this] {
    posted_ = false;
    SignAndLog();
  });
  if (!added) posted_ = false;
}

void Checkpointer::ScheduleTimer() {
  std::unique_ptr<Clock::Timer> timer = clock_.After(options_.interval, [this] {
    Post();
    ScheduleTimer();
  });
  MutexLock lock(&mutex_);
  if (!stopped_) timer_.swap(timer);
}

void Checkpointer::SignAndLog() {
  const absl::Status status = Sign();
  if (status.ok()) return;
  failures_total_.Increment();
  log::Error("the audit trail's checkpoint could not be signed; trying again in a minute",
             {{"error", std::string(status.message())}});
}

absl::Status Checkpointer::Sign() {
  IssuedCheckpoint issued;
  const std::shared_ptr<const IssuedCheckpoint> last = Latest();
  bool same = false;
  RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const TrailLog log, ReadTrailLog(tx));
    ASSIGN_OR_RETURN(const uint64_t size, TrailSize(tx));
    same = last != nullptr && last->checkpoint.size == size && last->checkpoint.log_id == log.id;
    if (same) return absl::OkStatus();
    ASSIGN_OR_RETURN(issued.checkpoint, DescribeTrail(tx, log, size));
    return absl::OkStatus();
  }));
  if (same) return absl::OkStatus();
  ASSIGN_OR_RETURN(issued.text, keys_.Sign(clock_.Now(), &issued.checkpoint));
  RETURN_IF_ERROR(Put(issued));
  signed_size_ = issued.checkpoint.size;
  signed_total_.Increment();
  size_gauge_.Set(static_cast<double>(issued.checkpoint.size));
  auto shared = std::make_shared<const IssuedCheckpoint>(std::move(issued));
  {
    MutexLock lock(&mutex_);
    latest_ = shared;
  }
  if (listener_) listener_(std::move(shared));
  return absl::OkStatus();
}

// Killed before: nobody has seen it. Killed after: the next start signs one of more records.
absl::Status Checkpointer::Put(const IssuedCheckpoint& issued) {
  RETURN_IF_ERROR(DBFLEET_FAILPOINT_STATUS("audit.checkpoint.before", ""));
  RETURN_IF_ERROR(store_.MutateEssentialAndWait([&](WriteTx& tx) -> absl::Status {
    AuditCheckpoint row;
    row.log_id = issued.checkpoint.log_id;
    row.size = issued.checkpoint.size;
    row.time = issued.checkpoint.time;
    row.text = issued.text;
    RETURN_IF_ERROR(tx.InsertAuditCheckpoint(row));
    return Thin(tx, row.log_id, options_.records);
  }));
  return DBFLEET_FAILPOINT_STATUS("audit.checkpoint.after", "");
}

std::shared_ptr<const IssuedCheckpoint> Checkpointer::Latest() const {
  MutexLock lock(&mutex_);
  return latest_;
}

}  // namespace dbfleet::controller
