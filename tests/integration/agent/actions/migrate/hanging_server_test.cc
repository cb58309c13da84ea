// Servers that are really stopped (SIGSTOP): the kernel goes on taking connections and answering
// probes, but nobody reads.
#include <csignal>
#include <vector>

#include "agent/exec/process_table.h"
#include "tests/integration/agent/actions/migrate/migrate_itest_util.h"

namespace dbfleet::agent {
namespace {

// Everything of a server, PostgreSQL's backends included, until Thaw or the end.
class Frozen {
 public:
  explicit Frozen(mini::MiniServer& server) : server_(server) {}
  ~Frozen() { Thaw(); }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

  void Freeze() {
    server_.Pause();
    for (const ProcessInfo& info : ListProcesses()) {
      if (info.parent != server_.pid() || info.pid <= 1) continue;
      kill(info.pid, SIGSTOP);
      children_.push_back(info.pid);
    }
  }
  void Thaw() {
    for (const pid_t child : children_) kill(child, SIGCONT);
    children_.clear();
    server_.Resume();
  }

 private:
  mini::MiniServer& server_;
  std::vector<pid_t> children_;
};

class HangingServerTest : public MigrateServerTest {
 protected:
  static MigrateOptions Impatient() {
    MigrateOptions options = Quick();
    options.cancel_limit = absl::Seconds(2);
    options.settle_wait = absl::Seconds(3);
    return options;
  }
  work::v1::JobSpec Slow() const {
    work::v1::JobSpec spec =
        Up({MakeMigration("1", "slow",
                          {"CREATE TABLE early (id INT)",
                           maria() ? "UPDATE orders SET total = total + SLEEP(5)"
                                   : "UPDATE orders SET total = total + length(pg_sleep(5)::text)"},
                          {"UPDATE orders SET total = total", "DROP TABLE early"})});
    spec.mutable_migrate()->set_database("shop");
    return spec;
  }
  // The attempt, cancelled once the server has been frozen under its statement.
  ActionResult RunUntilFrozen(Engine& engine, Frozen& frozen, const MigrateOptions& options) {
    AttemptContext context(engine, 1);
    std::thread canceller([&] {
      EXPECT_TRUE(Await([&] { return IsRunning("UPDATE orders"); }));
      frozen.Freeze();
      context.Cancel();
    });
    MigrateAction action(*clock_, options);
    ActionResult result = action.Run(context, Slow());
    canceller.join();
    return result;
  }
};

INSTANTIATE_TEST_SUITE_P(Engines, HangingServerTest,
                         testing::Values(Server::kMariaDb, Server::kPostgres),
                         [](const auto& info) {
                           return info.param == Server::kPostgres ? "Postgres" : "MariaDb";
                         });

TEST_P(HangingServerTest, ACancelledAttemptEndsAsUnknownWithinItsLimits) {
  for (const bool tcp : {false, true}) {
    SCOPED_TRACE(tcp ? "TCP" : "unix socket");
    const auto kind = maria() ? work::v1::ENGINE_MYSQL : work::v1::ENGINE_POSTGRESQL;
    const InstanceSpec spec =
        tcp ? mini::TcpSpecFor(*server_, kind, "shop") : mini::SpecFor(*server_, kind, "shop");
    const auto engine = maria() ? MakeMysqlEngine(spec) : MakePostgresEngine(spec);
    const absl::Duration start = clock_->Monotonic();
    {
      Frozen frozen(*server_);
      const ActionResult result = RunUntilFrozen(*engine, frozen, Impatient());
      EXPECT_EQ(result.outcome, v1::OUTCOME_INTERRUPTED) << result.error_message;
      EXPECT_EQ(result.error_reason, "OUTCOME_UNKNOWN") << result.error_message;
      EXPECT_LT(clock_->Monotonic() - start, absl::Seconds(50));
    }
    // What the server does when it goes on is found out from it, not guessed.
    AttemptContext next(*engine, 1);
    const ActionResult recovered = action_.Recover(next, Slow(), "begun");
    EXPECT_EQ(recovered.outcome, v1::OUTCOME_FAILED) << recovered.error_message;
    EXPECT_EQ(Fingerprint(), initial_);
    EXPECT_EQ(Orders(), maria() ? "1\t10\n2\t20\n" : "1|10\n2|20\n");
    SetUp();
  }
}

TEST_P(HangingServerTest, AServerThatGoesOnInTimeTellsTheTruth) {
  Frozen frozen(*server_);
  MigrateOptions options = Quick();
  options.cancel_limit = absl::Seconds(2);
  std::atomic<bool> over{false};
  AttemptContext context(*engine_, 1);
  ActionResult result;
  std::thread runner([&] {
    MigrateAction action(*clock_, options);
    result = action.Run(context, Slow());
    over = true;
  });
  EXPECT_TRUE(Await([&] { return IsRunning("UPDATE orders"); }));
  frozen.Freeze();
  context.Cancel();
  EXPECT_TRUE(Await([&] { return context.LogContains("waiting for the target"); }));
  EXPECT_FALSE(over.load());
  frozen.Thaw();
  runner.join();
  EXPECT_EQ(result.outcome, v1::OUTCOME_CANCELLED) << result.error_message;
  EXPECT_EQ(Fingerprint(), initial_);
  EXPECT_EQ(Orders(), maria() ? "1\t10\n2\t20\n" : "1|10\n2|20\n");
}

}  // namespace
}  // namespace dbfleet::agent
