#include "controller/app/controller.h"

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/concurrency/executor.h"
#include "common/concurrency/ticker.h"
#include "common/http/server.h"
#include "common/log/log.h"
#include "common/metrics/registry.h"
#include "common/rpc/channel.h"
#include "common/rpc/tls.h"
#include "controller/aggregate/aggregator.h"
#include "controller/aggregate/live_state.h"
#include "controller/api/agent_services.h"
#include "controller/api/audit_service.h"
#include "controller/api/break_glass_service.h"
#include "controller/api/directory_services.h"
#include "controller/api/event_rule_service.h"
#include "controller/api/job_services.h"
#include "controller/api/live_feeds.h"
#include "controller/api/notification_service.h"
#include "controller/api/proposal_service.h"
#include "controller/api/resource_service.h"
#include "controller/api/schedule_service.h"
#include "controller/app/backup.h"
#include "controller/app/backup_record.h"
#include "controller/app/controller_options.h"
#include "controller/app/environments.h"
#include "controller/app/notifications.h"
#include "controller/audit/audit_keys.h"
#include "controller/audit/checkpointer.h"
#include "controller/audit/recovery.h"
#include "controller/dispatch/dispatcher.h"
#include "controller/dispatch/wire.h"
#include "controller/dispatch/witnesses.h"
#include "controller/http/routes.h"
#include "controller/identity/ca.h"
#include "controller/identity/enrollment.h"
#include "controller/identity/roles_in.h"
#include "controller/notify/health_watch.h"
#include "controller/proposer/job_proposals.h"
#include "controller/proposer/proposer.h"
#include "controller/resources/approval_source.h"
#include "controller/resources/break_glass.h"
#include "controller/resources/event_rule_source.h"
#include "controller/resources/impact.h"
#include "controller/resources/proposal_manager.h"
#include "controller/resources/resource_manager.h"
#include "controller/resources/retention.h"
#include "controller/resources/schedule_source.h"
#include "controller/resources/waiver.h"
#include "controller/resources/window_source.h"
#include "controller/scheduler/schedule_runs.h"
#include "controller/scheduler/scheduler.h"
#include "controller/store/sqlite/sqlite_store.h"

namespace dbfleet::controller {
namespace {

constexpr int kApiThreads = 32;
// One message of each agent waits at most, so this is room for any fleet.
constexpr size_t kDispatchQueue = 1 << 22;
constexpr absl::Duration kShutdownGrace = absl::Seconds(5);
constexpr absl::Duration kLogUpkeep = absl::Hours(6);
constexpr absl::Duration kBackupRequests = absl::Seconds(1);
constexpr absl::Duration kTidying = absl::Minutes(5);
// A stream on which nothing happens ends so long after its caller's token has expired, at most.
constexpr absl::Duration kStreamChecks = absl::Seconds(15);

}  // namespace

// Members end in the reverse order of their declaration; ~Controller stops the active ones first.
struct Controller::Parts {
  Parts(const config::v1::ControllerConfig& config_in, Clock* clock_in)
      : config(config_in), clock(*clock_in) {}

  absl::Status Open();
  absl::Status Serve();
  void Stop();

  const config::v1::ControllerConfig config;
  Clock& clock;
  metrics::Registry registry;
  std::unique_ptr<CertificateAuthority> ca;
  std::unique_ptr<AuditKeys> audit_keys;
  std::unique_ptr<Checkpointer> checkpointer;
  std::unique_ptr<Witnesses> witnesses;
  std::atomic<Checkpointer*> head_watcher{nullptr};  // Set once there is a checkpointer.
  std::atomic<Notifier*> event_watcher{nullptr};     // The same.
  JobHub hub;
  std::atomic<const Dispatcher*> working{nullptr};  // The same.
  WindowSource windows;
  ScheduleSource schedules;
  EventRuleSource event_rules;
  JobFlow flow{[](ReadTx& tx, absl::string_view requester) {
                 return DependentsOfRequester(tx, std::string(requester), DependentPrincipals);
               },
               [this](ReadTx& tx) { return windows.Read(tx); }, ReadApprovalBook, ReadWaiver,
               [this](const std::string& agent_id) {
                 const Dispatcher* const there = working.load();
                 return there == nullptr || !there->WhyNoWork(agent_id).has_value();
               }};
  std::unique_ptr<LiveState> live;
  std::unique_ptr<JobManager> jobs;
  std::unique_ptr<ResourceManager> resources;
  std::unique_ptr<ProposalManager> proposals;
  std::unique_ptr<BreakGlass> break_glass;
  std::unique_ptr<Dispatcher> dispatcher;
  std::unique_ptr<Ticker> job_looks;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<ScheduleRuns> schedule_runs;
  std::unique_ptr<Proposer> proposer;
  std::unique_ptr<JobProposals> job_proposals;
  std::unique_ptr<AgentAuthenticator> authenticator;
  std::unique_ptr<Enrollment> enrollment;
  std::unique_ptr<Principals> principals;
  std::unique_ptr<LogStore> logs;
  std::unique_ptr<LiveFeeds> feeds;
  std::unique_ptr<Aggregator> aggregator;
  std::unique_ptr<rpc::Calls> calls;
  std::unique_ptr<Denials> denials;
  std::unique_ptr<Gate> gate;
  std::unique_ptr<JobViews> views;
  std::vector<std::unique_ptr<grpc::Service>> services;
  // The store's callbacks and the executors' functions refer to what stands above.
  std::unique_ptr<Store> store;
  std::unique_ptr<HealthWatch> health_watch;
  std::unique_ptr<Notifier> notifier;
  std::unique_ptr<Executor> audit_executor;
  std::unique_ptr<Executor> dispatch_executor;
  std::unique_ptr<Executor> log_executor;
  std::unique_ptr<Executor> look_executor;
  std::unique_ptr<Executor> schedule_executor;
  std::unique_ptr<Executor> rule_executor;
  std::unique_ptr<Executor> api_executor;
  std::unique_ptr<BackupRequests> backup_requests;  // The audit executor's.
  std::unique_ptr<Clock::Timer> upkeep;
  std::unique_ptr<Clock::Timer> backup_timer;
  std::unique_ptr<Clock::Timer> stream_timer;
  std::unique_ptr<Clock::Timer> tidy_timer;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<http::Server> http;
  std::atomic<bool> serving{false};
  int grpc_port = 0;

  absl::Status OpenAudit();
  DispatchSinks Sinks();
  // Why a person has to say `recover`; "" if nothing is wrong.
  std::string Recovery();
  void AddServices(const std::string& agent_address);
  void ScheduleUpkeep();
  void ScheduleBackupRequests();
  void ScheduleStreamChecks();
  void ScheduleTidying();
};

absl::Status Controller::Parts::Open() {
  RETURN_IF_ERROR(MakeDirectories(config.data_dir(), 0700));
  RETURN_IF_ERROR(CheckRestoreEnded(config.data_dir()));
  SqliteStoreOptions store_options;
  store_options.path = absl::StrCat(config.data_dir(), "/store.db");
  store_options.metrics = &registry;
  store_options.on_audit_head = [this](uint64_t seq, const std::string&) {
    if (Checkpointer* const watcher = head_watcher.load()) watcher->OnHead(seq);
    if (Notifier* const watcher = event_watcher.load()) watcher->OnHead();
  };
  ASSIGN_OR_RETURN(store, SqliteStore::Open(std::move(store_options), &clock));
  // The store's lock says that the folder is this process's.
  RemoveTemporaries(config.data_dir());
  RETURN_IF_ERROR(ApplyEnvironments(config, *store));
  ASSIGN_OR_RETURN(ca, CertificateAuthority::Open({config.data_dir(), config.trust_domain()},
                                                  store.get(), &clock));
  RETURN_IF_ERROR(OpenAudit());
  dispatch_executor = MakeSerialExecutor("dispatch", kDispatchQueue);
  log_executor = MakeSerialExecutor("logs");
  api_executor = MakeThreadPool("api", kApiThreads);
  live = std::make_unique<LiveState>(&clock, LiveState::Options());
  jobs = std::make_unique<JobManager>(*store, flow, hub, clock, &registry);
  resources = std::make_unique<ResourceManager>(
      *store, clock, [this] { principals->changes().Tell(); },
      // The API begins when all of these are there.
      [this](const Route& r) { return notifier->CheckRoute(r); });
  health_watch = std::make_unique<HealthWatch>(*store, clock);
  ASSIGN_OR_RETURN(notifier, MakeNotifier(config.notifications(), *store, clock, registry,
                                          [this](ReadTx& tx) { return windows.Read(tx); }));
  event_watcher = notifier.get();
  proposals =
      std::make_unique<ProposalManager>(*store, clock, [this] { principals->changes().Tell(); });
  break_glass = std::make_unique<BreakGlass>(*store, flow, hub, clock, [this](int open) {
    registry
        .GetGauge("dbfleet_break_glass_open_reviews",
                  "Times at which the glass was broken that nobody has reviewed yet.")
        .Set(open);
  });
  RETURN_IF_ERROR(break_glass->Count());
  DispatchOptions dispatch_options = DispatchOptionsOf(config);
  dispatch_options.read_checkpoint = [this](const std::string& text) {
    return witnesses->Read(text);
  };
  dispatcher = std::make_unique<Dispatcher>(std::move(dispatch_options), *store, flow, *jobs, hub,
                                            clock, *dispatch_executor, registry, Sinks());
  working = dispatcher.get();
  look_executor = MakeSerialExecutor("job-looks");
  job_looks =
      std::make_unique<Ticker>(kLookInterval, clock, *look_executor, [this] { jobs->Tick(); });
  schedule_executor = MakeSerialExecutor("schedules");
  scheduler = std::make_unique<Scheduler>(SchedulerOptions(), *store, *jobs, hub, schedules, clock,
                                          *schedule_executor, registry);
  schedule_runs = std::make_unique<ScheduleRuns>(*store, clock, [this] { scheduler->Wake(); });
  rule_executor = MakeSerialExecutor("rules");
  proposer = std::make_unique<Proposer>(ProposerOptions(), *store, *jobs, hub, event_rules, clock,
                                        *rule_executor, registry);
  job_proposals = std::make_unique<JobProposals>(*store, *jobs, hub, clock);
  authenticator = std::make_unique<AgentAuthenticator>(store.get(), ca.get(), &clock);
  authenticator->SetRevocationListener([this](const std::string& agent_id) {
    dispatcher->Disconnect(agent_id, Error(absl::StatusCode::kUnauthenticated, "AGENT_REVOKED",
                                           "this identity has ended"));
  });
  Enrollment::Options enrollment_options;
  enrollment_options.certificate_lifetime = FromProto(config.agent_certificate_lifetime());
  enrollment_options.join_token_ttl = FromProto(config.join_token_ttl());
  enrollment = std::make_unique<Enrollment>(store.get(), ca.get(), authenticator.get(), &clock,
                                            enrollment_options);
  principals = std::make_unique<Principals>(store.get(), &clock);
  principals->SetBeforeChange([this](WriteTx& tx, const std::string&) -> absl::Status {
    RETURN_IF_ERROR(EndVoidWaivers(tx, clock.Now()));
    // While a RoleBinding cannot be read, nobody can approve, but accounts can be disabled.
    if (absl::IsDataLoss(ReadRoleBook(tx).status())) return absl::OkStatus();
    return NoteAllFormed(tx, /*without=*/"", clock.Now());
  });
  RETURN_IF_ERROR(principals->EnsureAdmin(config.data_dir()));
  LogStore::Options log_options;
  log_options.folder = absl::StrCat(config.data_dir(), "/logs");
  ASSIGN_OR_RETURN(logs, LogStore::Open(log_options, log_executor.get(), &clock));
  feeds = std::make_unique<LiveFeeds>(store.get(), logs.get(), live.get());
  calls = std::make_unique<rpc::Calls>(api_executor.get(), &registry, &clock);
  denials = std::make_unique<Denials>(*store, clock);
  gate = std::make_unique<Gate>(calls.get(), principals.get(), denials.get(), store.get());
  views = std::make_unique<JobViews>(*store, *jobs, clock, [this](const std::string& agent_id) {
    return dispatcher->WhyNoWork(agent_id);
  });
  return absl::OkStatus();
}

DispatchSinks Controller::Parts::Sinks() {
  DispatchSinks sinks;
  sinks.health = [this](const std::string& agent_id, const agent::v1::HealthReport& report) {
    for (const work::v1::InstanceHealth& health : report.instances()) {
      absl::Status status = live->PutHealth(agent_id, health);
      if (status.ok()) health_watch->Report(agent_id, health);
      if (!status.ok()) {
        log::Warn("a health report was refused",
                  {{"agent", agent_id}, {"why", std::string(status.message())}});
      }
    }
  };
  sinks.connected = [this](const std::string& agent_id, const std::string& session_id,
                           const std::vector<std::string>& instances) {
    live->SetConnected(agent_id, session_id, instances);
  };
  sinks.disconnected = [this](const std::string& agent_id, const std::string& session_id) {
    live->SetDisconnected(agent_id, session_id);
  };
  sinks.moved = [this](const std::string& instance_id, const std::string& agent_id) {
    live->Move(instance_id, agent_id);
  };
  sinks.witness_joined = [this](const DispatchSinks::Connection& connection,
                                const std::string& witnessed) {
    witnesses->Join(connection, witnessed);
  };
  sinks.witness_left = [this](const DispatchSinks::Connection& connection) {
    witnesses->Leave(connection);
  };
  sinks.witness_answered = [this](const DispatchSinks::Connection& connection,
                                  const agent::v1::CheckpointAnswer& answer) {
    witnesses->Answer(connection, answer);
  };
  sinks.witness_unsupported = [this](const DispatchSinks::Connection& connection) {
    witnesses->Unsupported(connection);
  };
  return sinks;
}

absl::Status Controller::Parts::OpenAudit() {
  std::string known_key;
  RETURN_IF_ERROR(store->Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(known_key, KnownAuditKey(tx));
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(audit_keys,
                   AuditKeys::Open(config.data_dir(), AuditKeyName(config.trust_domain()),
                                   known_key.empty(), clock.Now()));
  audit_executor = MakeSerialExecutor("audit", kDispatchQueue);
  ASSIGN_OR_RETURN(checkpointer, Checkpointer::Open(Checkpointer::Options(), *store, *audit_keys,
                                                    clock, *audit_executor, registry));
  witnesses = std::make_unique<Witnesses>(*store, *audit_keys, ca->certificate_pem(), clock,
                                          *audit_executor, registry);
  checkpointer->SetListener([this](std::shared_ptr<const IssuedCheckpoint> checkpoint) {
    witnesses->Publish(std::move(checkpoint));
  });
  head_watcher = checkpointer.get();
  return absl::OkStatus();
}

std::string Controller::Parts::Recovery() {
  std::string why;
  const absl::Status status = store->Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::optional<RecoveryDemand> demand, ReadRecovery(tx));
    if (demand.has_value()) why = demand->why;
    return absl::OkStatus();
  });
  if (!status.ok()) why = std::string(status.message());
  registry
      .GetGauge("dbfleet_recovery",
                "1 while no work is handed out until `dbfleet-controller recover`.")
      .Set(why.empty() ? 0 : 1);
  return why;
}

void Controller::Parts::AddServices(const std::string& agent_address) {
  const auto health_of = [this](const std::string& id, const std::string& agent_id) {
    return live->HealthFrom(agent_id, id);
  };
  services.push_back(
      std::make_unique<EnrollmentServiceImpl>(calls.get(), enrollment.get(), authenticator.get()));
  services.push_back(std::make_unique<AgentLinkServiceImpl>(
      calls.get(), dispatcher.get(), authenticator.get(), feeds.get(), store.get()));
  services.push_back(std::make_unique<EnvironmentServiceImpl>(*gate, *store));
  services.push_back(
      std::make_unique<AgentServiceImpl>(*gate, *store, *enrollment, *dispatcher, agent_address));
  services.push_back(std::make_unique<InstanceServiceImpl>(*gate, *store, *jobs, *views,
                                                           *dispatcher, clock, health_of));
  services.push_back(std::make_unique<JobServiceImpl>(*gate, *views, *jobs, hub, *logs, *store));
  services.push_back(std::make_unique<ChangeServiceImpl>(*gate, *views, *jobs));
  services.push_back(std::make_unique<BackupServiceImpl>(*gate, *views, *jobs, *store));
  services.push_back(std::make_unique<ResourceServiceImpl>(*gate, *store, *resources, clock));
  services.push_back(std::make_unique<ScheduleServiceImpl>(*gate, *schedule_runs));
  services.push_back(std::make_unique<EventRuleServiceImpl>(*gate, *job_proposals));
  services.push_back(std::make_unique<NotificationServiceImpl>(*gate, *notifier));
  services.push_back(std::make_unique<ProposalServiceImpl>(*gate, *proposals));
  services.push_back(std::make_unique<BreakGlassServiceImpl>(*gate, *break_glass));
  services.push_back(std::make_unique<UserServiceImpl>(*gate, *store, *principals, clock));
  services.push_back(std::make_unique<AuditServiceImpl>(*gate, *store, *checkpointer, *audit_keys,
                                                        ca->certificate_pem()));
  services.push_back(std::make_unique<MetaServiceImpl>(*gate, *store, clock, DBFLEET_VERSION));
}

absl::Status Controller::Parts::Serve() {
  ASSIGN_OR_RETURN(const CertificateAuthority::ServerMaterial material,
                   ca->IssueServer({config.advertise().begin(), config.advertise().end()}));
  const int configured_port = std::stoi(config.listen().substr(config.listen().rfind(':') + 1));
  AddServices(AgentAddress(config, configured_port));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  rpc::ApplyServerArguments(&builder, rpc::kMaxApiMessageBytes);
  builder.AddListeningPort(
      config.listen(), rpc::ServerTls(material.chain_pem, material.key_pem, ca->certificate_pem()),
      &grpc_port);
  for (const std::unique_ptr<grpc::Service>& service : services) {
    builder.RegisterService(service.get());
  }
  RETURN_IF_ERROR(checkpointer->Start());
  if (const std::string why = Recovery(); !why.empty()) {
    log::Error(
        "RECOVERY: nothing is offered or granted; look at what the agents report, stop the "
        "controller, and run `dbfleet-controller recover`",
        {{"why", why}});
  }
  dispatcher->Start();
  job_looks->Start();
  scheduler->Start();
  proposer->Start();
  server = builder.BuildAndStart();
  if (server == nullptr || grpc_port == 0) {
    return Error(
        absl::StatusCode::kFailedPrecondition, "ADDRESS_IN_USE",
        absl::StrCat("cannot listen on ", config.listen(), "; is another controller running?"));
  }
  http::Options http_options;
  http_options.listen = config.http_listen();
  http = http::Server::Create(http_options);
  Aggregator::Options aggregate_options;
  aggregate_options.address = config.http_listen();
  aggregator = std::make_unique<Aggregator>(store.get(), live.get(), api_executor.get(), &clock,
                                            aggregate_options);
  AddRoutes(
      *http, *aggregator, registry, [this] { return serving.load(); },
      [this] { return Recovery(); });
  aggregator->Start();
  RETURN_IF_ERROR(http->Start());
  notifier->Start();
  serving = true;
  ScheduleUpkeep();
  backup_requests = std::make_unique<BackupRequests>(config.data_dir(), store.get());
  ScheduleBackupRequests();
  ScheduleStreamChecks();
  ScheduleTidying();
  return absl::OkStatus();
}

void Controller::Parts::ScheduleUpkeep() {
  upkeep = clock.After(kLogUpkeep, [this] {
    (void)log_executor->Add([this] {
      if (absl::StatusOr<int> removed = logs->RemoveOld(); !removed.ok()) {
        log::Error("old job logs could not be removed",
                   {{"error", std::string(removed.status().message())}});
      }
      if (serving) ScheduleUpkeep();
    });
  });
}

void Controller::Parts::ScheduleBackupRequests() {
  backup_timer = clock.After(kBackupRequests, [this] {
    (void)audit_executor->Add([this] {
      backup_requests->Answer();
      if (serving) ScheduleBackupRequests();
    });
  });
}

// Revoked tokens and lost roles are told at once; that time has passed tells nobody.
void Controller::Parts::ScheduleStreamChecks() {
  stream_timer = clock.After(kStreamChecks, [this] {
    (void)audit_executor->Add([this] {
      principals->changes().Tell();
      if (serving) ScheduleStreamChecks();
    });
  });
}

void Controller::Parts::ScheduleTidying() {
  tidy_timer = clock.After(kTidying, [this] {
    (void)log_executor->Add([this] {
      absl::StatusOr<bool> more = true;
      while (serving && more.ok() && *more) more = TidyDecisions(*store, clock.Now());
      if (!more.ok()) {
        log::Error("old proposals could not be tidied up",
                   {{"error", std::string(more.status().message())}});
      }
      if (serving) ScheduleTidying();
    });
  });
}

void Controller::Parts::Stop() {
  serving = false;
  if (http != nullptr) http->Stop();
  if (scheduler != nullptr) scheduler->Stop();
  if (proposer != nullptr) proposer->Stop();
  if (job_looks != nullptr) job_looks->Stop();
  event_watcher = nullptr;
  if (notifier != nullptr) notifier->Stop();  // Tests of routes hold threads of the API.
  working = nullptr;
  if (dispatcher != nullptr) dispatcher->Stop();
  if (server != nullptr) {
    server->Shutdown(absl::ToChronoTime(clock.Now() + kShutdownGrace));
    server->Wait();
  }
  aggregator.reset();
  for (Executor* executor :
       {api_executor.get(), look_executor.get(), schedule_executor.get(), rule_executor.get(),
        dispatch_executor.get(), audit_executor.get(), log_executor.get()}) {
    if (executor != nullptr) executor->Shutdown();
  }
  upkeep.reset();  // Only now: the executors arm them.
  backup_timer.reset();
  stream_timer.reset();
  tidy_timer.reset();
  if (witnesses != nullptr) witnesses->Stop();
  logs.reset();
  head_watcher = nullptr;
  if (checkpointer != nullptr) checkpointer->Stop();
  // Runs what waits; its callbacks find stopped executors and do nothing.
  store.reset();
}

Controller::Controller(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Controller::~Controller() { parts_->Stop(); }

absl::StatusOr<std::unique_ptr<Controller>> Controller::Start(
    const config::v1::ControllerConfig& config, Clock* clock) {
  std::unique_ptr<Controller> controller(new Controller(std::make_unique<Parts>(config, clock)));
  RETURN_IF_ERROR(controller->parts_->Open());
  RETURN_IF_ERROR(controller->parts_->Serve());
  return controller;
}

int Controller::grpc_port() const { return parts_->grpc_port; }
int Controller::http_port() const { return parts_->http->port(); }
const std::string& Controller::ca_fingerprint() const { return parts_->ca->spki_sha256(); }

}  // namespace dbfleet::controller
