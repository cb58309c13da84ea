#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "agent/metrics/collector.h"
#include "common/metrics/exposition.h"
#include "common/proto_time/proto_time.h"

namespace dbfleet::agent {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

bool IsLegal(const Sample& sample) {
  return metrics::IsMetricName(sample.name) &&
         std::all_of(sample.labels.begin(), sample.labels.end(),
                     [](const auto& label) { return metrics::IsLabelName(label.first); });
}

v1::MetricType TypeOf(const Sample& sample) {
  if (sample.untyped) return v1::METRIC_TYPE_UNSPECIFIED;
  return sample.counter ? v1::METRIC_TYPE_COUNTER : v1::METRIC_TYPE_GAUGE;
}

metrics::Type TypeOf(v1::MetricType type) {
  switch (type) {
    case v1::METRIC_TYPE_COUNTER:
      return metrics::Type::kCounter;
    case v1::METRIC_TYPE_GAUGE:
      return metrics::Type::kGauge;
    default:
      return metrics::Type::kUntyped;
  }
}

}  // namespace

v1::MetricsBatch MakeBatch(const std::string& instance, absl::Time time,
                           const std::vector<Sample>& samples) {
  v1::MetricsBatch batch;
  batch.set_instance(instance);
  *batch.mutable_sample_time() = ToProto(time);
  std::map<std::string, int> families;
  std::set<std::pair<std::string, Labels>> seen;
  for (const Sample& sample : samples) {
    if (!IsLegal(sample)) continue;
    Labels sorted = sample.labels;
    std::sort(sorted.begin(), sorted.end());
    // One doubled series makes Prometheus refuse the whole scrape.
    if (!seen.emplace(sample.name, std::move(sorted)).second) continue;
    const auto [it, first] = families.try_emplace(sample.name, batch.families_size());
    if (first) {
      v1::MetricFamily* family = batch.add_families();
      family->set_name(sample.name);
      family->set_help(sample.help);
      family->set_type(TypeOf(sample));
    }
    v1::MetricSample* entry = batch.mutable_families(it->second)->add_samples();
    for (const auto& [name, value] : sample.labels) {
      entry->add_label_names(name);
      entry->add_label_values(value);
    }
    entry->set_value(sample.value);
  }
  return batch;
}

std::string ExposeBatches(const std::vector<v1::MetricsBatch>& batches) {
  // A family must stand together, so it is looked up in each batch.
  struct Part {
    const std::string* instance;
    const v1::MetricFamily* family;
  };
  std::map<std::string, std::vector<Part>> families;
  for (const v1::MetricsBatch& batch : batches) {
    for (const v1::MetricFamily& family : batch.families()) {
      families[family.name()].push_back({&batch.instance(), &family});
    }
  }
  std::string text;
  metrics::ExpositionWriter writer(&text);
  for (const auto& [name, parts] : families) {
    writer.Family(name, parts[0].family->help(), TypeOf(parts[0].family->type()));
    for (const Part& part : parts) {
      for (const v1::MetricSample& sample : part.family->samples()) {
        Labels labels;
        const int count = std::min(sample.label_names_size(), sample.label_values_size());
        for (int i = 0; i < count; ++i) {
          labels.emplace_back(sample.label_names(i), sample.label_values(i));
        }
        writer.Sample(name, labels, {{"instance", *part.instance}}, sample.value());
      }
    }
  }
  return text;
}

}  // namespace dbfleet::agent
