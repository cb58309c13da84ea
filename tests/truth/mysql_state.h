#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"

#include "tests/mini/mini_server.h"
#include "tests/truth/mysql_session.h"

namespace dbfleet::truth {

// By what it is about, for messages: "data", "schema", "global variables", ...
using State = std::map<std::string, std::string>;

// All that a statement may change, as text: checksums of the tables' rows, the definitions and the
// position of the binary log, global variables, accounts, the server's files, the locks that
// `session` is left with, and its settings and variables. `monitor` looks, `session` is looked at.
absl::StatusOr<State> StateOf(mini::MiniServer& server, MysqlSession& monitor,
                              MysqlSession& session);

// What differs, shortened; "" if nothing does.
std::string Difference(const State& before, const State& after);

}  // namespace dbfleet::truth
