#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/notify/route_book.h"
#include "controller/store/store.h"
#include "controller/windows/edges.h"

namespace dbfleet::controller {

// What a route follows that lasts just now.
struct WantedSpan {
  std::string route;
  std::string subject;  // "maintenancewindows/nightly", "jobs/J/instances/I".
  std::string kind;     // "window", "freeze", "change".
  std::string text;     // One line for people.
  absl::Time begin;
  absl::Time end = absl::InfiniteFuture();  // As planned; of changes nobody knows.
  std::vector<SilenceTarget> targets;       // At least one.
};

// Finds what the routes follow: windows and freezes that were told open (window_watch.h), and
// instances on which a change runs. A change whose agent is out of reach is none: nobody knows
// whether it runs, and people should hear of that instance. Not thread-safe.
class SpanSource {
 public:
  // Which instances a window selects is looked up again after this time.
  static constexpr absl::Duration kTargetsAge = absl::Minutes(1);

  absl::StatusOr<std::vector<WantedSpan>> Find(ReadTx& tx, const RouteBook& book, absl::Time now);

 private:
  struct Targets {
    ToldWindow window;  // That they are of.
    absl::Time time;
    std::vector<SilenceTarget> targets;
  };
  absl::Status AddWindows(ReadTx& tx, const RouteBook& book, absl::Time now,
                          std::vector<WantedSpan>* spans);
  absl::Status AddChanges(ReadTx& tx, const RouteBook& book, absl::Time now,
                          std::vector<WantedSpan>* spans);
  absl::StatusOr<const std::vector<SilenceTarget>*> TargetsOf(ReadTx& tx, const ToldWindow& window,
                                                              absl::Time now);

  std::map<std::string, Targets> targets_;  // By the names of windows.
  std::set<std::string> left_out_;          // Subjects that could not be read by the last look.
};

}  // namespace dbfleet::controller
