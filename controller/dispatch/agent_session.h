#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/time/time.h"

#include "controller/dispatch/session.h"
#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::controller {

// What an agent's Hello says of its instances, by name; also of those that are not accepted from
// it.
using DeclaredInstances = std::map<std::string, agent::v1::InstanceInfo>;

// One agent's control stream as the dispatcher sees it. Lives and is used on the dispatcher's
// executor only. A session is known by its connection's address: when a replaced stream closes
// late, it must not take its successor down.
struct AgentSession {
  std::shared_ptr<AgentConnection> connection;
  absl::Duration last_heard = absl::ZeroDuration();  // Monotonic.
  absl::Duration last_ping = absl::ZeroDuration();
  absl::Time connect_time;
  bool hello_seen = false;  // Its Hello arrived ...
  bool welcomed = false;    // ... and was committed and answered: messages count from now on.
  // It has seen a higher epoch than ours: it takes nothing from us, and comes again until this
  // controller is recovered. Its Hello is all that is heard of it.
  bool refuses_us = false;
  std::string session_id;  // Set with the Welcome.
  std::string journal_id;
  uint64_t boot_sequence = 0;
  std::shared_ptr<const DeclaredInstances> declared;                  // Set with the Hello.
  std::shared_ptr<const std::map<std::string, std::string>> refused;  // Set with the Welcome.
  std::string witnessed;  // The Hello's checkpoint of the audit trail.
  uint64_t next_seq = 1;  // The event that is expected next.
  bool resend_asked = false;
  size_t storing = 0;       // Events that the store has not answered yet.
  bool read_waits = false;  // For room among these.
  bool takes_batches = false;
  // Mail's: what the agent will be told with the next message, or soon; and how far it was told
  // that its events are committed.
  struct Owed {
    bool any = false;
    uint64_t turn = 0;  // Grows each time that it was told.
    uint64_t ack = 0;   // 0: none.
    agent::v1::Forget forget;
  };
  Owed owed;
  uint64_t told_seq = 0;
  absl::Duration clock_skew = absl::ZeroDuration();
  std::set<std::string> offered;  // Attempts that were offered and not yet granted.
  // Granted ones, whose leases are renewed, with the not_after that the agent was told last, or
  // said that it has.
  std::map<std::string, absl::Time> leased;
  std::set<std::string> cancelled;  // Cancel was sent on this stream.
  // Attempts that the Hello called finished while the store does not: their ends are among the
  // events up to `last_reported`, unless a life of the controller took them that the store lost.
  std::set<std::string> unheard;
  uint64_t last_reported = 0;

  const std::string& agent_id() const { return connection->agent_id(); }
};

}  // namespace dbfleet::controller
