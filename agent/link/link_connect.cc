// The part of LinkImpl that makes and loses connections.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/link/link_impl.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "common/proto_time/proto_time.h"
#include "common/rpc/batch.h"

namespace dbfleet::agent {
namespace {

constexpr int kProtocol = 1;
// Control messages that wait for a slow controller before it is given up.
constexpr size_t kMaxQueued = 256;
// Batch numbers of a new life are above all of the former one's.
constexpr int kBatchSeqBits = 32;

bool IsRevoked(const absl::Status& status) {
  return absl::StrContains(ReasonOf(status), "REVOKED");
}

}  // namespace

std::unique_ptr<Link> Link::Create(Options options, Clock& clock, Journal& journal, Dialer& dialer,
                                   AgentFacts& facts, Witness* witness) {
  return std::make_unique<LinkImpl>(std::move(options), clock, journal, dialer, facts, witness);
}

LinkImpl::LinkImpl(Options options, Clock& clock, Journal& journal, Dialer& dialer,
                   AgentFacts& facts, Witness* witness)
    : options_(std::move(options)),
      clock_(clock),
      journal_(journal),
      dialer_(dialer),
      facts_(facts),
      witness_(witness),
      logs_(options_.log_buffer_bytes, (journal.boot_sequence() << kBatchSeqBits) + 1),
      backoff_(options_.backoff_base, options_.backoff_max, &UniformRandom),
      stale_epoch_retry_(options_.stale_epoch_retry),
      loop_(MakeSerialExecutor("link")) {}

LinkImpl::~LinkImpl() { Stop(); }

void LinkImpl::Post(std::function<void()> fn) {
  if (!loop_->Add(std::move(fn)) && !stopping_) {
    log::Error("the link's queue is full; a step of it was lost");
  }
}

void LinkImpl::PostOnce(std::atomic<bool>* waiting, std::function<void()> fn) {
  if (waiting->exchange(true)) return;
  Post([waiting, fn = std::move(fn)] {
    waiting->store(false);
    fn();
  });
}

std::unique_ptr<Clock::Timer> LinkImpl::PostAfter(absl::Duration delay, std::function<void()> fn) {
  return clock_.After(delay, [this, fn = std::move(fn)] { Post(fn); });
}

void LinkImpl::Start(Runner& runner) {
  runner_ = &runner;
  journal_.SetListener([this] { PostOnce(&events_posted_, [this] { PumpEvents(); }); });
  Post([this] { Connect(); });
}

void LinkImpl::Stop() {
  {
    MutexLock lock(&mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  stopping_ = true;
  journal_.SetListener(nullptr);
  const bool added = loop_->Add([this] {
    for (auto* timer : {&connect_timer_, &session_timer_, &hold_timer_, &renew_timer_,
                        &health_timer_, &log_timer_, &metrics_timer_}) {
      timer->reset();
    }
    if (control_ != nullptr) control_->Cancel();
    if (log_stream_ != nullptr) log_stream_->Cancel();
    if (metrics_stream_ != nullptr) metrics_stream_->Cancel();
    MutexLock lock(&mutex_);
    cancelled_all_ = true;
    changed_.SignalAll();
  });
  {
    // The streams refer to this object until the last of their callbacks.
    MutexLock lock(&mutex_);
    while ((added && !cancelled_all_) || open_streams_ > 0) changed_.Wait(&mutex_);
  }
  loop_->Shutdown();
}

void LinkImpl::Connect() {
  if (stopping_ || control_ != nullptr) return;
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = dialer_.Dial();
  if (!channel.ok()) return Reconnect(channel.status());
  absl::StatusOr<v1::AgentMsg> hello = MakeHello();
  if (!hello.ok()) return Reconnect(hello.status());
  std::shared_ptr<v1::AgentLink::Stub> stub = v1::AgentLink::NewStub(*channel);
  // Lives until the new stream has begun: gRPC 1.51 ends its callback threads with the last channel
  // that used them, and aborts when that happens on one of them.
  std::shared_ptr<v1::AgentLink::Stub> former = stub;
  {
    MutexLock lock(&mutex_);
    former.swap(stub_);
    ++open_streams_;
  }
  welcomed_ = false;
  drop_reason_ = absl::OkStatus();
  last_received_ = clock_.Monotonic();
  Control::Events events;
  events.on_message = [this](const Control::Ptr& stream, const v1::ControllerMsg& message) {
    OnMessage(stream, message);
  };
  events.on_writable = [this](const Control::Ptr& stream) {
    if (stream == control_) PumpEvents();
  };
  events.on_closed = [this](const Control::Ptr& stream, const absl::Status& status) {
    OnControlClosed(stream, status);
  };
  control_ = Control::Start(*loop_, kMaxQueued, std::move(events),
                            [&](grpc::ClientContext* context, Control* reactor) {
                              stub->async()->Control(context, reactor);
                            });
  faults_ = {};  // What they held back belongs to the former stream.
  Send(*std::move(hello));
  session_timer_ = PostAfter(options_.handshake_timeout, [this] {
    if (!welcomed_) {
      DropSession(Error(absl::StatusCode::kDeadlineExceeded, "NO_WELCOME",
                        "the controller did not answer Hello in time"));
    }
  });
  ScheduleRenewal();
}

absl::StatusOr<v1::AgentMsg> LinkImpl::MakeHello() {
  v1::AgentMsg message;
  v1::Hello& hello = *message.mutable_hello();
  hello.set_agent_id(options_.agent_id);
  hello.set_journal_id(journal_.journal_id());
  hello.set_boot_sequence(journal_.boot_sequence());
  hello.set_session_nonce(RandomHex(16));
  hello.set_version(options_.version);
  for (std::string& capability : facts_.Capabilities()) {
    hello.add_capabilities(std::move(capability));
  }
  hello.set_highest_epoch(journal_.HighestEpoch());
  hello.set_highest_epoch_life(journal_.LifeOfHighestEpoch());
  ASSIGN_OR_RETURN(const std::vector<v1::AttemptState> attempts, journal_.AttemptStates());
  for (const v1::AttemptState& attempt : attempts) *hello.add_attempts() = attempt;
  hello.set_lowest_event_seq(journal_.LowestEventSeq());
  hello.set_last_event_seq(journal_.LastEventSeq());
  for (v1::InstanceInfo& instance : facts_.Instances()) {
    instance.set_highest_fence(journal_.HighestFence(instance.name()));
    *hello.add_instances() = std::move(instance);
  }
  *hello.mutable_agent_time() = ToProto(clock_.Now());
  hello.set_protocol(kProtocol);
  hello.add_features(std::string(rpc::kBatchFeature));
  if (witness_ != nullptr) hello.set_witnessed_checkpoint(witness_->Highest());
  return message;
}

absl::Duration LinkImpl::DelayAfter(const absl::Status& why) {
  if (ReasonOf(why) == "CERTIFICATE_RENEWED") return absl::ZeroDuration();
  // Soon right: what this agent has seen is known to the controller by its Hello, and its next
  // start, which ends the recovery, is above that. But each try costs it a transaction, and a whole
  // fleet may be refused for as long as a person needs: no tries at once, and not all at a time.
  if (ReasonOf(why) == "STALE_EPOCH") {
    const absl::Duration longest = stale_epoch_retry_;
    stale_epoch_retry_ = std::min(longest * 2, options_.stale_epoch_retry_max);
    return longest * (0.5 + 0.5 * UniformRandom());
  }
  if (!IsRevoked(why)) return backoff_.Next();
  log::Error(
      "the controller has revoked this agent: nothing is taken from it any more; enrol it "
      "again with a new join token in join_token_file if it shall come back",
      {{"agent", options_.agent_id}, {"error", std::string(why.message())}});
  return dialer_.OnRevoked() ? backoff_.Next() : options_.refused_retry;
}

void LinkImpl::Reconnect(const absl::Status& why) {
  if (stopping_) return;
  NoteError(why);
  const absl::Duration delay = DelayAfter(why);
  if (delay == absl::ZeroDuration()) {
    log::Debug("reconnecting", {{"why", std::string(why.message())}});
  } else {
    log::Warn("not connected to the controller", {{"error", std::string(why.message())},
                                                  {"reason", ReasonOf(why)},
                                                  {"retry_in", absl::FormatDuration(delay)}});
  }
  connect_timer_ = PostAfter(delay, [this] { Connect(); });
}

void LinkImpl::DropSession(const absl::Status& why) {
  if (control_ == nullptr) return;
  if (drop_reason_.ok()) drop_reason_ = why;
  control_->Cancel();
}

void LinkImpl::OnControlClosed(const Control::Ptr& stream, const absl::Status& status) {
  if (!stopping_ && stream == control_) {
    control_.reset();
    welcomed_ = false;
    session_timer_.reset();
    hold_timer_.reset();
    health_timer_.reset();
    if (log_stream_ != nullptr) log_stream_->Cancel();
    if (metrics_stream_ != nullptr) metrics_stream_->Cancel();
    SetConnected(false, "");
    absl::Status why = drop_reason_.ok() ? status : drop_reason_;
    if (why.ok()) {
      why =
          Error(absl::StatusCode::kUnavailable, "STREAM_CLOSED", "the controller ended the stream");
    }
    Reconnect(why);
  }
  StreamClosed();
}

void LinkImpl::StreamClosed() {
  MutexLock lock(&mutex_);
  --open_streams_;
  changed_.SignalAll();
}

void LinkImpl::ScheduleRenewal() {
  const absl::Time next = dialer_.next_renewal();
  if (next == absl::InfiniteFuture()) return;
  // In steps, so that a wall clock that was set is noticed.
  const absl::Duration delay =
      std::clamp(next - clock_.Now(), absl::Milliseconds(100), absl::Duration(absl::Minutes(5)));
  renew_timer_ = PostAfter(delay, [this] { RenewCertificate(); });
}

void LinkImpl::RenewCertificate() {
  if (stopping_ || control_ == nullptr) return;
  const absl::StatusOr<bool> renewed = dialer_.RenewIfDue();
  if (!renewed.ok()) {
    log::Warn("cannot renew the agent's certificate; trying again before it expires",
              {{"error", std::string(renewed.status().message())}});
  } else if (*renewed) {
    DropSession(Error(absl::StatusCode::kCancelled, "CERTIFICATE_RENEWED",
                      "connecting again with the new certificate"));
    return;
  }
  ScheduleRenewal();
}

}  // namespace dbfleet::agent
