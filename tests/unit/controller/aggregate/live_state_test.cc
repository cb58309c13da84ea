#include "controller/aggregate/live_state.h"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "controller/aggregate/sample_set.h"
#include "tests/fakes/fake_clock.h"

namespace dbfleet::controller {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

agent::v1::MetricFamily* AddFamily(agent::v1::MetricsBatch* batch, const std::string& name) {
  agent::v1::MetricFamily* family = batch->add_families();
  family->set_name(name);
  family->set_help("Help.");
  family->set_type(agent::v1::METRIC_TYPE_GAUGE);
  return family;
}

void AddSample(agent::v1::MetricFamily* family, const Labels& labels, double value) {
  agent::v1::MetricSample* sample = family->add_samples();
  for (const auto& [name, text] : labels) {
    sample->add_label_names(name);
    sample->add_label_values(text);
  }
  sample->set_value(value);
}

agent::v1::MetricsBatch Batch(const std::string& instance, double value) {
  agent::v1::MetricsBatch batch;
  batch.set_instance(instance);
  batch.mutable_sample_time()->set_seconds(1'800'000'000);
  AddSample(AddFamily(&batch, "mysql_up"), {}, value);
  return batch;
}

std::string RenderReason(const agent::v1::MetricsBatch& batch) {
  return ReasonOf(RenderSamples(batch).status());
}

TEST(SampleSetTest, TheBodyIsTheTextFormat) {
  agent::v1::MetricsBatch batch;
  agent::v1::MetricFamily* family = AddFamily(&batch, "mysql_global_status_threads");
  AddSample(family, {{"state", "run\"ning\n\\"}}, 3);
  AddSample(family, {}, std::numeric_limits<double>::infinity());
  agent::v1::MetricFamily* counter = AddFamily(&batch, "queries_total");
  counter->set_type(agent::v1::METRIC_TYPE_COUNTER);
  AddSample(counter, {}, 1e15);
  const auto set = RenderSamples(batch);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->series, 3);
  EXPECT_EQ(set->body,
            "# HELP mysql_global_status_threads Help.\n"
            "# TYPE mysql_global_status_threads gauge\n"
            "mysql_global_status_threads{state=\"run\\\"ning\\n\\\\\"} 3\n"
            "mysql_global_status_threads +Inf\n"
            "# HELP queries_total Help.\n"
            "# TYPE queries_total counter\n"
            "queries_total 1e+15\n");
}

TEST(SampleSetTest, HelpThatIsTooLongIsCutBetweenCharacters) {
  std::string help = "x";
  while (help.size() < 2 * kMaxHelpBytes) help += "\xC3\xA9";
  for (const std::string& text : {help, "x" + help}) {
    agent::v1::MetricsBatch batch = Batch("orders", 1);
    batch.mutable_families(0)->set_help(text);
    const auto set = RenderSamples(batch);
    ASSERT_TRUE(set.ok()) << set.status();
    EXPECT_LT(set->body.size(), kMaxHelpBytes + 100);
    EXPECT_TRUE(IsValidUtf8(set->body)) << "Prometheus would refuse the whole scrape";
  }
}

TEST(SampleSetTest, WhatPrometheusWouldChokeOnIsRefused) {
  for (const char* name : {"", "1x", "a-b", "a b", "a\n# TYPE b", "x{y=\"z\"}"}) {
    agent::v1::MetricsBatch batch;
    AddSample(AddFamily(&batch, name), {}, 1);
    EXPECT_EQ(RenderReason(batch), "BAD_METRICS") << name;
  }
  for (const char* label : {"", "1x", "a-b", "__name__", "a=\"b\",c"}) {
    agent::v1::MetricsBatch batch;
    AddSample(AddFamily(&batch, "m"), {{label, "v"}}, 1);
    EXPECT_EQ(RenderReason(batch), "BAD_METRICS") << label;
  }
  agent::v1::MetricsBatch repeated_family;
  AddFamily(&repeated_family, "m");
  AddFamily(&repeated_family, "m");
  EXPECT_EQ(RenderReason(repeated_family), "BAD_METRICS");
  agent::v1::MetricsBatch repeated_series;
  agent::v1::MetricFamily* family = AddFamily(&repeated_series, "m");
  AddSample(family, {{"a", "1"}, {"b", "2"}}, 1);
  AddSample(family, {{"b", "2"}, {"a", "1"}}, 2);
  EXPECT_EQ(RenderReason(repeated_series), "BAD_METRICS");
  agent::v1::MetricsBatch repeated_label;
  AddSample(AddFamily(&repeated_label, "m"), {{"a", "1"}, {"a", "2"}}, 1);
  EXPECT_EQ(RenderReason(repeated_label), "BAD_METRICS");
  agent::v1::MetricsBatch valueless;
  AddFamily(&valueless, "m")->add_samples()->add_label_names("a");
  EXPECT_EQ(RenderReason(valueless), "BAD_METRICS");
}

agent::v1::MetricsBatch ManySeries(int number) {
  agent::v1::MetricsBatch batch;
  batch.set_instance("orders");
  agent::v1::MetricFamily* family = AddFamily(&batch, "mysql_info_schema_table_rows");
  for (int i = 0; i < number; ++i) {
    AddSample(family, {{"schema", "shop_production"}, {"table", absl::StrCat("order_items_", i)}},
              1234567.0 + i);
  }
  return batch;
}

TEST(SampleSetTest, TenThousandSeriesAreTheLimitAndCostLessThan220BytesEach) {
  const auto most = RenderSamples(ManySeries(kMaxSeriesPerInstance));
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->series, kMaxSeriesPerInstance);
  EXPECT_LT(most->body.capacity() / kMaxSeriesPerInstance, 220u);
  EXPECT_EQ(RenderReason(ManySeries(kMaxSeriesPerInstance + 1)), "TOO_MANY_SERIES");
}

TEST(SampleSetTest, OverlongLabelsAndBodiesAreRefused) {
  agent::v1::MetricsBatch batch;
  AddSample(AddFamily(&batch, "m"), {{"a", std::string(kMaxLabelBytes + 1, 'x')}}, 1);
  EXPECT_EQ(RenderReason(batch), "TOO_MANY_SERIES");
  agent::v1::MetricsBatch big;
  agent::v1::MetricFamily* family = AddFamily(&big, "m");
  for (int i = 0; i < 9'000; ++i) {
    AddSample(family, {{"a", absl::StrCat(i, std::string(kMaxLabelBytes - 10, 'x'))}}, 1);
  }
  EXPECT_EQ(RenderReason(big), "TOO_MANY_SERIES");
}

class LiveStateTest : public testing::Test {
 protected:
  std::string MetricsReason(const std::string& instance) {
    return ReasonOf(live_.Metrics(instance).status());
  }
  work::v1::InstanceHealth Healthy(const std::string& instance) {
    work::v1::InstanceHealth health;
    health.set_instance(instance);
    health.set_status(work::v1::HEALTH_STATUS_OK);
    health.set_reachable(true);
    return health;
  }

  FakeClock clock_;
  LiveState live_{&clock_, LiveState::Options()};
};

TEST_F(LiveStateTest, TheLatestSamplesAreServedWhileTheAgentIsConnected) {
  EXPECT_EQ(MetricsReason("orders"), "INSTANCE_NOT_FOUND");
  live_.SetConnected("db1", "s1", {"orders"});
  EXPECT_EQ(MetricsReason("orders"), "NO_SAMPLES");
  ASSERT_TRUE(live_.PutMetrics("db1", Batch("orders", 1)).ok());
  ASSERT_TRUE(live_.PutMetrics("db1", Batch("orders", 0)).ok());
  EXPECT_TRUE(live_.Metrics("orders")->find("mysql_up 0\n") != std::string::npos);
  live_.SetDisconnected("db1", "s1");
  EXPECT_EQ(MetricsReason("orders"), "AGENT_DISCONNECTED");
}

TEST_F(LiveStateTest, SamplesThatStoppedComingAreNotServedForEver) {
  live_.SetConnected("db1", "s1", {"orders"});
  ASSERT_TRUE(live_.PutMetrics("db1", Batch("orders", 1)).ok());
  clock_.Advance(absl::Minutes(5));
  EXPECT_TRUE(live_.Metrics("orders").ok());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(MetricsReason("orders"), "SAMPLES_STALE");
}

TEST_F(LiveStateTest, ARefusedBatchTakesTheFormerSamplesAway) {
  live_.SetConnected("db1", "s1", {"orders"});
  ASSERT_TRUE(live_.PutMetrics("db1", Batch("orders", 1)).ok());
  EXPECT_EQ(ReasonOf(live_.PutMetrics("db1", ManySeries(kMaxSeriesPerInstance + 1))),
            "TOO_MANY_SERIES");
  EXPECT_EQ(MetricsReason("orders"), "NO_SAMPLES");
}

TEST_F(LiveStateTest, AnAgentReportsOnItsOwnInstancesOnly) {
  live_.SetConnected("db1", "s1", {"orders"});
  live_.SetConnected("db2", "s2", {"stock"});
  EXPECT_EQ(ReasonOf(live_.PutMetrics("db2", Batch("orders", 1))), "NOT_YOUR_INSTANCE");
  EXPECT_EQ(ReasonOf(live_.PutHealth("db2", Healthy("orders"))), "NOT_YOUR_INSTANCE");
  EXPECT_EQ(ReasonOf(live_.PutHealth("db2", Healthy("unknown"))), "NOT_YOUR_INSTANCE");
  EXPECT_TRUE(live_.PutHealth("db1", Healthy("orders")).ok());
  live_.SetDisconnected("db1", "s1");
  EXPECT_EQ(ReasonOf(live_.PutHealth("db1", Healthy("orders"))), "NOT_YOUR_INSTANCE");
}

TEST_F(LiveStateTest, TheLateEndOfAReplacedSessionChangesNothing) {
  live_.SetConnected("db1", "s1", {"orders"});
  live_.SetConnected("db1", "s2", {"orders"});
  live_.SetDisconnected("db1", "s1");
  EXPECT_TRUE(live_.IsConnected("db1"));
  live_.SetDisconnected("db1", "s2");
  EXPECT_FALSE(live_.IsConnected("db1"));
}

TEST_F(LiveStateTest, AMovedInstanceBelongsToItsNewAgent) {
  live_.SetConnected("db1", "s1", {"orders", "stock"});
  live_.SetConnected("db2", "s2", {"orders"});
  EXPECT_TRUE(live_.PutMetrics("db2", Batch("orders", 1)).ok());
  EXPECT_EQ(ReasonOf(live_.PutMetrics("db1", Batch("orders", 1))), "NOT_YOUR_INSTANCE");
  live_.SetConnected("db1", "s3", {});
  EXPECT_EQ(MetricsReason("stock"), "AGENT_DISCONNECTED") << "nobody reports on it any more";
}

TEST_F(LiveStateTest, AMoveTakesEffectOnOpenSessionsAndForgetsTheFormerAgentsReports) {
  live_.SetConnected("db1", "s1", {"orders", "stock"});
  live_.SetConnected("db2", "s2", {});
  ASSERT_TRUE(live_.PutHealth("db1", Healthy("orders")).ok());
  ASSERT_TRUE(live_.PutMetrics("db1", Batch("orders", 1)).ok());
  EXPECT_FALSE(live_.HealthFrom("db2", "orders").has_value()) << "db1's report";
  EXPECT_TRUE(live_.HealthFrom("db1", "orders").has_value());
  live_.Move("orders", "db2");
  EXPECT_FALSE(live_.Health("orders").has_value());
  EXPECT_EQ(MetricsReason("orders"), "NO_SAMPLES");
  EXPECT_EQ(ReasonOf(live_.PutHealth("db1", Healthy("orders"))), "NOT_YOUR_INSTANCE");
  EXPECT_TRUE(live_.PutHealth("db1", Healthy("stock")).ok());
  EXPECT_TRUE(live_.PutHealth("db2", Healthy("orders")).ok());
  live_.Move("orders", "db2");
  EXPECT_TRUE(live_.Health("orders").has_value())
      << "a second word of the same move undid a report";
}

TEST_F(LiveStateTest, HealthIsUnknownWhileTheAgentIsAway) {
  EXPECT_FALSE(live_.Health("orders").has_value());
  live_.SetConnected("db1", "s1", {"orders"});
  ASSERT_TRUE(live_.PutHealth("db1", Healthy("orders")).ok());
  EXPECT_EQ(live_.Health("orders")->status(), work::v1::HEALTH_STATUS_OK);
  live_.SetDisconnected("db1", "s1");
  EXPECT_EQ(live_.Health("orders")->status(), work::v1::HEALTH_STATUS_UNKNOWN);
  EXPECT_FALSE(live_.Health("orders")->reachable());
  live_.SetConnected("db1", "s2", {"orders"});
  EXPECT_EQ(live_.Health("orders")->status(), work::v1::HEALTH_STATUS_OK);
}

}  // namespace
}  // namespace dbfleet::controller
