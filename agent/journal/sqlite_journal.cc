#include "agent/journal/sqlite_journal.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/journal/journal_check.h"
#include "agent/journal/journal_rows.h"
#include "common/base/failpoint.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/log/log.h"

namespace dbfleet::agent {
namespace {

constexpr char kLife[] = "highest_epoch_life";  // "EPOCH LIFE".
// What Grant, Start and Finish of one attempt may write, pages around them included.
constexpr int64_t kRoomPerAttempt = 192 << 10;
constexpr int64_t kSpareBytes = 512 << 10;
// A checkpoint empties the WAL once it has grown to this.
constexpr int64_t kCheckpointBytes = 1 << 20;
// Pages that a transaction touches beside its payload.
constexpr int64_t kOverheadBytes = 96 << 10;
constexpr absl::Duration kRetention = absl::Hours(30 * 24);
constexpr absl::Duration kPurgeInterval = absl::Hours(1);
// So that Hello, which carries every attempt with some 50 bytes, stays far below a message's 4 MiB.
constexpr int kMaxForgotten = 10000;

int64_t WalCost(int64_t payload) { return payload + payload / 4 + kOverheadBytes; }

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::string& folder, int64_t max_bytes,
                                                       Clock& clock) {
  return SqliteJournal::Open(folder, max_bytes, clock);
}

SqliteJournal::SqliteJournal(std::unique_ptr<JournalFolder> folder, std::unique_ptr<Database> db,
                             int64_t max_bytes, Clock& clock)
    : folder_(std::move(folder)),
      max_bytes_(max_bytes),
      clock_(clock),
      db_(std::move(db)),
      room_(folder_->database_path() + "-wal") {}

absl::StatusOr<std::unique_ptr<Journal>> SqliteJournal::Open(const std::string& folder,
                                                             int64_t max_bytes, Clock& clock) {
  ASSIGN_OR_RETURN(std::unique_ptr<JournalFolder> held, JournalFolder::Take(folder));
  ASSIGN_OR_RETURN(std::unique_ptr<Database> db, Database::Open(held->database_path()));
  RETURN_IF_ERROR(PrepareSchema(*db));
  RETURN_IF_ERROR(CheckJournal(*db));
  RETURN_IF_ERROR(held->PinFile());
  std::unique_ptr<SqliteJournal> journal(
      new SqliteJournal(std::move(held), std::move(db), max_bytes, clock));
  {
    MutexLock lock(&journal->mutex_);
    RETURN_IF_ERROR(journal->BeginLife());
  }
  return std::unique_ptr<Journal>(std::move(journal));
}

absl::Status SqliteJournal::BeginLife() {
  room_.Measure();
  ASSIGN_OR_RETURN(std::string id, GetMeta(*db_, "journal_id"));
  ASSIGN_OR_RETURN(const uint64_t boots, GetMetaNumber(*db_, "boot_sequence"));
  if (!id.empty() && folder_->IsOlderCopy(id, boots)) {
    log::Warn(
        "the agent's journal is an older copy of itself: it gets a new id, so that the "
        "controller does not trust its memory",
        {{"journal_id", id}});
    id.clear();
  }
  if (id.empty()) id = NewUlid(clock_.Now());
  const uint64_t boot = boots + 1;
  RETURN_IF_ERROR(Transact("boot", Need::kEssential, 0, 0, [&](Database& db) -> absl::Status {
    RETURN_IF_ERROR(SetMeta(db, "journal_id", id));
    return SetMeta(db, "boot_sequence", absl::StrCat(boot));
  }));
  journal_id_ = id;
  boot_sequence_ = boot;
  if (const absl::Status noted = folder_->NoteBoot(id, boot); !noted.ok()) {
    log::Warn("cannot note the journal's boot sequence", {{"error", std::string(noted.message())}});
  }
  ASSIGN_OR_RETURN(epoch_, GetMetaNumber(*db_, "highest_epoch"));
  ASSIGN_OR_RETURN(const std::string life, GetMeta(*db_, kLife));
  // A former version of the agent, which knows of no lives, may have noted a later epoch since.
  const std::string epoch = absl::StrCat(epoch_, " ");
  if (absl::StartsWith(life, epoch)) life_ = life.substr(epoch.size());
  Refresh();
  return PurgeIfDue();
}

absl::Status SqliteJournal::MakeRoom(Need need, int64_t payload, int new_attempts) {
  int64_t wanted = WalCost(payload);
  if (need == Need::kRefusable) {
    ASSIGN_OR_RETURN(const int64_t open,
                     db_->QueryInt("SELECT COUNT(*) FROM attempts WHERE phase < 4"));
    wanted += (open + new_attempts) * kRoomPerAttempt + kSpareBytes;
  }
  if (db_->wal_bytes() + wanted <= room_.allocated()) return absl::OkStatus();
  const absl::Status checkpointed = db_->CheckpointWal();
  const absl::Status grown = room_.Ensure(db_->wal_bytes() + wanted);
  if (grown.ok() || need == Need::kEssential) return absl::OkStatus();
  return Annotate(grown, checkpointed.ok()
                             ? "agent journal"
                             : absl::StrCat("agent journal (", checkpointed.message(), ")"));
}

absl::Status SqliteJournal::Transact([[maybe_unused]] absl::string_view what, Need need,
                                     int64_t payload, int new_attempts, const Body& body) {
  RETURN_IF_ERROR(folder_->CheckSameFile());
  RETURN_IF_ERROR(MakeRoom(need, payload, new_attempts));
  RETURN_IF_ERROR(db_->Execute("BEGIN IMMEDIATE"));
  absl::Status status = body(*db_);
  if (status.ok()) status = DBFLEET_FAILPOINT_STATUS("journal.commit.before", what);
  if (status.ok()) status = db_->Execute("COMMIT");
  if (status.ok()) status = DBFLEET_FAILPOINT_STATUS("journal.commit.after", what);
  if (!status.ok() && db_->in_transaction()) db_->Execute("ROLLBACK").IgnoreError();
  if (db_->wal_bytes() > kCheckpointBytes) {
    // The commit above is durable without it; on a full disk it succeeds later.
    db_->CheckpointWal().IgnoreError();
  }
  return status;
}

absl::StatusOr<int64_t> SqliteJournal::LiveBytes() {
  ASSIGN_OR_RETURN(const int64_t pages, db_->QueryInt("PRAGMA page_count"));
  ASSIGN_OR_RETURN(const int64_t free, db_->QueryInt("PRAGMA freelist_count"));
  return (pages - free) * 4096;
}

absl::Status SqliteJournal::CheckBudget(int64_t payload, int64_t limit) {
  ASSIGN_OR_RETURN(const int64_t live, LiveBytes());
  if (live + payload <= limit) return absl::OkStatus();
  return Error(absl::StatusCode::kResourceExhausted, "JOURNAL_FULL",
               absl::StrCat("the agent's journal holds ", live, " bytes of at most ", limit,
                            "; it shrinks when the controller acknowledges events, or raise "
                            "journal_max_bytes"));
}

bool SqliteJournal::Refresh() {
  const absl::StatusOr<uint64_t> last = GetMetaNumber(*db_, "last_event_seq");
  if (!last.ok() || *last == last_seq_) return false;
  last_seq_ = *last;
  return true;
}

absl::Status SqliteJournal::Announce(const absl::Status& status, bool new_event) {
  if (!new_event) return status;
  std::function<void()> listener;
  {
    MutexLock lock(&mutex_);
    listener = listener_;
  }
  if (listener) listener();
  return status;
}

absl::Status SqliteJournal::PurgeIfDue() {
  const absl::Time now = clock_.Now();
  if (now - last_purge_ < kPurgeInterval && now >= last_purge_) return absl::OkStatus();
  last_purge_ = now;
  return Transact("purge", Need::kEssential, 0, 0, [&](Database& db) {
    return PurgeForgotten(db, now - kRetention, kMaxForgotten);
  });
}

uint64_t SqliteJournal::HighestEpoch() {
  MutexLock lock(&mutex_);
  return epoch_;
}

std::string SqliteJournal::LifeOfHighestEpoch() {
  MutexLock lock(&mutex_);
  return life_;
}

absl::Status SqliteJournal::NoteEpoch(uint64_t epoch, const std::string& life) {
  MutexLock lock(&mutex_);
  if (epoch < epoch_) {
    return Error(
        absl::StatusCode::kFailedPrecondition, "STALE_EPOCH",
        absl::StrCat("the controller has epoch ", epoch,
                     ", but this agent has already "
                     "obeyed epoch ",
                     epoch_, ": it is an old or a restored controller; nothing is taken from it"));
  }
  if (life.size() > kMaxLifeBytes) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_LIFE",
                 "the controller names its run with too many bytes");
  }
  if (epoch == epoch_ && (life.empty() || life == life_)) return absl::OkStatus();
  RETURN_IF_ERROR(Transact("epoch", Need::kEssential, 0, 0, [&](Database& db) -> absl::Status {
    RETURN_IF_ERROR(SetMeta(db, "highest_epoch", absl::StrCat(epoch)));
    return SetMeta(db, kLife, absl::StrCat(epoch, " ", life));
  }));
  epoch_ = epoch;
  life_ = life;
  return absl::OkStatus();
}

uint64_t SqliteJournal::HighestFence(const std::string& instance) {
  MutexLock lock(&mutex_);
  return HighestFenceOf(*db_, instance).value_or(0);
}

uint64_t SqliteJournal::LastEventSeq() {
  MutexLock lock(&mutex_);
  return last_seq_;
}

uint64_t SqliteJournal::LowestEventSeq() {
  MutexLock lock(&mutex_);
  return static_cast<uint64_t>(
      db_->QueryInt("SELECT COALESCE(MIN(seq), 0) FROM events").value_or(0));
}

absl::StatusOr<std::optional<JournaledAttempt>> SqliteJournal::Find(const std::string& attempt_id) {
  MutexLock lock(&mutex_);
  return LoadAttempt(*db_, attempt_id);
}

absl::StatusOr<std::vector<JournaledAttempt>> SqliteJournal::Attempts() {
  MutexLock lock(&mutex_);
  return LoadAttempts(*db_);
}

absl::StatusOr<std::vector<v1::AttemptState>> SqliteJournal::AttemptStates() {
  MutexLock lock(&mutex_);
  PurgeIfDue().IgnoreError();
  return LoadAttemptStates(*db_);
}

absl::StatusOr<std::vector<v1::Event>> SqliteJournal::EventsFrom(uint64_t seq, int limit) {
  MutexLock lock(&mutex_);
  return LoadEvents(*db_, seq, limit);
}

int64_t SqliteJournal::UsedBytes() {
  MutexLock lock(&mutex_);
  return LiveBytes().value_or(0);
}

void SqliteJournal::SetListener(std::function<void()> listener) {
  MutexLock lock(&mutex_);
  listener_ = std::move(listener);
}

}  // namespace dbfleet::agent
