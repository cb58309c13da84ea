#pragma once

#include "absl/strings/string_view.h"

#include "common/sql/report/redact.h"

namespace dbfleet::sql {

// One command: see Redact.
Redacted RedactRedis(absl::string_view line);

}  // namespace dbfleet::sql
