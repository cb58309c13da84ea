// A cancelled inspection leaves no statement behind on a real server.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "agent/actions/inspect/inspect_action.h"
#include "agent/engines/mysql/mysql_connection.h"
#include "agent/engines/mysql/mysql_engine.h"
#include "agent/engines/postgres/postgres_connection.h"
#include "agent/engines/postgres/postgres_engine.h"
#include "common/base/status.h"
#include "common/proto_time/proto_time.h"
#include "common/time/clock.h"
#include "tests/fakes/fake_action_context.h"
#include "tests/mini/instance_spec.h"

namespace dbfleet::agent {
namespace {

// Longer than any test waits: only a cancellation ends the inspection in time.
constexpr absl::Duration kTimeout = absl::Minutes(4);

work::v1::JobSpec Spec(const std::string& statement) {
  work::v1::JobSpec spec;
  spec.mutable_inspect()->set_statement(statement);
  *spec.mutable_inspect()->mutable_timeout() = ToProto(kTimeout);
  return spec;
}

// Runs it, cancels it once `is_running`, and gives its end; it took `took` from there.
template <typename IsRunning>
ActionResult Cancelled(Engine& engine, const std::string& statement, const IsRunning& is_running,
                       absl::Duration* took) {
  const auto clock = MakeSystemClock();
  FakeActionContext context(engine, "");
  ActionResult result;
  std::thread runner([&] { result = InspectAction().Run(context, Spec(statement)); });
  EXPECT_TRUE(mini::WaitUntil(is_running));
  const absl::Duration start = clock->Monotonic();
  context.Cancel();
  runner.join();
  *took = clock->Monotonic() - start;
  return result;
}

TEST(InspectCancelTest, OnMariaDbAWaitForALockIsEnded) {
  auto server = mini::MiniMariaDb::Launch();
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_TRUE((*server)->Admin("CREATE DATABASE shop; CREATE TABLE shop.t (id INT)").ok());
  const InstanceSpec spec = mini::SpecFor(**server, work::v1::ENGINE_MYSQL, "shop");
  const auto engine = MakeMysqlEngine(spec);
  ASSERT_TRUE((*server)->ApplyGrants(engine->Grants()).ok());
  MysqlConnection::Options options;
  options.account = AccountUse::kBackup;
  const auto holder = MysqlConnection::Open(spec, options);
  ASSERT_TRUE(holder.ok()) << holder.status();
  ASSERT_TRUE((*holder)->Execute("LOCK TABLES t READ").ok());
  // What waits for this lock keeps readers out, too.
  std::thread alter(
      [&] { (*server)->Admin("ALTER TABLE shop.t ADD c INT").status().IgnoreError(); });
  const auto waiting = [&](const std::string& like) {
    const auto count = (*server)->Admin(
        absl::StrCat("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '", like,
                     "' AND state LIKE 'Waiting for table metadata lock%'"));
    return count.ok() && *count == "1\n";
  };
  EXPECT_TRUE(mini::WaitUntil([&] { return waiting("ALTER%"); }));
  absl::Duration took;
  const ActionResult result = Cancelled(
      *engine, "SELECT id FROM t", [&] { return waiting("SELECT id%"); }, &took);
  EXPECT_EQ(result.outcome, v1::OUTCOME_CANCELLED) << result.error_message;
  EXPECT_EQ(result.error_reason, "CANCELLED");
  EXPECT_LT(took, absl::Seconds(20));
  EXPECT_FALSE(waiting("SELECT id%"));
  EXPECT_TRUE(waiting("ALTER%"));  // Nobody else's statement was ended.
  ASSERT_TRUE((*holder)->Execute("UNLOCK TABLES").ok());
  alter.join();
}

TEST(InspectCancelTest, OnPostgresAWaitForALockIsEnded) {
  auto server = mini::MiniPostgres::Launch();
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_TRUE((*server)->Admin("CREATE TABLE t (id INT)").ok());
  const InstanceSpec spec = mini::SpecFor(**server, work::v1::ENGINE_POSTGRESQL, "postgres");
  const auto engine = MakePostgresEngine(spec);
  ASSERT_TRUE((*server)->ApplyGrants(engine->Grants()).ok());
  // The lock is held by whoever owns the table.
  std::thread holder([&] {
    (*server)
        ->Admin("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)")
        .status()
        .IgnoreError();
  });
  const auto count = [&](const std::string& condition) {
    const auto found = (*server)->Admin(absl::StrCat(
        "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND ", condition));
    int number = -1;
    return found.ok() && absl::SimpleAtoi(*found, &number) ? number : -1;
  };
  const std::string waits = "wait_event_type = 'Lock' AND application_name = 'dbfleet-agent'";
  const std::string sleeps = "wait_event = 'PgSleep'";
  EXPECT_TRUE(mini::WaitUntil([&] { return count(sleeps) == 1; }));
  absl::Duration took;
  const ActionResult result = Cancelled(
      *engine, "SELECT id FROM t", [&] { return count(waits) == 1; }, &took);
  EXPECT_EQ(result.outcome, v1::OUTCOME_CANCELLED) << result.error_message;
  EXPECT_LT(took, absl::Seconds(20));
  EXPECT_EQ(count(waits), 0);
  EXPECT_EQ(count(sleeps), 1);  // Nobody else's statement was ended.
  EXPECT_TRUE((*server)
                  ->Admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + sleeps)
                  .ok());
  holder.join();
}

}  // namespace
}  // namespace dbfleet::agent
