#include "controller/dispatch/dispatcher.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/rpc/batch.h"
#include "controller/dispatch/wire.h"

namespace dbfleet::controller {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);
constexpr absl::Duration kSlowTick = absl::Seconds(5);
constexpr absl::Duration kStoreLastSeen = absl::Minutes(2);
// One identity, two processes: so many live sessions replaced within the window.
constexpr size_t kFlappingReplacements = 6;
constexpr absl::Duration kFlappingWindow = absl::Minutes(1);

// How agents name a message that they do not know.
std::string UnknownName(agent::v1::ControllerMsg::KindCase kind) {
  return absl::StrCat("ControllerMsg.", static_cast<int>(kind));
}

}  // namespace

Dispatcher::Dispatcher(DispatchOptions options, Store& store, const JobFlow& flow, JobManager& jobs,
                       JobHub& hub, Clock& clock, Executor& executor, metrics::Registry& metrics,
                       DispatchSinks sinks)
    : options_(options),
      store_(store),
      flow_(flow),
      jobs_(jobs),
      hub_(hub),
      clock_(clock),
      executor_(executor),
      sinks_(std::move(sinks)),
      events_total_(
          metrics.GetCounter("dbfleet_dispatch_events_total",
                             "Events of agents that were committed since the controller's start.")),
      late_results_total_(metrics.GetCounter("dbfleet_dispatch_late_results_total",
                                             "Reports since the start that came after their "
                                             "attempt was given up; each wants a look.")),
      offers_total_(
          metrics.GetCounter("dbfleet_dispatch_offers_total", "Attempts offered since the start.")),
      grants_total_(
          metrics.GetCounter("dbfleet_dispatch_grants_total", "Attempts granted since the start.")),
      sessions_gauge_(metrics.GetGauge("dbfleet_dispatch_sessions", "Connected agents.")),
      mail_(clock, options.ack_delay, [this](std::function<void()> fn) { Post(std::move(fn)); }) {}

Dispatcher::~Dispatcher() { Stop(); }

void Dispatcher::Start() {
  subscription_ = hub_.Subscribe("", [this](const JobChanges& changes) {
    if (changes.instances.empty() && changes.attempts.empty() && changes.queued.empty()) return;
    Post([this, changes] { HandleChanges(changes); });
  });
  Post([this] {
    started_at_ = clock_.Monotonic();
    // Attempts that were under way when the former controller ended: their agents are expected
    // back.
    (void)store_.Read([this](ReadTx& tx) -> absl::Status {
      ASSIGN_OR_RETURN(const std::vector<Attempt> open, tx.OpenAttempts());
      for (const Attempt& attempt : open) {
        silent_since_.emplace(attempt.agent_id, started_at_ + options_.lost_grace);
      }
      return absl::OkStatus();
    });
  });
  ScheduleTick();
}

void Dispatcher::Stop() {
  {
    MutexLock lock(&mutex_);
    if (stopped_) return;
  }
  // The streams end after this, when nobody takes note of it any more.
  StoreLastSeen();
  std::unique_ptr<Clock::Timer> timer;
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
    timer = std::move(timer_);
  }
  timer.reset();
  subscription_.reset();
}

bool Dispatcher::Post(std::function<void()> fn) {
  {
    MutexLock lock(&mutex_);
    if (stopped_) return true;
  }
  const bool added = executor_.Add([this, fn = std::move(fn)] {
    {
      MutexLock lock(&mutex_);
      if (stopped_) return;
    }
    fn();
  });
  if (!added) log::Error("the dispatcher's queue is full");
  return added;
}

void Dispatcher::OnOpened(std::shared_ptr<AgentConnection> connection) {
  Post([this, connection = std::move(connection)] { HandleOpened(connection); });
}

void Dispatcher::OnMessage(const std::shared_ptr<AgentConnection>& connection,
                           agent::v1::AgentMsg message) {
  const bool posted = Post([this, connection, message = std::move(message)]() mutable {
    HandleMessage(connection, std::move(message));
    ReadOn(connection);
  });
  if (!posted) {
    connection->Close(Error(absl::StatusCode::kResourceExhausted, "CONTROLLER_BUSY",
                            "the controller has too much to do; send it again later"));
  }
}

void Dispatcher::ReadOn(const std::shared_ptr<AgentConnection>& connection) {
  const SessionPtr session = SessionOf(connection->agent_id());
  if (session != nullptr && session->connection == connection && session->storing >= kMaxStoring) {
    session->read_waits = true;
    return;
  }
  connection->MessageTaken();
}

void Dispatcher::OnClosed(const std::shared_ptr<AgentConnection>& connection) {
  Post([this, connection] { HandleClosed(connection); });
}

void Dispatcher::Disconnect(const std::string& agent_id, const absl::Status& why) {
  Post([this, agent_id, why] {
    if (SessionPtr session = SessionOf(agent_id)) session->connection->Close(why);
  });
}

void Dispatcher::InstanceMoved(const std::string& instance_id) {
  Post([this, instance_id] { HandleInstanceMoved(instance_id); });
}

void Dispatcher::HandleOpened(std::shared_ptr<AgentConnection> connection) {
  const std::string agent_id = connection->agent_id();
  auto session = std::make_shared<AgentSession>();
  session->connection = std::move(connection);
  session->last_heard = session->last_ping = clock_.Monotonic();
  session->connect_time = clock_.Now();
  if (SessionPtr old = SessionOf(agent_id)) {
    old->connection->Close(Error(absl::StatusCode::kAborted, "SESSION_REPLACED",
                                 "a newer stream of the same agent replaced this one"));
    if (old->welcomed) NoteReplacement(agent_id);
  }
  sessions_[agent_id] = std::move(session);
  sessions_gauge_.Set(static_cast<double>(sessions_.size()));
}

void Dispatcher::NoteReplacement(const std::string& agent_id) {
  std::vector<absl::Duration>& times = replacements_[agent_id];
  const absl::Duration now = clock_.Monotonic();
  times.push_back(now);
  while (now - times.front() > kFlappingWindow) times.erase(times.begin());
  if (times.size() < kFlappingReplacements) return;
  times.clear();
  log::Error("two processes seem to use one agent's identity; the agent is quarantined",
             {{"agent", agent_id}});
  store_.Mutate(
      [agent_id](WriteTx& tx) -> absl::Status {
        ASSIGN_OR_RETURN(Agent agent, tx.GetAgent(agent_id));
        if (agent.quarantined) return absl::OkStatus();
        agent.quarantined = true;
        agent.state_reason =
            "two processes used this identity at the same time; enrol the right one again";
        RETURN_IF_ERROR(tx.UpdateAgent(&agent));
        return tx.AppendAudit({"system/dispatch",
                               "agent.quarantine",
                               absl::StrCat("agents/", agent_id),
                               agent.environment,
                               {{"reason", agent.state_reason}}});
      },
      [this, agent_id](absl::Status status) {
        if (!status.ok()) return;
        Disconnect(agent_id, Error(absl::StatusCode::kPermissionDenied, "AGENT_QUARANTINED",
                                   "two processes used this identity at the same time"));
      });
}

void Dispatcher::HandleMessage(const std::shared_ptr<AgentConnection>& connection,
                               agent::v1::AgentMsg message) {
  const SessionPtr session = SessionOf(connection->agent_id());
  if (session == nullptr || session->connection != connection) return;  // A replaced stream's rest.
  session->last_heard = clock_.Monotonic();
  if (message.has_hello()) {
    HandleHello(session, message.hello());
    return;
  }
  if (!session->hello_seen) {
    connection->Close(Error(absl::StatusCode::kInvalidArgument, "HELLO_EXPECTED",
                            "the first message of a stream is Hello"));
    return;
  }
  if (!message.has_batch()) return HandleOne(session, std::move(message));
  // A message may have millions of small ones, whose events would be one change of the store.
  if (message.batch().messages_size() > rpc::kMaxBatchMessages) {
    connection->Close(
        Error(absl::StatusCode::kInvalidArgument, "BATCH_TOO_LARGE",
              absl::StrCat("a batch holds at most ", rpc::kMaxBatchMessages, " messages")));
    return;
  }
  Events events;  // Those that follow each other are stored together.
  for (agent::v1::AgentMsg& one : *message.mutable_batch()->mutable_messages()) {
    if (one.has_event()) {
      events.push_back(std::move(*one.mutable_event()));
      continue;
    }
    HandleEvents(session, std::exchange(events, {}));
    HandleOne(session, std::move(one));
  }
  HandleEvents(session, std::move(events));
}

void Dispatcher::HandleOne(const SessionPtr& session, agent::v1::AgentMsg message) {
  const std::shared_ptr<AgentConnection>& connection = session->connection;
  switch (message.kind_case()) {
    case agent::v1::AgentMsg::kEvent: {
      Events events;
      events.push_back(std::move(*message.mutable_event()));
      HandleEvents(session, std::move(events));
      break;
    }
    case agent::v1::AgentMsg::kHealth:
      if (sinks_.health) sinks_.health(session->agent_id(), message.health());
      break;
    case agent::v1::AgentMsg::kPing: {
      if (message.ping().has_send_time()) {
        session->clock_skew = FromProto(message.ping().send_time()) - clock_.Now();
      }
      PublishLive(*session, true);
      agent::v1::ControllerMsg reply;
      reply.mutable_pong()->set_nonce(message.ping().nonce());
      *reply.mutable_pong()->mutable_send_time() = ToProto(clock_.Now());
      mail_.Send(session, std::move(reply));
      break;
    }
    case agent::v1::AgentMsg::kPong:
    case agent::v1::AgentMsg::kHello:
    case agent::v1::AgentMsg::kBatch:  // Within a batch neither means anything.
      break;
    case agent::v1::AgentMsg::kCheckpointAnswer:
      if (session->welcomed && sinks_.witness_answered) {
        sinks_.witness_answered(connection, message.checkpoint_answer());
      }
      break;
    case agent::v1::AgentMsg::kUnimplemented:
      if (message.unimplemented().what() ==
          UnknownName(agent::v1::ControllerMsg::kCheckpointPush)) {
        if (sinks_.witness_unsupported) sinks_.witness_unsupported(connection);
        break;
      }
      log::Warn("an agent did not understand a message",
                {{"agent", session->agent_id()}, {"what", message.unimplemented().what()}});
      break;
    case agent::v1::AgentMsg::KIND_NOT_SET: {
      agent::v1::ControllerMsg reply;
      reply.mutable_unimplemented()->set_what("AgentMsg of an unknown kind");
      mail_.Send(session, std::move(reply));
      break;
    }
  }
}

void Dispatcher::HandleClosed(const std::shared_ptr<AgentConnection>& connection) {
  const std::string agent_id = connection->agent_id();
  if (sinks_.witness_left) sinks_.witness_left(connection);
  const SessionPtr session = SessionOf(agent_id);
  if (session == nullptr || session->connection != connection) return;  // It was replaced.
  sessions_.erase(agent_id);
  sessions_gauge_.Set(static_cast<double>(sessions_.size()));
  // A stream that never got so far as a Welcome does not tell that the agent is alive.
  if (session->welcomed) silent_since_[agent_id] = clock_.Monotonic();
  silent_since_.emplace(agent_id, clock_.Monotonic());
  PublishLive(*session, false);
  if (!session->welcomed) return;
  if (sinks_.disconnected) sinks_.disconnected(agent_id, session->session_id);
  const absl::Time now = clock_.Now();
  store_.MutateEssential(
      [agent_id, now](WriteTx& tx) -> absl::Status {
        ASSIGN_OR_RETURN(Agent agent, tx.GetAgent(agent_id));
        agent.last_seen_time = now;
        RETURN_IF_ERROR(tx.UpdateAgent(&agent));
        return tx.AppendAudit({"system/dispatch",
                               "agent.disconnect",
                               absl::StrCat("agents/", agent_id),
                               agent.environment,
                               {}});
      },
      [](absl::Status) {});
}

Dispatcher::SessionPtr Dispatcher::SessionOf(const std::string& agent_id) const {
  const auto it = sessions_.find(agent_id);
  return it == sessions_.end() ? nullptr : it->second;
}

std::optional<Dispatcher::Live> Dispatcher::Find(const std::string& agent_id) const {
  MutexLock lock(&mutex_);
  const auto it = live_.find(agent_id);
  if (it == live_.end()) return std::nullopt;
  return it->second;
}

void Dispatcher::PublishLive(const AgentSession& session, bool connected) {
  MutexLock lock(&mutex_);
  if (connected && session.welcomed) {
    live_[session.agent_id()] = {session.clock_skew, session.connect_time, clock_.Now(),
                                 session.declared, session.refused};
  } else {
    live_.erase(session.agent_id());
  }
}

void Dispatcher::ScheduleTick() {
  std::unique_ptr<Clock::Timer> timer = clock_.After(kTick, [this] {
    const bool posted = Post([this] {
      Tick();
      ScheduleTick();
    });
    if (!posted) ScheduleTick();
  });
  MutexLock lock(&mutex_);
  if (stopped_) return;
  timer_.swap(timer);
}

void Dispatcher::Tick() {
  const absl::Duration now = clock_.Monotonic();
  PingSessions(now);
  CheckSilentAgents();
  if (now - last_slow_tick_ >= kSlowTick) {
    last_slow_tick_ = now;
    GiveUpLongUnreachable();
  }
  if (now - last_seen_stored_ >= kStoreLastSeen) {
    last_seen_stored_ = now;
    StoreLastSeen();
  }
  if (now >= next_sweep_) Sweep(now);
}

void Dispatcher::PingSessions(absl::Duration now) {
  for (const auto& [agent_id, session] : sessions_) {
    if (now - session->last_heard >= options_.dead_after) {
      session->connection->Close(Error(
          absl::StatusCode::kUnavailable, "AGENT_SILENT",
          absl::StrCat("nothing was heard for ", absl::FormatDuration(now - session->last_heard))));
      continue;
    }
    if (!session->welcomed || now - session->last_ping < options_.ping_interval) continue;
    session->last_ping = now;
    // Agents ping too, and the answers tell them that we live: of a large idle fleet these are most
    // of the messages.
    if (now - session->last_heard >= options_.ping_interval) {
      agent::v1::ControllerMsg ping;
      ping.mutable_ping()->set_nonce(static_cast<uint64_t>(absl::ToInt64Milliseconds(now)));
      *ping.mutable_ping()->mutable_send_time() = ToProto(clock_.Now());
      if (!mail_.Send(session, std::move(ping))) continue;
    }
    if (session->leased.empty()) continue;
    agent::v1::ControllerMsg renewal;
    for (const auto& [attempt, not_after] : session->leased) {
      renewal.mutable_lease_renewal()->add_attempt_ids(attempt);
    }
    *renewal.mutable_lease_renewal()->mutable_lease() = ToProto(options_.lease);
    mail_.Send(session, std::move(renewal));
  }
}

}  // namespace dbfleet::controller
