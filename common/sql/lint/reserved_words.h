#pragma once

#include "absl/strings/string_view.h"

namespace dbfleet::sql {

// Whether a name has to be written in quotes because it is a word of some server's SQL. Letter case
// does not count.
bool IsReservedWord(absl::string_view name);

}  // namespace dbfleet::sql
