#include "agent/journal/journal_check.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "agent/journal/journal_rows.h"
#include "common/base/ids.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

constexpr int kEventBatch = 1000;

absl::Status CheckStructure(Database& db) {
  ASSIGN_OR_RETURN(Statement check, db.Prepare("PRAGMA integrity_check(1)"));
  ASSIGN_OR_RETURN(const bool row, check.Step());
  if (row && check.BytesAt(0) == "ok") return absl::OkStatus();
  return JournalCorrupt(absl::StrCat("SQLite says: ", row ? check.BytesAt(0) : "nothing"));
}

absl::Status CheckMeta(Database& db) {
  ASSIGN_OR_RETURN(const std::string id, GetMeta(db, "journal_id"));
  if (!id.empty() && !IsUlid(id)) return JournalCorrupt("its id is not one");
  for (const char* key : {"boot_sequence", "last_event_seq", "highest_epoch"}) {
    ASSIGN_OR_RETURN(const uint64_t number, GetMetaNumber(db, key));
    if (number >= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return JournalCorrupt(absl::StrCat(key, " is impossibly high"));
    }
  }
  ASSIGN_OR_RETURN(const std::string life, GetMeta(db, "highest_epoch_life"));
  constexpr size_t kEpochBytes = 21;  // Its digits, and the space behind them.
  if (life.size() > kEpochBytes + Journal::kMaxLifeBytes) {
    return JournalCorrupt("the controller's life is impossibly long");
  }
  return absl::OkStatus();
}

// The highest fence of an instance is what keeps older work from being taken: it must not have
// fallen below what was accepted.
absl::Status CheckAttempts(Database& db) {
  ASSIGN_OR_RETURN(const std::vector<JournaledAttempt> attempts, LoadAttempts(db));
  std::map<std::string, uint64_t> highest;
  for (const JournaledAttempt& attempt : attempts) {
    uint64_t& fence = highest[attempt.offer.instance()];
    fence = std::max(fence, attempt.offer.fence());
  }
  for (const auto& [instance, accepted] : highest) {
    ASSIGN_OR_RETURN(const uint64_t fence, HighestFenceOf(db, instance));
    if (fence < accepted) {
      return JournalCorrupt(absl::StrCat("the highest fence of ", instance, " is ", fence, ", but ",
                                         accepted, " was accepted"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckEvents(Database& db) {
  ASSIGN_OR_RETURN(const uint64_t last, GetMetaNumber(db, "last_event_seq"));
  ASSIGN_OR_RETURN(const int64_t lowest, db.QueryInt("SELECT MIN(seq) FROM events"));
  if (lowest < 0) return JournalCorrupt("an event's number is negative");
  uint64_t next = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const std::vector<v1::Event> events, LoadEvents(db, next, kEventBatch));
    if (events.empty()) break;
    next = events.back().seq() + 1;
  }
  if (next > last + 1) {
    return JournalCorrupt(absl::StrCat("it has event ", next - 1, ", but the last made is ", last));
  }
  // Otherwise an event that is still to come would seem to tell of an attempt's end.
  ASSIGN_OR_RETURN(const int64_t told, db.QueryInt("SELECT MAX(finish_seq) FROM attempts"));
  if (told < 0 || static_cast<uint64_t>(told) > last) {
    return JournalCorrupt(
        absl::StrCat("an attempt's end is told by event ", told, ", but the last made is ", last));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckJournal(Database& db) {
  RETURN_IF_ERROR(CheckStructure(db));
  RETURN_IF_ERROR(CheckMeta(db));
  RETURN_IF_ERROR(CheckAttempts(db));
  return CheckEvents(db);
}

}  // namespace dbfleet::agent
