#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

// Part of the domain's types: see types.h.
namespace dbfleet::controller {

// What there is of a rule beside its manifest. The row outlives the rule, so that it is still known
// who declared what its jobs came from.
struct EventRuleState {
  std::string name;  // "look-again".
  // New whenever a rule of this name is created: another one's proposals are not its own.
  std::string uid;
  uint64_t since_seq = 0;  // Audit records up to this one are not for it.
  // Everybody who ever declared, changed or deleted it, or accepted what it proposed: none of them
  // approves its jobs.
  std::vector<std::string> declarers;
  bool deleted = false;
  uint64_t version = 0;

  bool operator==(const EventRuleState&) const = default;
};

// How far a rule has counted for one instance.
struct EventRuleCount {
  std::string id;    // "UID/INSTANCE": one for each.
  std::string rule;  // The rule's name.
  std::string hits;  // Times of events that have not yet come to a proposal (rules/debounce.h).
  int64_t suppressed = 0;  // Proposals that limits kept back since the last one was made.
  absl::Time told_time = absl::InfinitePast();  // When that was last put into the audit trail.
  absl::Time update_time;
  uint64_t version = 0;

  bool operator==(const EventRuleCount&) const = default;
};

// A job that a rule proposes because of an event.
struct JobProposal {
  enum class State {
    kPending,    // Waits for a person.
    kAccepted,   // Its job is to be made.
    kSubmitted,  // There is a job; how that stands is its own matter.
    kDeclined,   // By a person.
    kExpired,    // Nobody looked at it in time.
    kRefused,    // There could be no job: `reason`.
    kCancelled,  // It became void: `reason`.
  };
  std::string id;  // ULID.
  // One for each rule, audit record and instance; the store keeps that unique.
  std::string rule;
  uint64_t seq = 0;
  std::string instance;
  std::string uid;  // The rule's.
  std::string environment;
  std::string trigger;    // "check-failed".
  std::string cause;      // What happened, in words.
  absl::Time event_time;  // Of the audit record.
  int depth = 0;          // Through so many rules it came about before this one.
  bool ask = true;        // A person was to decide.
  std::string job_blob;   // resource.v1.ScheduledJob.
  State state = State::kPending;
  std::string reason;   // Why it is as it is: "EXPIRED", "NOT_ENTITLED", ...
  std::string message;  // The same in words, or what the person said.
  std::string decider;  // "users/ada"; "" for nobody.
  std::string job;      // The id of its job; "" as long as there is none.
  absl::Time create_time;
  absl::Time expire_time = absl::InfiniteFuture();
  // InfinitePast: open. A submitted one stays open until its job was seen to have ended.
  absl::Time end_time = absl::InfinitePast();
  uint64_t version = 0;

  bool IsOpen() const { return end_time == absl::InfinitePast(); }
  bool operator==(const JobProposal&) const = default;
};

}  // namespace dbfleet::controller
