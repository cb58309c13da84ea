#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"

#include "common/rpc/calls.h"
#include "controller/dispatch/session.h"
#include "controller/identity/authenticate_agent.h"
#include "controller/identity/enrollment.h"
#include "controller/store/store.h"
#include "dbfleet/agent/v1/enrollment_service.grpc.pb.h"
#include "dbfleet/agent/v1/link_service.grpc.pb.h"

namespace dbfleet::controller {

// What the agent's streams feed. Each call comes from the executor and names an agent that has
// proved who it is; the implementation checks the path from that agent to the object named.
class AgentFeeds {
 public:
  virtual ~AgentFeeds() = default;
  // Calls `done` with OK once the lines are durable. Lines of jobs that this agent has no attempt
  // of are dropped. `done` must not block.
  virtual void StoreLogs(const AgentPeer& peer, const agent::v1::LogBatch& batch,
                         std::function<void(absl::Status)> done) = 0;
  // PERMISSION_DENIED for an instance that is not the agent's.
  virtual absl::Status TakeMetrics(const AgentPeer& peer, agent::v1::MetricsBatch batch) = 0;
};

// Enrolment, renewal and recovery (controller/identity does the work).
class EnrollmentServiceImpl : public agent::v1::Enrollment::CallbackService {
 public:
  EnrollmentServiceImpl(rpc::Calls* calls, Enrollment* enrollment,
                        AgentAuthenticator* authenticator)
      : calls_(calls), enrollment_(enrollment), authenticator_(authenticator) {}

  grpc::ServerUnaryReactor* Enroll(grpc::CallbackServerContext* context,
                                   const agent::v1::EnrollRequest* in,
                                   agent::v1::EnrollResponse* out) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const agent::v1::RenewRequest* in,
                                  agent::v1::RenewResponse* out) override;
  grpc::ServerUnaryReactor* BeginRecovery(grpc::CallbackServerContext* context,
                                          const agent::v1::BeginRecoveryRequest* in,
                                          agent::v1::BeginRecoveryResponse* out) override;
  grpc::ServerUnaryReactor* FinishRecovery(grpc::CallbackServerContext* context,
                                           const agent::v1::FinishRecoveryRequest* in,
                                           agent::v1::RenewResponse* out) override;

 private:
  rpc::Calls* const calls_;
  Enrollment* const enrollment_;
  AgentAuthenticator* const authenticator_;
};

// The agents' streams. Every call authenticates by its certificate, and bulk streams check after
// each message that it still counts.
class AgentLinkServiceImpl : public agent::v1::AgentLink::CallbackService {
 public:
  AgentLinkServiceImpl(rpc::Calls* calls, ConnectionEvents* events,
                       AgentAuthenticator* authenticator, AgentFeeds* feeds, Store* store)
      : calls_(calls),
        events_(events),
        authenticator_(authenticator),
        feeds_(feeds),
        store_(store) {}

  grpc::ServerBidiReactor<agent::v1::AgentMsg, agent::v1::ControllerMsg>* Control(
      grpc::CallbackServerContext* context) override;
  grpc::ServerBidiReactor<agent::v1::LogBatch, agent::v1::LogAck>* PushLogs(
      grpc::CallbackServerContext* context) override;
  grpc::ServerReadReactor<agent::v1::MetricsBatch>* PushMetrics(
      grpc::CallbackServerContext* context, agent::v1::PushMetricsResponse* response) override;
  grpc::ServerWriteReactor<agent::v1::ContentChunk>* FetchContent(
      grpc::CallbackServerContext* context, const agent::v1::FetchContentRequest* in) override;

 private:
  rpc::Calls* const calls_;
  ConnectionEvents* const events_;
  AgentAuthenticator* const authenticator_;
  AgentFeeds* const feeds_;
  Store* const store_;
};

}  // namespace dbfleet::controller
