#pragma once

#include <string>

#include "common/audit/export.h"

namespace dbfleet::audit {

// A record as one line of ArcSight's Common Event Format, version 0, without a newline at the end
// and without a syslog header. It is a view, like export_syslog.h's:
//
//   CEF:0|dbfleet|dbfleet|<version>|change.approve|change.approve|4|rt=1767323045000
//     externalId=7 suser=users/ada act=change.approve cs1Label=resource cs1=jobs/J
//     cs2Label=environment cs2=production cs3Label=hash cs3=<hex> cs4Label=previousHash cs4=<hex>
//     cs5Label=details cs5={"reason":"..."}
//
// (one line in truth). `rt` is in unix milliseconds. Severity by severity.h. In the header `\` and
// `|` are escaped and line breaks become visible; in extensions `\` and `=`, and line breaks are
// written "\n". Other control characters become visible ("\x1b", whose backslash is escaped again).
// Fields of the extension that are empty are left out, with their label. Values are cut to
// kMaxCefValueBytes before escaping (cs5: 4,000 bytes, the length CEF gives it), at a character.
inline constexpr size_t kMaxCefValueBytes = 1000;
inline constexpr size_t kMaxCefDetailsBytes = 4000;

// `version` is dbfleet's.
std::string WriteCefLine(const ExportedRecord& record, const std::string& version);

}  // namespace dbfleet::audit
