// A store with a long history, for tests/bench/growth/run_growth.py.
//
//   grow fill STORE --checks N      makes the store, with N checks and 10 N audit records
//   grow measure STORE              prints what reads and mutations cost on it, as one JSON object
#include <iostream>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "nlohmann/json.hpp"

#include "common/base/status.h"
#include "common/time/clock.h"
#include "controller/aggregate/fleet_snapshot.h"
#include "controller/audit/trail.h"
#include "controller/store/sqlite/sqlite_store.h"
#include "tests/bench/growth/fill.h"
#include "tests/bench/growth/listings.h"
#include "tests/bench/growth/mutations.h"

namespace dbfleet::bench {
namespace {

using controller::ReadTx;
using controller::SqliteStore;

struct Options {
  std::string path;
  int64_t checks = 100'000;
  int calls = 200;
  int callers = 64;
  double seconds = 2;
};

absl::StatusOr<std::unique_ptr<SqliteStore>> Open(const Options& options, const Clock* clock) {
  controller::SqliteStoreOptions store;
  store.path = options.path;
  return SqliteStore::Open(std::move(store), clock);
}

absl::Status Fill(const Options& options) {
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  const absl::Duration began = clock->Monotonic();
  ASSIGN_OR_RETURN(const std::unique_ptr<SqliteStore> store, Open(options, clock.get()));
  RETURN_IF_ERROR(FillHistory(*store, *clock, options.checks));
  const double took = absl::ToDoubleSeconds(clock->Monotonic() - began);
  std::cout << nlohmann::json{{"checks", options.checks},
                              {"seconds", took},
                              {"checks_per_second", static_cast<double>(options.checks) / took}}
                   .dump()
            << std::endl;
  return absl::OkStatus();
}

// What the first snapshot after a start costs, and a later one: until the first is there, the
// controller does not call itself ready.
absl::Status MeasureSnapshots(SqliteStore& store, const Clock& clock,
                              nlohmann::ordered_json* figures) {
  controller::FleetSnapshotter snapshotter;
  for (const char* name : {"first_snapshot_seconds", "next_snapshot_seconds"}) {
    const absl::Duration began = clock.Monotonic();
    RETURN_IF_ERROR(store.Read([&](ReadTx& tx) {
      controller::FleetSnapshot snapshot;
      return snapshotter.Take(tx, clock.Now(), &snapshot);
    }));
    (*figures)[name] = absl::ToDoubleSeconds(clock.Monotonic() - began);
  }
  return absl::OkStatus();
}

absl::Status Measure(const Options& options) {
  const std::unique_ptr<Clock> clock = MakeSystemClock();
  nlohmann::ordered_json figures;
  const absl::Duration began = clock->Monotonic();
  ASSIGN_OR_RETURN(const std::unique_ptr<SqliteStore> store, Open(options, clock.get()));
  figures["open_seconds"] = absl::ToDoubleSeconds(clock->Monotonic() - began);
  RETURN_IF_ERROR(store->Read([&](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(figures["audit_records"], controller::TrailSize(tx));
    return absl::OkStatus();
  }));
  ASSIGN_OR_RETURN(const auto reads, MeasureReads(*store, *clock, options.calls));
  for (const ReadFigure& read : reads) {
    figures["reads"][read.name] = {
        {"p50_us", read.p50_us}, {"calls", read.calls}, {"rows", read.rows}};
  }
  ASSIGN_OR_RETURN(
      const MutationFigures mutations,
      MeasureMutations(*store, *clock, options.callers, absl::Seconds(options.seconds)));
  figures["events_per_second"] = mutations.events_per_second;
  figures["checks_per_second"] = mutations.checks_per_second;
  RETURN_IF_ERROR(MeasureSnapshots(*store, *clock, &figures));
  std::cout << figures.dump(1) << std::endl;
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Fills a store with history and measures what that costs");
  app.require_subcommand(1);
  CLI::App* const fill = app.add_subcommand("fill", "make a store with a history");
  fill->add_option("store", options.path)->required();
  fill->add_option("--checks", options.checks, "ten audit records come with each")
      ->check(CLI::Range(1000, 10'000'000));
  CLI::App* const measure = app.add_subcommand("measure", "measure a store that was filled");
  measure->add_option("store", options.path)->required()->check(CLI::ExistingFile);
  measure->add_option("--calls", options.calls, "of each read")->check(CLI::Range(1, 100'000));
  measure->add_option("--callers", options.callers, "of mutations")->check(CLI::Range(1, 256));
  measure->add_option("--seconds", options.seconds, "of each kind of mutation")
      ->check(CLI::Range(0.1, 600.0));
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = fill->parsed() ? Fill(options) : Measure(options);
  if (!status.ok()) std::cerr << status << std::endl;
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace dbfleet::bench

int main(int argc, char** argv) { return dbfleet::bench::Main(argc, argv); }
