#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "common/time/clock.h"
#include "controller/dispatch/agent_session.h"

namespace dbfleet::controller {

// What goes to the agents once they are welcomed. No agent waits for an acknowledgement, or to be
// told that it may forget an attempt: each is a message that costs both sides as much as an offer
// does, so these wait for the next message to the same agent and travel with it, or for each other,
// but no longer than `delay`. What is owed when a stream ends needs no message: the next Welcome
// says how far the events are committed, and answers what the agent still remembers.
//
// On the dispatcher's executor only. `post` runs a function there; the clock's timer calls it. The
// object must not go before that is quiet.
class Mail {
 public:
  using SessionPtr = std::shared_ptr<AgentSession>;
  using Post = std::function<void(std::function<void()>)>;

  Mail(Clock& clock, absl::Duration delay, Post post)
      : clock_(clock), delay_(delay), post_(std::move(post)) {}

  // Now, behind what the agent is owed.
  bool Send(const SessionPtr& session, agent::v1::ControllerMsg message);
  // Everything up to this event is committed. At once when many have come since it last heard so.
  void OweAck(const SessionPtr& session, uint64_t up_to_seq);
  // The attempt's end is committed.
  void OweForget(const SessionPtr& session, const std::string& attempt_id);

 private:
  struct Due {
    absl::Duration time;
    std::weak_ptr<AgentSession> session;
    uint64_t turn = 0;  // Of AgentSession::Owed.
  };
  void Owe(const SessionPtr& session);
  void Arm();
  void SendDue();

  Clock& clock_;
  const absl::Duration delay_;
  const Post post_;
  std::deque<Due> due_;  // By time, since all wait equally long.
  std::unique_ptr<Clock::Timer> timer_;
};

}  // namespace dbfleet::controller
