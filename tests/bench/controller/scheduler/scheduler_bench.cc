#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "benchmark/benchmark.h"
#include "common/base/status.h"
#include "controller/resources/resource_manager.h"
#include "controller/scheduler/scheduler.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "tests/bench/controller/hand_clock.h"

namespace dbfleet::controller {
namespace {

class NoExecutor : public Executor {
 public:
  bool Add(std::function<void()>) override { return false; }
  void Shutdown() override {}
};

// 10,000 schedules on a store on disk ($TMPDIR chooses which).
struct Fleet {
  explicit Fleet(const std::string& cron) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "dbfleet-bench-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    SqliteStoreOptions options;
    options.path = folder + "/controller.db";
    auto opened = SqliteStore::Open(std::move(options), &clock);
    if (!opened.ok()) std::abort();
    store = *std::move(opened);
    jobs = std::make_unique<JobManager>(*store, flow, hub, clock);
    User polly;  // Whoever declares schedules has to be one who may have them done.
    polly.id = "polly";
    polly.roles = {Role::kPolicyAdmin, Role::kOperator};
    Check(store->MutateAndWait([&](WriteTx& tx) { return tx.InsertUser(&polly); }));
    ResourceManager resources(*store, clock);
    for (int page = 0; page < 20; ++page) {
      std::string text;
      for (int i = 0; i < 500; ++i) {
        absl::StrAppend(&text, "apiVersion: dbfleet/v1\nkind: Schedule\nmetadata: {name: s",
                        page * 500 + i, "}\nspec: {environment: production, cron: \"", cron,
                        "\", jitter: 1h, job: {check: {}}}\n---\n");
      }
      Check(resources.Apply({"users/polly", ""}, {{{"f.yaml", text}}}, false, "").status());
    }
    scheduler = std::make_unique<Scheduler>(SchedulerOptions(), *store, *jobs, hub, source, clock,
                                            executor, metrics);
    scheduler->Tick();
  }
  ~Fleet() {
    scheduler.reset();
    store.reset();
    std::filesystem::remove_all(folder);
  }
  static void Check(const absl::Status& status) {
    if (status.ok()) return;
    std::cerr << status << "\n";
    std::abort();
  }

  std::string folder;
  HandClock clock;
  NoExecutor executor;
  metrics::Registry metrics;
  JobHub hub;
  JobFlow flow{[](ReadTx&, absl::string_view) { return std::vector<std::string>(); }};
  ScheduleSource source;
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<JobManager> jobs;
  std::unique_ptr<Scheduler> scheduler;
};

// What a second costs: a CPU time of 10 ms is one percent of a core. The jobs themselves cost what
// those of people do, so none is made here: the environment has no instance.
void Seconds(benchmark::State& state, const std::string& cron) {
  Fleet fleet(cron);
  // To the hour in which the hourly ones have their times, spread by their jitter.
  fleet.clock.Advance(absl::Hours(1));
  fleet.scheduler->Tick();
  for (auto _ : state) {
    fleet.clock.Advance(absl::Seconds(1));
    fleet.scheduler->Tick();
  }
}
void BM_SecondOf10kNightlySchedules(benchmark::State& state) { Seconds(state, "30 1 * * *"); }
void BM_SecondOf10kHourlySchedules(benchmark::State& state) { Seconds(state, "0 * * * *"); }
BENCHMARK(BM_SecondOf10kNightlySchedules)->Iterations(1200)->MeasureProcessCPUTime();
BENCHMARK(BM_SecondOf10kHourlySchedules)->Iterations(3600)->MeasureProcessCPUTime();

}  // namespace
}  // namespace dbfleet::controller
