#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "controller/domain/types.h"

// What of the audit trail is told to people: pure functions from a record to an event.
namespace dbfleet::controller {

// Of one subject trouble begins and is over; alerts and incidents follow that. News are told and
// that is all.
enum class Meaning { kNews, kTrouble, kRelief };

struct TriggerInfo {
  absl::string_view name;  // "needs-person".
  absl::string_view when;  // For people and the guide.
  bool stands;             // Trouble or relief; false: news.
};

absl::Span<const TriggerInfo> Triggers();
const TriggerInfo* FindTrigger(absl::string_view name);

struct AuditEvent {
  std::string trigger;  // "": relief that only ends what was told before.
  Meaning meaning = Meaning::kNews;
  std::string words;    // "needs a person".
  std::string subject;  // "jobs/J".
};

// Cheap: may a record of this action be an event?
bool MayBeEvent(absl::string_view action);
std::optional<AuditEvent> EventOf(const AuditEntry& entry);

// Told of a job that ended well, instead of "succeeded", where it took much longer than usual.
inline constexpr absl::string_view kSlower = "slower-than-usual";
inline constexpr absl::string_view kTestTrigger = "test";
inline constexpr absl::string_view kFailedTrigger = "notification-failed";

}  // namespace dbfleet::controller
