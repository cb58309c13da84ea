#include "common/plan/estimate.h"

namespace dbfleet {

bool EstimateGrown(int64_t approved, int64_t now) {
  if (approved < 0 || now <= approved) return false;
  return now - approved > approved;  // Twice the number itself could overflow.
}

}  // namespace dbfleet
