#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "controller/audit/recovery.h"
#include "controller/store/store.h"

// What the person who ends a RECOVERY has to know before. Pure functions over a transaction.
namespace dbfleet::controller {

// Agents that the store knows, neither revoked nor quarantined, which have not been heard since the
// recovery was demanded: nobody knows what they did in the lost time. Of those that were enrolled
// in that time it knows nothing.
struct Reporting {
  std::vector<std::string> heard;
  std::vector<std::string> unheard;
};
absl::StatusOr<Reporting> ReportingAgents(ReadTx& tx, const RecoveryDemand& demand);

// What agents told since then of attempts that they made in the lost time: `attempt.unknown`, of
// jobs that the store does not have, and `attempt.reclaim`, of those that it has. Oldest first, the
// newest kMaxLostWork.
inline constexpr size_t kMaxLostWork = 1000;
struct LostWork {
  uint64_t seq = 0;  // Of the record.
  std::string action;
  std::string resource;
  std::map<std::string, std::string> details;
};
absl::StatusOr<std::vector<LostWork>> ReadLostWork(ReadTx& tx, const RecoveryDemand& demand);

// One line for people: where, what, which job, how it ended.
std::string Describe(const LostWork& work);

}  // namespace dbfleet::controller
