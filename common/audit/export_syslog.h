#pragma once

#include <string>

#include "common/audit/export.h"

namespace dbfleet::audit {

// A record as one RFC 5424 message, without a newline at the end, for collectors of logs. It is a
// view: what proves anything is the JSON export, to which "seq" and "hash" lead.
//
//   <109>1 2026-01-02T03:04:05.000006Z controller1 dbfleet - change.approve
//     [audit@32473 seq="7" actor="users/ada" action="change.approve" resource="jobs/J"
//     environment="production" hash="<hex>" previousHash="<hex>"][details@32473 reason="..."]
//     BOM users/ada change.approve jobs/J (production)
//
// (one line in truth). Facility 13 (log audit), severity by severity.h. MSGID is the action.
// 32473 is the enterprise number that RFC 5612 reserves for examples: dbfleet has none of its own,
// so the names are unique by convention only. In values `"`, `\` and `]` are escaped; control
// characters become visible ("\x0a", which escapes its backslash again), for a line break would
// begin a forged message at many receivers; values are cut to kMaxSyslogValueBytes. A detail
// whose name is no SD-NAME (1 to 32 of printable ASCII but = ] " and space) becomes the parameter
// "_" with the value "name=value".
inline constexpr size_t kMaxSyslogValueBytes = 1024;

// `hostname` is the controller's; bytes that RFC 5424 forbids become "_", "" becomes "-".
std::string WriteSyslogLine(const ExportedRecord& record, const std::string& hostname);

}  // namespace dbfleet::audit
