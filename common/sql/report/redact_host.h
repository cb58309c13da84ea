#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"
#include "common/sql/report/redact.h"

namespace dbfleet::sql {

// One statement of a program: see Redact.
Redacted RedactHost(const Target& target, absl::string_view text, size_t place);

}  // namespace dbfleet::sql
