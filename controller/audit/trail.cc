#include "controller/audit/trail.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "common/audit/record.h"
#include "common/base/status.h"

namespace dbfleet::controller {
namespace {

// "ID" or "ID PREDECESSOR SIZE ROOT-IN-HEX", and further predecessors.
constexpr char kSetting[] = "audit.log";

}  // namespace

absl::StatusOr<TrailLog> ReadTrailLog(ReadTx& tx) {
  ASSIGN_OR_RETURN(const std::string setting, tx.GetSetting(kSetting));
  TrailLog log;
  if (setting.empty()) return log;
  const std::vector<std::string> words = absl::StrSplit(setting, ' ');
  log.id = words[0];
  if (words.size() == 1) return log;
  audit::Predecessor former;
  if (words.size() < 4 || !absl::SimpleAtoi(words[2], &former.size)) {
    return Error(absl::StatusCode::kDataLoss, "STORE_CORRUPT",
                 "what the store says of its audit log cannot be read; restore it from its backup");
  }
  former.log_id = words[1];
  former.root = absl::HexStringToBytes(words[3]);
  former.others.assign(words.begin() + 4, words.end());
  log.predecessor = std::move(former);
  return log;
}

absl::Status WriteTrailLog(WriteTx& tx, const TrailLog& log) {
  std::string setting = log.id;
  if (log.predecessor.has_value()) {
    absl::StrAppend(&setting, " ", log.predecessor->log_id, " ", log.predecessor->size, " ",
                    absl::BytesToHexString(log.predecessor->root));
    for (const std::string& other : log.predecessor->others) absl::StrAppend(&setting, " ", other);
  }
  return tx.PutSetting(kSetting, setting);
}

absl::StatusOr<std::string> StoredTiles::ReadTile(const audit::TileId& id, int) {
  return tx_.ReadAuditTile(id.level, id.index);
}

absl::StatusOr<uint64_t> TrailSize(ReadTx& tx) {
  PageRequest newest;
  newest.size = 1;
  ASSIGN_OR_RETURN(const Page<AuditRow> page, tx.ListAudit(AuditFilter(), newest));
  return page.items.empty() ? 0 : page.items[0].seq;
}

absl::StatusOr<audit::Checkpoint> DescribeTrail(ReadTx& tx, const TrailLog& log, uint64_t size) {
  audit::Checkpoint checkpoint;
  checkpoint.size = size;
  checkpoint.log_id = log.id;
  checkpoint.predecessor = log.predecessor;
  checkpoint.head = audit::GenesisHash();
  if (size > 0) {
    ASSIGN_OR_RETURN(const std::vector<AuditRow> rows, tx.ReadAudit(size, 1));
    if (rows.empty() || rows[0].seq != size) {
      return Error(absl::StatusCode::kDataLoss, "AUDIT_GAP",
                   absl::StrCat("audit record ", size,
                                " is missing in the store; restore it from its backup"));
    }
    checkpoint.head = rows[0].hash;
  }
  StoredTiles tiles(&tx);
  ASSIGN_OR_RETURN(checkpoint.root, audit::TreeRoot(tiles, size));
  return checkpoint;
}

}  // namespace dbfleet::controller
