#include "controller/aggregate/sample_set.h"

#include <algorithm>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/metrics/exposition.h"

namespace dbfleet::controller {
namespace {

absl::Status Bad(absl::string_view why, const std::string& name) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_METRICS",
               absl::StrCat(why, " \"", absl::CHexEscape(name.substr(0, 100)), "\""));
}

absl::Status TooMuch(absl::string_view what) {
  return Error(absl::StatusCode::kResourceExhausted, "TOO_MANY_SERIES",
               absl::StrCat("an instance has at most ", what));
}

metrics::Type TypeOf(agent::v1::MetricType type) {
  switch (type) {
    case agent::v1::METRIC_TYPE_COUNTER:
      return metrics::Type::kCounter;
    case agent::v1::METRIC_TYPE_GAUGE:
      return metrics::Type::kGauge;
    default:
      return metrics::Type::kUntyped;
  }
}

// Sorted by name, so that the same labels in another order are seen to be the same series.
absl::StatusOr<metrics::ExpositionWriter::Labels> LabelsOf(const agent::v1::MetricSample& sample,
                                                           const std::string& family) {
  if (sample.label_names_size() != sample.label_values_size()) {
    return Bad("there are labels without values in", family);
  }
  if (static_cast<size_t>(sample.label_names_size()) > kMaxLabelsPerSeries) {
    return TooMuch(absl::StrCat(kMaxLabelsPerSeries, " labels per series"));
  }
  metrics::ExpositionWriter::Labels labels;
  for (int i = 0; i < sample.label_names_size(); ++i) {
    const std::string& name = sample.label_names(i);
    // Names that begin with two underscores are Prometheus' own.
    if (!metrics::IsLabelName(name) || absl::StartsWith(name, "__")) return Bad("label", name);
    if (sample.label_values(i).size() > kMaxLabelBytes) {
      return TooMuch(absl::StrCat(kMaxLabelBytes, " bytes in a label's value"));
    }
    labels.emplace_back(name, sample.label_values(i));
  }
  std::sort(labels.begin(), labels.end());
  for (size_t i = 1; i < labels.size(); ++i) {
    if (labels[i].first == labels[i - 1].first) return Bad("repeated label", labels[i].first);
  }
  return labels;
}

std::string KeyOf(const metrics::ExpositionWriter::Labels& labels) {
  std::string key;
  for (const auto& [name, value] : labels) {
    absl::StrAppend(&key, name, "=", value.size(), ":", value, ",");
  }
  return key;
}

absl::Status RenderFamily(const agent::v1::MetricFamily& family, metrics::ExpositionWriter* writer,
                          SampleSet* set) {
  writer->Family(family.name(), Truncate(family.help(), kMaxHelpBytes), TypeOf(family.type()));
  std::unordered_set<std::string> seen;
  for (const agent::v1::MetricSample& sample : family.samples()) {
    if (++set->series > kMaxSeriesPerInstance) {
      return TooMuch(absl::StrCat(kMaxSeriesPerInstance, " series"));
    }
    ASSIGN_OR_RETURN(const auto labels, LabelsOf(sample, family.name()));
    if (!seen.insert(KeyOf(labels)).second) return Bad("repeated series in", family.name());
    writer->Sample(family.name(), labels, sample.value());
    if (set->body.size() > kMaxBodyBytes) {
      return TooMuch(absl::StrCat(kMaxBodyBytes, " bytes of metrics"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SampleSet> RenderSamples(const agent::v1::MetricsBatch& batch) {
  SampleSet set;
  metrics::ExpositionWriter writer(&set.body);
  std::unordered_set<std::string> names;
  for (const agent::v1::MetricFamily& family : batch.families()) {
    if (!metrics::IsMetricName(family.name())) return Bad("metric", family.name());
    if (!names.insert(family.name()).second) return Bad("repeated metric", family.name());
    RETURN_IF_ERROR(RenderFamily(family, &writer, &set));
  }
  set.body.shrink_to_fit();
  return set;
}

}  // namespace dbfleet::controller
