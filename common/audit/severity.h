#pragma once

#include "common/audit/record.h"

namespace dbfleet::audit {

// How loud a record is for whoever watches a stream of them; the trail itself knows no severity.
//
//                  syslog  CEF   records
//   kError         3       8     quarantine, unknown outcomes, late results, gaps and foreign
//                                events of agents, work that needs a person, alarms
//                                and adopted restores of the trail
//   kWarning       4       6     what was refused, rejected, revoked, disabled, interrupted or
//                                became unreachable; ends whose "state" or "outcome" is a failure
//   kNotice        5       4     everything else that a person did (actor "users/...")
//   kInfo          6       2     everything else
enum class Severity { kError, kWarning, kNotice, kInfo };

Severity SeverityOf(const Record& record);

}  // namespace dbfleet::audit
