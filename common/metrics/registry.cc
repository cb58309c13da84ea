#include "common/metrics/registry.h"

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include "common/concurrency/mutex.h"
#include "common/metrics/exposition.h"
#include "common/metrics/process.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace dbfleet::metrics {
namespace {

// The metric types of prometheus-cpp behind our interface; the registry owns what they refer to.
class CounterImpl : public Counter {
 public:
  explicit CounterImpl(prometheus::Counter& counter) : counter_(counter) {}
  void Increment(double by) override { counter_.Increment(by); }

 private:
  prometheus::Counter& counter_;
};

class GaugeImpl : public Gauge {
 public:
  explicit GaugeImpl(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }
  void Add(double by) override { gauge_.Increment(by); }

 private:
  prometheus::Gauge& gauge_;
};

class HistogramImpl : public Histogram {
 public:
  explicit HistogramImpl(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double seconds) override { histogram_.Observe(seconds); }

 private:
  prometheus::Histogram& histogram_;
};

const prometheus::Histogram::BucketBoundaries& LatencyBuckets() {
  static const auto* const buckets = new prometheus::Histogram::BucketBoundaries{
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  return *buckets;
}

[[noreturn]] void Misuse(absl::string_view name, const char* what) {
  std::fprintf(stderr, "fatal: metric %.*s: %s\n", static_cast<int>(name.size()), name.data(),
               what);
  std::abort();
}

Type ToType(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return Type::kCounter;
    case prometheus::MetricType::Gauge:
      return Type::kGauge;
    case prometheus::MetricType::Histogram:
      return Type::kHistogram;
    default:
      return Type::kUntyped;
  }
}

void WriteHistogram(const std::string& name, const ExpositionWriter::Labels& labels,
                    const prometheus::ClientMetric::Histogram& histogram,
                    ExpositionWriter* writer) {
  for (const auto& bucket : histogram.bucket) {
    writer->Sample(name + "_bucket", labels, {{"le", FormatValue(bucket.upper_bound)}},
                   static_cast<double>(bucket.cumulative_count));
  }
  writer->Sample(name + "_sum", labels, histogram.sample_sum);
  writer->Sample(name + "_count", labels, static_cast<double>(histogram.sample_count));
}

void WriteFamily(const prometheus::MetricFamily& family, ExpositionWriter* writer) {
  writer->Family(family.name, family.help, ToType(family.type));
  for (const auto& metric : family.metric) {
    ExpositionWriter::Labels labels;
    for (const auto& label : metric.label) labels.emplace_back(label.name, label.value);
    switch (family.type) {
      case prometheus::MetricType::Counter:
        writer->Sample(family.name, labels, metric.counter.value);
        break;
      case prometheus::MetricType::Gauge:
        writer->Sample(family.name, labels, metric.gauge.value);
        break;
      case prometheus::MetricType::Histogram:
        WriteHistogram(family.name, labels, metric.histogram, writer);
        break;
      default:
        break;  // The registry makes no other types.
    }
  }
}

}  // namespace

struct Registry::State {
  using Key = std::pair<std::string, LabelSet>;

  // Returns the object for a name and labels, making it with `make(registry)` at first.
  template <typename T, typename Make>
  T& Get(std::map<Key, std::unique_ptr<T>>& known, absl::string_view name, const LabelSet& labels,
         Make make) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_ptr<T>& slot = known[Key(std::string(name), labels)];
    if (slot != nullptr) return *slot;
    if (!IsMetricName(name)) Misuse(name, "not a legal name");
    for (const auto& label : labels) {
      if (!IsLabelName(label.first)) Misuse(name, "a label's name is not legal");
    }
    try {
      slot = make();
    } catch (const std::exception& error) {
      Misuse(name, error.what());
    }
    return *slot;
  }

  mutable Mutex mutex;
  prometheus::Registry registry;  // Thread-safe by itself.
  std::map<Key, std::unique_ptr<Counter>> counters ABSL_GUARDED_BY(mutex);
  std::map<Key, std::unique_ptr<Gauge>> gauges ABSL_GUARDED_BY(mutex);
  std::map<Key, std::unique_ptr<Histogram>> histograms ABSL_GUARDED_BY(mutex);
};

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

Counter& Registry::GetCounter(absl::string_view name, absl::string_view help,
                              const LabelSet& labels) {
  MutexLock lock(&state_->mutex);
  return state_->Get(state_->counters, name, labels, [&] {
    auto& family = prometheus::BuildCounter()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(state_->registry);
    return std::make_unique<CounterImpl>(family.Add(labels));
  });
}

Gauge& Registry::GetGauge(absl::string_view name, absl::string_view help, const LabelSet& labels) {
  MutexLock lock(&state_->mutex);
  return state_->Get(state_->gauges, name, labels, [&] {
    auto& family = prometheus::BuildGauge()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(state_->registry);
    return std::make_unique<GaugeImpl>(family.Add(labels));
  });
}

Histogram& Registry::GetHistogram(absl::string_view name, absl::string_view help,
                                  const LabelSet& labels) {
  MutexLock lock(&state_->mutex);
  return state_->Get(state_->histograms, name, labels, [&] {
    auto& family = prometheus::BuildHistogram()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(state_->registry);
    return std::make_unique<HistogramImpl>(family.Add(labels, LatencyBuckets()));
  });
}

std::string Registry::Expose() const {
  std::string out;
  ExpositionWriter writer(&out);
  for (const auto& family : state_->registry.Collect()) WriteFamily(family, &writer);
  WriteProcessMetrics(&writer);
  return out;
}

}  // namespace dbfleet::metrics
