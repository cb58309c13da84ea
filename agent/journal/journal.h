#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/time/clock.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::agent {

// One attempt as the journal knows it.
struct JournaledAttempt {
  v1::Offer offer;
  v1::AttemptPhase phase = v1::ATTEMPT_PHASE_ACCEPTED;
  std::optional<v1::Grant> grant;
  std::optional<v1::Finished> finished;  // Without its result once the controller has that.
  std::string checkpoint;
  absl::Duration accepted_boottime;  // CLOCK_BOOTTIME at Accepted ...
  std::string boot_id;               // ... of this boot; another one makes start_within passed.
  bool cancel_requested = false;
  bool acknowledged = false;  // The controller said Forget.
};

// The agent's memory across crashes: a SQLite file (WAL, synchronous=FULL) with the attempts, their
// checkpoints and the numbered events that the controller has not yet acknowledged. Every call that
// returns OK is durable. Thread-safe. RESOURCE_EXHAUSTED (DISK_FULL, JOURNAL_FULL) leaves the
// journal as it was; room for the outcome of every accepted attempt is reserved, so that Finish
// works on a full disk when Accept did.
class Journal {
 public:
  static constexpr size_t kMaxLifeBytes = 64;

  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& folder, int64_t max_bytes,
                                                       Clock& clock);
  virtual ~Journal() = default;

  virtual const std::string& journal_id() const = 0;
  virtual uint64_t boot_sequence() const = 0;

  virtual uint64_t HighestEpoch() = 0;
  // Of the controller that had the highest epoch; "" if it did not say.
  virtual std::string LifeOfHighestEpoch() = 0;
  // FAILED_PRECONDITION (STALE_EPOCH) if it is lower than the highest seen. `life`: as the
  // controller names its present run, at most kMaxLifeBytes (INVALID_ARGUMENT, BAD_LIFE); "": as
  // before, if the epoch is.
  virtual absl::Status NoteEpoch(uint64_t epoch, const std::string& life) = 0;
  virtual uint64_t HighestFence(const std::string& instance) = 0;

  // Offer -> ACCEPTED with its Accepted event, in one transaction. ABORTED (STALE_FENCE) if the
  // fence is not above the instance's highest. The same attempt and fence again: OK, nothing
  // written.
  virtual absl::Status Accept(const v1::Offer& offer, absl::Duration boottime,
                              const std::string& boot_id) = 0;
  virtual absl::Status Decline(const v1::Offer& offer, const v1::Declined& declined) = 0;
  // ACCEPTED -> GRANTED. Granted before: OK.
  virtual absl::Status Grant(const v1::Grant& grant) = 0;
  // Of one that was granted and has not ended: the Grant's not_after is another. OK if it is what
  // it was, or if there is no such attempt.
  virtual absl::Status MoveNotAfter(const std::string& attempt_id,
                                    const google::protobuf::Timestamp& not_after) = 0;
  // GRANTED -> RUNNING with its Started event. FAILED_PRECONDITION if it already ran: an attempt
  // runs at most once.
  virtual absl::Status Start(const std::string& attempt_id) = 0;
  virtual absl::Status Step(const std::string& attempt_id, const work::v1::StepReport& report) = 0;
  virtual absl::Status Checkpoint(const std::string& attempt_id, absl::string_view blob) = 0;
  // Terminal, with its Finished event. A second call is FAILED_PRECONDITION.
  virtual absl::Status Finish(const std::string& attempt_id, const v1::Finished& finished) = 0;
  // Withdrawn before the grant: the attempt is gone.
  virtual absl::Status Drop(const std::string& attempt_id) = 0;
  virtual absl::Status RequestCancel(const std::string& attempt_id) = 0;
  // The controller has the outcome. One that may be tried again, or was only a plan, is gone then;
  // others, whose second run would do harm, are kept 30 days more (the newest 10,000 of them).
  virtual absl::Status Forget(const std::string& attempt_id) = 0;

  virtual absl::StatusOr<std::optional<JournaledAttempt>> Find(const std::string& attempt_id) = 0;
  // The retained ones, oldest first.
  virtual absl::StatusOr<std::vector<JournaledAttempt>> Attempts() = 0;
  // The same in the short form that Hello carries.
  virtual absl::StatusOr<std::vector<v1::AttemptState>> AttemptStates() = 0;

  virtual absl::StatusOr<std::vector<v1::Event>> EventsFrom(uint64_t seq, int limit) = 0;
  virtual uint64_t LastEventSeq() = 0;
  virtual uint64_t LowestEventSeq() = 0;  // Unacknowledged; 0: none.
  virtual absl::Status Acknowledge(uint64_t up_to_seq) = 0;

  // Bytes of live content, for the process's metrics.
  virtual int64_t UsedBytes() = 0;

  // Called after each new event, on the writer's thread, to wake the link. Set once.
  virtual void SetListener(std::function<void()> listener) = 0;
};

}  // namespace dbfleet::agent
