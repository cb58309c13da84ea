#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace dbfleet::agent {

// What of a server's error may be shown: the message (its first line, without "ERROR:") if it is
// worded as PostgreSQL words its own, else "". Values are masked even then. A server that speaks
// another language than English gives "": the SQLSTATE tells enough.
std::string ShowablePostgresText(absl::string_view message);

}  // namespace dbfleet::agent
