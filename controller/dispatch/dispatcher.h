#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/concurrency/executor.h"
#include "common/concurrency/mutex.h"
#include "common/metrics/registry.h"
#include "common/time/clock.h"
#include "controller/dispatch/agent_session.h"
#include "controller/dispatch/dispatch_options.h"
#include "controller/dispatch/mail.h"
#include "controller/dispatch/session.h"
#include "controller/jobs/digest_places.h"
#include "controller/jobs/job_flow.h"
#include "controller/jobs/job_hub.h"
#include "controller/jobs/job_manager.h"
#include "controller/store/store.h"

namespace dbfleet::controller {

// Offers attempts to agents, grants them, and takes in what the agents report
// (docs/architecture.md, "The agent's stream"). All work happens on one serial executor, so
// sessions need no locks; the store's commits are awaited by callbacks that come back to it.
// Commits leave hints (JobChanges), so that an event costs the same however much work is open. What
// is stored and connected decides, not the hint; a sweep over everything that is open makes up for
// one that was lost, at most each second and for a twentieth of the executor's time.
//
// Thread-safe from outside. Start() once; Stop() (or the destructor) before the store and the
// executor end. Nothing is sent to an agent before the change that it announces is committed.
class Dispatcher : public ConnectionEvents {
 public:
  Dispatcher(DispatchOptions options, Store& store, const JobFlow& flow, JobManager& jobs,
             JobHub& hub, Clock& clock, Executor& executor, metrics::Registry& metrics,
             DispatchSinks sinks);
  ~Dispatcher() override;

  void Start();
  void Stop();

  void OnOpened(std::shared_ptr<AgentConnection> connection) override;
  void OnMessage(const std::shared_ptr<AgentConnection>& connection,
                 agent::v1::AgentMsg message) override;
  void OnClosed(const std::shared_ptr<AgentConnection>& connection) override;

  // Ends the agent's stream at once, after a revocation.
  void Disconnect(const std::string& agent_id, const absl::Status& why);
  // To be called after the commit that gave the instance to another agent. No stream ends: what
  // that agent's Hello told of the instance counts from now on.
  void InstanceMoved(const std::string& instance_id);

  // What is known of an agent only while it is connected.
  struct Live {
    absl::Duration clock_skew;
    absl::Time connect_time;
    absl::Time last_heard_time;
    std::shared_ptr<const DeclaredInstances> declared;  // Never null.
    // Of these, by name, those that are not accepted, and why. Never null.
    std::shared_ptr<const std::map<std::string, std::string>> refused;
  };
  std::optional<Live> Find(const std::string& agent_id) const;
  bool IsConnected(const std::string& agent_id) const { return Find(agent_id).has_value(); }
  // For JobManager::Explain.
  std::optional<PolicyBlocker> WhyNoWork(const std::string& agent_id) const;

 private:
  using SessionPtr = std::shared_ptr<AgentSession>;

  // dispatcher.cc: sessions and time.
  bool Post(std::function<void()> fn);
  void HandleOpened(std::shared_ptr<AgentConnection> connection);
  void HandleMessage(const std::shared_ptr<AgentConnection>& connection,
                     agent::v1::AgentMsg message);
  // The next message, unless the store has too many of the agent's events before it: it takes each,
  // so nothing else keeps an agent from reporting faster than they can be stored.
  void ReadOn(const std::shared_ptr<AgentConnection>& connection);
  static constexpr size_t kMaxStoring = 256;
  void HandleOne(const SessionPtr& session, agent::v1::AgentMsg message);
  void HandleClosed(const std::shared_ptr<AgentConnection>& connection);
  void NoteReplacement(const std::string& agent_id);
  SessionPtr SessionOf(const std::string& agent_id) const;
  void ScheduleTick();
  void Tick();
  void PingSessions(absl::Duration now);
  void PublishLive(const AgentSession& session, bool connected);
  // Whether the session's agent may get work now.
  bool TakesWork(const SessionPtr& session) const;

  // hello.cc: reconciling an agent's truth with ours.
  void HandleHello(const SessionPtr& session, const agent::v1::Hello& hello);
  // Within the Hello's transaction: what the agent remembers of the controller's lives.
  absl::Status WeighMemory(struct FlowContext& context, Agent& agent, const agent::v1::Hello& hello,
                           struct HelloOutcome* outcome);
  void FinishHello(const SessionPtr& session, const struct HelloOutcome& outcome);
  void HandleInstanceMoved(const std::string& instance_id);

  // agent_events.cc: what agents report.
  using Events = std::vector<agent::v1::Event>;
  void HandleEvents(const SessionPtr& session, Events events);
  void AskAgain(const SessionPtr& session);
  void StoreEvents(const SessionPtr& session, std::shared_ptr<const Events> events);
  // The store has answered for so many.
  void Stored(const SessionPtr& session, size_t events);
  void EventsCommitted(const SessionPtr& session, const Events& events,
                       const struct EventOutcome& outcome, const absl::Status& status);

  // handout.cc: what is to be offered, granted or told to whom.
  void HandleChanges(const JobChanges& changes);
  void LookAt(const std::set<std::string>& instances);
  void LookAtHinted();
  void Sweep(absl::Duration now);
  void HandOut(const std::vector<Attempt>& open,
               const std::map<std::string, std::string>& agent_of_instance);
  void Try(AttemptState state, const std::string& agent_id, const std::string& attempt_id);
  // When there is room in flight.
  void TryInTurn(AttemptState state, const std::string& agent_id, const std::string& attempt_id);
  // An offer or a grant came back from the store.
  void Landed(const std::string& attempt_id);
  void TellAgents(const std::vector<std::string>& attempts);

  // offers.cc: offers, grants, withdrawals, cancellations.
  void TryOffer(const SessionPtr& session, const std::string& attempt_id);
  void TryGrant(const SessionPtr& session, const std::string& attempt_id);
  void TellAgent(const SessionPtr& session, const Attempt& attempt, bool cancel_requested);

  // liveness.cc: what silence means.
  void CheckSilentAgents();
  void MarkUnreachable(const std::string& agent_id);
  void GiveUpLongUnreachable();
  void StoreLastSeen();

  const DispatchOptions options_;
  Store& store_;
  const JobFlow& flow_;
  JobManager& jobs_;
  JobHub& hub_;
  Clock& clock_;
  Executor& executor_;
  const DispatchSinks sinks_;
  DigestPlaces places_;
  metrics::Counter& events_total_;
  metrics::Counter& late_results_total_;
  metrics::Counter& offers_total_;
  metrics::Counter& grants_total_;
  metrics::Gauge& sessions_gauge_;

  // On the executor only.
  std::map<std::string, SessionPtr> sessions_;          // By agent id.
  std::map<std::string, absl::Duration> silent_since_;  // Agents that are not connected.
  std::map<std::string, std::vector<absl::Duration>> replacements_;
  std::set<std::string> in_flight_;  // Attempts with a mutation under way.
  struct Waiting {
    AttemptState state;
    std::string agent_id;
    std::string attempt_id;
  };
  std::deque<Waiting> waiting_;  // For room among those.
  std::set<std::string> waits_;  // Their attempts.
  absl::Duration started_at_ = absl::ZeroDuration();
  absl::Duration last_slow_tick_ = absl::ZeroDuration();
  absl::Duration last_seen_stored_;
  std::set<std::string> hinted_;  // Instances to look at.
  absl::Duration next_sweep_ = absl::ZeroDuration();

  mutable Mutex mutex_;
  std::map<std::string, Live> live_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Clock::Timer> timer_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<JobHub::Subscription> subscription_;
  Mail mail_;  // On the executor only. Last, because its timer posts.
};

}  // namespace dbfleet::controller
