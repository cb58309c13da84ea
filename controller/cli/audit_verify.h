#pragma once

#include "controller/cli/commands.h"

namespace dbfleet::cli {

// `dbfleet audit verify`: offline, by files alone.
void AddAuditVerify(CLI::App& noun, Shell& shell);

}  // namespace dbfleet::cli
