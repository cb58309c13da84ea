#include "common/audit/severity.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace dbfleet::audit {
namespace {

constexpr absl::string_view kErrorActions[] = {
    "agent.quarantine",      "agent.event_gap",  "attempt.unknown",    "attempt.late_result",
    "attempt.foreign_event", "job.needs_person", "audit.adopt_restore"};
constexpr absl::string_view kWarningEndings[] = {"refused",  ".reject",  ".revoke",
                                                 ".disable", ".resolve", ".unreachable"};
constexpr absl::string_view kErrorStates[] = {"unknown", "lost", "interrupted"};
constexpr absl::string_view kWarningStates[] = {"failed", "partially_failed", "aborted",
                                                "cancelled", "rejected"};

template <typename List>
bool Contains(const List& list, absl::string_view text) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

}  // namespace

Severity SeverityOf(const Record& record) {
  if (Contains(kErrorActions, record.action) || absl::EndsWith(record.action, "alarm")) {
    return Severity::kError;
  }
  bool warning =
      std::any_of(std::begin(kWarningEndings), std::end(kWarningEndings),
                  [&](absl::string_view ending) { return absl::EndsWith(record.action, ending); });
  for (const char* key : {"state", "outcome"}) {
    const auto it = record.details.find(key);
    if (it == record.details.end()) continue;
    const std::string state = absl::AsciiStrToLower(it->second);
    if (Contains(kErrorStates, state)) return Severity::kError;
    warning = warning || Contains(kWarningStates, state);
  }
  if (warning) return Severity::kWarning;
  return absl::StartsWith(record.actor, "users/") ? Severity::kNotice : Severity::kInfo;
}

}  // namespace dbfleet::audit
