#include "agent/engine/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using work::v1::ENGINE_MYSQL;
using work::v1::ENGINE_REDIS;
using work::v1::HEALTH_STATUS_CRITICAL;
using work::v1::HEALTH_STATUS_OK;
using work::v1::HEALTH_STATUS_UNKNOWN;
using work::v1::HEALTH_STATUS_WARN;

work::v1::HealthStatus StatusOf(work::v1::Engine engine, const char* name, double value) {
  return EvaluateHealth(engine, "x", {{name, value, ""}}).status();
}

TEST(HealthTest, ResponseTimeWarnsAboveHalfASecond) {
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kResponseTime, 0.5), HEALTH_STATUS_OK);
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kResponseTime, 0.51), HEALTH_STATUS_WARN);
}

TEST(HealthTest, ConnectionsWarnAbove80AndAreCriticalAbove95Percent) {
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kConnectionsUsed, 0.80), HEALTH_STATUS_OK);
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kConnectionsUsed, 0.81), HEALTH_STATUS_WARN);
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kConnectionsUsed, 0.95), HEALTH_STATUS_WARN);
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kConnectionsUsed, 0.96), HEALTH_STATUS_CRITICAL);
}

TEST(HealthTest, CacheTargetIs95PercentAnd80ForRedis) {
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kCacheHitRatio, 0.90), HEALTH_STATUS_WARN);
  EXPECT_EQ(StatusOf(ENGINE_REDIS, kCacheHitRatio, 0.90), HEALTH_STATUS_OK);
  EXPECT_EQ(StatusOf(ENGINE_REDIS, kCacheHitRatio, 0.79), HEALTH_STATUS_WARN);
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kCacheHitRatio, 0.0), HEALTH_STATUS_WARN);
}

TEST(HealthTest, LagWarnsAbove1AndIsCriticalAbove30Seconds) {
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kReplicationLag, 1), HEALTH_STATUS_OK);
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kReplicationLag, 2), HEALTH_STATUS_WARN);
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kReplicationLag, 31), HEALTH_STATUS_CRITICAL);
}

TEST(HealthTest, ABrokenLinkIsCritical) {
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kReplicationLink, 1), HEALTH_STATUS_OK);
  EXPECT_EQ(StatusOf(ENGINE_MYSQL, kReplicationLink, 0), HEALTH_STATUS_CRITICAL);
}

TEST(HealthTest, ReasonsNameTheValueAndTheLimit) {
  const auto health = EvaluateHealth(ENGINE_MYSQL, "x", {{kConnectionsUsed, 0.973, ""}});
  EXPECT_THAT(health.reasons(), ElementsAre("connections used: 97.3 % (critical above 95.0 %)"));
  EXPECT_EQ(health.observations(0).reason(), health.reasons(0));
  EXPECT_EQ(health.observations(0).unit(), "ratio");
}

TEST(HealthTest, WhatIsOkHasNoReason) {
  const auto health = EvaluateHealth(ENGINE_MYSQL, "x", {{kResponseTime, 0.01, ""}});
  EXPECT_THAT(health.reasons(), IsEmpty());
  EXPECT_EQ(health.observations(0).reason(), "");
  EXPECT_EQ(health.instance(), "x");
}

TEST(HealthTest, AnUnmeasuredPointIsUnknownAndNeverZero) {
  for (const auto& value : {std::optional<double>(), std::optional<double>(NAN)}) {
    const auto health = EvaluateHealth(ENGINE_MYSQL, "x", {{kReplicationLag, value, "no answer"}});
    EXPECT_EQ(health.status(), HEALTH_STATUS_UNKNOWN);
    EXPECT_EQ(health.observations(0).status(), HEALTH_STATUS_UNKNOWN);
    EXPECT_THAT(health.reasons(0), HasSubstr("no answer"));
  }
}

TEST(HealthTest, TheWorstObservationCountsAndUnknownIsWorseThanWarn) {
  const Measurement ok = {kResponseTime, 0.1, ""};
  const Measurement warn = {kConnectionsUsed, 0.9, ""};
  const Measurement unknown = {kDiskUsed, std::nullopt, ""};
  const Measurement critical = {kReplicationLink, 0, ""};
  EXPECT_EQ(EvaluateHealth(ENGINE_MYSQL, "x", {ok, warn}).status(), HEALTH_STATUS_WARN);
  EXPECT_EQ(EvaluateHealth(ENGINE_MYSQL, "x", {unknown, warn, ok}).status(), HEALTH_STATUS_UNKNOWN);
  EXPECT_EQ(EvaluateHealth(ENGINE_MYSQL, "x", {critical, unknown}).status(),
            HEALTH_STATUS_CRITICAL);
}

TEST(HealthTest, NothingMeasuredIsUnknown) {
  EXPECT_EQ(EvaluateHealth(ENGINE_MYSQL, "x", {}).status(), HEALTH_STATUS_UNKNOWN);
}

TEST(HealthTest, ASilentServerIsCriticalAndARefusedPasswordIsUnknown) {
  const auto of = [](absl::StatusCode code) {
    return UnusableHealth("x", Error(code, "R", "why"));
  };
  EXPECT_EQ(of(absl::StatusCode::kUnavailable).status(), HEALTH_STATUS_CRITICAL);
  EXPECT_EQ(of(absl::StatusCode::kDeadlineExceeded).status(), HEALTH_STATUS_CRITICAL);
  EXPECT_FALSE(of(absl::StatusCode::kDeadlineExceeded).reachable());
  EXPECT_EQ(of(absl::StatusCode::kUnauthenticated).status(), HEALTH_STATUS_UNKNOWN);
  EXPECT_TRUE(of(absl::StatusCode::kUnauthenticated).reachable());
  EXPECT_EQ(of(absl::StatusCode::kFailedPrecondition).status(), HEALTH_STATUS_UNKNOWN);
  EXPECT_THAT(of(absl::StatusCode::kUnavailable).reasons(), ElementsAre("why"));
}

TEST(HealthTest, EveryLimitIsInTheOneTableOnce) {
  std::set<std::pair<std::string, int>> seen;
  for (const Threshold& threshold : Thresholds()) {
    EXPECT_TRUE(seen.emplace(std::string(threshold.name), threshold.engine).second)
        << threshold.name;
    EXPECT_TRUE(threshold.warn.has_value() || threshold.critical.has_value()) << threshold.name;
  }
}

TEST(CacheHitRatioTest, NeedsEnoughTraffic) {
  EXPECT_EQ(CacheHitRatio(0, 0), std::nullopt);
  EXPECT_EQ(CacheHitRatio(500, 499), std::nullopt);
  EXPECT_DOUBLE_EQ(CacheHitRatio(900, 100).value(), 0.9);
}

TEST(CounterDeltasTest, TellsGrowthAndSurvivesARestartOfTheServer) {
  CounterDeltas deltas;
  EXPECT_EQ(deltas.Delta("a", 10), std::nullopt);
  EXPECT_EQ(deltas.Delta("a", 15), 5);
  EXPECT_EQ(deltas.Delta("b", 1), std::nullopt);
  EXPECT_EQ(deltas.Delta("a", 3), 3);
}

TEST(MeasureDiskTest, MeasuresAFolderAndSaysWhyNot) {
  const Measurement here = MeasureDisk("/");
  ASSERT_TRUE(here.value.has_value());
  EXPECT_GE(*here.value, 0);
  EXPECT_LE(*here.value, 1);
  const Measurement nowhere = MeasureDisk("/nowhere/at/all");
  EXPECT_FALSE(nowhere.value.has_value());
  EXPECT_THAT(nowhere.problem, HasSubstr("/nowhere/at/all"));
}

}  // namespace
}  // namespace dbfleet::agent
