#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

// Part of the domain's types: see types.h.
namespace dbfleet::controller {

// What a schedule has come to; what it shall do is its manifest's (domain/resource.h). The row
// outlives the schedule, so that it is still known who declared what its jobs came from.
struct ScheduleState {
  std::string name;  // "nightly".
  // New whenever a schedule of this name is created: another one's occurrences are not its own.
  std::string uid;
  std::string timing;  // What decides its times; another one counts from the moment of the change.
  absl::Time decided_until;  // Occurrences with nominal times up to this one are decided.
  // Occurrences up to this one are no longer stored, and never looked at again.
  absl::Time pruned_until = absl::InfinitePast();
  // Everybody who ever created or changed it, or ran it by hand: none of them approves its jobs.
  std::vector<std::string> declarers;
  bool deleted = false;
  uint64_t version = 0;

  bool operator==(const ScheduleState&) const = default;
};

enum class OccurrenceState {
  kPending,     // Begins at `due_time`, or when what it waits for has ended.
  kSubmitting,  // Its jobs are being made.
  kSubmitted,   // They are made; how they stand is their own matter.
  kSkipped,     // Was not to begin: `reason`.
  kCancelled,   // Was to begin and did not, or not wholly: `reason`.
};

// One occurrence of a schedule. The id is made of the schedule's uid and the nominal time
// (OccurrenceId), so the store keeps them unique: neither a restart nor a second controller nor a
// clock that was set back makes two of one.
struct Occurrence {
  std::string id;
  std::string schedule;  // Its name.
  std::string uid;
  absl::Time nominal;   // What the cron expression says, or when it was asked for.
  absl::Time due_time;  // When it may begin.
  OccurrenceState state = OccurrenceState::kPending;
  bool missed = false;    // Its time passed while nobody looked.
  std::string requester;  // Who ran it by hand; "" if its time came.
  std::string spec_blob;  // resource.v1.ScheduleSpec by which it began.
  std::string cursor;     // The last target that is done with; "" before the first.
  int64_t targets = 0;    // How many are done with,
  int64_t jobs = 0;       // got a job,
  int64_t refused = 0;    // or were refused one.
  bool cancel_requested = false;
  std::string reason;
  std::string message;
  absl::Time create_time;
  absl::Time begin_time = absl::InfinitePast();
  // InfinitePast: open. A submitted one stays open until its jobs were seen to have ended.
  absl::Time end_time = absl::InfinitePast();
  uint64_t version = 0;

  bool IsOpen() const { return end_time == absl::InfinitePast(); }
  bool operator==(const Occurrence&) const = default;
};

}  // namespace dbfleet::controller
