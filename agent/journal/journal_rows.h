#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/journal/database.h"
#include "agent/journal/journal.h"

// The journal's tables as functions on a connection; whoever calls them holds the transaction.
namespace dbfleet::agent {

// Creates the tables, or checks that they are of a version that this program knows
// (FAILED_PRECONDITION, JOURNAL_TOO_NEW).
absl::Status PrepareSchema(Database& db);

// DATA_LOSS (JOURNAL_CORRUPT), with what to do. Loading a row gives it, too, when the row
// contradicts itself.
absl::Status JournalCorrupt(absl::string_view what);

absl::StatusOr<std::string> GetMeta(Database& db, absl::string_view key);  // "": absent.
absl::StatusOr<uint64_t> GetMetaNumber(Database& db, absl::string_view key);
absl::Status SetMeta(Database& db, absl::string_view key, absl::string_view value);

absl::StatusOr<uint64_t> HighestFenceOf(Database& db, absl::string_view instance);
absl::Status SetHighestFence(Database& db, absl::string_view instance, uint64_t fence);

// Gives the event the next number, which no later event gets again, and stores it.
absl::StatusOr<uint64_t> AppendEvent(Database& db, absl::Time now, v1::Event event);
absl::StatusOr<std::vector<v1::Event>> LoadEvents(Database& db, uint64_t seq, int limit);

absl::Status InsertAttempt(Database& db, const v1::Offer& offer, absl::Duration boottime,
                           absl::string_view boot_id);
absl::StatusOr<std::optional<JournaledAttempt>> LoadAttempt(Database& db, absl::string_view id);
absl::StatusOr<std::vector<JournaledAttempt>> LoadAttempts(Database& db);
absl::StatusOr<std::vector<v1::AttemptState>> LoadAttemptStates(Database& db);
absl::Status SetPhase(Database& db, absl::string_view id, v1::AttemptPhase phase);
absl::Status SetGrant(Database& db, const v1::Grant& grant,
                      v1::AttemptPhase phase = v1::ATTEMPT_PHASE_GRANTED);
absl::Status SetFinished(Database& db, const JournaledAttempt& attempt,
                         const v1::Finished& finished, uint64_t event_seq);
absl::Status DeleteAttempt(Database& db, absl::string_view id);
// Forgotten before `limit`, or beyond the `keep` newest of the forgotten: gone for good.
absl::Status PurgeForgotten(Database& db, absl::Time limit, int keep);

}  // namespace dbfleet::agent
