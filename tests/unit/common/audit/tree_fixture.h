#pragma once

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "common/audit/merkle.h"
#include "common/audit/tiles.h"
#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::audit {

// Tiles in memory, stored as a store would: appended to, never rewritten.
class MemoryTiles : public TileSource {
 public:
  absl::StatusOr<std::string> ReadTile(const TileId& id, int width) override {
    ++reads;
    const auto it = tiles.find(id);
    if (it == tiles.end()) return Error(absl::StatusCode::kNotFound, "NO_TILE", TileName(id));
    // Exactly what was asked for, so that nothing beyond it can be relied on.
    return it->second.substr(0, width * 32);
  }

  // False if a change does not fit the tile's end.
  bool Store(const std::vector<TileAppend>& changes) {
    for (const TileAppend& change : changes) {
      std::string& tile = tiles[change.id];
      if (tile.size() != change.from * size_t{32}) return false;
      tile += change.hashes;
    }
    return true;
  }

  std::map<TileId, std::string> tiles;
  int reads = 0;
};

// RFC 9162, section 2.1, word for word.
class NaiveTree {
 public:
  explicit NaiveTree(std::vector<std::string> leaf_hashes) : leaves_(std::move(leaf_hashes)) {}

  std::string Mth(uint64_t begin, uint64_t end) {
    if (begin == end) return Sha256("");
    if (end - begin == 1) return leaves_[begin];
    std::string& hash = known_[{begin, end}];
    if (hash.empty()) {
      const uint64_t k = Split(end - begin);
      hash = Sha256(absl::StrCat(std::string(1, '\1'), Mth(begin, begin + k), Mth(begin + k, end)));
    }
    return hash;
  }
  std::vector<std::string> Path(uint64_t m, uint64_t begin, uint64_t end) {
    if (end - begin == 1) return {};
    const uint64_t k = Split(end - begin);
    std::vector<std::string> path = m < k ? Path(m, begin, begin + k) : Path(m - k, begin + k, end);
    path.push_back(m < k ? Mth(begin + k, end) : Mth(begin, begin + k));
    return path;
  }
  std::vector<std::string> SubProof(uint64_t m, uint64_t begin, uint64_t end, bool b) {
    if (m == end - begin) {
      if (b) return {};
      return {Mth(begin, end)};
    }
    const uint64_t k = Split(end - begin);
    std::vector<std::string> proof =
        m <= k ? SubProof(m, begin, begin + k, b) : SubProof(m - k, begin + k, end, false);
    proof.push_back(m <= k ? Mth(begin + k, end) : Mth(begin, begin + k));
    return proof;
  }

 private:
  static uint64_t Split(uint64_t n) {
    uint64_t k = 1;
    while (k * 2 < n) k *= 2;
    return k;
  }

  std::vector<std::string> leaves_;
  std::map<std::pair<uint64_t, uint64_t>, std::string> known_;
};

inline std::vector<std::string> MakeLeaves(size_t n, const std::string& salt = "") {
  std::vector<std::string> leaves;
  for (size_t i = 0; i < n; ++i) leaves.push_back(LeafHash(absl::StrCat(salt, "record ", i)));
  return leaves;
}

inline void FillTiles(const std::vector<std::string>& leaves, MemoryTiles* tiles) {
  TreeAppender appender;
  for (const std::string& leaf : leaves) appender.Append(leaf);
  tiles->Store(appender.TakeChanges());
}

}  // namespace dbfleet::audit
