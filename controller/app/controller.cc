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
#include "common/http/server.h"
#include "common/log/log.h"
#include "common/metrics/registry.h"
#include "common/rpc/channel.h"
#include "common/rpc/tls.h"
#include "controller/aggregate/aggregator.h"
#include "controller/aggregate/live_state.h"
#include "controller/api/agent_services.h"
#include "controller/api/directory_services.h"
#include "controller/api/job_services.h"
#include "controller/api/live_feeds.h"
#include "controller/app/environments.h"
#include "controller/dispatch/dispatcher.h"
#include "controller/dispatch/wire.h"
#include "controller/http/routes.h"
#include "controller/identity/ca.h"
#include "controller/identity/enrollment.h"
#include "controller/store/sqlite/sqlite_store.h"

namespace dbfleet::controller {
namespace {

constexpr int kApiThreads = 8;
// One message of each agent waits at most, so this is room for any fleet.
constexpr size_t kDispatchQueue = 1 << 22;
constexpr absl::Duration kShutdownGrace = absl::Seconds(5);
constexpr absl::Duration kLogUpkeep = absl::Hours(6);

DispatchOptions OptionsOf(const config::v1::ControllerConfig& config) {
  DispatchOptions options;
  options.ping_interval = FromProto(config.ping_interval());
  options.dead_after = FromProto(config.dead_after());
  options.lease = FromProto(config.lease());
  options.lost_grace = FromProto(config.lost_grace());
  return options;
}

std::string AgentAddress(const config::v1::ControllerConfig& config, int port) {
  if (!config.advertise_agents().empty()) return config.advertise_agents();
  const std::string& listen = config.listen();
  const std::string host = listen.substr(0, listen.rfind(':'));
  const bool any = host == "0.0.0.0" || host == "[::]";
  if (any && !config.advertise().empty()) return absl::StrCat(config.advertise(0), ":", port);
  return absl::StrCat(any ? "127.0.0.1" : host, ":", port);
}

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
  JobHub hub;
  JobFlow flow{[](ReadTx& tx, absl::string_view requester) {
    return DependentPrincipals(tx, std::string(requester));
  }};
  std::unique_ptr<LiveState> live;
  std::unique_ptr<JobManager> jobs;
  std::unique_ptr<Dispatcher> dispatcher;
  std::unique_ptr<AgentAuthenticator> authenticator;
  std::unique_ptr<Enrollment> enrollment;
  std::unique_ptr<Principals> principals;
  std::unique_ptr<LogStore> logs;
  std::unique_ptr<LiveFeeds> feeds;
  std::unique_ptr<Aggregator> aggregator;
  std::unique_ptr<rpc::Calls> calls;
  std::unique_ptr<Gate> gate;
  std::unique_ptr<JobViews> views;
  std::vector<std::unique_ptr<grpc::Service>> services;
  // The store's callbacks and the executors' functions refer to what stands above.
  std::unique_ptr<Store> store;
  std::unique_ptr<Executor> dispatch_executor;
  std::unique_ptr<Executor> log_executor;
  std::unique_ptr<Executor> api_executor;
  std::unique_ptr<Clock::Timer> upkeep;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<http::Server> http;
  std::atomic<bool> serving{false};
  int grpc_port = 0;

  void AddServices(const std::string& agent_address);
  void ScheduleUpkeep();
};

absl::Status Controller::Parts::Open() {
  RETURN_IF_ERROR(MakeDirectories(config.data_dir(), 0700));
  SqliteStoreOptions store_options;
  store_options.path = absl::StrCat(config.data_dir(), "/store.db");
  store_options.metrics = &registry;
  ASSIGN_OR_RETURN(store, SqliteStore::Open(std::move(store_options), &clock));
  RETURN_IF_ERROR(ApplyEnvironments(config, *store));
  ASSIGN_OR_RETURN(ca, CertificateAuthority::Open({config.data_dir(), config.trust_domain()},
                                                  store.get(), &clock));
  dispatch_executor = MakeSerialExecutor("dispatch", kDispatchQueue);
  log_executor = MakeSerialExecutor("logs");
  api_executor = MakeThreadPool("api", kApiThreads);
  live = std::make_unique<LiveState>(&clock, LiveState::Options());
  jobs = std::make_unique<JobManager>(*store, flow, hub, clock);
  DispatchSinks sinks;
  sinks.health = [this](const std::string& agent_id, const agent::v1::HealthReport& report) {
    for (const work::v1::InstanceHealth& health : report.instances()) {
      if (absl::Status status = live->PutHealth(agent_id, health); !status.ok()) {
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
  dispatcher = std::make_unique<Dispatcher>(OptionsOf(config), *store, flow, *jobs, hub, clock,
                                            *dispatch_executor, registry, std::move(sinks));
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
  RETURN_IF_ERROR(principals->EnsureAdmin(config.data_dir()));
  LogStore::Options log_options;
  log_options.folder = absl::StrCat(config.data_dir(), "/logs");
  ASSIGN_OR_RETURN(logs, LogStore::Open(log_options, log_executor.get(), &clock));
  feeds = std::make_unique<LiveFeeds>(store.get(), logs.get(), live.get());
  calls = std::make_unique<rpc::Calls>(api_executor.get(), &registry, &clock);
  gate = std::make_unique<Gate>(calls.get(), principals.get());
  views = std::make_unique<JobViews>(*store, *jobs, clock, [this](const std::string& agent_id) {
    return dispatcher->IsConnected(agent_id);
  });
  return absl::OkStatus();
}

void Controller::Parts::AddServices(const std::string& agent_address) {
  const auto health_of = [this](const std::string& id) { return live->Health(id); };
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
  services.push_back(std::make_unique<UserServiceImpl>(*gate, *store, *principals));
  services.push_back(std::make_unique<AuditServiceImpl>(*gate, *store));
  services.push_back(std::make_unique<MetaServiceImpl>(*gate, *store, DBFLEET_VERSION));
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
  dispatcher->Start();
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
  AddRoutes(*http, *aggregator, registry, [this] { return serving.load(); });
  aggregator->Start();
  RETURN_IF_ERROR(http->Start());
  serving = true;
  ScheduleUpkeep();
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

void Controller::Parts::Stop() {
  serving = false;
  if (http != nullptr) http->Stop();
  if (dispatcher != nullptr) dispatcher->Stop();
  if (server != nullptr) {
    server->Shutdown(absl::ToChronoTime(clock.Now() + kShutdownGrace));
    server->Wait();
  }
  aggregator.reset();
  for (Executor* executor : {api_executor.get(), dispatch_executor.get(), log_executor.get()}) {
    if (executor != nullptr) executor->Shutdown();
  }
  upkeep.reset();  // Only now: the log executor arms it.
  logs.reset();
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
