#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/journal/database.h"
#include "agent/journal/journal.h"
#include "agent/journal/journal_folder.h"
#include "agent/journal/wal_room.h"
#include "common/concurrency/mutex.h"

namespace dbfleet::agent {

// The Journal over one SQLite connection; calls take turns on a mutex.
//
// Full disk: commits go into space of the WAL file that is allocated beforehand (wal_room.h). A
// write that may be refused (Accept, Decline, Step, Checkpoint) must leave kRoomPerAttempt for each
// open attempt and kSpareBytes for acknowledgements; the others may use it up. `max_bytes` bounds
// the live content: from three quarters on no attempt is accepted, so that those accepted can go
// on.
class SqliteJournal : public Journal {
 public:
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& folder, int64_t max_bytes,
                                                       Clock& clock);

  const std::string& journal_id() const override { return journal_id_; }
  uint64_t boot_sequence() const override { return boot_sequence_; }
  uint64_t HighestEpoch() override;
  std::string LifeOfHighestEpoch() override;
  absl::Status NoteEpoch(uint64_t epoch, const std::string& life) override;
  uint64_t HighestFence(const std::string& instance) override;
  absl::Status Accept(const v1::Offer& offer, absl::Duration boottime,
                      const std::string& boot_id) override;
  absl::Status Decline(const v1::Offer& offer, const v1::Declined& declined) override;
  absl::Status Grant(const v1::Grant& grant) override;
  absl::Status MoveNotAfter(const std::string& attempt_id,
                            const google::protobuf::Timestamp& not_after) override;
  absl::Status Start(const std::string& attempt_id) override;
  absl::Status Step(const std::string& attempt_id, const work::v1::StepReport& report) override;
  absl::Status Checkpoint(const std::string& attempt_id, absl::string_view blob) override;
  absl::Status Finish(const std::string& attempt_id, const v1::Finished& finished) override;
  absl::Status Drop(const std::string& attempt_id) override;
  absl::Status RequestCancel(const std::string& attempt_id) override;
  absl::Status Forget(const std::string& attempt_id) override;
  absl::StatusOr<std::optional<JournaledAttempt>> Find(const std::string& attempt_id) override;
  absl::StatusOr<std::vector<JournaledAttempt>> Attempts() override;
  absl::StatusOr<std::vector<v1::AttemptState>> AttemptStates() override;
  absl::StatusOr<std::vector<v1::Event>> EventsFrom(uint64_t seq, int limit) override;
  uint64_t LastEventSeq() override;
  uint64_t LowestEventSeq() override;
  absl::Status Acknowledge(uint64_t up_to_seq) override;
  int64_t UsedBytes() override;
  void SetListener(std::function<void()> listener) override;

 private:
  enum class Need { kRefusable, kEssential };
  using Body = std::function<absl::Status(Database&)>;

  SqliteJournal(std::unique_ptr<JournalFolder> folder, std::unique_ptr<Database> db,
                int64_t max_bytes, Clock& clock);
  absl::Status BeginLife() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Transact(absl::string_view what, Need need, int64_t payload, int new_attempts,
                        const Body& body) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status MakeRoom(Need need, int64_t payload, int new_attempts)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<int64_t> LiveBytes() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckBudget(int64_t payload, int64_t limit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status FinishWith(const std::string& attempt_id, const v1::Finished& finished, Need need)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status PurgeIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Brings the cached numbers up to the committed ones; true if an event is new.
  bool Refresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // For the calls that make events: `status` of the transaction, then the listener, unlocked.
  absl::Status Announce(const absl::Status& status, bool new_event);

  const std::unique_ptr<JournalFolder> folder_;
  const int64_t max_bytes_;
  Clock& clock_;
  std::string journal_id_;      // Constant after Open.
  uint64_t boot_sequence_ = 0;  // Constant after Open.

  Mutex mutex_;
  const std::unique_ptr<Database> db_ ABSL_PT_GUARDED_BY(mutex_);
  WalRoom room_ ABSL_GUARDED_BY(mutex_);
  uint64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string life_ ABSL_GUARDED_BY(mutex_);  // Of the controller that had it.
  uint64_t last_seq_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time last_purge_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::function<void()> listener_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::agent
