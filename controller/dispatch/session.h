#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::controller {

// The dispatcher's end of one agent's control stream; controller/api implements it over gRPC, tests
// in memory. Thread-safe; calls never block.
class AgentConnection {
 public:
  virtual ~AgentConnection() = default;

  // Queues a message. False: the bounded outbox is full or the stream is over; the connection is
  // then closed as too slow.
  bool Send(agent::v1::ControllerMsg message) {
    std::vector<agent::v1::ControllerMsg> one;
    one.push_back(std::move(message));
    return SendAll(std::move(one));
  }
  // The same for several, which travel together where the agent can take that.
  virtual bool SendAll(std::vector<agent::v1::ControllerMsg> messages) = 0;

  // The agent said that it takes batches. After the Welcome, which goes alone, was sent.
  virtual void AllowBatches() = 0;

  // The dispatcher is through with the last message: the next one may be read. One message per
  // agent is all that ever waits there.
  virtual void MessageTaken() = 0;

  // Ends the stream with this status. OnClosed follows.
  virtual void Close(const absl::Status& status) = 0;

  // Of the certificate that authenticated the stream.
  virtual const std::string& agent_id() const = 0;
  virtual const std::string& serial() const = 0;
};

// What the stream's owner tells the dispatcher. Thread-safe; calls return at once.
class ConnectionEvents {
 public:
  virtual ~ConnectionEvents() = default;

  virtual void OnOpened(std::shared_ptr<AgentConnection> connection) = 0;
  virtual void OnMessage(const std::shared_ptr<AgentConnection>& connection,
                         agent::v1::AgentMsg message) = 0;
  virtual void OnClosed(const std::shared_ptr<AgentConnection>& connection) = 0;
};

}  // namespace dbfleet::controller
