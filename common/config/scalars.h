#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dbfleet::config {

// "90s", "1m30s", "24h", "7d", "250ms", "0"; not negative. INVALID_ARGUMENT (BAD_DURATION).
// For configuration files and command lines alike.
absl::StatusOr<absl::Duration> ParseHumanDuration(absl::string_view text);

// A decimal whole number without leading zeros (so that nobody has to know whether "010" is eight),
// in [min, max].
absl::StatusOr<int64_t> ParseSigned(absl::string_view text, int64_t min, int64_t max);
absl::StatusOr<uint64_t> ParseUnsigned(absl::string_view text, uint64_t max);

// A finite decimal number.
absl::StatusOr<double> ParseNumber(absl::string_view text);

// Of `candidates`, added one by one, the one that a person most likely meant by `wanted`.
class NearestName {
 public:
  explicit NearestName(absl::string_view wanted) : wanted_(wanted) {}
  void Consider(absl::string_view candidate);
  // ` (did you mean "x"?)`, or "" when nothing is near.
  std::string Hint() const;

 private:
  const std::string wanted_;
  std::string best_;
  size_t best_distance_ = 0;
};

}  // namespace dbfleet::config
