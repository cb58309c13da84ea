#include "controller/dispatch/mail.h"

#include <algorithm>

namespace dbfleet::controller {
namespace {

constexpr uint64_t kAckAtLeastEach = 64;
constexpr int kMaxForgets = 64;
// One look serves all that is due within this part of the delay: a timer for each agent of a busy
// fleet would cost more than it saves.
constexpr int kLooksPerDelay = 8;

// What the agent is owed, in the order in which it happened; nothing is owed any more.
std::vector<agent::v1::ControllerMsg> TakeOwed(AgentSession* session) {
  std::vector<agent::v1::ControllerMsg> messages;
  AgentSession::Owed& owed = session->owed;
  if (owed.ack > 0) {
    messages.emplace_back().mutable_event_ack()->set_up_to_seq(owed.ack);
    session->told_seq = owed.ack;
    owed.ack = 0;
  }
  if (owed.forget.attempt_ids_size() > 0) {
    messages.emplace_back().mutable_forget()->Swap(&owed.forget);
    owed.forget.Clear();
  }
  owed.any = false;
  ++owed.turn;
  return messages;
}

}  // namespace

bool Mail::Send(const SessionPtr& session, agent::v1::ControllerMsg message) {
  if (!session->owed.any) return session->connection->Send(std::move(message));
  std::vector<agent::v1::ControllerMsg> messages = TakeOwed(session.get());
  messages.push_back(std::move(message));
  return session->connection->SendAll(std::move(messages));
}

void Mail::OweAck(const SessionPtr& session, uint64_t up_to_seq) {
  session->owed.ack = std::max(session->owed.ack, up_to_seq);
  Owe(session);
  if (up_to_seq >= session->told_seq + kAckAtLeastEach) {
    session->connection->SendAll(TakeOwed(session.get()));
  }
}

void Mail::OweForget(const SessionPtr& session, const std::string& attempt_id) {
  session->owed.forget.add_attempt_ids(attempt_id);
  Owe(session);
  if (session->owed.forget.attempt_ids_size() >= kMaxForgets) {
    session->connection->SendAll(TakeOwed(session.get()));
  }
}

void Mail::Owe(const SessionPtr& session) {
  if (session->owed.any) return;
  session->owed.any = true;
  const absl::Duration now = clock_.Monotonic();
  due_.push_back({now + delay_, session, session->owed.turn});
  // A look that is long overdue was lost: the executor was full.
  if (timer_ == nullptr || now > due_.front().time + delay_) Arm();
}

void Mail::Arm() {
  timer_ = clock_.After(due_.front().time - clock_.Monotonic(),
                        [this] { post_([this] { SendDue(); }); });
}

void Mail::SendDue() {
  timer_.reset();
  const absl::Duration until = clock_.Monotonic() + delay_ / kLooksPerDelay;
  while (!due_.empty() && due_.front().time <= until) {
    const Due due = std::move(due_.front());
    due_.pop_front();
    const SessionPtr session = due.session.lock();
    if (session == nullptr || !session->owed.any || session->owed.turn != due.turn) continue;
    session->connection->SendAll(TakeOwed(session.get()));
  }
  if (!due_.empty()) Arm();
}

}  // namespace dbfleet::controller
