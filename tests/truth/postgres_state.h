#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "tests/mini/mini_server.h"
#include "tests/truth/postgres_session.h"
#include "tests/truth/state.h"

namespace dbfleet::truth {

// All that a statement may change: every row of every table and catalog, sequences, whether a
// transaction was given a number (nothing is written without one but sequences and files), the
// settings for everybody, the server's files, statistics that were reset, the locks that `session`
// is left with, and its own settings, prepared statements, cursors and channels.
absl::StatusOr<State> StateOf(mini::MiniServer& server, PostgresSession& monitor,
                              PostgresSession& session);

}  // namespace dbfleet::truth
