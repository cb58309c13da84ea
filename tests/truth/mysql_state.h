#pragma once

#include "absl/status/statusor.h"

#include "tests/mini/mini_server.h"
#include "tests/truth/mysql_session.h"
#include "tests/truth/state.h"

namespace dbfleet::truth {

// All that a statement may change, as text: checksums of the tables' rows, the definitions and the
// position of the binary log, global variables, accounts, the server's files, the locks that
// `session` is left with, and its settings and variables. `monitor` looks, `session` is looked at.
absl::StatusOr<State> StateOf(mini::MiniServer& server, MysqlSession& monitor,
                              MysqlSession& session);

}  // namespace dbfleet::truth
