#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

#include "benchmark/benchmark.h"
#include "common/base/status.h"
#include "controller/identity/rights.h"
#include "controller/resources/resource_manager.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "tests/bench/controller/hand_clock.h"

namespace dbfleet::controller {
namespace {

constexpr int kInstances = 10'000;

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << "\n";
  std::abort();
}

// A store on disk ($TMPDIR chooses which) with so many instances of one environment.
struct Fleet {
  Fleet() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "dbfleet-bench-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    SqliteStoreOptions options;
    options.path = folder + "/controller.db";
    auto opened = SqliteStore::Open(std::move(options), &clock);
    Check(opened.status());
    store = *std::move(opened);
    Check(store->MutateAndWait([&](WriteTx& tx) { return Fill(tx); }));
    manager = std::make_unique<ResourceManager>(*store, clock, nullptr, nullptr);
  }
  ~Fleet() {
    store.reset();
    std::filesystem::remove_all(folder);
  }

  absl::Status Fill(WriteTx& tx) {
    Agent agent;
    agent.id = "a";
    agent.environment = "production";
    RETURN_IF_ERROR(tx.InsertAgent(&agent));
    for (int i = 0; i < kInstances; ++i) {
      Instance instance;
      instance.id = absl::StrCat("db-", i);
      instance.agent_id = agent.id;
      instance.environment = agent.environment;
      instance.engine = "mysql";
      instance.server_version = "10.11 MariaDB";
      instance.labels = {{"tier", i % 10 == 0 ? "core" : "edge"}, {"rack", absl::StrCat(i % 40)}};
      RETURN_IF_ERROR(tx.InsertInstance(&instance));
    }
    return absl::OkStatus();
  }

  // Another description each time, so that it is written.
  void Apply(const std::string& kind, const std::string& spec) {
    const ManifestText text{"f.yaml", absl::StrCat("apiVersion: dbfleet/v1\nkind: ", kind,
                                                   "\nmetadata: {name: x, description: \"",
                                                   ++applied, "\"}\nspec:\n", spec)};
    Check(manager->Apply({"users/root", ""}, {{text}}, false, "", Rights::All(), nullptr).status());
  }

  int64_t applied = 0;
  std::string folder;
  HandClock clock;
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<ResourceManager> manager;
};

// What of it does not work is told from all instances, which a reader goes through.
void BM_ApplySchedule(benchmark::State& state) {
  Fleet fleet;
  for (auto _ : state) {
    fleet.Apply("Schedule",
                "  environment: production\n  cron: \"0 3 * * *\"\n  job: {check: {}}\n"
                "  targets: {labels: {tier: core}}\n");
  }
}
void BM_ApplyRule(benchmark::State& state) {
  Fleet fleet;
  for (auto _ : state) {
    fleet.Apply("EventRule",
                "  on: {triggers: [failed]}\n  selector: {labels: {tier: core}}\n"
                "  propose: {job: {check: {}}}\n");
  }
}
// The same without any look at instances.
void BM_ApplyWindow(benchmark::State& state) {
  Fleet fleet;
  for (auto _ : state) {
    fleet.Apply("MaintenanceWindow", "  recurring: {cron: \"0 3 * * *\", duration: 1h}\n");
  }
}
BENCHMARK(BM_ApplySchedule)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(BM_ApplyRule)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();
BENCHMARK(BM_ApplyWindow)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime();

}  // namespace
}  // namespace dbfleet::controller
