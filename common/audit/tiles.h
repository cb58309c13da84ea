#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/audit/merkle.h"

// How the tree's nodes are stored, and everything that is read from there. Only the levels 0, 8,
// 16, ... are stored, in tiles of 256 neighbours; the levels between are recomputed from them. Tile
// (L, N) holds, one after the other, the hashes of the nodes (8 * L, 256 * N) up to
// (8 * L, 256 * N + 255). The last tile of a level is partial: it holds those nodes that exist. A
// node never changes, so a tile only grows at its end; a tile of an older tree is a prefix of
// today's and need not be kept apart.
namespace dbfleet::audit {

inline constexpr int kTileHeight = 8;
inline constexpr int kTileWidth = 1 << kTileHeight;

struct TileId {
  int level = 0;
  uint64_t index = 0;
  auto operator<=>(const TileId&) const = default;
};

// "tile 1/5".
std::string TileName(const TileId& id);

// How many hashes the tile has in a tree of this size: 0 (it does not exist) to 256.
int TileWidthAt(const TileId& id, uint64_t size);

// The hashes from..to (exclusive) of a tile.
struct TileSpan {
  TileId id;
  int from = 0;
  int to = 0;
  bool operator==(const TileSpan&) const = default;
};

// Which tiles growing the tree from one size to the other makes (from == 0) or changes.
std::vector<TileSpan> TilesChanged(uint64_t old_size, uint64_t new_size);

// Where tiles are read. Implementations say whether they are thread-safe.
class TileSource {
 public:
  virtual ~TileSource() = default;
  // The tile's first `width` hashes, 32 bytes each; more of them are as good.
  virtual absl::StatusOr<std::string> ReadTile(const TileId& id, int width) = 0;
};

// Hashes to be put behind the first `from` of a tile.
struct TileAppend {
  TileId id;
  int from = 0;
  std::string hashes;
};

// Grows a stored tree. Not thread-safe. After any error on writing what TakeChanges gave, begin
// anew from the stored size: Resume.
class TreeAppender {
 public:
  TreeAppender() = default;  // From an empty tree.
  // From a stored one; reads O(log n) tiles.
  static absl::StatusOr<TreeAppender> Resume(TileSource& source, uint64_t size);

  // The hash of a record's canonical bytes: LeafHash.
  void Append(const std::string& leaf_hash);
  // What is to be stored for the appends since the last call, in one transaction with the size.
  std::vector<TileAppend> TakeChanges();

  uint64_t size() const { return range_.size(); }
  std::string Root() const { return range_.Root(); }

 private:
  CompactRange range_;
  std::map<TileId, TileAppend> changes_;
};

// All of the following read O(log n) tiles, also for sizes that the tree had earlier. Errors:
// those of the source; DATA_LOSS (AUDIT_TILE_DAMAGED) if a tile is shorter than it must be;
// INVALID_ARGUMENT (BAD_TREE) for sizes that make no sense. They do not notice altered hashes: what
// they return then does not verify.
absl::StatusOr<std::string> TreeRoot(TileSource& source, uint64_t size);
absl::StatusOr<CompactRange> ReadCompactRange(TileSource& source, uint64_t size);
// For VerifyInclusion and VerifyConsistency.
absl::StatusOr<std::vector<std::string>> InclusionProof(TileSource& source, uint64_t index,
                                                        uint64_t size);
absl::StatusOr<std::vector<std::string>> ConsistencyProof(TileSource& source, uint64_t old_size,
                                                          uint64_t new_size);

}  // namespace dbfleet::audit
