#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "agent/actions/migrate/migrate_action.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "tests/fakes/fake_action_context.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_engine.h"
#include "tests/fakes/fake_sql_migrations.h"

namespace dbfleet::agent {

inline void SetContent(const std::string& text, work::v1::ContentRef* ref) {
  ref->set_sha256(Sha256Hex(text));
  ref->set_size_bytes(static_cast<int64_t>(text.size()));
  ref->set_inline_(text);
}

// `down` empty: irreversible.
inline work::v1::Migration MakeMigration(const std::string& version, const std::string& name,
                                         const std::vector<std::string>& up,
                                         const std::vector<std::string>& down) {
  work::v1::Migration migration;
  migration.set_version(version);
  migration.set_name(name);
  migration.set_up_path(absl::StrCat(version, "_", name, ".up.sql"));
  SetContent(absl::StrCat(absl::StrJoin(up, ";\n"), ";\n"), migration.mutable_up());
  if (down.empty()) {
    migration.set_irreversible_reason("rows are gone");
  } else {
    migration.set_down_path(absl::StrCat(version, "_", name, ".down.sql"));
    SetContent(absl::StrCat(absl::StrJoin(down, ";\n"), ";\n"), migration.mutable_down());
  }
  return migration;
}

inline work::v1::JobSpec Up(const std::vector<work::v1::Migration>& migrations) {
  work::v1::JobSpec spec;
  spec.mutable_migrate()->set_database("app");
  spec.mutable_migrate()->set_direction(work::v1::MIGRATE_DIRECTION_UP);
  for (const auto& migration : migrations) *spec.mutable_migrate()->add_migrations() = migration;
  return spec;
}

inline work::v1::JobSpec Down(const std::vector<work::v1::Migration>& migrations,
                              const std::vector<std::string>& versions) {
  work::v1::JobSpec spec = Up(migrations);
  spec.mutable_migrate()->set_direction(work::v1::MIGRATE_DIRECTION_DOWN);
  for (const std::string& version : versions) spec.mutable_migrate()->add_versions(version);
  return spec;
}

// One attempt, with an id and a fence of its own; it dies when `server` says that the agent is
// dead.
class AttemptContext : public FakeActionContext {
 public:
  AttemptContext(Engine& engine, int number, FakeSqlMigrations* server = nullptr)
      : FakeActionContext(engine, "/nonexistent"),
        attempt_(absl::StrCat("attempt-", number)),
        fence_(1000 + number),
        server_(server) {}

  const std::string& attempt_id() const override { return attempt_; }
  uint64_t fence() const override { return fence_; }
  absl::Status MayGoOn() override {
    if (Dead()) return Error(absl::StatusCode::kInternal, "DEAD", "the agent is dead");
    return FakeActionContext::MayGoOn();
  }
  absl::Status ReportStep(const work::v1::StepReport& report) override {
    if (server_ != nullptr && Fault("report")) return absl::InternalError("the agent is dead");
    return FakeActionContext::ReportStep(report);
  }
  absl::Status Checkpoint(absl::string_view blob) override {
    if (server_ != nullptr && Fault("checkpoint")) return absl::InternalError("the agent is dead");
    return FakeActionContext::Checkpoint(blob);
  }

 private:
  bool Dead() const { return server_ != nullptr && server_->agent_dead; }
  // The agent can die between two calls to the server, too.
  bool Fault(absl::string_view what) {
    if (Dead()) return true;
    if (server_->fault(server_->ops++, what) >= FakeSqlMigrations::Fault::kAgentDies) {
      server_->agent_dead = true;
    }
    return Dead();
  }

  const std::string attempt_;
  const uint64_t fence_;
  FakeSqlMigrations* const server_;
};

// A server with a table `orders` of two rows, and an action on a clock that moves when it waits.
struct World {
  explicit World(sql::Dialect dialect, MigrateOptions options = {})
      : server(dialect), engine("db1", &server), action(clock, Waiting(std::move(options))) {
    server.Must("CREATE TABLE orders (id INT, total INT)");
    server.Must("INSERT INTO orders VALUES (1, 10), (2, 20)");
    server.waited = [this](absl::Duration d) { clock.Advance(d); };
  }

  ActionResult Run(const work::v1::JobSpec& spec, int number = 1) {
    AttemptContext context(engine, number, &server);
    return action.Run(context, spec);
  }
  absl::StatusOr<work::v1::Plan> Plan(const work::v1::JobSpec& spec) {
    AttemptContext context(engine, 1, &server);
    return action.Plan(context, spec);
  }

  FakeClock clock;
  FakeSqlMigrations server;
  FakeEngine engine;
  MigrateAction action;

 private:
  MigrateOptions Waiting(MigrateOptions options) {
    options.wait = [this](absl::Duration d) { clock.Advance(d + absl::Seconds(1)); };
    return options;
  }
};

}  // namespace dbfleet::agent
