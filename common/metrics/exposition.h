#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::metrics {

enum class Type { kUntyped, kCounter, kGauge, kHistogram };

// Writes the Prometheus text format, version 0.0.4, straight into a string: escapes HELP and label
// values, refuses nothing. Families must come one after the other. prometheus-cpp copies each
// family twice and leaves HELP unescaped, hence our own (docs/adr). Not thread-safe.
class ExpositionWriter {
 public:
  explicit ExpositionWriter(std::string* out) : out_(out) {}

  void Family(absl::string_view name, absl::string_view help, Type type);
  // A sample of the last family. Labels may come from two sets (own, then common).
  using Labels = std::vector<std::pair<std::string, std::string>>;
  void Sample(absl::string_view name, const Labels& labels, double value);
  void Sample(absl::string_view name, const Labels& labels, const Labels& common, double value);

 private:
  void WriteLabels(const Labels& labels, bool* first);

  std::string* const out_;
};

// A sample's value as the format wants it: the shortest text that reads back the same, NaN, +Inf.
std::string FormatValue(double value);

// A legal metric or label name?
bool IsMetricName(absl::string_view name);
bool IsLabelName(absl::string_view name);

}  // namespace dbfleet::metrics
