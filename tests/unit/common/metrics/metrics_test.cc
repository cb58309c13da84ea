#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/metrics/exposition.h"
#include "common/metrics/registry.h"

namespace dbfleet::metrics {
namespace {

using testing::HasSubstr;

TEST(ExpositionTest, WritesFamiliesSamplesAndBothLabelSets) {
  std::string out;
  ExpositionWriter writer(&out);
  writer.Family("up", "Is it up?", Type::kGauge);
  writer.Sample("up", {{"a", "1"}}, {{"b", "2"}}, 1);
  writer.Sample("up", {}, 0.25);
  EXPECT_EQ(out, "# HELP up Is it up?\n# TYPE up gauge\nup{a=\"1\",b=\"2\"} 1\nup 0.25\n");
}

TEST(ExpositionTest, HelpAndLabelValuesCannotBreakTheFormat) {
  std::string out;
  ExpositionWriter writer(&out);
  writer.Family("x", "a\nb\\c", Type::kCounter);
  writer.Sample("x", {{"l", "q\"\n\\"}}, 1);
  EXPECT_EQ(out, "# HELP x a\\nb\\\\c\n# TYPE x counter\nx{l=\"q\\\"\\n\\\\\"} 1\n");
}

TEST(ExpositionTest, SpecialValuesAreSpelledAsPrometheusReadsThem) {
  EXPECT_EQ(FormatValue(std::nan("")), "NaN");
  EXPECT_EQ(FormatValue(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(FormatValue(-std::numeric_limits<double>::infinity()), "-Inf");
  EXPECT_EQ(FormatValue(0.1), "0.1");
  EXPECT_EQ(std::stod(FormatValue(1.0 / 3)), 1.0 / 3);
  EXPECT_EQ(FormatValue(9007199254740993.0), "9007199254740992");
}

TEST(ExpositionTest, NamesAreChecked) {
  EXPECT_TRUE(IsMetricName("a:b_1"));
  EXPECT_FALSE(IsMetricName("1a"));
  EXPECT_FALSE(IsMetricName(""));
  EXPECT_FALSE(IsMetricName("a-b"));
  EXPECT_TRUE(IsLabelName("a_1"));
  EXPECT_FALSE(IsLabelName("a:b"));
}

TEST(RegistryTest, TheSameNameAndLabelsAreTheSameMetric) {
  Registry registry;
  Counter& counter = registry.GetCounter("jobs_total", "Jobs.", {{"kind", "backup"}});
  EXPECT_EQ(&counter, &registry.GetCounter("jobs_total", "Jobs.", {{"kind", "backup"}}));
  EXPECT_NE(&counter, &registry.GetCounter("jobs_total", "Jobs.", {{"kind", "check"}}));
  counter.Increment();
  counter.Increment(2);
  const std::string out = registry.Expose();
  EXPECT_THAT(out, HasSubstr("# TYPE jobs_total counter\n"));
  EXPECT_THAT(out, HasSubstr("jobs_total{kind=\"backup\"} 3\n"));
  EXPECT_EQ(out.find("# TYPE jobs_total"), out.rfind("# TYPE jobs_total"));
}

TEST(RegistryTest, GaugesMoveBothWays) {
  Registry registry;
  Gauge& gauge = registry.GetGauge("sessions", "Sessions.");
  gauge.Set(5);
  gauge.Add(-2);
  EXPECT_THAT(registry.Expose(), HasSubstr("sessions 3\n"));
}

TEST(RegistryTest, HistogramsAreCumulativeAndEndInInfinity) {
  Registry registry;
  Histogram& histogram = registry.GetHistogram("rpc_seconds", "Latency.", {{"m", "x"}});
  histogram.Observe(0.004);
  histogram.Observe(0.2);
  histogram.Observe(1000);
  const std::string out = registry.Expose();
  EXPECT_THAT(out, HasSubstr("# TYPE rpc_seconds histogram\n"));
  EXPECT_THAT(out, HasSubstr("rpc_seconds_bucket{m=\"x\",le=\"0.001\"} 0\n"));
  EXPECT_THAT(out, HasSubstr("rpc_seconds_bucket{m=\"x\",le=\"0.005\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("rpc_seconds_bucket{m=\"x\",le=\"0.25\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("rpc_seconds_bucket{m=\"x\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(out, HasSubstr("rpc_seconds_count{m=\"x\"} 3\n"));
}

double ValueOf(const std::string& out, const std::string& name) {
  const size_t at = out.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(out.substr(at + name.size() + 2));
}

TEST(RegistryTest, TheProcessIsMeasured) {
  const std::string out = Registry().Expose();
  EXPECT_GT(ValueOf(out, "process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(ValueOf(out, "process_virtual_memory_bytes"),
            ValueOf(out, "process_resident_memory_bytes"));
  EXPECT_GE(ValueOf(out, "process_open_fds"), 3);
  EXPECT_GE(ValueOf(out, "process_cpu_seconds_total"), 0);
  EXPECT_GT(ValueOf(out, "process_start_time_seconds"), 1.6e9);
}

TEST(RegistryDeathTest, MisuseAborts) {
  EXPECT_DEATH(Registry().GetCounter("a-b", ""), "not a legal name");
  EXPECT_DEATH(
      {
        Registry registry;
        registry.GetCounter("x", "");
        registry.GetGauge("x", "");
      },
      "fatal: metric x");
}

}  // namespace
}  // namespace dbfleet::metrics
