#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

#include "common/sql/model/statement.h"
#include "common/sql/model/target.h"
#include "common/sql/report/redact.h"

namespace dbfleet::sql {

// One statement of a program: see Redact. `host`: what is known of what stands around it; null if
// nothing is.
Redacted RedactHost(const Target& target, absl::string_view text, size_t place,
                    const HostContext* host = nullptr);

}  // namespace dbfleet::sql
