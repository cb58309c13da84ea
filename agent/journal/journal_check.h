#pragma once

#include "absl/status/status.h"

#include "agent/journal/database.h"

namespace dbfleet::agent {

// Reads a journal that may have been damaged on its disk through once: SQLite's own structures,
// every attempt, every event, and that they agree with each other. DATA_LOSS (JOURNAL_CORRUPT)
// names the first thing that cannot be. Not every damage shows: a digit that another may stand for
// is believed, as there are no checksums over rows.
absl::Status CheckJournal(Database& db);

}  // namespace dbfleet::agent
