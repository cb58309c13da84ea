#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"

// Part of the domain's types: see types.h.
namespace dbfleet::controller {

// One event on its way to one recipient of a route: a row of the outbox.
struct Notification {
  enum class State { kWaiting, kSent, kDead };
  std::string id;         // ULID; the idempotency key, the same at each attempt.
  std::string route;      // "oncall".
  std::string recipient;  // An address of mail; "" for other receivers.
  std::string subject;    // "jobs/J": of one subject a recipient gets one after the other.
  uint64_t seq = 0;       // Of the audit record. One row for each route, recipient and record.
  std::string trigger;    // "failed".
  std::map<std::string, std::string> fields;  // What there is to tell.
  State state = State::kWaiting;
  int attempts = 0;  // Begun, each counted before it was made.
  absl::Time create_time;
  absl::Time next_time;  // Not tried before.
  absl::Time end_time = absl::InfinitePast();
  std::string error;  // Of the last attempt.
  uint64_t version = 0;

  bool operator==(const Notification&) const = default;
};

}  // namespace dbfleet::controller
