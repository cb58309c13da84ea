#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/audit/checkpoint.h"
#include "common/audit/lineage.h"
#include "controller/store/store.h"

// Logs of the audit trail that lived between a backup and its restore: the store never knew them or
// knows them no more, but an agent has shown a checkpoint of each, signed by this controller's key.
// They join what was before the restore to the successor log, for the export and for witnesses that
// missed them.
namespace dbfleet::controller {

struct LostLog {
  audit::Checkpoint checkpoint;
  std::string text;
};

// In the order in which agents showed them. DATA_LOSS (STORE_CORRUPT).
absl::StatusOr<std::vector<LostLog>> ReadLostLogs(ReadTx& tx);

// Keeps a checkpoint whose signature was verified. One of each log is enough; of more than
// kMaxLostLogs the rest is dropped.
inline constexpr size_t kMaxLostLogs = 64;
absl::Status KeepLostLog(WriteTx& tx, const LostLog& log);

// How the store's own logs follow each other, by way of which lost ones. A lost log that none of
// the store's own follows is left out: until a person has recovered the controller, it is nobody's
// past.
struct TrailLineage {
  audit::Lineage lineage;
  std::vector<LostLog> lost;
  std::vector<std::string> own;             // The store's own, in the order in which they began.
  std::map<std::string, std::string> last;  // The text of the last checkpoint of each of these.
};
absl::StatusOr<TrailLineage> ReadLineage(ReadTx& tx);

// The lost ones among these logs, and among those that they followed.
std::vector<LostLog> LostBefore(const std::vector<LostLog>& lost, std::vector<std::string> ids);

}  // namespace dbfleet::controller
