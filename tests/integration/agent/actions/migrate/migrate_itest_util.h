#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/engines/mysql/mysql_engine.h"
#include "agent/engines/postgres/postgres_engine.h"
#include "common/time/clock.h"
#include "tests/mini/instance_spec.h"
#include "tests/mini/mini_server.h"
#include "tests/unit/agent/actions/migrate/migrate_test_util.h"

namespace dbfleet::agent {

enum class Server { kMariaDb, kPostgres };

// A real server per suite and a fresh database `shop` per test, with a table `orders` of two rows
// that the migration account owns.
class MigrateServerTest : public testing::TestWithParam<Server> {
 protected:
  static void TearDownTestSuite() { running_.clear(); }

  void Launch(Server kind) {
    kind_ = kind;
    Running& running = running_[kind];
    if (running.server == nullptr) {
      if (kind == Server::kMariaDb) {
        auto launched = mini::MiniMariaDb::Launch();
        ASSERT_TRUE(launched.ok()) << launched.status();
        running.server = *std::move(launched);
      } else {
        auto launched = mini::MiniPostgres::Launch();
        ASSERT_TRUE(launched.ok()) << launched.status();
        running.server = *std::move(launched);
      }
    }
    server_ = running.server.get();
    engine_ = running.engine.get();
    if (engine_ != nullptr) return;
    Admin("CREATE DATABASE shop", "");
    const auto engine = maria() ? work::v1::ENGINE_MYSQL : work::v1::ENGINE_POSTGRESQL;
    const InstanceSpec spec = mini::SpecFor(*server_, engine, "shop");
    running.engine = maria() ? MakeMysqlEngine(spec) : MakePostgresEngine(spec);
    engine_ = running.engine.get();
    const absl::Status granted = server_->ApplyGrants(engine_->Grants());
    ASSERT_TRUE(granted.ok()) << granted;
  }

  void SetUp() override {
    Launch(GetParam());
    if (HasFatalFailure()) return;
    if (maria()) {
      Admin("DROP DATABASE shop; CREATE DATABASE shop CHARACTER SET utf8mb4", "");
    } else {
      Admin(
          "DROP SCHEMA public CASCADE; CREATE SCHEMA public; "
          "GRANT USAGE, CREATE ON SCHEMA public TO dbfleet_migrate");
    }
    AdminAsOwner(
        "CREATE TABLE orders (id INT PRIMARY KEY, total INT); "
        "INSERT INTO orders VALUES (1, 10), (2, 20)");
    initial_ = Fingerprint();
  }

  bool maria() const { return kind_ == Server::kMariaDb; }

  std::string Admin(const std::string& sql, const std::string& database = "shop") {
    const auto result = server_->Admin(sql, database);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value_or("");
  }
  // What it makes belongs to the migration account (MariaDB knows no owners).
  std::string AdminAsOwner(const std::string& sql) {
    return Admin(maria() ? sql : absl::StrCat("SET ROLE dbfleet_migrate; ", sql));
  }
  std::string Fingerprint() {
    const auto session = engine_->migrations()->OpenForPlan("shop");
    if (!session.ok()) return std::string(session.status().message());
    const auto fingerprint = engine_->migrations()->SchemaFingerprint(**session);
    EXPECT_TRUE(fingerprint.ok()) << fingerprint.status();
    return fingerprint.value_or("");
  }
  std::string Orders() { return Admin("SELECT id, total FROM orders ORDER BY id"); }
  std::string Applied() {
    return Admin(
        "SELECT version FROM dbfleet_schema_history WHERE state = 'applied' "
        "ORDER BY version");
  }

  static MigrateOptions Quick() {
    MigrateOptions options;
    options.lock_wait = absl::Seconds(1);
    options.settle_wait = absl::Minutes(3);
    options.settle_slice = absl::Seconds(2);
    options.backoff_base = absl::Milliseconds(50);
    options.backoff_max = absl::Milliseconds(500);
    return options;
  }
  ActionResult Run(work::v1::JobSpec spec, int number = 1) {
    AttemptContext context(*engine_, number);
    return Run(context, std::move(spec));
  }
  ActionResult Run(AttemptContext& context, work::v1::JobSpec spec) {
    spec.mutable_migrate()->set_database("shop");
    return action_.Run(context, spec);
  }
  ActionResult Recover(work::v1::JobSpec spec, int number) {
    spec.mutable_migrate()->set_database("shop");
    AttemptContext context(*engine_, number);
    return action_.Recover(context, spec, "begun");
  }

  // True once `condition` holds; false if it does not within `limit`.
  static bool Await(const std::function<bool()>& condition,
                    absl::Duration limit = absl::Seconds(60)) {
    const auto clock = MakeSystemClock();
    const absl::Duration end = clock->Monotonic() + limit;
    while (clock->Monotonic() < end) {
      if (condition()) return true;
    }
    return false;
  }
  // Whether the server executes a statement of the migration account that begins so.
  bool IsRunning(const std::string& beginning) {
    const std::string query =
        maria() ? absl::StrCat(
                      "SELECT COUNT(*) FROM information_schema.processlist WHERE user = "
                      "'dbfleet_migrate' AND info LIKE '",
                      beginning, "%'")
                : absl::StrCat(
                      "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = "
                      "'dbfleet_migrate' AND state = 'active' AND query LIKE '",
                      beginning, "%'");
    return Admin(query, maria() ? "" : "postgres") == "1\n";
  }
  // Runs the attempt in a process of its own and kills that with SIGKILL while the server executes
  // a statement that begins with `beginning`.
  void KillWhile(const work::v1::JobSpec& given, int number, const std::string& beginning) {
    work::v1::JobSpec spec = given;
    spec.mutable_migrate()->set_database("shop");
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto clock = MakeSystemClock();
      MigrateAction action(*clock, Quick());
      AttemptContext context(*engine_, number);
      action.Run(context, spec);
      _exit(0);
    }
    const bool seen = Await([&] { return IsRunning(beginning); });
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(seen) << beginning;
    ASSERT_TRUE(WIFSIGNALED(status)) << "the attempt ended before it could be killed";
  }

  struct Running {
    std::unique_ptr<mini::MiniServer> server;
    std::unique_ptr<Engine> engine;
  };
  static inline std::map<Server, Running> running_;

  mini::MiniServer* server_ = nullptr;
  Engine* engine_ = nullptr;
  Server kind_ = Server::kMariaDb;
  const std::unique_ptr<Clock> clock_ = MakeSystemClock();
  MigrateAction action_{*clock_, Quick()};
  std::string initial_;
};

}  // namespace dbfleet::agent
