#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

#include "benchmark/benchmark.h"
#include "common/base/status.h"
#include "common/time/clock.h"
#include "controller/store/sqlite/sqlite_store.h"

namespace dbfleet::controller {
namespace {

// One store for all threads of a run, in the temporary folder ($TMPDIR chooses the disk).
struct Shared {
  std::string folder;
  std::unique_ptr<Clock> clock;
  std::unique_ptr<SqliteStore> store;
  std::atomic<int64_t> next{0};
};
Shared* g_shared = nullptr;

void Start(const benchmark::State&) {
  g_shared = new Shared;
  std::string pattern = (std::filesystem::temp_directory_path() / "dbfleet-bench-XXXXXX").string();
  g_shared->folder = mkdtemp(pattern.data());
  g_shared->clock = MakeSystemClock();
  SqliteStoreOptions options;
  options.path = g_shared->folder + "/controller.db";
  auto store = SqliteStore::Open(std::move(options), g_shared->clock.get());
  if (!store.ok()) std::abort();
  g_shared->store = *std::move(store);
}

void Finish(const benchmark::State&) {
  const std::string folder = g_shared->folder;
  delete g_shared;
  std::filesystem::remove_all(folder);
}

// A durable job with its audit record, as submitting one writes it.
void BM_InsertJobWithAudit(benchmark::State& state) {
  for (auto _ : state) {
    const std::string id = absl::StrCat("J", g_shared->next++);
    const absl::Status status = g_shared->store->MutateAndWait([&](WriteTx& tx) -> absl::Status {
      Job job;
      job.id = id;
      job.environment = "qa";
      RETURN_IF_ERROR(tx.InsertJob(&job));
      return tx.AppendAudit({"users/ada", "job.create", "jobs/" + id, "qa", {{"kind", "check"}}});
    });
    if (!status.ok()) {
      state.SkipWithError(std::string(status.message()).c_str());
      return;
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_InsertJobWithAudit)->Setup(Start)->Teardown(Finish)->Threads(1)->UseRealTime();
BENCHMARK(BM_InsertJobWithAudit)->Setup(Start)->Teardown(Finish)->Threads(64)->UseRealTime();

void BM_GetEnvironment(benchmark::State& state) {
  for (auto _ : state) {
    const absl::Status status =
        g_shared->store->Read([](ReadTx& tx) { return tx.GetEnvironment("production").status(); });
    if (!status.ok()) {
      state.SkipWithError(std::string(status.message()).c_str());
      return;
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_GetEnvironment)->Setup(Start)->Teardown(Finish)->Threads(1)->Threads(4)->UseRealTime();

}  // namespace
}  // namespace dbfleet::controller
