#include "agent/engines/mysql/mysql_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "agent/engine/health.h"
#include "agent/engines/mysql/mysql_connection.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/mini/instance_spec.h"

namespace dbfleet::agent {
namespace {

using testing::AnyOf;
using testing::ContainsRegex;
using testing::Eq;
using testing::HasSubstr;
using testing::Not;

constexpr auto kMysql = work::v1::ENGINE_MYSQL;

class MysqlEngineTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto server = mini::MiniMariaDb::Launch();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto made = server_->Admin(
        "CREATE DATABASE my_shop; CREATE DATABASE myXshop;"
        "CREATE TABLE my_shop.t (id INT PRIMARY KEY, v VARCHAR(100));"
        "INSERT INTO my_shop.t VALUES (1, 'one'), (2, NULL);"
        "CREATE VIEW my_shop.w AS SELECT * FROM my_shop.t;\n"
        "DELIMITER //\n"
        "CREATE PROCEDURE my_shop.p() INSERT INTO t VALUES (99, 'p')//\n"
        "CREATE FUNCTION my_shop.f() RETURNS INT DETERMINISTIC "
        "BEGIN INSERT INTO t VALUES (98, 'f'); RETURN 1; END//\n"
        "DELIMITER ;\n");
    ASSERT_TRUE(made.ok()) << made.status();
    const std::string grants = MakeMysqlEngine(Spec())->Grants();
    const absl::Status granted = server_->ApplyGrants(grants);
    ASSERT_TRUE(granted.ok()) << granted << grants;
  }
  static void TearDownTestSuite() { server_.reset(); }

  static InstanceSpec Spec() { return mini::SpecFor(*server_, kMysql, "my_shop"); }
  static std::unique_ptr<Engine> Make() { return MakeMysqlEngine(Spec()); }

  static absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view statement,
                                                         QueryOptions options = {}) {
    return Make()->Inspect(statement, "", options);
  }
  static absl::StatusOr<std::unique_ptr<MysqlConnection>> Connect(AccountUse use) {
    MysqlConnection::Options options;
    options.account = use;
    options.io_timeout = absl::Seconds(30);
    return MysqlConnection::Open(Spec(), options);
  }
  static std::string Admin(const std::string& sql) { return server_->Admin(sql).value(); }

  // Everything that a statement could have changed in the server.
  static std::string State() {
    return Admin(
        "CHECKSUM TABLE my_shop.t, mysql.global_priv, mysql.proc; SHOW DATABASES;"
        "SHOW TABLES FROM my_shop; SELECT @@GLOBAL.max_connections, @@GLOBAL.read_only, "
        "@@GLOBAL.sql_mode; SHOW TABLES FROM myXshop");
  }

  static inline std::unique_ptr<mini::MiniMariaDb> server_;
};

const work::v1::HealthObservation* Observation(const work::v1::InstanceHealth& health,
                                               const char* name) {
  for (const auto& observation : health.observations()) {
    if (observation.name() == name) return &observation;
  }
  return nullptr;
}

TEST_F(MysqlEngineTest, AHealthyPrimaryIsMeasuredInEveryPoint) {
  const auto health = Make()->Check(absl::Seconds(10));
  EXPECT_TRUE(health.reachable());
  EXPECT_EQ(health.role(), work::v1::INSTANCE_ROLE_PRIMARY);
  EXPECT_THAT(health.server_version(), HasSubstr("MariaDB"));
  EXPECT_GT(health.observe_time().seconds(), 1'700'000'000);
  for (const char* name :
       {kResponseTime, kConnectionsUsed, kLongestTransaction, kBlockedSessions, kDiskUsed}) {
    ASSERT_NE(Observation(health, name), nullptr) << name;
    EXPECT_NE(Observation(health, name)->status(), work::v1::HEALTH_STATUS_UNKNOWN)
        << Observation(health, name)->reason();
  }
  EXPECT_EQ(Observation(health, kReplicationLag), nullptr);
}

TEST_F(MysqlEngineTest, DeadlocksAreCountedBetweenChecks) {
  const auto engine = Make();
  EXPECT_EQ(Observation(engine->Check(absl::Seconds(10)), kDeadlocks), nullptr);
  const auto health = engine->Check(absl::Seconds(10));
  ASSERT_NE(Observation(health, kDeadlocks), nullptr);
  EXPECT_EQ(Observation(health, kDeadlocks)->value(), 0);
}

TEST_F(MysqlEngineTest, ASessionBehindALockIsSeen) {
  const auto holder = Connect(AccountUse::kMigrate);
  const auto waiter = Connect(AccountUse::kMigrate);
  ASSERT_TRUE(holder.ok() && waiter.ok());
  ASSERT_TRUE((*holder)->Execute("START TRANSACTION").ok());
  ASSERT_TRUE((*holder)->Execute("UPDATE t SET v = 'held' WHERE id = 1").ok());
  std::thread waiting(
      [&] { (*waiter)->Execute("UPDATE t SET v = 'waits' WHERE id = 1").status().IgnoreError(); });
  const auto engine = Make();
  work::v1::InstanceHealth health;
  EXPECT_TRUE(mini::WaitUntil([&] {
    health = engine->Check(absl::Seconds(10));
    return Observation(health, kBlockedSessions)->value() >= 1;
  }));
  EXPECT_EQ(Observation(health, kBlockedSessions)->value(), 1);
  EXPECT_EQ(Observation(health, kBlockedSessions)->status(), work::v1::HEALTH_STATUS_WARN);
  (*waiter)->Interrupt();
  waiting.join();
  ASSERT_TRUE((*holder)->Execute("ROLLBACK").ok());
}

TEST_F(MysqlEngineTest, AWrongPasswordIsDatabaseAuthAndNotTold) {
  InstanceSpec spec = Spec();
  spec.inspect->password_file = absl::StrCat(server_->folder(), "/wrong.password");
  ASSERT_TRUE(WriteFileAtomically(spec.inspect->password_file, "wr0ng-one\n", 0600).ok());
  const auto engine = MakeMysqlEngine(spec);
  const absl::Status status = engine->ProbeTarget().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << status;
  EXPECT_EQ(ReasonOf(status), "DATABASE_AUTH");
  EXPECT_THAT(status.ToString(), Not(HasSubstr("wr0ng-one")));
  const auto health = engine->Check(absl::Seconds(10));
  EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_UNKNOWN);
  EXPECT_TRUE(health.reachable());
  EXPECT_EQ(engine->CollectMetrics(absl::Seconds(10))[0].value, 0);
}

TEST_F(MysqlEngineTest, StatementsAreReadForTheServersVersionAndItsSessionsModes) {
  const auto engine = Make();
  const auto target = engine->ProbeTarget();
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ(target->dialect, sql::Dialect::kMariaDb);
  EXPECT_TRUE(target->version.known());
  EXPECT_TRUE(target->modes.known);
  const auto modes = engine->Inspect("SELECT @@sql_mode", "", {});
  ASSERT_TRUE(modes.ok()) << modes.status();
  EXPECT_THAT(modes->DebugString(), HasSubstr("STRICT_TRANS_TABLES"));
  EXPECT_THAT(modes->DebugString(), Not(HasSubstr("BACKSLASH")));
  QueryOptions options;
  options.read_for = target->version;
  EXPECT_TRUE(engine->Inspect("SELECT 1", "", options).ok());
  ++options.read_for.patch;
  EXPECT_EQ(ReasonOf(engine->Inspect("SELECT 1", "", options).status()), "SERVER_CHANGED");
}

TEST_F(MysqlEngineTest, APasswordFileThatOthersCanReadIsRefused) {
  InstanceSpec spec = Spec();
  spec.inspect->password_file = absl::StrCat(server_->folder(), "/open.password");
  ASSERT_TRUE(WriteFileAtomically(spec.inspect->password_file, "x", 0644).ok());
  EXPECT_EQ(ReasonOf(MakeMysqlEngine(spec)->ProbeTarget().status()), "SECRET_FILE_MODE");
}

TEST_F(MysqlEngineTest, AMissingAccountIsNoAccount) {
  InstanceSpec spec = Spec();
  spec.inspect.reset();
  const auto engine = MakeMysqlEngine(spec);
  EXPECT_EQ(ReasonOf(engine->Inspect("SELECT 1", "", {}).status()), "NO_ACCOUNT");
  EXPECT_EQ(engine->Check(absl::Seconds(5)).status(), work::v1::HEALTH_STATUS_UNKNOWN);
}

TEST_F(MysqlEngineTest, AnUnreachableServerIsCriticalAtOnce) {
  for (const bool tcp : {false, true}) {
    InstanceSpec spec = Spec();
    if (tcp) {
      spec.endpoint = {"", "127.0.0.1", mini::FreePort()};
    } else {
      spec.endpoint.socket = "/nowhere/at.sock";
    }
    const auto engine = MakeMysqlEngine(spec);
    EXPECT_EQ(ReasonOf(engine->ProbeTarget().status()), "DATABASE_UNREACHABLE");
    const auto health = engine->Check(absl::Seconds(5));
    EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_CRITICAL);
    EXPECT_FALSE(health.reachable());
    EXPECT_GE(health.reasons_size(), 1);
    const auto samples = engine->CollectMetrics(absl::Seconds(5));
    ASSERT_EQ(samples.size(), 1u);
    EXPECT_EQ(samples[0].name, "mysql_up");
    EXPECT_EQ(samples[0].value, 0);
  }
}

TEST_F(MysqlEngineTest, AHungServerIsCriticalWithinTheDeadline) {
  for (const bool tcp : {false, true}) {
    const auto engine =
        MakeMysqlEngine(tcp ? mini::TcpSpecFor(*server_, kMysql, "my_shop") : Spec());
    server_->Pause();
    const absl::Time start = absl::Now();
    const auto health = engine->Check(absl::Seconds(3));
    const absl::Duration took = absl::Now() - start;
    const auto samples = engine->CollectMetrics(absl::Seconds(3));
    const absl::Duration both = absl::Now() - start;
    server_->Resume();
    EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_CRITICAL);
    EXPECT_FALSE(health.reachable());
    EXPECT_LE(took, absl::Seconds(3.2));
    EXPECT_LE(both, absl::Seconds(6.4));
    ASSERT_EQ(samples.size(), 1u);
    EXPECT_EQ(samples[0].value, 0);
    EXPECT_EQ(engine->Check(absl::Seconds(10)).reachable(), true);
  }
}

TEST_F(MysqlEngineTest, AnInspectionReadsRowsTypesAndNulls) {
  const auto result = Inspect("SELECT id, v, x'00ff' AS b FROM t ORDER BY id");
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->rows_size(), 2);
  EXPECT_EQ(result->columns(0).name(), "id");
  EXPECT_EQ(result->columns(0).type(), "INT");
  EXPECT_EQ(result->rows(0).values(1).text(), "one");
  EXPECT_TRUE(result->rows(1).values(1).null());
  EXPECT_EQ(result->rows(0).values(2).text(), "\\x00ff");
  EXPECT_FALSE(result->truncated());
}

TEST_F(MysqlEngineTest, EveryKindOfQueryCanBeInspected) {
  for (const char* statement :
       {"SHOW TABLES", "EXPLAIN SELECT * FROM t", "DESCRIBE t",
        "WITH a AS (SELECT 1) SELECT * FROM a", "(SELECT 1) UNION (SELECT 2)", "VALUES (1)",
        "SELECT * FROM w", "SHOW CREATE VIEW w", "SELECT 'grün', '€'", "SHOW PROCESSLIST",
        "SHOW ALL SLAVES STATUS", "SHOW MASTER STATUS"}) {
    EXPECT_TRUE(Inspect(statement).ok()) << statement << Inspect(statement).status();
  }
}

TEST_F(MysqlEngineTest, ALongResultIsCutAtTheLimitWithoutReadingItAll) {
  QueryOptions options;
  options.max_rows = 5;
  options.timeout = absl::Seconds(20);
  const absl::Time start = absl::Now();
  // Some 10^9 rows; the explicit LIMIT switches sql_select_limit off.
  const auto result = Inspect(
      "SELECT a.column_name FROM information_schema.columns a, information_schema.columns b, "
      "information_schema.columns c LIMIT 1000000000",
      options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows_size(), 5);
  EXPECT_TRUE(result->truncated());
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
}

TEST_F(MysqlEngineTest, AStatementThatTakesTooLongIsStoppedInTheServer) {
  QueryOptions options;
  options.timeout = absl::Seconds(1);
  const absl::Time start = absl::Now();
  const absl::Status status =
      Inspect(
          "SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, "
          "information_schema.columns c, information_schema.columns d",
          options)
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_EQ(ReasonOf(status), "DATABASE_TIMEOUT");
  EXPECT_LT(absl::Now() - start, absl::Seconds(6));
  EXPECT_EQ(Admin("SELECT COUNT(*) FROM information_schema.processlist WHERE user = "
                  "'dbfleet_inspect' AND info LIKE 'SELECT COUNT%'"),
            "0\n");
}

TEST_F(MysqlEngineTest, AnErrorAmidTheRowsIsNotTakenForTheirEnd) {
  const absl::Status status =
      Inspect("SELECT v FROM t UNION ALL SELECT EXP(id * 1000) FROM t").status();
  EXPECT_EQ(ReasonOf(status), "DATABASE_ERROR") << status;
  const auto connection = Connect(AccountUse::kInspect);
  ASSERT_TRUE(connection.ok());
  ASSERT_TRUE((*connection)->Execute("SET SESSION max_statement_time = 0.5").ok());
  EXPECT_EQ(ReasonOf((*connection)
                         ->Query("SELECT COUNT(*) FROM information_schema.columns a, "
                                 "information_schema.columns b, information_schema.columns c")
                         .status()),
            "DATABASE_TIMEOUT");
}

TEST_F(MysqlEngineTest, SeveralStatementsAreRefused) {
  const std::string before = State();
  EXPECT_EQ(ReasonOf(Inspect("SELECT 1; DELETE FROM t").status()), "BAD_SQL");
  EXPECT_EQ(State(), before);
}

// The classifier is not asked here: this is what the session and the account hold by themselves.
TEST_F(MysqlEngineTest, AnInspectionCanWriteNothing) {
  const std::string before = State();
  const std::string file = absl::StrCat(server_->folder(), "/out.txt");
  for (const std::string& statement :
       std::vector<std::string>{"INSERT INTO t VALUES (3, 'x')",
                                "UPDATE t SET v = 'x'",
                                "DELETE FROM t",
                                "REPLACE INTO t VALUES (1, 'x')",
                                "TRUNCATE t",
                                "DROP TABLE t",
                                "CREATE TABLE n (id INT)",
                                "CREATE TEMPORARY TABLE n (id INT)",
                                "ALTER TABLE t ADD c INT",
                                "CREATE INDEX i ON t (v)",
                                "CALL p()",
                                "SELECT f()",
                                "LOCK TABLES t WRITE",
                                "SET GLOBAL max_connections = 7",
                                "SET PASSWORD = PASSWORD('x')",
                                "ALTER USER CURRENT_USER() IDENTIFIED BY 'x'",
                                "GRANT ALL ON *.* TO CURRENT_USER()",
                                "CREATE USER x",
                                "FLUSH TABLES",
                                "RESET MASTER",
                                "PURGE BINARY LOGS TO 'x'",
                                "KILL 1",
                                "SHUTDOWN",
                                "ANALYZE TABLE t",
                                "OPTIMIZE TABLE t",
                                "LOAD DATA INFILE '/etc/passwd' INTO TABLE t",
                                "COMMIT",
                                "START TRANSACTION READ WRITE",
                                "SET SESSION TRANSACTION READ WRITE",
                                "/*!50000 DELETE FROM t */",
                                "/*M! DELETE FROM t */",
                                "SELECT 1 /*! INTO OUTFILE '" + file + "' */",
                                "SELECT * FROM t INTO OUTFILE '" + file + "'",
                                "SELECT 1 INTO DUMPFILE '" + file + "'",
                                "SELECT LOAD_FILE('/etc/passwd') IS NULL FROM t WHERE "
                                "LOAD_FILE('/etc/passwd') IS NOT NULL",
                                "WITH a AS (SELECT 1) DELETE FROM t",
                                "EXPLAIN DELETE FROM t",
                                "ANALYZE DELETE FROM t",
                                "DO SLEEP(0)",
                                "HANDLER t OPEN",
                                "SELECT * FROM t FOR UPDATE"}) {
    Inspect(statement).status().IgnoreError();
    ASSERT_EQ(State(), before) << statement;
  }
  EXPECT_NE(access(file.c_str(), F_OK), 0);
  EXPECT_TRUE(Make()->ProbeTarget().ok()) << "the password has changed";
}

TEST_F(MysqlEngineTest, TheInspectionAccountItselfCannotWrite) {
  const auto connection = Connect(AccountUse::kInspect);
  ASSERT_TRUE(connection.ok()) << connection.status();
  const std::string before = State();
  for (const char* statement :
       {"INSERT INTO t VALUES (3, 'x')", "UPDATE t SET v = 'x'", "DROP TABLE t",
        "CREATE TABLE n (id INT)", "CALL p()", "SELECT f()", "SET GLOBAL max_connections = 7",
        "SELECT 1 INTO OUTFILE '/tmp/x'", "FLUSH TABLES", "GRANT ALL ON *.* TO CURRENT_USER()"}) {
    const absl::Status status = (*connection)->Execute(statement).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << statement << status;
  }
  EXPECT_EQ(State(), before);
}

TEST_F(MysqlEngineTest, TheReadOnlySessionHoldsEvenAnAccountThatMayWrite) {
  InstanceSpec spec = Spec();
  spec.inspect = spec.migrate;
  const auto engine = MakeMysqlEngine(spec);
  const std::string before = State();
  EXPECT_EQ(ReasonOf(engine->Inspect("WITH a AS (SELECT 1) DELETE FROM t", "", {}).status()),
            "BAD_SQL");
  const absl::Status function = engine->Inspect("SELECT f()", "", {}).status();
  EXPECT_EQ(ReasonOf(function), "READ_ONLY_SESSION") << function;
  EXPECT_EQ(State(), before);
}

TEST_F(MysqlEngineTest, TheMigrationAccountReachesItsDatabaseOnly) {
  const auto connection = Connect(AccountUse::kMigrate);
  ASSERT_TRUE(connection.ok()) << connection.status();
  for (const char* statement :
       {"CREATE TABLE m (id INT PRIMARY KEY, tid INT, FOREIGN KEY (tid) REFERENCES t (id))",
        "ALTER TABLE m ADD c INT", "CREATE INDEX i ON m (c)", "INSERT INTO m VALUES (1, 1, 1)",
        "CREATE VIEW mv AS SELECT * FROM m", "DROP VIEW mv", "DROP TABLE m"}) {
    EXPECT_TRUE((*connection)->Execute(statement).ok()) << statement;
  }
  // "_" of my_shop is no wildcard.
  EXPECT_EQ((*connection)->Execute("CREATE TABLE myXshop.m (id INT)").status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ((*connection)->Execute("SELECT * FROM mysql.global_priv").status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(MysqlEngineTest, TheBackupAccountSeesWhatADumpNeedsAndWritesNothing) {
  const auto connection = Connect(AccountUse::kBackup);
  ASSERT_TRUE(connection.ok()) << connection.status();
  for (const char* statement :
       {"FLUSH TABLES", "SHOW MASTER STATUS", "SELECT * FROM t", "SHOW CREATE VIEW w",
        "SHOW TRIGGERS", "SHOW EVENTS", "LOCK TABLES t READ", "UNLOCK TABLES"}) {
    EXPECT_TRUE((*connection)->Execute(statement).ok()) << statement;
  }
  const auto body = (*connection)->Query("SHOW CREATE PROCEDURE p");
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_THAT((*body)[0][2].value_or("NULL"), HasSubstr("INSERT INTO t"));
  EXPECT_EQ((*connection)->Execute("DELETE FROM t").status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(MysqlEngineTest, TheSessionReadsSqlAsTheClassifierDoes) {
  ASSERT_TRUE(server_->Admin("SET GLOBAL sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'").ok());
  const auto connection = Connect(AccountUse::kInspect);
  ASSERT_TRUE(server_->Admin("SET GLOBAL sql_mode = DEFAULT").ok());
  ASSERT_TRUE(connection.ok());
  const auto rows = (*connection)->Query(R"(SELECT "text", 'a\'b', @@character_set_client)");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ((*rows)[0][0], "text");
  EXPECT_EQ((*rows)[0][1], "a'b");
  EXPECT_EQ((*rows)[0][2], "utf8mb4");
}

TEST_F(MysqlEngineTest, QuoteRoundTripsEveryByte) {
  const auto connection = Connect(AccountUse::kInspect);
  ASSERT_TRUE(connection.ok());
  std::string value;
  for (int c = 0; c < 128; ++c) value += static_cast<char>(c);
  value += "ü€";
  const auto rows = (*connection)->Query(absl::StrCat("SELECT ", (*connection)->Quote(value)));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ((*rows)[0][0], value);
}

TEST_F(MysqlEngineTest, ALostConnectionIsUnavailableAndStaysSo) {
  const auto connection = Connect(AccountUse::kMigrate);
  ASSERT_TRUE(connection.ok());
  ASSERT_TRUE(server_->Admin(absl::StrCat("KILL ", (*connection)->connection_id())).ok());
  EXPECT_EQ((*connection)->Execute("SELECT 1").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ((*connection)->Execute("SELECT 1").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(MysqlEngineTest, InterruptStopsARunningStatement) {
  const auto connection = Connect(AccountUse::kMigrate);
  ASSERT_TRUE(connection.ok());
  absl::Status status;
  const absl::Time start = absl::Now();
  std::thread running([&] { status = (*connection)->Execute("DO SLEEP(25)").status(); });
  const std::string seen = absl::StrCat(
      "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep' AND id = ",
      (*connection)->connection_id());
  EXPECT_TRUE(mini::WaitUntil([&] { return Admin(seen) == "1\n"; }));
  (*connection)->Interrupt();
  running.join();
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
  EXPECT_TRUE((*connection)->Execute("SELECT 1").ok());
}

TEST_F(MysqlEngineTest, MetricsHaveTheExportersNames) {
  const auto another = Connect(AccountUse::kMigrate);  // Our own thread is not counted.
  const auto samples = Make()->CollectMetrics(absl::Seconds(10));
  std::set<std::string> names;
  for (const Sample& sample : samples) names.insert(sample.name);
  EXPECT_GE(names.size(), 40u);
  for (const char* name :
       {"mysql_up", "mysql_global_status_threads_connected", "mysql_global_status_uptime",
        "mysql_global_variables_max_connections", "mysql_global_status_commands_total",
        "mysql_global_status_questions", "mysql_global_status_handlers_total",
        "mysql_global_variables_innodb_buffer_pool_size", "mysql_info_schema_threads",
        "mysql_global_status_buffer_pool_pages", "mysql_version_info",
        "mysql_info_schema_innodb_metrics_transaction_trx_rseg_history_len"}) {
    EXPECT_TRUE(names.count(name)) << name;
  }
  EXPECT_EQ(samples[0].value, 1);
}

TEST_F(MysqlEngineTest, AReplicaIsFoundByProbingAndABrokenLinkIsCritical) {
  auto replica = mini::MiniMariaDb::Launch({.server_id = 2, .extra = {}});
  ASSERT_TRUE(replica.ok()) << replica.status();
  ASSERT_TRUE(server_
                  ->Admin("CREATE USER IF NOT EXISTS r@localhost IDENTIFIED BY 'r'; "
                          "GRANT REPLICATION SLAVE ON *.* TO r@localhost")
                  .ok());
  // From here on, so that the replica need not know the primary's past.
  const std::string gtid = Admin("SELECT @@GLOBAL.gtid_binlog_pos");
  ASSERT_TRUE(
      (*replica)
          ->Admin(absl::StrCat(
              "RESET MASTER; SET GLOBAL gtid_slave_pos = '", gtid.substr(0, gtid.size() - 1),
              "'; CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ", server_->port(),
              ", MASTER_USER = 'r', MASTER_PASSWORD = 'r', MASTER_CONNECT_RETRY = 1, "
              "MASTER_USE_GTID = slave_pos; START SLAVE"))
          .ok());
  InstanceSpec spec = mini::SpecFor(**replica, kMysql);
  const absl::Status granted = (*replica)->ApplyGrants(MakeMysqlEngine(spec)->Grants());
  ASSERT_TRUE(granted.ok()) << granted;
  const auto engine = MakeMysqlEngine(spec);
  work::v1::InstanceHealth health;
  const auto wait_for = [&](double link) {
    EXPECT_TRUE(mini::WaitUntil([&] {
      health = engine->Check(absl::Seconds(10));
      const auto* observed = Observation(health, kReplicationLink);
      return observed != nullptr && observed->value() == link;
    }));
  };
  wait_for(1);
  EXPECT_EQ(health.role(), work::v1::INSTANCE_ROLE_REPLICA);
  ASSERT_NE(Observation(health, kReplicationLink), nullptr);
  EXPECT_EQ(Observation(health, kReplicationLink)->value(), 1);
  EXPECT_EQ(Observation(health, kReplicationLag)->status(), work::v1::HEALTH_STATUS_OK);

  ASSERT_TRUE((*replica)->Admin("STOP SLAVE IO_THREAD").ok());
  wait_for(0);
  EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_CRITICAL);
  EXPECT_EQ(Observation(health, kReplicationLag)->status(), work::v1::HEALTH_STATUS_UNKNOWN);
  for (const Sample& sample : engine->CollectMetrics(absl::Seconds(10))) {
    EXPECT_NE(sample.name, "mysql_slave_status_seconds_behind_master");
    if (sample.name == "mysql_slave_status_slave_io_running") {
      EXPECT_EQ(sample.value, 0);
    }
  }
}

}  // namespace
}  // namespace dbfleet::agent
