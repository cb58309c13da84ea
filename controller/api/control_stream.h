#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "grpcpp/support/server_callback.h"

#include "common/concurrency/mutex.h"
#include "common/rpc/calls.h"
#include "common/rpc/message_faults.h"
#include "controller/dispatch/session.h"
#include "controller/identity/authenticate_agent.h"

namespace dbfleet::controller {

// One agent's Control stream over gRPC: the reactor reads and writes one message at a time and
// hands everything on; it never blocks. The outbox is bounded: an agent that reads too slowly is
// disconnected, not buffered for. Lives until gRPC is done with it and nobody holds it any more.
//
// Thread-safe. Start() once: it authenticates on the executor (that may ask the store) and opens
// the stream to the dispatcher only then.
class ControlStream : public AgentConnection,
                      public grpc::ServerBidiReactor<agent::v1::AgentMsg, agent::v1::ControllerMsg>,
                      public std::enable_shared_from_this<ControlStream> {
 public:
  ControlStream(rpc::Calls* calls, rpc::Calls::Call call, ConnectionEvents* events,
                AgentAuthenticator* authenticator, std::string certificate_pem);

  void Start();
  // Ends the call without ever opening it.
  void Refuse(const absl::Status& status);

  bool SendAll(std::vector<agent::v1::ControllerMsg> messages) override;
  void AllowBatches() override;
  void MessageTaken() override;
  void Close(const absl::Status& status) override;
  const std::string& agent_id() const override { return peer_.agent_id; }
  const std::string& serial() const override { return peer_.serial; }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  void Open();
  void ReadNext();
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  rpc::Calls* const calls_;
  const rpc::Calls::Call call_;
  ConnectionEvents* const events_;
  AgentAuthenticator* const authenticator_;
  const std::string certificate_pem_;
  AgentPeer peer_;                       // Constant once the stream is open.
  std::shared_ptr<ControlStream> self_;  // gRPC's hold on the reactor, until OnDone.
  agent::v1::AgentMsg incoming_;         // Belongs to the read under way.

  Mutex mutex_;
  std::deque<agent::v1::ControllerMsg> outbox_ ABSL_GUARDED_BY(mutex_);
  agent::v1::ControllerMsg outgoing_;  // Belongs to the write under way.
  bool batches_ ABSL_GUARDED_BY(mutex_) = false;
  rpc::MessageFaults<agent::v1::ControllerMsg> faults_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  // OnClosed must follow OnOpened, and gRPC may be done with the stream before that has returned.
  bool announced_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  // The reason for the end, kept until the write under way is done: gRPC wants no Finish during
  // one.
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status close_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
