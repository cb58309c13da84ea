// The part of SqliteJournal that moves attempts from phase to phase.
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/journal/journal_rows.h"
#include "agent/journal/shrink.h"
#include "agent/journal/sqlite_journal.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

// An outcome up to this size fits into what was reserved at Accept.
constexpr int64_t kReservedPayload = 64 << 10;

absl::Status NoSuchAttempt(const std::string& id) {
  return Error(absl::StatusCode::kNotFound, "ATTEMPT_UNKNOWN",
               absl::StrCat("the journal has no attempt ", id));
}

absl::Status WrongPhase(const JournaledAttempt& attempt, absl::string_view verb) {
  return Error(absl::StatusCode::kFailedPrecondition, "WRONG_PHASE",
               absl::StrCat("cannot ", verb, " attempt ", attempt.offer.attempt_id(), " in phase ",
                            v1::AttemptPhase_Name(attempt.phase)));
}

absl::StatusOr<JournaledAttempt> Load(Database& db, const std::string& id) {
  ASSIGN_OR_RETURN(std::optional<JournaledAttempt> attempt, LoadAttempt(db, id));
  if (!attempt.has_value()) return NoSuchAttempt(id);
  return *std::move(attempt);
}

v1::Event EventFor(const v1::Offer& offer) {
  v1::Event event;
  event.set_attempt_id(offer.attempt_id());
  event.set_fence(offer.fence());
  return event;
}

absl::Status StaleFence(uint64_t fence, uint64_t highest, absl::string_view where) {
  return Error(absl::StatusCode::kAborted, "STALE_FENCE",
               absl::StrCat("fence ", fence, " is not above ", highest, ", the highest seen for ",
                            where, ": newer work has taken its place"));
}

bool CanMoveTo(const JournaledAttempt& attempt, const google::protobuf::Timestamp& not_after) {
  const bool open =
      attempt.phase == v1::ATTEMPT_PHASE_GRANTED || attempt.phase == v1::ATTEMPT_PHASE_RUNNING;
  return open && attempt.grant.has_value() &&
         (!attempt.grant->has_not_after() ||
          FromProto(attempt.grant->not_after()) != FromProto(not_after));
}

absl::Status MoveBound(Database& db, const JournaledAttempt& attempt,
                       const google::protobuf::Timestamp& not_after) {
  v1::Grant grant = *attempt.grant;
  *grant.mutable_not_after() = not_after;
  return SetGrant(db, grant, attempt.phase);
}

}  // namespace

absl::Status SqliteJournal::Accept(const v1::Offer& offer, absl::Duration boottime,
                                   const std::string& boot_id) {
  bool new_event = false;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    ASSIGN_OR_RETURN(const std::optional<JournaledAttempt> known,
                     LoadAttempt(*db_, offer.attempt_id()));
    if (known.has_value()) {
      if (known->offer.fence() == offer.fence()) return absl::OkStatus();
      return StaleFence(offer.fence(), known->offer.fence(), "this attempt");
    }
    ASSIGN_OR_RETURN(const uint64_t highest, HighestFenceOf(*db_, offer.instance()));
    if (offer.fence() <= highest) return StaleFence(offer.fence(), highest, offer.instance());
    PurgeIfDue().IgnoreError();
    const int64_t payload = static_cast<int64_t>(offer.ByteSizeLong());
    RETURN_IF_ERROR(CheckBudget(payload, max_bytes_ / 4 * 3));
    const absl::Time now = clock_.Now();
    status = Transact("accept", Need::kRefusable, payload, 1, [&](Database& db) -> absl::Status {
      RETURN_IF_ERROR(SetHighestFence(db, offer.instance(), offer.fence()));
      RETURN_IF_ERROR(InsertAttempt(db, offer, boottime, boot_id));
      v1::Event event = EventFor(offer);
      event.mutable_accepted();
      return AppendEvent(db, now, std::move(event)).status();
    });
    new_event = Refresh();
  }
  return Announce(status, new_event);
}

absl::Status SqliteJournal::Decline(const v1::Offer& offer, const v1::Declined& declined) {
  bool new_event = false;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    RETURN_IF_ERROR(CheckBudget(0, max_bytes_));
    const absl::Time now = clock_.Now();
    status = Transact("decline", Need::kRefusable, 4096, 0, [&](Database& db) {
      v1::Event event = EventFor(offer);
      *event.mutable_declined() = declined;
      return AppendEvent(db, now, std::move(event)).status();
    });
    new_event = Refresh();
  }
  return Announce(status, new_event);
}

absl::Status SqliteJournal::Grant(const v1::Grant& grant) {
  MutexLock lock(&mutex_);
  return Transact("grant", Need::kEssential, 4096, 0, [&](Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(const JournaledAttempt attempt, Load(db, grant.attempt_id()));
    if (attempt.offer.fence() != grant.fence()) {
      return StaleFence(grant.fence(), attempt.offer.fence(), "this attempt");
    }
    if (attempt.phase == v1::ATTEMPT_PHASE_ACCEPTED) return SetGrant(db, grant);
    if (!grant.has_not_after() || !CanMoveTo(attempt, grant.not_after())) return absl::OkStatus();
    return MoveBound(db, attempt, grant.not_after());
  });
}

absl::Status SqliteJournal::MoveNotAfter(const std::string& attempt_id,
                                         const google::protobuf::Timestamp& not_after) {
  MutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(const std::optional<JournaledAttempt> attempt, LoadAttempt(*db_, attempt_id));
  if (!attempt.has_value() || !CanMoveTo(*attempt, not_after)) return absl::OkStatus();
  return Transact("move", Need::kEssential, 0, 0,
                  [&](Database& db) { return MoveBound(db, *attempt, not_after); });
}

absl::Status SqliteJournal::Start(const std::string& attempt_id) {
  bool new_event = false;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    const absl::Time now = clock_.Now();
    status = Transact("start", Need::kEssential, 0, 0, [&](Database& db) -> absl::Status {
      ASSIGN_OR_RETURN(const JournaledAttempt attempt, Load(db, attempt_id));
      if (attempt.phase != v1::ATTEMPT_PHASE_GRANTED) return WrongPhase(attempt, "start");
      RETURN_IF_ERROR(SetPhase(db, attempt_id, v1::ATTEMPT_PHASE_RUNNING));
      v1::Event event = EventFor(attempt.offer);
      event.mutable_started();
      return AppendEvent(db, now, std::move(event)).status();
    });
    new_event = Refresh();
  }
  return Announce(status, new_event);
}

absl::Status SqliteJournal::Step(const std::string& attempt_id,
                                 const work::v1::StepReport& report) {
  bool new_event = false;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    const int64_t payload = static_cast<int64_t>(report.ByteSizeLong());
    RETURN_IF_ERROR(CheckBudget(payload, max_bytes_));
    const absl::Time now = clock_.Now();
    status = Transact("step", Need::kRefusable, payload, 0, [&](Database& db) -> absl::Status {
      ASSIGN_OR_RETURN(const JournaledAttempt attempt, Load(db, attempt_id));
      if (attempt.phase != v1::ATTEMPT_PHASE_RUNNING) return WrongPhase(attempt, "report on");
      v1::Event event = EventFor(attempt.offer);
      *event.mutable_step() = report;
      return AppendEvent(db, now, std::move(event)).status();
    });
    new_event = Refresh();
  }
  return Announce(status, new_event);
}

absl::Status SqliteJournal::Checkpoint(const std::string& attempt_id, absl::string_view blob) {
  MutexLock lock(&mutex_);
  const int64_t payload = static_cast<int64_t>(blob.size());
  RETURN_IF_ERROR(CheckBudget(payload, max_bytes_));
  return Transact("checkpoint", Need::kRefusable, payload, 0, [&](Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(Statement update,
                     db.Prepare("UPDATE attempts SET checkpoint = ? WHERE id = ? AND phase = 3"));
    RETURN_IF_ERROR(update.Blob(1, blob).Text(2, attempt_id).Run());
    if (db.changes() == 1) return absl::OkStatus();
    ASSIGN_OR_RETURN(const JournaledAttempt attempt, Load(db, attempt_id));
    return WrongPhase(attempt, "checkpoint");
  });
}

absl::Status SqliteJournal::FinishWith(const std::string& attempt_id, const v1::Finished& finished,
                                       Need need) {
  const absl::Time now = clock_.Now();
  const int64_t payload = static_cast<int64_t>(finished.ByteSizeLong());
  return Transact("finish_with", need, payload, 0, [&](Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(const JournaledAttempt attempt, Load(db, attempt_id));
    if (attempt.phase == v1::ATTEMPT_PHASE_FINISHED) return WrongPhase(attempt, "finish");
    v1::Event event = EventFor(attempt.offer);
    *event.mutable_finished() = finished;
    ASSIGN_OR_RETURN(const uint64_t seq, AppendEvent(db, now, std::move(event)));
    return SetFinished(db, attempt, finished, seq);
  });
}

absl::Status SqliteJournal::Finish(const std::string& attempt_id, const v1::Finished& finished) {
  bool new_event = false;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    const bool large = static_cast<int64_t>(finished.ByteSizeLong()) > kReservedPayload;
    status = FinishWith(attempt_id, finished, large ? Need::kRefusable : Need::kEssential);
    if (large && absl::IsResourceExhausted(status)) {
      status = FinishWith(attempt_id, ShrinkToFit(finished, kReservedPayload), Need::kEssential);
    }
    new_event = Refresh();
  }
  return Announce(status, new_event);
}

absl::Status SqliteJournal::Drop(const std::string& attempt_id) {
  MutexLock lock(&mutex_);
  return Transact("drop", Need::kEssential, 0, 0, [&](Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<JournaledAttempt> attempt, LoadAttempt(db, attempt_id));
    if (!attempt.has_value()) return absl::OkStatus();
    if (attempt->phase != v1::ATTEMPT_PHASE_ACCEPTED) return WrongPhase(*attempt, "drop");
    return DeleteAttempt(db, attempt_id);
  });
}

absl::Status SqliteJournal::RequestCancel(const std::string& attempt_id) {
  MutexLock lock(&mutex_);
  return Transact("request_cancel", Need::kEssential, 0, 0, [&](Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(Statement update,
                     db.Prepare("UPDATE attempts SET cancel_requested = 1 WHERE id = ?"));
    RETURN_IF_ERROR(update.Text(1, attempt_id).Run());
    return db.changes() == 1 ? absl::OkStatus() : NoSuchAttempt(attempt_id);
  });
}

absl::Status SqliteJournal::Forget(const std::string& attempt_id) {
  MutexLock lock(&mutex_);
  PurgeIfDue().IgnoreError();
  const int64_t now = absl::ToUnixSeconds(clock_.Now());
  return Transact("forget", Need::kEssential, 0, 0, [&](Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<JournaledAttempt> attempt, LoadAttempt(db, attempt_id));
    if (!attempt.has_value() || attempt->acknowledged) return absl::OkStatus();
    if (attempt->phase != v1::ATTEMPT_PHASE_FINISHED) return WrongPhase(*attempt, "forget");
    const v1::Offer& offer = attempt->offer;
    if (offer.safe_to_rerun() || offer.purpose() == v1::PURPOSE_PLAN) {
      return DeleteAttempt(db, attempt_id);
    }
    ASSIGN_OR_RETURN(Statement update,
                     db.Prepare("UPDATE attempts SET forgotten_at = ? WHERE id = ?"));
    return update.Int(1, now).Text(2, attempt_id).Run();
  });
}

absl::Status SqliteJournal::Acknowledge(uint64_t up_to_seq) {
  MutexLock lock(&mutex_);
  if (up_to_seq > last_seq_) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_ACKNOWLEDGEMENT",
                 absl::StrCat("event ", up_to_seq, " is acknowledged, but the newest is ",
                              last_seq_, "; nothing is deleted"));
  }
  return Transact("acknowledge", Need::kEssential, 0, 0, [&](Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(Statement remove, db.Prepare("DELETE FROM events WHERE seq <= ?"));
    return remove.Int(1, static_cast<int64_t>(up_to_seq)).Run();
  });
}

}  // namespace dbfleet::agent
