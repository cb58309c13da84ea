// A fleet of simulated agents in one process, for tests/bench/fleet/run.py. It speaks the real
// protocol over mutual TLS; see sim_agent.h for what it leaves out.
//
// Commands come on stdin, one per line; a line of JSON with the totals goes to stdout every 100 ms.
//   freeze N            the first N agents fall silent without closing anything
//   checks COUNT PAR    COUNT check jobs, PAR calls at a time (on --connections connections);
//   prints
//                       {"checks":...} when all are terminal
//   one COUNT           COUNT check jobs, one after the other, each watched to its end
//   push                from now on, push metrics of all instances (--metrics-*)
//   pushed              prints {"batches":...,"samples":...} of all pushes so far
//   change COUNT PAR    one change with a task on each of COUNT agents, PAR at a time, to its end
//   quit
#include <algorithm>
#include <atomic>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <thread>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"
#include "grpcpp/create_channel.h"

#include "common/base/files.h"
#include "common/concurrency/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "common/rpc/tls.h"
#include "dbfleet/api/v1/change_service.grpc.pb.h"
#include "dbfleet/api/v1/instance_service.grpc.pb.h"
#include "dbfleet/api/v1/job_service.grpc.pb.h"
#include "tests/bench/fleet/callers.h"
#include "tests/bench/fleet/identities.h"
#include "tests/bench/fleet/sim_metrics.h"

namespace dbfleet::bench {
namespace {

using SteadyClock = std::chrono::steady_clock;

double Seconds(SteadyClock::time_point since) {
  return std::chrono::duration<double>(SteadyClock::now() - since).count();
}

struct Options {
  std::string controller, ca_file, token_file, identities, environment = "development";
  int agents = 100;
  double connects_per_second = 2000;
  double heartbeat_seconds = 15;
  int connections = 4;
  SimMetrics::Options metrics;
};

class Fleet {
 public:
  Fleet(const Options& options, std::vector<SimIdentity> identities, std::string ca_pem,
        std::string token)
      : options_(options), ca_pem_(std::move(ca_pem)), token_(std::move(token)) {
    for (SimIdentity& identity : identities) {
      agents_.push_back(std::make_unique<SimAgent>(std::move(identity), options.controller,
                                                   &totals_,
                                                   std::max(options.metrics.instances, 1)));
    }
    connector_ = std::thread([this] { KeepConnected(); });
    heart_ = std::thread([this] { Beat(); });
    reporter_ = std::thread([this] { Report(); });
  }

  ~Fleet() {
    metrics_.reset();
    over_ = true;
    connector_.join();
    heart_.join();
    reporter_.join();
    for (auto& agent : agents_) agent->Stop();
    for (auto& agent : agents_) {
      while (!agent->idle()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void Freeze(int count) {
    for (int i = 0; i < std::min<int>(count, agents_.size()); ++i) agents_[i]->Freeze();
  }

  void Push() {
    if (metrics_ == nullptr) metrics_ = std::make_unique<SimMetrics>(options_.metrics, agents_);
  }

  void Pushed() {
    Print(metrics_ == nullptr ? R"({"batches":0,"samples":0})" : metrics_->Figures());
  }

  void Checks(int count, int callers) {
    const int64_t finished_before = totals_.finished;
    const auto began = SteadyClock::now();
    Callers::Channels channels;
    for (int i = 0; i < std::min(options_.connections, callers); ++i) channels.push_back(Channel());
    const int failed = Callers(channels, token_, [this](int number) {
                         return "instances/" + agents_[number % agents_.size()]->id();
                       }).Run(count, callers);
    const double submitted = Seconds(began);
    while (totals_.finished - finished_before < count - failed && Seconds(began) < 600) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    const double took = Seconds(began);
    Print(absl::StrFormat(
        R"({"checks":%d,"failed":%d,"submit_seconds":%.3f,"seconds":%.3f,"per_second":%.1f})",
        count, failed, submitted, took, (count - failed) / took));
  }

  void OneByOne(int count) {
    const auto channel = Channel();
    const auto instances = api::v1::InstanceService::NewStub(channel);
    const auto jobs = api::v1::JobService::NewStub(channel);
    std::vector<double> millis;
    for (int i = 0; i < count; ++i) {
      const auto began = SteadyClock::now();
      const auto job = Submit(*instances, i);
      if (!job.ok() || !Watch(*jobs, *job)) continue;
      millis.push_back(Seconds(began) * 1000);
    }
    std::sort(millis.begin(), millis.end());
    if (millis.empty()) return Print(R"({"one":0})");
    const auto at = [&](double q) { return millis[static_cast<size_t>(q * (millis.size() - 1))]; };
    Print(absl::StrFormat(R"({"one":%d,"p50_ms":%.2f,"p99_ms":%.2f,"max_ms":%.2f})", millis.size(),
                          at(0.5), at(0.99), at(1)));
  }

  void Change(int count, int parallel) {
    api::v1::SubmitChangeRequest request;
    FillChange(count, parallel, &request);
    const int64_t finished_before = totals_.finished;
    const auto began = SteadyClock::now();
    const auto channel = Channel();
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token_);
    api::v1::Job job;
    const absl::Status status = rpc::FromGrpc(
        api::v1::ChangeService::NewStub(channel)->SubmitChange(&context, request, &job));
    if (!status.ok()) {
      return Print(absl::StrFormat(R"({"change":0,"error":"%s"})", std::string(status.message())));
    }
    const double submitted = Seconds(began);
    // A look at a job of ten thousand tasks is megabytes, so it is not watched but asked for when
    // it should be over: a plan and an execution for each target.
    double planned = 0;
    const auto stub = api::v1::JobService::NewStub(channel);
    while (job.state() < api::v1::Job::STATE_SUCCEEDED && Seconds(began) < 1800) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const int64_t done = totals_.finished - finished_before;
      if (planned == 0 && done >= count) planned = Seconds(began);
      if (done >= 2 * count) GetJob(*stub, &job);
    }
    const double took = Seconds(began);
    Print(absl::StrFormat(
        R"({"change":%d,"state":"%s","submit_seconds":%.3f,"planned_seconds":%.3f,"seconds":%.3f,"attempts_per_second":%.1f})",
        count, api::v1::Job::State_Name(job.state()), submitted, planned, took, 2 * count / took));
  }

 private:
  std::shared_ptr<grpc::Channel> Channel() {
    grpc::ChannelArguments arguments;
    rpc::ApplyClientArguments(&arguments, rpc::kMaxApiMessageBytes);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(options_.controller, rpc::ClientTls(ca_pem_, "", ""),
                                     arguments);
  }

  absl::StatusOr<std::string> Submit(api::v1::InstanceService::Stub& stub, int number) {
    api::v1::CheckInstanceRequest request;
    request.set_name("instances/" + agents_[number % agents_.size()]->id());
    api::v1::Job job;
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token_);
    const absl::Status status = rpc::FromGrpc(stub.CheckInstance(&context, request, &job));
    if (!status.ok()) return status;
    return job.name();
  }

  bool Watch(api::v1::JobService::Stub& stub, const std::string& name) {
    api::v1::WatchJobRequest request;
    request.set_name(name);
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token_);
    const auto reader = stub.WatchJob(&context, request);
    api::v1::Job job;
    while (reader->Read(&job)) {
      if (job.state() >= api::v1::Job::STATE_SUCCEEDED) {
        context.TryCancel();
        return job.state() == api::v1::Job::STATE_SUCCEEDED;
      }
    }
    return false;
  }

  void FillChange(int count, int parallel, api::v1::SubmitChangeRequest* request);

  void GetJob(api::v1::JobService::Stub& stub, api::v1::Job* job) {
    api::v1::GetJobRequest request;
    request.set_name(job->name());
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + token_);
    api::v1::Job seen;
    if (stub.GetJob(&context, request, &seen).ok()) *job = std::move(seen);
  }

  void KeepConnected() {
    double budget = 0;
    while (!over_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      budget = std::min(budget + options_.connects_per_second / 100, 200.0);
      for (size_t i = 0; i < agents_.size() && budget >= 1; ++i) {
        if (!agents_[i]->wants_connection()) continue;
        agents_[i]->Connect();
        budget -= 1;
      }
    }
  }

  // Spread evenly over the interval, as those of independent hosts are.
  void Beat() {
    size_t next = 0;
    double due = 0;
    while (!over_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      due += agents_.size() * 0.01 / options_.heartbeat_seconds;
      for (; due >= 1; due -= 1) agents_[next++ % agents_.size()]->Heartbeat();
    }
  }

  void Report() {
    while (!over_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      Print(absl::StrFormat(
          R"({"connected":%d,"accepted":%d,"granted":%d,"finished":%d,"received":%d,"failures":%d})",
          totals_.connected.load(), totals_.accepted.load(), totals_.granted.load(),
          totals_.finished.load(), totals_.received.load(), totals_.failures.load()));
    }
  }

  void Print(const std::string& line) {
    MutexLock lock(&print_);
    std::cout << line << std::endl;
  }

  const Options options_;
  const std::string ca_pem_, token_;
  SimTotals totals_;
  std::vector<std::unique_ptr<SimAgent>> agents_;
  std::unique_ptr<SimMetrics> metrics_;  // Once they are pushed.
  std::atomic<bool> over_{false};
  Mutex print_;
  std::thread connector_, heart_, reporter_;
};

void Fleet::FillChange(int count, int parallel, api::v1::SubmitChangeRequest* request) {
  request->set_environment(options_.environment);
  request->set_title("bench");
  request->set_reason("bench");
  request->set_approve_destructive(true);
  request->set_max_parallel(parallel);
  request->set_database("bench");
  request->set_database_kind(work::v1::DATABASE_KIND_COMMON);
  const auto add = [&](const char* path, const char* content) {
    api::v1::MigrationFile& file = *request->add_files();
    file.set_path(path);
    file.set_content(content);
  };
  add("0001_bench.up.sql", "CREATE TABLE bench (id INT PRIMARY KEY);\n");
  add("0001_bench.down.sql", "DROP TABLE bench;\n");
  for (int i = 0; i < count; ++i) {
    request->add_instances("instances/" + agents_[i % agents_.size()]->id());
  }
}

int Main(int argc, char** argv) {
  StopLookingForDeadlocks();
  Options options;
  CLI::App app("A fleet of simulated agents");
  app.add_option("--controller", options.controller)->required();
  app.add_option("--ca", options.ca_file)->required();
  app.add_option("--token-file", options.token_file)->required();
  app.add_option("--identities", options.identities)->required();
  app.add_option("--agents", options.agents);
  app.add_option("--connects-per-second", options.connects_per_second);
  app.add_option("--heartbeat", options.heartbeat_seconds);
  app.add_option("--connections", options.connections, "of those who submit checks")
      ->check(CLI::Range(1, 1000));
  app.add_option("--metrics-instances", options.metrics.instances, "instances of each agent");
  app.add_option("--metrics-series", options.metrics.series, "series of each instance");
  app.add_option("--metrics-interval", options.metrics.interval_seconds);
  app.add_flag("--metrics-compress", options.metrics.compress);
  CLI11_PARSE(app, argc, argv);
  const auto ca = ReadFile(options.ca_file, 1 << 20);
  const auto token = ReadSecretFile(options.token_file);
  if (!ca.ok() || !token.ok()) {
    std::cerr << ca.status() << " " << token.status() << std::endl;
    return 1;
  }
  absl::StatusOr<std::vector<SimIdentity>> identities = LoadIdentities(options.identities);
  if (!identities.ok()) {
    const auto began = SteadyClock::now();
    identities = EnrolFleet(
        {options.controller, *ca, token->Reveal(), options.environment, options.agents, 8});
    if (identities.ok()) {
      std::cout << absl::StrFormat(R"({"enrolled":%d,"seconds":%.2f})", options.agents,
                                   Seconds(began))
                << std::endl;
      const absl::Status saved = SaveIdentities(options.identities, *identities);
      if (!saved.ok()) identities = saved;
    }
  }
  if (!identities.ok()) {
    std::cerr << identities.status() << std::endl;
    return 1;
  }
  Fleet fleet(options, *std::move(identities), *ca, token->Reveal());
  for (std::string line; std::getline(std::cin, line) && line != "quit";) {
    std::istringstream words(line);
    std::string command;
    int count = 1, callers = 1;
    words >> command >> count >> callers;
    if (command == "freeze") fleet.Freeze(count);
    if (command == "checks") fleet.Checks(count, std::max(callers, 1));
    if (command == "push") fleet.Push();
    if (command == "pushed") fleet.Pushed();
    if (command == "one") fleet.OneByOne(count);
    if (command == "change") fleet.Change(count, std::max(callers, 1));
  }
  return 0;
}

}  // namespace
}  // namespace dbfleet::bench

int main(int argc, char** argv) { return dbfleet::bench::Main(argc, argv); }
