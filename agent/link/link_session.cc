// The part of LinkImpl that talks with the controller on the control stream.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/unknown_field_set.h"

#include "agent/link/link_impl.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/log/log.h"
#include "common/proto_time/proto_time.h"
#include "common/rpc/batch.h"

namespace dbfleet::agent {
namespace {

constexpr int kEventsAtOnce = 16;
constexpr absl::Duration kMaxClockSkew = absl::Seconds(30);
constexpr absl::Duration kDefaultPing = absl::Seconds(15);
constexpr absl::Duration kDefaultDead = absl::Seconds(45);

absl::Duration DurationOf(const google::protobuf::Duration& duration, absl::Duration otherwise) {
  const absl::Duration value = FromProto(duration);
  return value > absl::ZeroDuration() ? value : otherwise;
}

// Whether nobody waits for this event: it neither ends anything nor lets anything begin.
bool MayWait(const v1::Event& event) {
  return event.has_started() || event.step().state() == work::v1::STEP_STATE_RUNNING;
}

std::string DescribeUnknown(const v1::ControllerMsg& message) {
  const auto& unknown = v1::ControllerMsg::GetReflection()->GetUnknownFields(message);
  std::vector<std::string> numbers;
  for (int i = 0; i < std::min(unknown.field_count(), 8); ++i) {
    numbers.push_back(absl::StrCat(unknown.field(i).number()));
  }
  // A kind that is known, but not to an agent without the part for it.
  if (numbers.empty() && message.kind_case() != v1::ControllerMsg::KIND_NOT_SET) {
    numbers.push_back(absl::StrCat(static_cast<int>(message.kind_case())));
  }
  return absl::StrCat("ControllerMsg.", numbers.empty() ? "(empty)" : absl::StrJoin(numbers, ","));
}

void WarnIfBad(const absl::Status& status, absl::string_view what) {
  if (!status.ok()) log::Warn(what, {{"error", std::string(status.message())}});
}

void WarnOfSkew(const google::protobuf::Timestamp& controller_time, absl::Time now) {
  const absl::Duration skew = now - FromProto(controller_time);
  if (absl::AbsDuration(skew) <= kMaxClockSkew) return;
  log::Warn(
      "this host's clock differs from the controller's; nothing is granted until that is "
      "mended",
      {{"skew", absl::FormatDuration(skew)}});
}

}  // namespace

void LinkImpl::OnMessage(const Control::Ptr& stream, const v1::ControllerMsg& message) {
  if (stopping_ || stream != control_) return;
  last_received_ = clock_.Monotonic();
  if (message.has_welcome() != !welcomed_) {
    return DropSession(Error(absl::StatusCode::kFailedPrecondition, "PROTOCOL",
                             "the controller did not begin with one Welcome"));
  }
  if (message.has_welcome()) return OnWelcome(message.welcome());
  if (!message.has_batch()) return Dispatch(message);
  for (const v1::ControllerMsg& one : message.batch().messages()) {
    if (stopping_ || stream != control_) return;
    Dispatch(one);
  }
}

void LinkImpl::OnWelcome(const v1::Welcome& welcome) {
  if (const absl::Status epoch = journal_.NoteEpoch(welcome.epoch(), welcome.life()); !epoch.ok()) {
    return DropSession(epoch);
  }
  welcomed_ = true;
  backoff_.Reset();
  stale_epoch_retry_ = options_.stale_epoch_retry;
  ping_interval_ = DurationOf(welcome.ping_interval(), kDefaultPing);
  dead_after_ = std::max(DurationOf(welcome.dead_after(), kDefaultDead), ping_interval_ * 2);
  if (welcome.acked_event_seq() > 0) {
    WarnIfBad(journal_.Acknowledge(welcome.acked_event_seq()),
              "the controller acknowledges events that this journal never had");
  }
  const uint64_t lowest = journal_.LowestEventSeq();
  next_event_ = lowest > 0 ? lowest : journal_.LastEventSeq() + 1;
  const auto& features = welcome.features();
  batches_ = std::find(features.begin(), features.end(), rpc::kBatchFeature) != features.end();
  if (welcome.has_controller_time()) WarnOfSkew(welcome.controller_time(), clock_.Now());
  for (const auto& [instance, reason] : welcome.rejected_instances()) {
    log::Warn("the controller does not accept an instance of this agent",
              {{"instance", instance}, {"reason", Truncate(reason, 500)}});
  }
  log::Info("connected to the controller",
            {{"epoch", absl::StrCat(welcome.epoch())}, {"environment", welcome.environment()}});
  SetConnected(true, welcome.environment());
  session_timer_ = PostAfter(ping_interval_, [this] { SendPing(); });
  PumpEvents();
  HealthHeartbeat();
  PumpLogs();
  PumpMetrics();
}

void LinkImpl::Dispatch(const v1::ControllerMsg& message) {
  switch (message.kind_case()) {
    case v1::ControllerMsg::kOffer:
      return runner_->HandleOffer(message.offer());
    case v1::ControllerMsg::kGrant:
      return runner_->HandleGrant(message.grant());
    case v1::ControllerMsg::kWithdraw:
      return runner_->HandleWithdraw(message.withdraw().attempt_id());
    case v1::ControllerMsg::kCancel:
      return runner_->HandleCancel(message.cancel().attempt_id(), message.cancel().reason());
    case v1::ControllerMsg::kLeaseRenewal:
      return runner_->HandleLeaseRenewal(message.lease_renewal());
    case v1::ControllerMsg::kForget:
      return OnForget(message.forget());
    case v1::ControllerMsg::kEventAck: {
      WarnIfBad(journal_.Acknowledge(message.event_ack().up_to_seq()),
                "cannot note an acknowledgement");
      MutexLock lock(&mutex_);
      changed_.SignalAll();
      return;
    }
    case v1::ControllerMsg::kResend:
      next_event_ = message.resend().from_seq();
      return PumpEvents();
    case v1::ControllerMsg::kPing: {
      v1::AgentMsg pong;
      pong.mutable_pong()->set_nonce(message.ping().nonce());
      *pong.mutable_pong()->mutable_send_time() = ToProto(clock_.Now());
      return SendOrDrop(std::move(pong));
    }
    case v1::ControllerMsg::kPong:
      return;
    case v1::ControllerMsg::kUnimplemented:
      log::Warn("the controller did not understand a message; it may be an older version",
                {{"what", Truncate(message.unimplemented().what(), 200)}});
      return;
    case v1::ControllerMsg::kCheckpointPush:
      if (witness_ != nullptr) return OnCheckpoint(message.checkpoint_push());
      break;
    case v1::ControllerMsg::kBatch:  // Within another one.
    case v1::ControllerMsg::kWelcome:
    case v1::ControllerMsg::KIND_NOT_SET:
      break;
  }
  v1::AgentMsg reply;
  reply.mutable_unimplemented()->set_what(DescribeUnknown(message));
  log::Warn("a message of the controller was not understood; this agent may be an older version",
            {{"what", reply.unimplemented().what()}});
  SendOrDrop(std::move(reply));
}

void LinkImpl::OnCheckpoint(const v1::CheckpointPush& push) {
  v1::AgentMsg answer;
  *answer.mutable_checkpoint_answer() = witness_->Handle(push);
  SendOrDrop(std::move(answer));
}

void LinkImpl::OnForget(const v1::Forget& forget) {
  for (const std::string& id : forget.attempt_ids()) {
    WarnIfBad(journal_.Forget(id), "cannot forget an attempt");
  }
}

bool LinkImpl::Send(v1::AgentMsg message) {
  std::vector<v1::AgentMsg> one;
  one.push_back(std::move(message));
  return SendAll(std::move(one));
}

bool LinkImpl::SendAll(std::vector<v1::AgentMsg> messages) {
  std::vector<v1::AgentMsg> out;
  for (v1::AgentMsg& message : messages) {
    faults_.Pass("link.send", std::move(message),
                 [&out](v1::AgentMsg passed) { out.push_back(std::move(passed)); });
  }
  control_->AllowBatches(batches_ && !faults_.older());
  return control_->SendAll(std::move(out));
}

void LinkImpl::SendOrDrop(v1::AgentMsg message) {
  if (control_ == nullptr || Send(std::move(message))) return;
  DropSession(Error(absl::StatusCode::kResourceExhausted, "CONTROLLER_TOO_SLOW",
                    "the controller does not read what this agent sends"));
}

void LinkImpl::Ping() {
  v1::AgentMsg ping;
  ping.mutable_ping()->set_nonce(++ping_nonce_);
  *ping.mutable_ping()->mutable_send_time() = ToProto(clock_.Now());
  SendOrDrop(std::move(ping));
}

void LinkImpl::SendPing() {
  if (stopping_ || !welcomed_) return;
  const absl::Duration silent = clock_.Monotonic() - last_received_;
  if (silent > dead_after_) {
    return DropSession(Error(
        absl::StatusCode::kUnavailable, "CONTROLLER_SILENT",
        absl::StrCat("nothing was heard from the controller for ", absl::FormatDuration(silent))));
  }
  Ping();
  session_timer_ = PostAfter(ping_interval_, [this] { SendPing(); });
  // A journal that could not be read at some moment gets another chance.
  PumpEvents();
}

void LinkImpl::HealthChanged() {
  PostOnce(&health_posted_, [this] { SendHealth(); });
}

void LinkImpl::SendHealth() {
  if (stopping_ || !welcomed_) return;
  v1::AgentMsg message;
  *message.mutable_health() = facts_.Health();
  if (message.health().instances().empty()) return;
  SendOrDrop(std::move(message));
}

void LinkImpl::HealthHeartbeat() {
  if (stopping_ || !welcomed_) return;
  SendHealth();
  health_timer_ = PostAfter(options_.health_heartbeat, [this] { HealthHeartbeat(); });
}

void LinkImpl::PumpEvents() {
  if (stopping_ || !welcomed_) return;
  while (control_->queued() < kEventsAtOnce) {
    absl::StatusOr<std::vector<v1::Event>> events = journal_.EventsFrom(next_event_, kEventsAtOnce);
    if (!events.ok()) {
      log::Error("cannot read events from the journal",
                 {{"error", std::string(events.status().message())}});
      return;
    }
    if (events->empty()) return;
    if (batches_ && !held_long_enough_ && std::all_of(events->begin(), events->end(), MayWait)) {
      return HoldEvents();
    }
    const uint64_t next = events->back().seq() + 1;
    std::vector<v1::AgentMsg> messages;
    for (v1::Event& event : *events) {
      *messages.emplace_back().mutable_event() = std::move(event);
    }
    if (!SendAll(std::move(messages))) return;
    hold_timer_.reset();
    next_event_ = next;
  }
}

void LinkImpl::HoldEvents() {
  if (hold_timer_ != nullptr) return;
  hold_timer_ = PostAfter(options_.event_hold, [this] {
    hold_timer_.reset();
    held_long_enough_ = true;
    PumpEvents();
    held_long_enough_ = false;
  });
}

bool LinkImpl::Flush(absl::Duration timeout) {
  bool late = false;
  const auto timer = clock_.After(timeout, [this, &late] {
    MutexLock lock(&mutex_);
    late = true;
    changed_.SignalAll();
  });
  for (;;) {
    if (journal_.LowestEventSeq() == 0) return true;
    // Its answer takes along the acknowledgement that waits for company.
    Post([this] {
      if (welcomed_) Ping();
    });
    MutexLock lock(&mutex_);
    if (late || !stats_.connected) return false;
    // The acknowledgement may have come just before; a second look costs little.
    changed_.WaitWithTimeout(&mutex_, absl::Milliseconds(200));
  }
}

void LinkImpl::SetConnected(bool connected, const std::string& environment) {
  MutexLock lock(&mutex_);
  stats_.connected = connected;
  if (connected) {
    ++stats_.connects;
    stats_.environment = environment;
    stats_.last_error.clear();
  } else {
    // What was measured while the controller could not see it is not news when it can again.
    metrics_.clear();
    stub_.reset();
  }
  changed_.SignalAll();
}

void LinkImpl::NoteError(const absl::Status& status) {
  MutexLock lock(&mutex_);
  stats_.last_error = std::string(status.message());
}

Link::Stats LinkImpl::stats() {
  MutexLock lock(&mutex_);
  Stats stats = stats_;
  stats.log_lines_dropped = logs_.dropped();
  return stats;
}

}  // namespace dbfleet::agent
