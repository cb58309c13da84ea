#pragma once

#include "absl/time/time.h"

namespace dbfleet {

// Exponential backoff with full jitter: the n-th delay is uniform in [0, min(max, base * 2^n)]
// (source: Amazon Builders' Library, "Timeouts, retries, and backoff with jitter"). Not
// thread-safe.
class Backoff {
 public:
  // `random` returns values in [0, 1).
  Backoff(absl::Duration base, absl::Duration max, double (*random)());

  absl::Duration Next();
  void Reset() { attempt_ = 0; }

 private:
  const absl::Duration base_;
  const absl::Duration max_;
  double (*const random_)();
  int attempt_ = 0;
};

// Uniform in [0, 1), from the system's generator, thread-safe.
double UniformRandom();

}  // namespace dbfleet
