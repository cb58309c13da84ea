// The floors below dbfleet on this machine, measured in one run: what bare SQLite commits and what
// bare gRPC over mutual TLS carries, both as the product uses them. One JSON object on stdout; see
// sqlite_floor.h and rpc_client.h for what the figures are. Over the loopback only: both ends of
// the streams share this machine's cores.
#include <sys/resource.h>

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "nlohmann/json.hpp"

#include "common/concurrency/mutex.h"
#include "tests/bench/floors/rpc_floor.h"
#include "tests/bench/floors/sqlite_floor.h"

namespace dbfleet::bench {
namespace {

nlohmann::ordered_json ToJson(const SqliteFloor& floor) {
  return {{"fsync_ms_p50", floor.fsync_ms_p50},
          {"fsync_ms_p99", floor.fsync_ms_p99},
          {"mutations_per_second_groups_of_1", floor.single_per_second},
          {"group", floor.group},
          {"mutations_per_second_in_groups", floor.grouped_per_second}};
}

nlohmann::ordered_json ToJson(int streams, const RpcRun& run) {
  nlohmann::ordered_json figures = {{"streams", streams},
                                    {"connect_seconds", run.connect_seconds},
                                    {"round_trips_per_second", run.round_trips_per_second},
                                    {"server_cpu_us_per_round_trip", run.server_cpu_us},
                                    {"client_cpu_us_per_round_trip", run.client_cpu_us}};
  // Of a few streams it would be what the server made for all of them.
  if (streams >= 100) figures["server_kib_per_stream"] = run.server_kib_per_stream;
  return figures;
}

int Main(int argc, char** argv) {
  StopLookingForDeadlocks();
  std::string folder = "/var/tmp";
  std::vector<int> streams = {1, 1000, 5000};
  int repetitions = 3, group = 64;
  double seconds = 2;
  CLI::App app("Measures what SQLite and gRPC do on this machine with nothing above them");
  app.add_option("--folder", folder, "on whose disk SQLite writes; default: /var/tmp");
  app.add_option("--streams", streams, "numbers of streams; default: 1 1000 5000")
      ->check(CLI::Range(1, 9000));  // Two descriptors or more each, of 20,000.
  app.add_option("--repetitions", repetitions)->check(CLI::Range(1, 100));
  app.add_option("--seconds", seconds, "of each repetition")->check(CLI::Range(0.1, 60.0));
  app.add_option("--group", group, "mutations in one commit")->check(CLI::Range(2, 10000));
  CLI11_PARSE(app, argc, argv);

  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  const auto fail = [](const absl::Status& status) {
    std::cerr << status << std::endl;
    return 1;
  };
  nlohmann::ordered_json figures;
  const auto sqlite = MeasureSqlite(folder, repetitions, seconds, group);
  if (!sqlite.ok()) return fail(sqlite.status());
  figures["sqlite"] = ToJson(*sqlite);
  const auto certificates = MakeCertificates();
  if (!certificates.ok()) return fail(certificates.status());
  for (const int count : streams) {
    const auto run = MeasureRpc(*certificates, count, repetitions, seconds);
    if (!run.ok()) return fail(run.status());
    figures["grpc"].push_back(ToJson(count, *run));
  }
  std::cout << figures.dump(1) << std::endl;
  return 0;
}

}  // namespace
}  // namespace dbfleet::bench

int main(int argc, char** argv) { return dbfleet::bench::Main(argc, argv); }
