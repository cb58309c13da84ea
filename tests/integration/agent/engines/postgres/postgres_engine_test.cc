#include "agent/engines/postgres/postgres_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "agent/engine/health.h"
#include "agent/engines/postgres/postgres_connection.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/mini/instance_spec.h"

namespace dbfleet::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr auto kPostgres = work::v1::ENGINE_POSTGRESQL;

const work::v1::HealthObservation* Observation(const work::v1::InstanceHealth& health,
                                               const char* name) {
  for (const auto& observation : health.observations()) {
    if (observation.name() == name) return &observation;
  }
  return nullptr;
}

class PostgresEngineTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto server = mini::MiniPostgres::Launch();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto made = server_->Admin(
        "CREATE DATABASE shop;\n\\connect shop\n"
        "CREATE TABLE t (id int PRIMARY KEY, v text);"
        "INSERT INTO t VALUES (1, 'one'), (2, NULL);"
        "CREATE SEQUENCE s;"
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS "
        "'INSERT INTO t VALUES (98, ''f''); SELECT 1';");
    ASSERT_TRUE(made.ok()) << made.status();
    const std::string grants = MakePostgresEngine(Spec())->Grants();
    const absl::Status granted = server_->ApplyGrants(grants);
    ASSERT_TRUE(granted.ok()) << granted << grants;
  }
  static void TearDownTestSuite() { server_.reset(); }

  static InstanceSpec Spec() { return mini::SpecFor(*server_, kPostgres, "shop"); }
  static std::unique_ptr<Engine> Make() { return MakePostgresEngine(Spec()); }
  static absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view statement,
                                                         QueryOptions options = {}) {
    return Make()->Inspect(statement, "", options);
  }
  static absl::StatusOr<std::unique_ptr<PostgresConnection>> Connect(AccountUse use) {
    PostgresConnection::Options options;
    options.account = use;
    options.deadline = absl::Seconds(60);
    options.interruptible = true;
    return PostgresConnection::Open(Spec(), options);
  }
  static std::string Admin(const std::string& sql) { return server_->Admin(sql, "shop").value(); }

  // Everything that a statement could have changed in the server.
  static std::string State() {
    return Admin(
        "SELECT * FROM t ORDER BY id; SELECT relname, relkind FROM pg_class WHERE relnamespace = "
        "'public'::regnamespace ORDER BY 1; SELECT last_value, is_called FROM s; "
        "SELECT rolname, rolpassword, rolsuper FROM pg_authid ORDER BY 1; SELECT * FROM "
        "pg_db_role_setting;"
        "SELECT datname FROM pg_database ORDER BY 1; SELECT proname FROM pg_proc WHERE "
        "pronamespace = 'public'::regnamespace; SELECT count(*) FROM pg_largeobject_metadata");
  }

  static inline std::unique_ptr<mini::MiniPostgres> server_;
};

TEST_F(PostgresEngineTest, AHealthyPrimaryIsMeasuredInEveryPoint) {
  const auto health = Make()->Check(absl::Seconds(10));
  EXPECT_TRUE(health.reachable());
  EXPECT_EQ(health.role(), work::v1::INSTANCE_ROLE_PRIMARY);
  EXPECT_THAT(health.server_version(), HasSubstr("15."));
  for (const char* name :
       {kResponseTime, kConnectionsUsed, kLongestTransaction, kBlockedSessions, kDiskUsed}) {
    ASSERT_NE(Observation(health, name), nullptr) << name;
    EXPECT_NE(Observation(health, name)->status(), work::v1::HEALTH_STATUS_UNKNOWN)
        << Observation(health, name)->reason();
  }
  EXPECT_EQ(Observation(health, kReplicationLag), nullptr);
}

TEST_F(PostgresEngineTest, ASessionBehindALockIsSeen) {
  const auto holder = Connect(AccountUse::kMigrate);
  const auto waiter = Connect(AccountUse::kMigrate);
  ASSERT_TRUE(holder.ok() && waiter.ok()) << holder.status() << waiter.status();
  ASSERT_TRUE((*holder)->Execute("BEGIN").ok());
  ASSERT_TRUE((*holder)->Execute("UPDATE t SET v = 'held' WHERE id = 1").ok());
  std::thread waiting(
      [&] { (*waiter)->Execute("UPDATE t SET v = 'waits' WHERE id = 1").status().IgnoreError(); });
  const auto engine = Make();
  work::v1::InstanceHealth health;
  EXPECT_TRUE(mini::WaitUntil([&] {
    health = engine->Check(absl::Seconds(10));
    return Observation(health, kBlockedSessions)->value() >= 1;
  }));
  EXPECT_EQ(Observation(health, kBlockedSessions)->status(), work::v1::HEALTH_STATUS_WARN);
  EXPECT_GT(Observation(health, kLongestTransaction)->value(), 1);
  (*waiter)->Interrupt();
  waiting.join();
  ASSERT_TRUE((*holder)->Execute("ROLLBACK").ok());
}

TEST_F(PostgresEngineTest, AWrongPasswordIsDatabaseAuthAndNotTold) {
  InstanceSpec spec = Spec();
  spec.inspect->password_file = absl::StrCat(server_->folder(), "/wrong.password");
  ASSERT_TRUE(WriteFileAtomically(spec.inspect->password_file, "wr0ng'one\\\n", 0600).ok());
  const auto engine = MakePostgresEngine(spec);
  const absl::Status status = engine->Inspect("SELECT 1", "", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
  EXPECT_EQ(ReasonOf(status), "DATABASE_AUTH");
  EXPECT_THAT(status.ToString(), Not(HasSubstr("wr0ng")));
  const auto health = engine->Check(absl::Seconds(10));
  EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_UNKNOWN);
  EXPECT_TRUE(health.reachable());
}

TEST_F(PostgresEngineTest, AMissingAccountIsNoAccount) {
  InstanceSpec spec = Spec();
  spec.inspect.reset();
  const auto engine = MakePostgresEngine(spec);
  EXPECT_EQ(ReasonOf(engine->Inspect("SELECT 1", "", {}).status()), "NO_ACCOUNT");
  EXPECT_EQ(engine->Check(absl::Seconds(5)).status(), work::v1::HEALTH_STATUS_UNKNOWN);
}

TEST_F(PostgresEngineTest, AMissingDatabaseIsNotFound) {
  EXPECT_EQ(ReasonOf(Make()->Inspect("SELECT 1", "nowhere", {}).status()), "DATABASE_NOT_FOUND");
}

TEST_F(PostgresEngineTest, AnUnreachableServerIsCriticalAtOnce) {
  for (const bool tcp : {false, true}) {
    InstanceSpec spec = Spec();
    spec.endpoint = tcp ? Endpoint{"", "127.0.0.1", mini::FreePort()} : Endpoint{"/nowhere", "", 1};
    const auto engine = MakePostgresEngine(spec);
    EXPECT_EQ(ReasonOf(engine->Inspect("SELECT 1", "", {}).status()), "DATABASE_UNREACHABLE");
    const auto health = engine->Check(absl::Seconds(5));
    EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_CRITICAL);
    EXPECT_FALSE(health.reachable());
    const auto samples = engine->CollectMetrics(absl::Seconds(5));
    EXPECT_EQ(samples[0].name, "pg_up");
    EXPECT_EQ(samples[0].value, 0);
  }
}

TEST_F(PostgresEngineTest, AHungServerIsCriticalWithinTheDeadline) {
  for (const bool tcp : {false, true}) {
    const auto engine =
        MakePostgresEngine(tcp ? mini::TcpSpecFor(*server_, kPostgres, "shop") : Spec());
    server_->Pause();
    const absl::Time start = absl::Now();
    const auto health = engine->Check(absl::Seconds(3));
    const absl::Duration took = absl::Now() - start;
    server_->Resume();
    EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_CRITICAL);
    EXPECT_FALSE(health.reachable());
    EXPECT_LE(took, absl::Seconds(3.2));
    EXPECT_TRUE(engine->Check(absl::Seconds(10)).reachable());
  }
}

TEST_F(PostgresEngineTest, ASessionThatHangsIsCutAtTheDeadline) {
  PostgresConnection::Options options;
  options.deadline = absl::Seconds(2);
  const auto connection = PostgresConnection::Open(Spec(), options);
  ASSERT_TRUE(connection.ok()) << connection.status();
  const int pid = (*connection)->backend_pid();
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  const absl::Time start = absl::Now();
  const absl::Status status = (*connection)->Query("SELECT 1").status();
  EXPECT_EQ(ReasonOf(status), "DATABASE_TIMEOUT") << status;
  EXPECT_LE(absl::Now() - start, absl::Seconds(2.5));
  kill(pid, SIGCONT);
  EXPECT_FALSE((*connection)->Query("SELECT 1").ok()) << "it must not reconnect";
}

TEST_F(PostgresEngineTest, AnInspectionReadsRowsTypesAndNulls) {
  const auto result = Inspect("SELECT id, v, '\\x00ff'::bytea AS b FROM t ORDER BY id;");
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->rows_size(), 2);
  EXPECT_EQ(result->columns(0).name(), "id");
  EXPECT_EQ(result->columns(0).type(), "int4");
  EXPECT_EQ(result->rows(0).values(1).text(), "one");
  EXPECT_TRUE(result->rows(1).values(1).null());
  EXPECT_EQ(result->rows(0).values(2).text(), "\\x00ff");
  EXPECT_FALSE(result->truncated());
}

TEST_F(PostgresEngineTest, EveryKindOfQueryCanBeInspected) {
  for (const char* statement :
       {"SHOW work_mem", "EXPLAIN SELECT * FROM t", "EXPLAIN ANALYZE SELECT * FROM t", "TABLE t",
        "WITH a AS (SELECT 1) SELECT * FROM a", "(SELECT 1) UNION (SELECT 2)", "VALUES (1), (2)",
        "SELECT * FROM t WHERE false", "SELECT 'grün', '€' -- a comment",
        "/* a */ SELECT * FROM pg_stat_activity"}) {
    EXPECT_TRUE(Inspect(statement).ok()) << statement << Inspect(statement).status();
  }
  EXPECT_EQ(Inspect("SELECT * FROM t WHERE false")->columns_size(), 2);
}

TEST_F(PostgresEngineTest, ALongResultIsCutAtTheLimitWithoutReadingItAll) {
  QueryOptions options;
  options.max_rows = 1000;
  const absl::Time start = absl::Now();
  const auto result =
      Inspect("SELECT a FROM generate_series(1, 100000) a CROSS JOIN generate_series(1, 100000) b",
              options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows_size(), 1000);
  EXPECT_TRUE(result->truncated());
  EXPECT_LT(absl::Now() - start, absl::Seconds(8));
  const auto exact = Inspect("SELECT generate_series(1, 1000)", options);
  EXPECT_EQ(exact->rows_size(), 1000);
  EXPECT_FALSE(exact->truncated());
}

int64_t PeakMemoryKib() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST_F(PostgresEngineTest, HugeRowsAreRefusedBeforeTheyFillTheMemory) {
  const int64_t before = PeakMemoryKib();
  for (const char* statement :
       {"SELECT repeat('x', 20000000) FROM generate_series(1, 8)",
        "SELECT CASE WHEN i < 50 THEN 'x' ELSE repeat('x', 20000000) END FROM "
        "generate_series(1, 60) i"}) {
    const absl::Status status = Inspect(statement).status();
    EXPECT_EQ(ReasonOf(status), "ROW_TOO_LARGE") << status;
  }
  // Stored compressed, so that its size in the table is small.
  ASSERT_TRUE(server_
                  ->Admin("\\connect shop\nCREATE TABLE wide AS SELECT repeat('x', 20000000) AS v "
                          "FROM generate_series(1, 8); GRANT SELECT ON wide TO PUBLIC")
                  .ok());
  EXPECT_EQ(ReasonOf(Inspect("SELECT * FROM wide").status()), "ROW_TOO_LARGE");
  EXPECT_LT(PeakMemoryKib() - before, 64 << 10);
  const auto cut = Inspect("SELECT repeat('x', 1000000) AS x, 1 AS x");
  ASSERT_TRUE(cut.ok()) << cut.status();
  EXPECT_THAT(cut->rows(0).values(0).text(), HasSubstr("[cut, 1000000 bytes in all]"));
  EXPECT_EQ(cut->columns(1).name(), "x");
}

TEST_F(PostgresEngineTest, MeasuringRowsKeepsTheirOrder) {
  const auto result = Inspect("SELECT i FROM generate_series(1, 20) i ORDER BY i DESC -- all\n;");
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->rows_size(), 20);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(result->rows(i).values(0).text(), absl::StrCat(20 - i));
}

TEST_F(PostgresEngineTest, AStatementThatTakesTooLongIsStoppedInTheServer) {
  QueryOptions options;
  options.timeout = absl::Seconds(1);
  const absl::Time start = absl::Now();
  const absl::Status status = Inspect("SELECT pg_sleep(30)", options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_EQ(ReasonOf(status), "DATABASE_TIMEOUT");
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_EQ(Admin("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND usename = "
                  "'dbfleet_inspect'"),
            "0\n");
}

// The classifier is not asked here: this is what the session and the account hold by themselves.
TEST_F(PostgresEngineTest, AnInspectionCanWriteNothing) {
  const std::string before = State();
  const std::string file = absl::StrCat(server_->folder(), "/out.txt");
  for (const std::string& statement :
       std::vector<std::string>{"INSERT INTO t VALUES (3, 'x')",
                                "UPDATE t SET v = 'x'",
                                "DELETE FROM t",
                                "TRUNCATE t",
                                "DROP TABLE t",
                                "CREATE TABLE n (id int)",
                                "CREATE TEMP TABLE n (id int)",
                                "ALTER TABLE t ADD c int",
                                "CREATE INDEX ON t (v)",
                                "SELECT f()",
                                "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
                                "EXPLAIN ANALYZE DELETE FROM t",
                                "EXPLAIN ANALYZE SELECT f()",
                                "SELECT nextval('s')",
                                "SELECT setval('s', 9)",
                                "SELECT * INTO n FROM t",
                                "SELECT * FROM t FOR UPDATE",
                                "SELECT lo_create(4711)",
                                "SELECT lo_from_bytea(0, 'x')",
                                "COPY t FROM '/etc/passwd'",
                                "COPY t TO '" + file + "'",
                                "COPY t TO PROGRAM 'touch " + file + "'",
                                "COPY (SELECT 1) TO PROGRAM 'touch " + file + "'",
                                "ALTER ROLE dbfleet_inspect PASSWORD 'x'",
                                "ALTER SYSTEM SET work_mem = '64MB'",
                                "SET default_transaction_read_only = off",
                                "SET SESSION AUTHORIZATION postgres",
                                "BEGIN; DELETE FROM t; COMMIT",
                                "SELECT 1; DELETE FROM t",
                                "COMMIT; DELETE FROM t",
                                "DO $$ BEGIN DELETE FROM t; END $$",
                                "VACUUM t",
                                "GRANT ALL ON t TO PUBLIC",
                                "SELECT query_to_xml('DELETE FROM t', true, true, '')",
                                "LOCK TABLE t",
                                "NOTIFY x",
                                "SELECT pg_read_file('/etc/passwd')",
                                "/* /* */ SELECT 1 */ DELETE FROM t",
                                "SELECT 1 UNION SELECT id FROM t; COMMIT; DROP TABLE t"}) {
    Inspect(statement).status().IgnoreError();
    ASSERT_EQ(State(), before) << statement;
  }
  EXPECT_NE(access(file.c_str(), F_OK), 0);
}

TEST_F(PostgresEngineTest, TheInspectionAccountItselfCannotWrite) {
  const auto connection = Connect(AccountUse::kInspect);
  ASSERT_TRUE(connection.ok()) << connection.status();
  ASSERT_TRUE((*connection)->Execute("SET default_transaction_read_only = off").ok());
  const std::string before = State();
  for (const char* statement :
       {"INSERT INTO t VALUES (3, 'x')", "UPDATE t SET v = 'x'", "DROP TABLE t", "SELECT f()",
        "CREATE TABLE n (id int)", "SELECT nextval('s')", "COPY t TO PROGRAM 'true'",
        "ALTER SYSTEM SET work_mem = '64MB'", "ALTER ROLE dbfleet_inspect SUPERUSER"}) {
    const absl::Status status = (*connection)->Execute(statement).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << statement << status;
  }
  EXPECT_EQ(State(), before);
}

TEST_F(PostgresEngineTest, TheReadOnlySessionHoldsEvenAnAccountThatMayWrite) {
  InstanceSpec spec = Spec();
  spec.inspect = spec.migrate;
  const auto engine = MakePostgresEngine(spec);
  const std::string before = State();
  EXPECT_EQ(ReasonOf(engine->Inspect("SELECT f()", "", {}).status()), "READ_ONLY_SESSION");
  EXPECT_FALSE(
      engine->Inspect("WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "", {}).ok());
  EXPECT_EQ(ReasonOf(engine->Inspect("EXPLAIN ANALYZE DELETE FROM t", "", {}).status()),
            "READ_ONLY_SESSION");
  EXPECT_EQ(State(), before);
}

TEST_F(PostgresEngineTest, TheMigrationAccountCanMakeAndChangeItsTables) {
  const auto connection = Connect(AccountUse::kMigrate);
  ASSERT_TRUE(connection.ok()) << connection.status();
  for (const char* statement :
       {"CREATE TABLE m (id int PRIMARY KEY, tid int REFERENCES t (id))", "ALTER TABLE m ADD c int",
        "CREATE INDEX CONCURRENTLY mi ON m (c)", "INSERT INTO m VALUES (1, 1, 1)",
        "UPDATE t SET v = 'one' WHERE id = 1", "DROP TABLE m"}) {
    const auto done = (*connection)->Execute(statement);
    EXPECT_TRUE(done.ok()) << statement << done.status();
  }
  EXPECT_EQ(ReasonOf((*connection)->Execute("CREATE ROLE x").status()), "DATABASE_PERMISSION");
}

TEST_F(PostgresEngineTest, TheBackupAccountReadsEverythingAndWritesNothing) {
  ASSERT_TRUE(server_
                  ->Admin("CREATE TABLE rls (id int); INSERT INTO rls VALUES (1); "
                          "ALTER TABLE rls ENABLE ROW LEVEL SECURITY;",
                          "shop")
                  .ok());
  const auto connection = Connect(AccountUse::kBackup);
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ((*connection)->Query("SELECT count(*) FROM rls").value()[0][0], "1");
  ASSERT_TRUE((*connection)->Execute("SET default_transaction_read_only = off").ok());
  EXPECT_EQ(ReasonOf((*connection)->Execute("DELETE FROM t").status()), "DATABASE_PERMISSION");
  ASSERT_TRUE(server_->Admin("DROP TABLE rls", "shop").ok());
}

TEST_F(PostgresEngineTest, ErrorsHoldNoRowData) {
  const absl::Status status = Inspect("SELECT v::int FROM t WHERE id = 1").status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.ToString(), Not(HasSubstr("one")));
}

TEST_F(PostgresEngineTest, InterruptStopsARunningStatement) {
  const auto connection = Connect(AccountUse::kMigrate);
  ASSERT_TRUE(connection.ok());
  absl::Status status;
  const absl::Time start = absl::Now();
  std::thread running([&] { status = (*connection)->Query("SELECT pg_sleep(25)").status(); });
  const std::string seen =
      absl::StrCat("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid = ",
                   (*connection)->backend_pid());
  EXPECT_TRUE(mini::WaitUntil([&] { return Admin(seen) == "1\n"; }));
  (*connection)->Interrupt();
  running.join();
  EXPECT_EQ(ReasonOf(status), "INTERRUPTED") << status;
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
  EXPECT_TRUE((*connection)->Query("SELECT 1").ok());
}

TEST_F(PostgresEngineTest, ALostConnectionIsUnavailableAndIsNotReplaced) {
  const auto connection = Connect(AccountUse::kMigrate);
  ASSERT_TRUE(connection.ok());
  ASSERT_TRUE(
      server_
          ->Admin(absl::StrCat("SELECT pg_terminate_backend(", (*connection)->backend_pid(), ")"))
          .ok());
  EXPECT_EQ((*connection)->Query("SELECT 1").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ((*connection)->Query("SELECT 1").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(PostgresEngineTest, AffectedRowsAreToldWhereTheyExist) {
  const auto connection = Connect(AccountUse::kMigrate);
  ASSERT_TRUE(connection.ok());
  ASSERT_TRUE((*connection)->Execute("BEGIN").ok());
  EXPECT_EQ((*connection)->Execute("UPDATE t SET v = v").value(), 2);
  EXPECT_EQ((*connection)->Execute("SELECT * FROM t").value(), -1);
  ASSERT_TRUE((*connection)->Execute("ROLLBACK").ok());
}

TEST_F(PostgresEngineTest, MetricsHaveTheExportersNames) {
  const auto samples = Make()->CollectMetrics(absl::Seconds(10));
  std::set<std::string> names;
  for (const Sample& sample : samples) {
    names.insert(sample.name);
    if (sample.name == "pg_up") {
      EXPECT_EQ(sample.value, 1);
    }
    if (sample.name == "pg_exporter_last_scrape_error") {
      EXPECT_EQ(sample.value, 0);
    }
  }
  EXPECT_GE(names.size(), 60u);
  for (const char* name :
       {"pg_up", "pg_settings_max_connections", "pg_stat_database_deadlocks",
        "pg_stat_database_xact_commit", "pg_locks_count", "pg_stat_activity_count",
        "pg_settings_shared_buffers_bytes", "pg_stat_activity_max_tx_duration", "pg_static",
        "pg_stat_bgwriter_buffers_alloc_total", "pg_stat_user_tables_n_dead_tup",
        "pg_postmaster_start_time_seconds", "pg_database_size_bytes",
        "pg_replication_is_replica"}) {
    EXPECT_TRUE(names.count(name)) << name;
  }
}

TEST_F(PostgresEngineTest, AReplicaIsFoundByProbingAndABrokenLinkIsCritical) {
  auto replica = mini::MiniPostgres::Launch({.extra = {}, .primary = server_.get()});
  ASSERT_TRUE(replica.ok()) << replica.status();
  InstanceSpec spec = Spec();
  spec.endpoint.socket = (*replica)->socket();
  spec.endpoint.port = (*replica)->port();
  const auto engine = MakePostgresEngine(spec);
  work::v1::InstanceHealth health;
  EXPECT_TRUE(mini::WaitUntil([&] {
    health = engine->Check(absl::Seconds(10));
    const auto* link = Observation(health, kReplicationLink);
    return link != nullptr && link->value() == 1;
  }));
  EXPECT_EQ(health.role(), work::v1::INSTANCE_ROLE_REPLICA);
  EXPECT_NE(Observation(health, kReplicationLag), nullptr);

  ASSERT_TRUE((*replica)->Admin("ALTER SYSTEM SET primary_conninfo = 'host=/nowhere'; ").ok());
  ASSERT_TRUE((*replica)->Admin("SELECT pg_reload_conf()").ok());
  EXPECT_TRUE(mini::WaitUntil([&] {
    health = engine->Check(absl::Seconds(10));
    return Observation(health, kReplicationLink)->value() == 0;
  }));
  EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_CRITICAL);
  // Everything received was replayed, yet nobody may call that "no lag".
  EXPECT_EQ(Observation(health, kReplicationLag)->status(), work::v1::HEALTH_STATUS_UNKNOWN);
}

}  // namespace
}  // namespace dbfleet::agent
