#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"

namespace dbfleet::sql {

// A statement for people and logs, with *** for what stands where passwords do: the texts behind a
// word like PASSWORD or IDENTIFIED, connection strings with a password in them, AUTH and ACL
// SETUSER of Redis. Hides too much rather than too little; nothing for programs to run. One pass.
std::string Redact(const Target& target, absl::string_view text);

}  // namespace dbfleet::sql
