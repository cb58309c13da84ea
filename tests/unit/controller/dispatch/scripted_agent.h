#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "common/proto_time/proto_time.h"
#include "controller/dispatch/dispatcher.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/inline_executor.h"

namespace dbfleet::controller {

// Of the server behind the instances of a ScriptedAgent, unless it has another one.
inline constexpr char kEndpoint[] = "db.example:5432";

// An agent's end of the stream, in memory: it keeps what it was sent, and numbers what it says.
class ScriptedAgent {
 public:
  class Connection : public AgentConnection {
   public:
    explicit Connection(std::string agent_id) : agent_id_(std::move(agent_id)) {}
    bool SendAll(std::vector<agent::v1::ControllerMsg> messages) override {
      sent.insert(sent.end(), messages.begin(), messages.end());
      writes.push_back(std::move(messages));
      return true;
    }
    void AllowBatches() override {
      batches = true;
      sent_before_batches = sent.size();
    }
    void MessageTaken() override { ++taken; }
    void Close(const absl::Status& status) override {
      if (closed.ok()) closed = status;
    }
    const std::string& agent_id() const override { return agent_id_; }
    const std::string& serial() const override { return serial_; }

    std::vector<agent::v1::ControllerMsg> sent;
    std::vector<std::vector<agent::v1::ControllerMsg>> writes;  // The same, as they came together.
    int taken = 0;
    bool batches = false;
    size_t sent_before_batches = 0;
    absl::Status closed;

   private:
    const std::string agent_id_;
    const std::string serial_ = "01";
  };

  ScriptedAgent(Dispatcher& dispatcher, InlineExecutor& executor, FakeClock& clock, std::string id)
      : dispatcher_(dispatcher), executor_(executor), clock_(clock), id_(std::move(id)) {}

  // A new stream with a Hello that tells of `attempts` and of one instance.
  void Connect(std::vector<agent::v1::AttemptState> attempts = {}) {
    connection = std::make_shared<Connection>(id_);
    dispatcher_.OnOpened(connection);
    agent::v1::AgentMsg message;
    agent::v1::Hello* hello = message.mutable_hello();
    hello->set_agent_id(id_);
    hello->set_journal_id(journal_id);
    hello->set_boot_sequence(1);
    hello->set_version("test");
    hello->set_last_event_seq(last_seq);
    hello->set_lowest_event_seq(lowest_seq);
    hello->set_highest_epoch(highest_epoch);
    hello->set_highest_epoch_life(life);
    *hello->mutable_agent_time() = ToProto(clock_.Now() + clock_offset);
    for (const std::string& feature : features) hello->add_features(feature);
    if (looks_for_backup) hello->add_capabilities("gate-backup");
    for (const agent::v1::AttemptState& attempt : attempts) *hello->add_attempts() = attempt;
    agent::v1::InstanceInfo* instance = hello->add_instances();
    instance->set_name(instance_name);
    instance->set_engine(engine);
    instance->set_endpoint(endpoint);
    instance->set_server_version(server_version);
    for (const std::string& name : more_instances) {
      agent::v1::InstanceInfo* more = hello->add_instances();
      *more = hello->instances(0);
      more->set_name(name);
    }
    Say(message);
  }

  void Disconnect() {
    dispatcher_.OnClosed(connection);
    executor_.RunAll();
  }

  void Say(const agent::v1::AgentMsg& message) {
    dispatcher_.OnMessage(connection, message);
    executor_.RunAll();
  }

  agent::v1::Event NewEvent(const agent::v1::Offer& offer) {
    agent::v1::Event event;
    event.set_seq(++last_seq);
    event.set_attempt_id(offer.attempt_id());
    event.set_fence(offer.fence());
    return event;
  }
  void SayEvent(const agent::v1::Event& event) {
    agent::v1::AgentMsg message;
    *message.mutable_event() = event;
    Say(message);
  }
  void Accept(const agent::v1::Offer& offer) {
    agent::v1::Event event = NewEvent(offer);
    event.mutable_accepted();
    SayEvent(event);
  }
  void Start(const agent::v1::Offer& offer) {
    agent::v1::Event event = NewEvent(offer);
    event.mutable_started();
    SayEvent(event);
  }
  void Finish(const agent::v1::Offer& offer, agent::v1::Outcome outcome,
              const work::v1::TaskResult& result = {}, const std::string& reason = "") {
    agent::v1::Event event = NewEvent(offer);
    event.mutable_finished()->set_outcome(outcome);
    event.mutable_finished()->set_error_reason(reason);
    *event.mutable_finished()->mutable_result() = result;
    SayEvent(event);
  }

  // Messages of one kind on the present stream.
  std::vector<agent::v1::ControllerMsg> Sent(agent::v1::ControllerMsg::KindCase kind) const {
    std::vector<agent::v1::ControllerMsg> out;
    for (const agent::v1::ControllerMsg& message : connection->sent) {
      if (message.kind_case() == kind) out.push_back(message);
    }
    return out;
  }
  std::vector<agent::v1::Offer> Offers() const {
    std::vector<agent::v1::Offer> out;
    for (const auto& message : Sent(agent::v1::ControllerMsg::kOffer))
      out.push_back(message.offer());
    return out;
  }
  // Behind which an agent starts no step of it, by what it was told on this stream.
  absl::Time NotAfter(const agent::v1::Offer& offer) const {
    const auto at = [](const google::protobuf::Timestamp& time) {
      return absl::FromUnixNanos(time.seconds() * 1'000'000'000 + time.nanos());
    };
    absl::Time bound = absl::InfiniteFuture();
    for (const agent::v1::ControllerMsg& message : connection->sent) {
      if (message.grant().attempt_id() == offer.attempt_id()) {
        bound = at(message.grant().not_after());
      }
      const agent::v1::LeaseRenewal& renewal = message.lease_renewal();
      for (const std::string& attempt : renewal.attempt_ids()) {
        if (attempt == offer.attempt_id() && renewal.has_not_after())
          bound = at(renewal.not_after());
      }
    }
    return std::min(bound, at(offer.not_after()));
  }
  int Grants() const { return static_cast<int>(Sent(agent::v1::ControllerMsg::kGrant).size()); }

  std::shared_ptr<Connection> connection;
  std::string journal_id = "journal-1";
  std::string instance_name = "orders-db";
  std::string endpoint = kEndpoint;
  std::vector<std::string> more_instances;
  std::vector<std::string> features;
  std::string server_version = "15.4";
  bool looks_for_backup = true;
  work::v1::Engine engine = work::v1::ENGINE_POSTGRESQL;
  absl::Duration clock_offset = absl::ZeroDuration();
  uint64_t last_seq = 0;
  uint64_t lowest_seq = 0;  // The oldest event that no controller acknowledged to it.
  uint64_t highest_epoch = 0;
  std::string life;

 private:
  Dispatcher& dispatcher_;
  InlineExecutor& executor_;
  FakeClock& clock_;
  const std::string id_;
};

}  // namespace dbfleet::controller
