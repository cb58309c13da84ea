#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// An engine that answers what the test set. Not thread-safe.
class ScriptedEngine : public Engine {
 public:
  const InstanceSpec& spec() const override { return instance; }
  work::v1::InstanceHealth Check(absl::Duration deadline) override {
    check_deadline = deadline;
    return health;
  }
  absl::StatusOr<sql::Target> ProbeTarget() override { return target; }
  absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view statement,
                                                  absl::string_view database,
                                                  const QueryOptions& options) override {
    inspected.emplace_back(statement);
    inspect_options = options;
    return inspect_result;
  }
  std::vector<Sample> CollectMetrics(absl::Duration deadline) override { return collect(deadline); }
  std::string Grants() const override { return ""; }

  InstanceSpec instance;
  work::v1::InstanceHealth health;
  absl::Duration check_deadline;
  absl::StatusOr<sql::Target> target = sql::Target(sql::Dialect::kMariaDb);
  absl::StatusOr<work::v1::InspectResult> inspect_result = work::v1::InspectResult();
  QueryOptions inspect_options;
  std::vector<std::string> inspected;
  std::function<std::vector<Sample>(absl::Duration)> collect = [](absl::Duration) {
    return std::vector<Sample>();
  };
};

}  // namespace dbfleet::agent
