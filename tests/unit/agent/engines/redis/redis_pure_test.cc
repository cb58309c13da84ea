#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/engines/redis/redis_connection.h"
#include "agent/engines/redis/redis_engine.h"
#include "agent/engines/redis/redis_probe.h"
#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

// What the classification refuses or reads otherwise never gets as far as a connection.
TEST(RedisInspectionTest, WhatIsNotOneCommandIsRefusedBeforeConnecting) {
  InstanceSpec spec;
  spec.name = "r";
  spec.engine = work::v1::ENGINE_REDIS;
  spec.endpoint.socket = "/nonexistent/redis.sock";
  const auto engine = MakeRedisEngine(spec);
  for (const char* text : {"", "  ", "# only a comment", "GET x\nFLUSHALL"}) {
    EXPECT_EQ(ReasonOf(engine->Inspect(text, "", {}).status()), "BAD_COMMAND") << text;
  }
  for (const char* text :
       {"GET \"x", "GET 'x", "GET \"x\"y", "GET x\"y\"", "GET \"x\nFLUSHALL\""}) {
    EXPECT_EQ(ReasonOf(engine->Inspect(text, "", {}).status()), "BAD_SQL") << text;
  }
}

TEST(RedisErrorStatusTest, MapsToTheDocumentedCodes) {
  EXPECT_EQ(RedisErrorStatus("NOAUTH Authentication required.").code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(RedisErrorStatus("WRONGPASS invalid").code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(RedisErrorStatus("NOPERM no").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(RedisErrorStatus("LOADING wait").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(RedisErrorStatus("WRONGTYPE x").code(), absl::StatusCode::kInvalidArgument);
}

TEST(RedisErrorStatusTest, ArgumentsStayOutOfMessages) {
  EXPECT_THAT(std::string(RedisErrorStatus("ERR unknown command 'FOO', with args beginning with: "
                                           "'s3cret'")
                              .message()),
              Not(HasSubstr("s3cret")));
}

TEST(ParseRedisInfoTest, ReadsLinesAndFields) {
  const auto info = ParseRedisInfo("# Server\r\nredis_version:7.0.15\r\ndb0:keys=3,expires=1\r\n");
  EXPECT_EQ(info.at("redis_version"), "7.0.15");
  EXPECT_THAT(ParseRedisFields(info.at("db0")),
              ElementsAre(Pair("expires", "1"), Pair("keys", "3")));
}

const Sample* Find(const std::vector<Sample>& samples, const std::string& name,
                   const std::string& label = "") {
  for (const Sample& sample : samples) {
    if (sample.name != name) continue;
    if (label.empty() || (!sample.labels.empty() && sample.labels[0].second == label))
      return &sample;
  }
  return nullptr;
}

TEST(RedisSamplesTest, TranslatesInfoToTheExportersNames) {
  const std::vector<Sample> samples = RedisSamples(
      "connected_clients:4\r\nkeyspace_hits:10\r\nrdb_last_bgsave_status:err\r\n"
      "cmdstat_get:calls=2,usec=3000000,usec_per_call=1,rejected_calls=0,failed_calls=1\r\n"
      "latency_percentiles_usec_get:p50=1.5,p99.9=7.0\r\ndb1:keys=3,expires=1,avg_ttl=0\r\n"
      "slave0:ip=10.0.0.1,port=6379,state=online,offset=99,lag=1\r\nslave_read_only:1\r\n");
  EXPECT_EQ(Find(samples, "redis_connected_clients")->value, 4);
  EXPECT_FALSE(Find(samples, "redis_connected_clients")->counter);
  EXPECT_EQ(Find(samples, "redis_keyspace_hits_total")->value, 10);
  EXPECT_TRUE(Find(samples, "redis_keyspace_hits_total")->counter);
  EXPECT_EQ(Find(samples, "redis_rdb_last_bgsave_status")->value, 0);
  EXPECT_EQ(Find(samples, "redis_commands_total", "get")->value, 2);
  EXPECT_EQ(Find(samples, "redis_commands_duration_seconds_total", "get")->value, 3);
  EXPECT_EQ(Find(samples, "redis_latency_percentiles_usec", "get")->value, 1.5);
  EXPECT_EQ(Find(samples, "redis_db_keys", "db0")->value, 0);
  EXPECT_EQ(Find(samples, "redis_db_keys", "db1")->value, 3);
  EXPECT_EQ(Find(samples, "redis_connected_slave_offset_bytes", "10.0.0.1")->value, 99);
  EXPECT_EQ(Find(samples, "redis_master_link_up"), nullptr);
}

TEST(RedisSamplesTest, ABrokenLinkHasNoAgeButALinkState) {
  const std::vector<Sample> samples = RedisSamples(
      "role:slave\r\nmaster_host:p\r\nmaster_port:1\r\nmaster_link_status:down\r\n"
      "master_last_io_seconds_ago:-1\r\n");
  EXPECT_EQ(Find(samples, "redis_master_link_up")->value, 0);
  EXPECT_EQ(Find(samples, "redis_master_last_io_seconds_ago"), nullptr);
}

}  // namespace
}  // namespace dbfleet::agent
