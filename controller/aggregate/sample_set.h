#pragma once

#include <string>

#include "absl/status/statusor.h"

#include "dbfleet/agent/v1/link_service.pb.h"

namespace dbfleet::controller {

inline constexpr int kMaxSeriesPerInstance = 10'000;
inline constexpr size_t kMaxLabelsPerSeries = 32;
inline constexpr size_t kMaxLabelBytes = 1024;
inline constexpr size_t kMaxHelpBytes = 1024;
inline constexpr size_t kMaxBodyBytes = 8 << 20;

// One instance's samples as the text of its /metrics page. That text, packed, is all that is kept
// of a batch: it is smaller than any structure over it.
struct SampleSet {
  std::string body;
  int series = 0;
};

// A pure function. One bad name would make Prometheus throw away the whole page, so the whole batch
// is refused: INVALID_ARGUMENT (BAD_METRICS) for names that are not legal or repeated, labels
// without values; RESOURCE_EXHAUSTED (TOO_MANY_SERIES) beyond the limits above.
absl::StatusOr<SampleSet> RenderSamples(const agent::v1::MetricsBatch& batch);

}  // namespace dbfleet::controller
