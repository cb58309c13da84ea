#include "agent/engines/redis/redis_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "agent/engine/health.h"
#include "agent/engines/redis/redis_connection.h"
#include "common/base/files.h"
#include "common/base/status.h"
#include "tests/mini/instance_spec.h"

namespace dbfleet::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr auto kRedis = work::v1::ENGINE_REDIS;

const work::v1::HealthObservation* Observation(const work::v1::InstanceHealth& health,
                                               const char* name) {
  for (const auto& observation : health.observations()) {
    if (observation.name() == name) return &observation;
  }
  return nullptr;
}

class RedisEngineTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto server = mini::MiniRedis::Launch(
        {.password = "adm1n", .extra = {"--enable-debug-command", "local"}});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    std::string commands = "SET key value\nHSET hash a 1 b 2\nSELECT 3\nSET other 3\nSELECT 0\n";
    for (int i = 0; i < 500; ++i) absl::StrAppend(&commands, "RPUSH list ", i, "\n");
    const auto loaded = server_->Admin(commands);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    const absl::Status granted = server_->ApplyGrants(Make()->Grants());
    ASSERT_TRUE(granted.ok()) << granted << Make()->Grants();
  }
  static void TearDownTestSuite() { server_.reset(); }

  static InstanceSpec Spec() { return mini::SpecFor(*server_, kRedis); }
  static std::unique_ptr<Engine> Make() { return MakeRedisEngine(Spec()); }
  // The default user, who may do everything: only the engine's own check holds it.
  static InstanceSpec AdminSpec() {
    InstanceSpec spec = Spec();
    const std::string file = absl::StrCat(server_->folder(), "/admin.password");
    WriteFileAtomically(file, server_->password(), 0600).IgnoreError();
    spec.inspect = AccountConfig{"", file};
    return spec;
  }
  static absl::StatusOr<work::v1::InspectResult> Inspect(absl::string_view statement,
                                                         QueryOptions options = {}) {
    return Make()->Inspect(statement, "", options);
  }
  static std::string Admin(const std::string& commands) { return server_->Admin(commands).value(); }
  static std::string State() {
    return Admin("DEBUG DIGEST\nDBSIZE\nCONFIG GET maxmemory\nACL LIST\nGET key");
  }

  static inline std::unique_ptr<mini::MiniRedis> server_;
};

TEST_F(RedisEngineTest, AHealthyPrimaryIsMeasuredInEveryPoint) {
  const auto health = Make()->Check(absl::Seconds(5));
  EXPECT_TRUE(health.reachable());
  EXPECT_EQ(health.role(), work::v1::INSTANCE_ROLE_PRIMARY);
  EXPECT_THAT(health.server_version(), HasSubstr("7."));
  for (const char* name : {kResponseTime, kConnectionsUsed, kPersistence, kDiskUsed}) {
    ASSERT_NE(Observation(health, name), nullptr) << name;
    EXPECT_NE(Observation(health, name)->status(), work::v1::HEALTH_STATUS_UNKNOWN)
        << Observation(health, name)->reason();
  }
}

TEST_F(RedisEngineTest, AWrongPasswordIsDatabaseAuthAndNotTold) {
  for (const char* user : {"dbfleet_inspect", "", "nobody"}) {
    InstanceSpec spec = Spec();
    spec.inspect->user = user;
    spec.inspect->password_file = absl::StrCat(server_->folder(), "/wrong.password");
    ASSERT_TRUE(WriteFileAtomically(spec.inspect->password_file, "wr0ng", 0600).ok());
    const auto engine = MakeRedisEngine(spec);
    const absl::Status status = engine->Inspect("GET key", "", {}).status();
    EXPECT_EQ(ReasonOf(status), "DATABASE_AUTH") << status;
    EXPECT_THAT(status.ToString(), Not(HasSubstr("wr0ng")));
    EXPECT_EQ(engine->Check(absl::Seconds(5)).status(), work::v1::HEALTH_STATUS_UNKNOWN);
  }
}

TEST_F(RedisEngineTest, NoPasswordWhereOneIsNeededIsDatabaseAuth) {
  InstanceSpec spec = Spec();
  spec.inspect = AccountConfig{"", ""};
  EXPECT_EQ(ReasonOf(MakeRedisEngine(spec)->Inspect("GET key", "", {}).status()), "DATABASE_AUTH");
}

TEST_F(RedisEngineTest, AMissingAccountIsNoAccount) {
  InstanceSpec spec = Spec();
  spec.inspect.reset();
  EXPECT_EQ(ReasonOf(MakeRedisEngine(spec)->Inspect("GET key", "", {}).status()), "NO_ACCOUNT");
}

TEST_F(RedisEngineTest, AnUnreachableServerIsCriticalAtOnce) {
  for (const bool tcp : {false, true}) {
    InstanceSpec spec = Spec();
    spec.endpoint =
        tcp ? Endpoint{"", "127.0.0.1", mini::FreePort()} : Endpoint{"/nowhere/s", "", 0};
    const auto engine = MakeRedisEngine(spec);
    const auto health = engine->Check(absl::Seconds(5));
    EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_CRITICAL);
    EXPECT_FALSE(health.reachable());
    const auto samples = engine->CollectMetrics(absl::Seconds(5));
    ASSERT_EQ(samples.size(), 1u);
    EXPECT_EQ(samples[0].value, 0);
  }
}

TEST_F(RedisEngineTest, AHungServerIsCriticalWithinTheDeadline) {
  for (const bool tcp : {false, true}) {
    const auto engine = MakeRedisEngine(tcp ? mini::TcpSpecFor(*server_, kRedis) : Spec());
    server_->Pause();
    const absl::Time start = absl::Now();
    const auto health = engine->Check(absl::Seconds(1));
    const absl::Duration took = absl::Now() - start;
    server_->Resume();
    EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_CRITICAL);
    EXPECT_FALSE(health.reachable());
    EXPECT_LE(took, absl::Seconds(1.2));
    EXPECT_TRUE(engine->Check(absl::Seconds(5)).reachable());
  }
}

TEST_F(RedisEngineTest, AnInspectionShowsEachValueWithItsPlace) {
  const auto value = Inspect("GET key");
  ASSERT_TRUE(value.ok()) << value.status();
  ASSERT_EQ(value->rows_size(), 1);
  EXPECT_EQ(value->rows(0).values(0).text(), "");
  EXPECT_EQ(value->rows(0).values(1).text(), "string");
  EXPECT_EQ(value->rows(0).values(2).text(), "value");

  const auto hash = Inspect("hgetall hash");
  ASSERT_TRUE(hash.ok()) << hash.status();
  EXPECT_EQ(hash->rows_size(), 4);

  const auto scan = Inspect("SCAN 0 COUNT 100");
  ASSERT_TRUE(scan.ok()) << scan.status();
  EXPECT_EQ(scan->rows(0).values(0).text(), "1");
  EXPECT_EQ(scan->rows(1).values(0).text(), "2.1");

  const auto nothing = Inspect("GET \"no such key\"");
  ASSERT_TRUE(nothing.ok()) << nothing.status();
  EXPECT_TRUE(nothing->rows(0).values(2).null());
}

TEST_F(RedisEngineTest, HarmlessCommandsWithoutKeysWork) {
  for (const char* command : {"INFO", "INFO memory", "PING", "DBSIZE", "TIME", "LASTSAVE", "ROLE",
                              "MEMORY USAGE key", "OBJECT ENCODING key", "SLOWLOG GET 1",
                              "TYPE key", "TTL key", "LATENCY LATEST", "EXISTS key"}) {
    EXPECT_TRUE(Inspect(command).ok()) << command << Inspect(command).status();
  }
}

TEST_F(RedisEngineTest, ADatabaseIsChosenByItsNumber) {
  const auto result = Make()->Inspect("GET other", "3", {});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows(0).values(2).text(), "3");
  EXPECT_EQ(ReasonOf(Make()->Inspect("GET other", "shop", {}).status()), "BAD_DATABASE");
}

TEST_F(RedisEngineTest, ALongReplyIsCutAtTheLimit) {
  QueryOptions options;
  options.max_rows = 10;
  const auto result = Inspect("LRANGE list 0 -1", options);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows_size(), 10);
  EXPECT_TRUE(result->truncated());
  EXPECT_EQ(result->rows(9).values(2).text(), "9");
}

TEST_F(RedisEngineTest, ALongValueIsCutAndBinaryIsHex) {
  ASSERT_TRUE(server_->Admin("SETRANGE long 99999 x\nSETRANGE huge 20000000 x").ok());
  const auto cut = Inspect("GET long");
  ASSERT_TRUE(cut.ok()) << cut.status();
  EXPECT_THAT(cut->rows(0).values(2).text(), HasSubstr("100000 bytes in all"));
  EXPECT_EQ(ReasonOf(Inspect("GET huge").status()), "VALUE_TOO_LARGE");
  ASSERT_TRUE(server_->Admin("DEL long huge").ok());
}

TEST_F(RedisEngineTest, AHungServerEndsAnInspectionAtItsTimeout) {
  QueryOptions options;
  options.timeout = absl::Milliseconds(100);
  const auto engine = Make();
  server_->Pause();
  const absl::Time start = absl::Now();
  const absl::Status status = engine->Inspect("GET key", "", options).status();
  server_->Resume();
  EXPECT_EQ(ReasonOf(status), "DATABASE_TIMEOUT") << status;
  EXPECT_LE(absl::Now() - start, absl::Seconds(3));
}

TEST_F(RedisEngineTest, AServerThatHangsAmidAReplyEndsItAtTheDeadline) {
  std::string push = "RPUSH wide";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&push, " ", std::string(100, 'x'));
  std::string commands;
  for (int i = 0; i < 50; ++i) absl::StrAppend(&commands, push, "\n");
  ASSERT_TRUE(server_->Admin(commands).ok());
  RedisConnection::Options options;
  options.deadline = absl::Seconds(1);
  {
    const auto connection = RedisConnection::Open(Spec(), options);
    ASSERT_TRUE(connection.ok()) << connection.status();
    int values = 0;
    const absl::Status status =
        (*connection)
            ->Visit({"LRANGE", "wide", "0", "-1"},
                    [&](const std::string&, RedisReply::Type, absl::string_view) {
                      if (++values == 1) server_->Pause();
                      return true;
                    });
    server_->Resume();
    EXPECT_EQ(ReasonOf(status), "DATABASE_TIMEOUT") << status;
    EXPECT_GT(values, 0);
    EXPECT_LT(values, 50'000);
    EXPECT_FALSE((*connection)->Command({"PING"}).ok());
  }
  ASSERT_TRUE(server_->Admin("DEL wide").ok());
}

// The classifier is not asked here. With the inspection account the ACL holds as well; with the
// default user only the engine's own check does.
TEST_F(RedisEngineTest, AnInspectionCanWriteNothing) {
  const std::string before = State();
  for (const InstanceSpec& spec : {Spec(), AdminSpec()}) {
    const auto engine = MakeRedisEngine(spec);
    ASSERT_TRUE(engine->Inspect("GET key", "", {}).ok());
    for (const char* command : {"SET key x",
                                "DEL key",
                                "FLUSHALL",
                                "FLUSHDB",
                                "HSET hash a 9",
                                "EXPIRE key 1",
                                "GETDEL key",
                                "GETEX key EX 1",
                                "RENAME key k2",
                                "SORT list STORE l2",
                                "EVAL \"redis.call('del','key')\" 0",
                                "EVAL_RO \"while true do end\" 0",
                                "CONFIG SET maxmemory 1",
                                "CONFIG GET requirepass",
                                "CONFIG REWRITE",
                                "ACL SETUSER x on",
                                "ACL LIST",
                                "SHUTDOWN",
                                "DEBUG SLEEP 1",
                                "BGSAVE",
                                "SAVE",
                                "REPLICAOF 127.0.0.1 1",
                                "SCRIPT FLUSH",
                                "FUNCTION FLUSH",
                                "SLOWLOG RESET",
                                "MONITOR",
                                "SUBSCRIBE x",
                                "MULTI",
                                "SWAPDB 0 3",
                                "MIGRATE 127.0.0.1 1 key 0 1",
                                "CLIENT KILL ID 1",
                                "MEMORY PURGE",
                                "LATENCY RESET",
                                "PUBLISH a b",
                                "XGROUP CREATE s g 0",
                                "COMMAND GETKEYS SET a b"}) {
      EXPECT_FALSE(engine->Inspect(command, "", {}).ok()) << command;
    }
    ASSERT_EQ(State(), before);
  }
}

TEST_F(RedisEngineTest, TheInspectionAccountItselfCannotWrite) {
  const auto connection = RedisConnection::Open(Spec(), {});
  ASSERT_TRUE(connection.ok()) << connection.status();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"SET", "key", "x"},
                                             {"DEL", "key"},
                                             {"FLUSHALL"},
                                             {"CONFIG", "SET", "maxmemory", "1"},
                                             {"KEYS", "*"},
                                             {"EVAL", "return 1", "0"},
                                             {"EVAL_RO", "return 1", "0"},
                                             {"ACL", "LIST"},
                                             {"BGSAVE"},
                                             {"SHUTDOWN"},
                                             {"PSYNC", "?", "-1"}}) {
    EXPECT_EQ(ReasonOf((*connection)->Command(words).status()), "DATABASE_PERMISSION") << words[0];
  }
}

TEST_F(RedisEngineTest, TheBackupAccountCanSnapshotAndNothingElse) {
  RedisConnection::Options options;
  options.account = AccountUse::kBackup;
  const auto connection = RedisConnection::Open(Spec(), options);
  ASSERT_TRUE(connection.ok()) << connection.status();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"LASTSAVE"},
                                             {"BGSAVE"},
                                             {"INFO", "persistence"},
                                             {"DBSIZE"},
                                             {"REPLCONF", "capa", "eof"},
                                             {"CONFIG", "GET", "dir"}}) {
    EXPECT_TRUE((*connection)->Command(words).ok()) << words[0];
  }
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"GET", "key"}, {"SET", "key", "x"}, {"FLUSHALL"}}) {
    EXPECT_EQ(ReasonOf((*connection)->Command(words).status()), "DATABASE_PERMISSION") << words[0];
  }
}

TEST_F(RedisEngineTest, ArgumentsAreSentAsTheyAre) {
  ASSERT_TRUE(server_->Admin("SET \"a b\\r\\nDEL key\" odd").ok());
  const auto result = Inspect("GET \"a b\\r\\nDEL key\"");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->rows(0).values(2).text(), "odd");
  EXPECT_EQ(Admin("GET key"), "value\n");
  ASSERT_TRUE(server_->Admin("DEL \"a b\\r\\nDEL key\"").ok());
}

TEST_F(RedisEngineTest, MetricsHaveTheExportersNames) {
  std::set<std::string> names;
  for (const Sample& sample : Make()->CollectMetrics(absl::Seconds(5))) {
    names.insert(sample.name);
    if (sample.name == "redis_up") {
      EXPECT_EQ(sample.value, 1);
    }
  }
  EXPECT_GE(names.size(), 40u);
  for (const char* name :
       {"redis_up", "redis_connected_clients", "redis_memory_max_bytes", "redis_memory_used_bytes",
        "redis_commands_total", "redis_instance_info", "redis_db_keys", "redis_keyspace_hits_total",
        "redis_config_maxclients", "redis_latency_percentiles_usec", "redis_uptime_in_seconds",
        "redis_rdb_last_save_timestamp_seconds"}) {
    EXPECT_TRUE(names.count(name)) << name;
  }
}

TEST_F(RedisEngineTest, AFailedSnapshotIsCritical) {
  auto server = mini::MiniRedis::Launch({.password = "", .extra = {}});
  ASSERT_TRUE(server.ok()) << server.status();
  InstanceSpec spec = mini::SpecFor(**server, kRedis);
  spec.inspect = AccountConfig{"", ""};
  const auto engine = MakeRedisEngine(spec);
  const work::v1::InstanceHealth before = engine->Check(absl::Seconds(5));
  ASSERT_NE(before.status(), work::v1::HEALTH_STATUS_CRITICAL) << before.DebugString();
  // A folder in the snapshot's place makes the final rename fail.
  ASSERT_TRUE(MakeDirectories(absl::StrCat((*server)->data_folder(), "/dump.rdb"), 0700).ok());
  ASSERT_TRUE((*server)->Admin("BGSAVE").ok());
  work::v1::InstanceHealth health;
  EXPECT_TRUE(mini::WaitUntil([&] {
    health = engine->Check(absl::Seconds(5));
    return health.status() == work::v1::HEALTH_STATUS_CRITICAL;
  }));
  EXPECT_EQ(Observation(health, kPersistence)->value(), 0);
}

TEST_F(RedisEngineTest, AReplicaIsFoundByProbingAndABrokenLinkIsCritical) {
  auto primary = mini::MiniRedis::Launch();
  auto replica = mini::MiniRedis::Launch();
  ASSERT_TRUE(primary.ok() && replica.ok());
  ASSERT_TRUE((*replica)->Admin(absl::StrCat("REPLICAOF 127.0.0.1 ", (*primary)->port())).ok());
  InstanceSpec spec = mini::SpecFor(**replica, kRedis);
  spec.inspect = AccountConfig{"", ""};
  const auto engine = MakeRedisEngine(spec);
  work::v1::InstanceHealth health;
  const auto link_is = [&](double value) {
    return mini::WaitUntil([&] {
      health = engine->Check(absl::Seconds(5));
      const auto* link = Observation(health, kReplicationLink);
      return link != nullptr && link->value() == value;
    });
  };
  ASSERT_TRUE(link_is(1)) << health.DebugString() << (*replica)->LogTail();
  EXPECT_EQ(health.role(), work::v1::INSTANCE_ROLE_REPLICA);
  EXPECT_EQ(Observation(health, kReplicationLag)->status(), work::v1::HEALTH_STATUS_OK);
  ASSERT_TRUE((*primary)->Stop().ok());
  EXPECT_TRUE(link_is(0));
  EXPECT_EQ(health.status(), work::v1::HEALTH_STATUS_CRITICAL);
  EXPECT_EQ(Observation(health, kReplicationLag)->status(), work::v1::HEALTH_STATUS_UNKNOWN);
}

}  // namespace
}  // namespace dbfleet::agent
