#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/audit/checkpoint.h"
#include "common/audit/tiles.h"
#include "controller/store/store.h"

// What the store knows of the trail as a whole. Pure functions over a transaction.
namespace dbfleet::controller {

// Which log the trail is (common/audit/checkpoint.h): made at the first start, replaced after a
// deliberate restore.
struct TrailLog {
  std::string id;  // "": none yet.
  std::optional<audit::Predecessor> predecessor;
};
absl::StatusOr<TrailLog> ReadTrailLog(ReadTx& tx);
absl::Status WriteTrailLog(WriteTx& tx, const TrailLog& log);

// The tree's tiles inside of one transaction, which must outlive it.
class StoredTiles : public audit::TileSource {
 public:
  explicit StoredTiles(ReadTx* tx) : tx_(*tx) {}
  absl::StatusOr<std::string> ReadTile(const audit::TileId& id, int width) override;

 private:
  ReadTx& tx_;
};

// What a checkpoint of the first `size` records says, without origin and time. DATA_LOSS if the
// store lacks something of it.
absl::StatusOr<audit::Checkpoint> DescribeTrail(ReadTx& tx, const TrailLog& log, uint64_t size);

// The number of records.
absl::StatusOr<uint64_t> TrailSize(ReadTx& tx);

}  // namespace dbfleet::controller
