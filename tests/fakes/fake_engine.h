#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/engine/engine.h"

namespace dbfleet::agent {

// An engine without a server: a healthy instance, and migrations if the test gives some.
// Header-only, so that the library of fakes does not depend on the agent. Thread-safe as far as
// `migrations` is.
class FakeEngine : public Engine {
 public:
  explicit FakeEngine(std::string name, SqlMigrations* migrations = nullptr,
                      work::v1::Engine engine = work::v1::ENGINE_MYSQL)
      : migrations_(migrations) {
    spec_.name = std::move(name);
    spec_.engine = engine;
    spec_.default_database = "app";
    if (migrations != nullptr) spec_.migrate = AccountConfig{"dbfleet_migrate", ""};
  }

  InstanceSpec& mutable_spec() { return spec_; }

  const InstanceSpec& spec() const override { return spec_; }
  work::v1::InstanceHealth Check(absl::Duration) override {
    work::v1::InstanceHealth health;
    health.set_instance(spec_.name);
    health.set_status(work::v1::HEALTH_STATUS_OK);
    health.set_reachable(true);
    return health;
  }
  absl::StatusOr<sql::Target> ProbeTarget() override {
    return migrations_ == nullptr ? sql::Dialect::kMariaDb : migrations_->dialect();
  }
  absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view, absl::string_view,
                                                  const QueryOptions&) override {
    return work::v1::InspectResult();
  }
  std::vector<Sample> CollectMetrics(absl::Duration) override { return {}; }
  std::string Grants() const override { return ""; }
  SqlMigrations* migrations() override { return migrations_; }

 private:
  InstanceSpec spec_;
  SqlMigrations* const migrations_;
};

}  // namespace dbfleet::agent
