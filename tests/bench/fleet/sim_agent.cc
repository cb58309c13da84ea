#include "tests/bench/fleet/sim_agent.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/plan/abilities.h"
#include "common/rpc/batch.h"
#include "common/rpc/channel.h"
#include "common/rpc/tls.h"
#include "common/time/clock.h"

namespace dbfleet::bench {

namespace v1 = agent::v1;

namespace {

absl::Time Now() {
  static Clock* clock = MakeSystemClock().release();
  return clock->Now();
}

std::vector<std::string> InstanceNames(const std::string& agent, int count) {
  std::vector<std::string> names = {agent};
  for (int i = 2; i <= count; ++i) names.push_back(absl::StrCat(agent, "-", i));
  return names;
}

}  // namespace

// One control stream. Writes are queued; one is under way at a time.
class SimAgent::Stream : public grpc::ClientBidiReactor<v1::AgentMsg, v1::ControllerMsg> {
 public:
  explicit Stream(SimAgent* owner) : owner_(*owner) {}

  void Begin(v1::AgentLink::Stub* stub, v1::AgentMsg hello) {
    stub->async()->Control(&context_, this);
    AddHold();
    Send(std::move(hello));
    StartRead(&incoming_);
    StartCall();
  }

  void Send(v1::AgentMsg message) {
    std::vector<v1::AgentMsg> one;
    one.push_back(std::move(message));
    SendAll(std::move(one));
  }

  void SendAll(std::vector<v1::AgentMsg> messages) {
    MutexLock lock(&mutex_);
    if (over_) return;
    for (v1::AgentMsg& message : messages) queue_.push_back(std::move(message));
    if (!writing_ && !queue_.empty()) WriteNext();
  }

  void AllowBatches() {
    MutexLock lock(&mutex_);
    batches_ = true;
  }

  // The read that is always under way then ends the stream.
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return Release();
    owner_.OnMessage(this, incoming_);
    MutexLock lock(&mutex_);
    if (!over_ && !frozen_) StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return Cancel();
    MutexLock lock(&mutex_);
    writing_ = false;
    if (!queue_.empty() && !frozen_) WriteNext();
  }

  void Freeze() {
    MutexLock lock(&mutex_);
    frozen_ = true;
  }

  void OnDone(const grpc::Status&) override {
    owner_.OnEnd(this);
    delete this;
  }

 private:
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    writing_ = true;
    outgoing_ = rpc::TakeNext(&queue_, batches_);
    StartWrite(&outgoing_);
  }

  void Release() {
    {
      MutexLock lock(&mutex_);
      if (std::exchange(over_, true)) return;
    }
    RemoveHold();
  }

  SimAgent& owner_;
  grpc::ClientContext context_;
  v1::ControllerMsg incoming_;
  Mutex mutex_;
  std::deque<v1::AgentMsg> queue_ ABSL_GUARDED_BY(mutex_);
  v1::AgentMsg outgoing_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool batches_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  bool frozen_ ABSL_GUARDED_BY(mutex_) = false;
};

SimAgent::SimAgent(SimIdentity identity, std::string controller, SimTotals* totals, int instances)
    : identity_(std::move(identity)),
      controller_(std::move(controller)),
      instances_(InstanceNames(identity_.agent_id, instances)),
      totals_(*totals),
      journal_id_(NewUlid(Now())) {}

void SimAgent::Connect() {
  Stream* stream = nullptr;
  v1::AgentLink::Stub* stub = nullptr;
  {
    MutexLock lock(&mutex_);
    if (stream_ != nullptr || stopped_ || frozen_) return;
    if (channel_ == nullptr) {
      grpc::ChannelArguments arguments;
      rpc::ApplyClientArguments(&arguments, rpc::kMaxAgentMessageBytes);
      arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
      channel_ = grpc::CreateCustomChannel(
          controller_, rpc::ClientTls(identity_.ca_pem, identity_.chain_pem, identity_.key_pem),
          arguments);
      stub_ = v1::AgentLink::NewStub(channel_);
    }
    stream_ = stream = new Stream(this);
    stub = stub_.get();
  }
  stream->Begin(stub, MakeHello());
}

v1::AgentMsg SimAgent::MakeHello() {
  MutexLock lock(&mutex_);
  v1::AgentMsg message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_agent_id(identity_.agent_id);
  hello.set_journal_id(journal_id_);
  hello.set_boot_sequence(++boots_);
  hello.set_session_nonce(RandomHex(16));
  hello.set_version("simulated");
  hello.set_highest_epoch(epoch_);
  hello.set_highest_epoch_life(life_);
  hello.set_lowest_event_seq(unacknowledged_.empty() ? 0 : unacknowledged_.front().seq());
  hello.set_last_event_seq(last_seq_);
  hello.set_protocol(1);
  hello.add_features(std::string(rpc::kBatchFeature));
  hello.mutable_agent_time()->set_seconds(absl::ToUnixSeconds(Now()));
  for (const auto& [id, attempt] : open_) {
    v1::AttemptState& state = *hello.add_attempts();
    state.set_attempt_id(id);
    state.set_fence(attempt.offer.fence());
    state.set_phase(attempt.granted ? v1::ATTEMPT_PHASE_FINISHED : v1::ATTEMPT_PHASE_ACCEPTED);
  }
  for (const std::string& name : instances_) {
    v1::InstanceInfo& instance = *hello.add_instances();
    instance.set_name(name);
    instance.set_engine(work::v1::ENGINE_MYSQL);
    instance.set_endpoint("simulated");
  }
  for (const char* capability :
       {"check.mysql", "inspect.mysql", "migrate.mysql", kLooksForBackup}) {
    hello.add_capabilities(capability);
  }
  return message;
}

void SimAgent::OnMessage(Stream* stream, const v1::ControllerMsg& message) {
  totals_.received.fetch_add(1, std::memory_order_relaxed);
  MutexLock lock(&mutex_);
  if (stream != stream_ || frozen_) return;
  if (!message.has_batch()) return Take(stream, message);
  for (const v1::ControllerMsg& one : message.batch().messages()) Take(stream, one);
}

void SimAgent::Take(Stream* stream, const v1::ControllerMsg& message) {
  switch (message.kind_case()) {
    case v1::ControllerMsg::kWelcome:
      epoch_ = message.welcome().epoch();
      life_ = message.welcome().life();
      welcomed_ = true;
      totals_.connected.fetch_add(1);
      for (const std::string& feature : message.welcome().features()) {
        if (feature == rpc::kBatchFeature) stream->AllowBatches();
      }
      OnAck(message.welcome().acked_event_seq());
      for (const v1::Event& event : unacknowledged_) {
        v1::AgentMsg again;
        *again.mutable_event() = event;
        stream->Send(std::move(again));
      }
      break;
    case v1::ControllerMsg::kPing: {
      v1::AgentMsg pong;
      pong.mutable_pong()->set_nonce(message.ping().nonce());
      pong.mutable_pong()->mutable_send_time()->set_seconds(absl::ToUnixSeconds(Now()));
      stream->Send(std::move(pong));
      break;
    }
    case v1::ControllerMsg::kOffer:
      OnOffer(message.offer());
      break;
    case v1::ControllerMsg::kGrant:
      OnGrant(message.grant());
      break;
    case v1::ControllerMsg::kWithdraw:
      open_.erase(message.withdraw().attempt_id());
      break;
    case v1::ControllerMsg::kForget:
      for (const std::string& id : message.forget().attempt_ids()) open_.erase(id);
      break;
    case v1::ControllerMsg::kEventAck:
      OnAck(message.event_ack().up_to_seq());
      break;
    default:
      break;
  }
}

void SimAgent::AddEvents(std::vector<v1::Event> events) {
  std::vector<v1::AgentMsg> messages;
  for (v1::Event& event : events) {
    event.set_seq(++last_seq_);
    event.mutable_event_time()->set_seconds(absl::ToUnixSeconds(Now()));
    unacknowledged_.push_back(event);
    *messages.emplace_back().mutable_event() = std::move(event);
  }
  if (stream_ != nullptr) stream_->SendAll(std::move(messages));
}

void SimAgent::OnOffer(const v1::Offer& offer) {
  if (!open_.emplace(offer.attempt_id(), OpenAttempt{offer, false}).second) return;
  totals_.accepted.fetch_add(1, std::memory_order_relaxed);
  v1::Event event;
  event.set_attempt_id(offer.attempt_id());
  event.set_fence(offer.fence());
  event.mutable_accepted();
  AddEvents({std::move(event)});
}

void SimAgent::OnGrant(const v1::Grant& grant) {
  const auto it = open_.find(grant.attempt_id());
  if (it == open_.end() || std::exchange(it->second.granted, true)) return;
  totals_.granted.fetch_add(1, std::memory_order_relaxed);
  v1::Event started;
  started.set_attempt_id(grant.attempt_id());
  started.set_fence(grant.fence());
  v1::Event finished = started;
  started.mutable_started();
  v1::Finished& end = *finished.mutable_finished();
  end.set_outcome(v1::OUTCOME_SUCCEEDED);
  if (it->second.offer.purpose() == v1::PURPOSE_PLAN) {
    work::v1::Plan& plan = *end.mutable_result()->mutable_plan();
    plan.add_versions("0001");
    plan.add_forward()->set_sql("CREATE TABLE bench (id INT PRIMARY KEY)");
    plan.add_rollback()->set_sql("DROP TABLE bench");
    plan.set_safety(work::v1::SAFETY_CLASS_DESTRUCTIVE);
    plan.set_schema_fingerprint("simulated");
  } else if (it->second.offer.spec().has_migrate()) {
    end.mutable_result()->mutable_migrate()->add_applied_versions("0001");
  } else {
    end.mutable_result()->mutable_check()->mutable_health()->set_status(work::v1::HEALTH_STATUS_OK);
  }
  // As a real agent's do that come within its Link::Options::event_hold.
  AddEvents({std::move(started), std::move(finished)});
}

void SimAgent::OnAck(uint64_t up_to) {
  while (!unacknowledged_.empty() && unacknowledged_.front().seq() <= up_to) {
    if (unacknowledged_.front().has_finished()) {
      open_.erase(unacknowledged_.front().attempt_id());
      totals_.finished.fetch_add(1, std::memory_order_relaxed);
    }
    unacknowledged_.pop_front();
  }
}

void SimAgent::OnEnd(Stream* stream) {
  MutexLock lock(&mutex_);
  if (stream != stream_) return;
  stream_ = nullptr;
  totals_.failures.fetch_add(1);
  if (std::exchange(welcomed_, false)) totals_.connected.fetch_sub(1);
}

void SimAgent::Heartbeat() {
  MutexLock lock(&mutex_);
  if (stream_ == nullptr || !welcomed_ || frozen_) return;
  v1::AgentMsg health;
  for (const std::string& name : instances_) {
    work::v1::InstanceHealth& report = *health.mutable_health()->add_instances();
    report.set_instance(name);
    report.set_status(work::v1::HEALTH_STATUS_OK);
  }
  stream_->Send(std::move(health));
  v1::AgentMsg ping;
  ping.mutable_ping()->set_nonce(++nonce_);
  ping.mutable_ping()->mutable_send_time()->set_seconds(absl::ToUnixSeconds(Now()));
  stream_->Send(std::move(ping));
}

void SimAgent::Freeze() {
  MutexLock lock(&mutex_);
  frozen_ = true;
  if (stream_ != nullptr) stream_->Freeze();
}

void SimAgent::Stop() {
  MutexLock lock(&mutex_);
  stopped_ = true;
  // OnEnd waits for this lock, so the stream is still there.
  if (stream_ != nullptr) stream_->Cancel();
}

std::shared_ptr<grpc::Channel> SimAgent::channel() {
  MutexLock lock(&mutex_);
  return welcomed_ && !frozen_ && !stopped_ ? channel_ : nullptr;
}

bool SimAgent::idle() {
  MutexLock lock(&mutex_);
  return stream_ == nullptr || frozen_;
}

bool SimAgent::wants_connection() {
  MutexLock lock(&mutex_);
  return stream_ == nullptr && !stopped_ && !frozen_;
}

}  // namespace dbfleet::bench
