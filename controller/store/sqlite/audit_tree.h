#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/audit/tiles.h"
#include "controller/store/sqlite/connection.h"
#include "controller/store/sqlite/rows.h"

// The nodes of the audit trail's Merkle tree (common/audit/tiles.h) in the table audit_tiles. A
// tile is kept in parts of kPartHashes, because a commit rewrites the row that it appends to: with
// parts this is a page, not three. Tiles are written in the transaction of the records that they
// cover.
namespace dbfleet::controller::sqlite {

inline constexpr int kPartHashes = 32;

// All that is stored of the tile; "" if there is nothing.
absl::StatusOr<std::string> ReadAuditTile(Connection& connection, const audit::TileId& id);

// DATA_LOSS (AUDIT_TREE_DAMAGED) if what is stored of a tile is not what the appends continue.
absl::Status AppendTiles(Connection& connection, const std::vector<audit::TileAppend>& appends);

// The tree over the records up to `head`. DATA_LOSS (AUDIT_TREE_DAMAGED) if tiles are missing or
// the last leaf is not the last record's.
absl::StatusOr<audit::TreeAppender> OpenTree(Connection& connection, const ChainHead& head);

// For the upgrade of a store without tiles: makes them from the records. DATA_LOSS (AUDIT_CORRUPT)
// names the first record that does not fit its hash: no tree is made over an altered trail.
absl::Status BuildTiles(Connection& connection);

}  // namespace dbfleet::controller::sqlite
