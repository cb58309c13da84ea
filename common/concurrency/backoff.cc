#include "common/concurrency/backoff.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "common/base/hash.h"

namespace dbfleet {

Backoff::Backoff(absl::Duration base, absl::Duration max, double (*random)())
    : base_(base), max_(max), random_(random) {}

absl::Duration Backoff::Next() {
  constexpr int kMaxDoublings = 62;  // Far above any `max`; keeps the arithmetic finite.
  const absl::Duration limit = std::min(max_, base_ * std::ldexp(1.0, attempt_));
  attempt_ = std::min(attempt_ + 1, kMaxDoublings);
  return limit * random_();
}

double UniformRandom() {
  const std::string bytes = RandomBytes(sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, bytes.data(), sizeof bits);
  return std::ldexp(static_cast<double>(bits >> 11), -53);
}

}  // namespace dbfleet
