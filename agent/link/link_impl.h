#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/link/bidi_stream.h"
#include "agent/link/link.h"
#include "agent/link/log_buffer.h"
#include "agent/link/metrics_stream.h"
#include "common/concurrency/backoff.h"
#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/rpc/message_faults.h"
#include "dbfleet/agent/v1/link_service.grpc.pb.h"

namespace dbfleet::agent {

// The Link. Everything about the session happens on `loop_`, a serial executor: members marked
// "loop" are touched there only, so they need no lock. gRPC's and the clock's threads only add to
// the loop.
class LinkImpl : public Link {
 public:
  LinkImpl(Options options, Clock& clock, Journal& journal, Dialer& dialer, AgentFacts& facts,
           Witness* witness);
  ~LinkImpl() override;

  void Start(Runner& runner) override;
  bool Flush(absl::Duration timeout) override;
  void Stop() override;
  void HealthChanged() override;
  void PushMetrics(v1::MetricsBatch batch) override;
  Stats stats() override;
  absl::StatusOr<std::string> FetchContent(const std::string& attempt_id, const std::string& sha256,
                                           int64_t size_bytes) override;
  void PushLog(v1::LogLine line) override;

 private:
  using Control = BidiStream<v1::AgentMsg, v1::ControllerMsg>;
  using Logs = BidiStream<v1::LogBatch, v1::LogAck>;

  // Adds `fn` to the loop. With a flag, only if it is not waiting there already.
  void Post(std::function<void()> fn);
  void PostOnce(std::atomic<bool>* waiting, std::function<void()> fn);
  std::unique_ptr<Clock::Timer> PostAfter(absl::Duration delay, std::function<void()> fn);

  // Connection (link_connect.cc).
  void Connect();
  void Reconnect(const absl::Status& why);
  absl::Duration DelayAfter(const absl::Status& why);
  absl::StatusOr<v1::AgentMsg> MakeHello();
  void OnControlClosed(const Control::Ptr& stream, const absl::Status& status);
  void DropSession(const absl::Status& why);
  void RenewCertificate();
  void ScheduleRenewal();
  void StreamClosed();

  // Session (link_session.cc).
  void OnMessage(const Control::Ptr& stream, const v1::ControllerMsg& message);
  void OnWelcome(const v1::Welcome& welcome);
  void Dispatch(const v1::ControllerMsg& message);
  void OnCheckpoint(const v1::CheckpointPush& push);
  void OnForget(const v1::Forget& forget);
  // On the control stream, after the Hello. False: the queue is full, or the stream is over.
  bool Send(v1::AgentMsg message);
  bool SendAll(std::vector<v1::AgentMsg> messages);
  void SendOrDrop(v1::AgentMsg message);
  void Ping();
  void SendPing();
  void SendHealth();
  void HealthHeartbeat();
  void PumpEvents();
  void HoldEvents();
  void SetConnected(bool connected, const std::string& environment);
  void NoteError(const absl::Status& status);

  // Bulk (link_bulk.cc).
  void PumpLogs();
  void OnLogsClosed(const Logs::Ptr& stream, const absl::Status& status);
  void PumpMetrics();
  void OnMetricsClosed(const MetricsStream::Ptr& stream, const absl::Status& status);
  std::shared_ptr<v1::AgentLink::Stub> CurrentStub();

  const Options options_;
  Clock& clock_;
  Journal& journal_;
  Dialer& dialer_;
  AgentFacts& facts_;
  Witness* const witness_;    // May be null.
  Runner* runner_ = nullptr;  // Constant after Start.
  LogBuffer logs_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> events_posted_{false};
  std::atomic<bool> logs_posted_{false};
  std::atomic<bool> metrics_posted_{false};
  std::atomic<bool> health_posted_{false};

  // loop
  Backoff backoff_;
  absl::Duration stale_epoch_retry_;  // The longest until the next try.
  Control::Ptr control_;
  rpc::MessageFaults<v1::AgentMsg> faults_;
  Logs::Ptr log_stream_;
  MetricsStream::Ptr metrics_stream_;
  absl::Status drop_reason_;
  bool welcomed_ = false;
  bool batches_ = false;  // The controller takes them.
  bool held_long_enough_ = false;
  uint64_t next_event_ = 0;
  uint64_t ping_nonce_ = 0;
  absl::Duration last_received_;
  absl::Duration ping_interval_;
  absl::Duration dead_after_;
  std::unique_ptr<Clock::Timer> connect_timer_;
  std::unique_ptr<Clock::Timer> session_timer_;  // The handshake's, then the pings'.
  std::unique_ptr<Clock::Timer> hold_timer_;
  std::unique_ptr<Clock::Timer> renew_timer_;
  std::unique_ptr<Clock::Timer> health_timer_;
  std::unique_ptr<Clock::Timer> log_timer_;
  std::unique_ptr<Clock::Timer> metrics_timer_;

  Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<v1::AgentLink::Stub> stub_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::MetricsBatch> metrics_ ABSL_GUARDED_BY(mutex_);
  Stats stats_ ABSL_GUARDED_BY(mutex_);
  int open_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_all_ ABSL_GUARDED_BY(mutex_) = false;

  // Last, so that it is gone before what its functions use.
  const std::unique_ptr<Executor> loop_;
};

}  // namespace dbfleet::agent
