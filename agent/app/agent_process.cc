#include "agent/app/agent_process.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/actions/backup/backup_action.h"
#include "agent/actions/backup/repository_mark.h"
#include "agent/actions/check/check_action.h"
#include "agent/actions/inspect/inspect_action.h"
#include "agent/actions/migrate/migrate_action.h"
#include "agent/actions/verify/verify_action.h"
#include "agent/app/exec_path.h"
#include "agent/app/instances.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "common/plan/abilities.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

constexpr absl::Duration kFlush = absl::Seconds(3);
constexpr absl::Duration kProbeDeadline = absl::Seconds(10);

}  // namespace

Identity::Options IdentityOptionsOf(const config::v1::AgentConfig& config,
                                    const std::string& version) {
  Identity::Options options;
  options.agent_name = config.name();
  options.controller = config.controller();
  options.folder = config.data_dir() + "/identity";
  options.join_token_file = config.join_token_file();
  options.version = version;
  return options;
}

AgentProcess::AgentProcess(LoadedConfig loaded, std::string version)
    : loaded_(std::move(loaded)), version_(std::move(version)), clock_(MakeSystemClock()) {}

AgentProcess::~AgentProcess() {
  if (listener_ != nullptr) listener_->Stop();
  collector_.reset();
  if (health_ != nullptr) health_->Stop();
  // Before the runner, which it calls; its object stays, because the runner's journal wakes it.
  if (link_ != nullptr) link_->Stop();
  runner_.reset();
}

absl::StatusOr<std::unique_ptr<AgentProcess>> AgentProcess::Create(LoadedConfig loaded,
                                                                   std::string version) {
  std::unique_ptr<AgentProcess> process(new AgentProcess(std::move(loaded), std::move(version)));
  RETURN_IF_ERROR(process->Build());
  return process;
}

absl::Status AgentProcess::Build() {
  const config::v1::AgentConfig& config = loaded_.config;
  RETURN_IF_ERROR(MakeDirectories(config.data_dir(), 0700));
  ASSIGN_OR_RETURN(const std::string exec_path, FindExecBinary());
  ASSIGN_OR_RETURN(
      journal_, Journal::Open(config.data_dir() + "/journal", config.journal_max_bytes(), *clock_));
  // The journal's lock says that these are this process's. Not the attempts' folders: a
  // dbfleet-exec that a former process started may be writing its record there.
  for (const char* folder : {"/journal", "/identity", "/witness"}) {
    RemoveTemporaries(config.data_dir() + folder);
  }
  absl::StatusOr<std::string> repository =
      KnowRepository(config.backup_dir(), config.data_dir() + "/repository");
  // Checks and changes need none; whatever needs it says what is missing.
  if (!repository.ok()) {
    log::Error("the backup repository cannot be used, or cannot be told from another one",
               {{"backup_dir", config.backup_dir()},
                {"error", std::string(repository.status().message())}});
  }
  repository_id_ = repository.value_or(kUnknownRepository);
  for (InstanceSpec& spec : SpecsOf(config)) {
    const std::string name = spec.name;
    engines_[name] = MakeEngine(std::move(spec));
  }
  BuildActions(exec_path);
  RETURN_IF_ERROR(BuildWitness());
  BuildLink();
  BuildRunner();
  BuildWatchers();
  return absl::OkStatus();
}

void AgentProcess::BuildActions(const std::string& exec_path) {
  BackupAction::Options backup;
  backup.backup_dir = loaded_.config.backup_dir();
  backup.repository_id = repository_id_;
  backup.exec_path = exec_path;
  VerifyAction::Options verify;
  verify.backup_dir = loaded_.config.backup_dir();
  verify.repository_id = repository_id_;
  verify.exec_path = exec_path;
  actions_.push_back(std::make_unique<CheckAction>());
  actions_.push_back(std::make_unique<InspectAction>());
  actions_.push_back(std::make_unique<BackupAction>(backup, *clock_));
  actions_.push_back(std::make_unique<VerifyAction>(verify, *clock_));
  actions_.push_back(std::make_unique<MigrateAction>(*clock_));
}

absl::Status AgentProcess::BuildWitness() {
  Witness::Options options;
  options.folder = loaded_.config.data_dir() + "/witness";
  options.agent_id = loaded_.config.name();
  options.keys_file = loaded_.config.audit_keys_file();
  const IdentityFiles files(loaded_.config.data_dir() + "/identity");
  ASSIGN_OR_RETURN(witness_,
                   Witness::Open(
                       options,
                       [files]() -> absl::StatusOr<Witness::Signer> {
                         ASSIGN_OR_RETURN(const std::optional<IdentityMaterial> material,
                                          files.Load());
                         if (!material.has_value()) {
                           return absl::NotFoundError("there is no certificate to sign with");
                         }
                         return Witness::Signer{Secret(material->key_pem), material->chain_pem};
                       },
                       *clock_));
  return absl::OkStatus();
}

void AgentProcess::BuildLink() {
  const Identity::Network network = Identity::RealNetwork(loaded_.config.controller());
  identity_ =
      std::make_unique<Identity>(IdentityOptionsOf(loaded_.config, version_), network, *clock_);
  dialer_ = std::make_unique<TlsDialer>(*identity_, network);
  Link::Options options;
  options.agent_id = loaded_.config.name();
  options.version = version_;
  link_ = Link::Create(options, *clock_, *journal_, *dialer_, *this, witness_.get());
}

void AgentProcess::BuildRunner() {
  Runner::Options options;
  options.data_dir = loaded_.config.data_dir();
  options.backup_dir = loaded_.config.backup_dir();
  options.repository_id = repository_id_;
  options.forbidden = [this](const std::string& action, const std::string& instance) {
    return loaded_.policy.Forbids(action, instance);
  };
  std::map<std::string, Engine*> engines;
  for (const auto& [name, engine] : engines_) engines[name] = engine.get();
  std::map<std::string, Action*> actions;
  for (const auto& action : actions_) actions[std::string(action->name())] = action.get();
  runner_ =
      Runner::Create(options, *clock_, *journal_, std::move(engines), std::move(actions), *link_);
}

void AgentProcess::BuildWatchers() {
  const config::v1::AgentConfig& config = loaded_.config;
  std::vector<Engine*> list;
  std::map<std::string, Engine*> engines;
  for (const auto& [name, engine] : engines_) {
    list.push_back(engine.get());
    engines[name] = engine.get();
  }
  HealthMonitor::Options health;
  health.interval = FromProto(config.check_interval());
  health.deadline = std::min(kProbeDeadline, health.interval);
  health_ = std::make_unique<HealthMonitor>(health, *clock_, std::move(list));
  MetricsCollector::Options metrics;
  metrics.interval = FromProto(config.metrics_interval());
  metrics.deadline = std::min(kProbeDeadline, metrics.interval);
  metrics_pool_ = MakeThreadPool("metrics", std::max(1, config.instances_size()));
  collector_ = std::make_unique<MetricsCollector>(
      metrics, *clock_, *metrics_pool_, std::move(engines),
      [this](v1::MetricsBatch batch) { link_->PushMetrics(std::move(batch)); });
}

absl::Status AgentProcess::Start() {
  RETURN_IF_ERROR(StartMetricsListener());
  RETURN_IF_ERROR(runner_->Recover());
  link_->Start(*runner_);
  health_->Start([this] { link_->HealthChanged(); });
  collector_->Start();
  log::Info("dbfleet-agent is running", {{"version", version_},
                                         {"agent", loaded_.config.name()},
                                         {"controller", loaded_.config.controller()},
                                         {"instances", absl::StrCat(engines_.size())},
                                         {"journal_id", journal_->journal_id()},
                                         {"boot", absl::StrCat(journal_->boot_sequence())}});
  return absl::OkStatus();
}

absl::Status AgentProcess::StartMetricsListener() {
  const std::string& listen = loaded_.config.metrics_listen();
  if (absl::EndsWith(listen, ":0")) return absl::OkStatus();
  http::Options options;
  options.listen = listen;
  options.max_connections = 16;
  listener_ = http::Server::Create(options);
  listener_->Handle("GET", "/metrics", [this](const http::Request&) {
    http::Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = ExposeMetrics();
    return response;
  });
  return Annotate(listener_->Start(), "metrics_listen");
}

std::string AgentProcess::ExposeMetrics() {
  const Link::Stats stats = link_->stats();
  registry_
      .GetGauge("dbfleet_agent_build_info", "Always 1; the version is a label.",
                {{"version", version_}})
      .Set(1);
  registry_.GetGauge("dbfleet_agent_connected", "Whether the controller has welcomed this agent.")
      .Set(stats.connected ? 1 : 0);
  registry_.GetGauge("dbfleet_agent_attempts_running", "Attempts that are being executed.")
      .Set(runner_->running());
  registry_.GetGauge("dbfleet_agent_journal_bytes", "Live content of the journal.")
      .Set(static_cast<double>(journal_->UsedBytes()));
  const uint64_t lowest = journal_->LowestEventSeq();
  registry_.GetGauge("dbfleet_agent_events_pending", "Events the controller has not acknowledged.")
      .Set(lowest == 0 ? 0 : static_cast<double>(journal_->LastEventSeq() - lowest + 1));
  registry_
      .GetCounter("dbfleet_agent_log_lines_dropped_total",
                  "Job log lines lost because the buffer was full.")
      .Increment(static_cast<double>(stats.log_lines_dropped -
                                     std::exchange(dropped_reported_, stats.log_lines_dropped)));
  registry_.GetCounter("dbfleet_agent_connects_total", "Sessions with the controller.")
      .Increment(
          static_cast<double>(stats.connects - std::exchange(connects_reported_, stats.connects)));
  return absl::StrCat(registry_.Expose(), witness_->Expose(), collector_->Expose());
}

bool AgentProcess::Drain(absl::Duration grace) {
  health_->Stop();
  runner_->Drain(grace);
  link_->Flush(kFlush);
  link_->Stop();
  return runner_->running() == 0;
}

std::vector<std::string> AgentProcess::Capabilities() {
  std::set<std::string> capabilities = {kLooksForBackup};
  for (const auto& [name, engine] : engines_) {
    for (const auto& action : actions_) {
      if (!action->Supports(*engine).ok()) continue;
      capabilities.insert(absl::StrCat(action->name(), ".", NameOfEngine(engine->spec().engine)));
    }
  }
  return {capabilities.begin(), capabilities.end()};
}

std::vector<v1::InstanceInfo> AgentProcess::Instances() {
  std::map<std::string, work::v1::InstanceHealth> health;
  const v1::HealthReport latest = health_->Latest();
  for (const auto& instance : latest.instances()) health[instance.instance()] = instance;
  std::vector<v1::InstanceInfo> infos;
  for (const auto& config : loaded_.config.instances()) {
    const InstanceSpec& spec = engines_.at(config.name())->spec();
    v1::InstanceInfo& info = infos.emplace_back();
    info.set_name(spec.name);
    info.set_engine(spec.engine);
    info.set_endpoint(spec.endpoint.Describe());
    *info.mutable_labels() = config.labels();
    info.set_role(health[spec.name].role());
    info.set_server_version(health[spec.name].server_version());
    for (std::string& action : loaded_.policy.ForbiddenOn(spec.name)) {
      info.add_forbidden_actions(std::move(action));
    }
  }
  return infos;
}

v1::HealthReport AgentProcess::Health() { return health_->Latest(); }

}  // namespace dbfleet::agent
