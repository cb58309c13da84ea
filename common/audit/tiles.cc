#include "common/audit/tiles.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status.h"

namespace dbfleet::audit {
namespace {

constexpr size_t kHashBytes = 32;

absl::Status BadTree(absl::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_TREE", what);
}

bool IsPowerOfTwo(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

int Log2(uint64_t power) {
  int log = 0;
  while (power >> log != 1) ++log;
  return log;
}

// Reads the nodes of one tree, each tile once.
class NodeReader {
 public:
  NodeReader(TileSource& source, uint64_t size) : source_(source), size_(size) {}

  // The root of the leaves begin..end, where `begin` is a multiple of the power of two that is not
  // below their number.
  absl::StatusOr<std::string> Range(uint64_t begin, uint64_t end) {
    std::vector<std::string> parts;
    while (!IsPowerOfTwo(end - begin)) {
      const uint64_t split = SplitPoint(end - begin);
      ASSIGN_OR_RETURN(std::string part, Complete(begin, split));
      parts.push_back(std::move(part));
      begin += split;
    }
    ASSIGN_OR_RETURN(std::string root, Complete(begin, end - begin));
    for (; !parts.empty(); parts.pop_back()) root = NodeHash(parts.back(), root);
    return root;
  }

  // The node over `count` leaves, a power of two, from `begin` on.
  absl::StatusOr<std::string> Complete(uint64_t begin, uint64_t count) {
    const int level = Log2(count);
    const int below = level % kTileHeight;
    const uint64_t first = begin >> (level - below);  // On the stored level.
    const TileId id{level / kTileHeight, first / kTileWidth};
    ASSIGN_OR_RETURN(const std::string* tile, Tile(id));
    const size_t offset = first % kTileWidth;
    std::vector<std::string> row;
    for (size_t i = 0; i < size_t{1} << below; ++i) {
      row.push_back(tile->substr((offset + i) * kHashBytes, kHashBytes));
    }
    for (; row.size() > 1; row.resize(row.size() / 2)) {
      for (size_t i = 0; i < row.size() / 2; ++i) row[i] = NodeHash(row[2 * i], row[2 * i + 1]);
    }
    return row[0];
  }

 private:
  absl::StatusOr<const std::string*> Tile(const TileId& id) {
    const auto known = tiles_.find(id);
    if (known != tiles_.end()) return &known->second;
    const int width = TileWidthAt(id, size_);
    ASSIGN_OR_RETURN(std::string tile, source_.ReadTile(id, width));
    if (tile.size() % kHashBytes != 0 || tile.size() < width * kHashBytes) {
      return Error(absl::StatusCode::kDataLoss, "AUDIT_TILE_DAMAGED",
                   absl::StrCat("the audit tree's ", TileName(id), " has ", tile.size(),
                                " bytes where a tree of ", size_, " records needs ",
                                width * kHashBytes, "; restore the store from its backup"));
    }
    return &(tiles_[id] = std::move(tile));
  }

  TileSource& source_;
  const uint64_t size_;
  std::map<TileId, std::string> tiles_;
};

}  // namespace

std::string TileName(const TileId& id) { return absl::StrCat("tile ", id.level, "/", id.index); }

int TileWidthAt(const TileId& id, uint64_t size) {
  const int shift = kTileHeight * id.level;
  const uint64_t nodes = shift > 63 ? 0 : size >> shift;
  if (nodes / kTileWidth < id.index) return 0;
  return static_cast<int>(std::min<uint64_t>(kTileWidth, nodes - id.index * kTileWidth));
}

std::vector<TileSpan> TilesChanged(uint64_t old_size, uint64_t new_size) {
  std::vector<TileSpan> spans;
  for (int level = 0; level * kTileHeight < 64; ++level) {
    uint64_t next = old_size >> (kTileHeight * level);
    const uint64_t end = new_size >> (kTileHeight * level);
    while (next < end) {
      TileSpan span;
      span.id = {level, next / kTileWidth};
      const uint64_t first = span.id.index * kTileWidth;
      span.from = static_cast<int>(next - first);
      span.to = static_cast<int>(std::min<uint64_t>(kTileWidth, end - first));
      next = first + span.to;
      spans.push_back(span);
    }
  }
  return spans;
}

absl::StatusOr<TreeAppender> TreeAppender::Resume(TileSource& source, uint64_t size) {
  TreeAppender appender;
  ASSIGN_OR_RETURN(appender.range_, ReadCompactRange(source, size));
  return appender;
}

void TreeAppender::Append(const std::string& leaf_hash) {
  range_.Append(leaf_hash, [this](int level, uint64_t index, const std::string& hash) {
    if (level % kTileHeight != 0) return;
    const TileId id{level / kTileHeight, index / kTileWidth};
    TileAppend& change = changes_[id];
    if (change.hashes.empty()) {
      change.id = id;
      change.from = static_cast<int>(index % kTileWidth);
    }
    change.hashes += hash;
  });
}

std::vector<TileAppend> TreeAppender::TakeChanges() {
  std::vector<TileAppend> changes;
  changes.reserve(changes_.size());
  for (auto& [id, change] : changes_) changes.push_back(std::move(change));
  changes_.clear();
  return changes;
}

absl::StatusOr<std::string> TreeRoot(TileSource& source, uint64_t size) {
  ASSIGN_OR_RETURN(const CompactRange range, ReadCompactRange(source, size));
  return range.Root();
}

absl::StatusOr<CompactRange> ReadCompactRange(TileSource& source, uint64_t size) {
  if (size > kMaxTreeSize) return BadTree(absl::StrCat("no audit tree has the size ", size));
  NodeReader reader(source, size);
  std::vector<std::string> nodes;
  uint64_t begin = 0;
  for (int level = 62; level >= 0; --level) {
    if ((size >> level & 1) == 0) continue;
    ASSIGN_OR_RETURN(std::string node, reader.Complete(begin, uint64_t{1} << level));
    nodes.push_back(std::move(node));
    begin += uint64_t{1} << level;
  }
  return CompactRange::From(size, std::move(nodes));
}

absl::StatusOr<std::vector<std::string>> InclusionProof(TileSource& source, uint64_t index,
                                                        uint64_t size) {
  if (size > kMaxTreeSize || index >= size) {
    return BadTree(absl::StrCat("a tree of size ", size, " has no leaf ", index));
  }
  NodeReader reader(source, size);
  std::vector<std::string> proof;
  uint64_t begin = 0;
  uint64_t end = size;
  while (end - begin > 1) {
    const uint64_t middle = begin + SplitPoint(end - begin);
    const bool left = index < middle;
    ASSIGN_OR_RETURN(std::string sibling,
                     left ? reader.Range(middle, end) : reader.Range(begin, middle));
    proof.push_back(std::move(sibling));
    (left ? end : begin) = middle;
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

absl::StatusOr<std::vector<std::string>> ConsistencyProof(TileSource& source, uint64_t old_size,
                                                          uint64_t new_size) {
  if (new_size > kMaxTreeSize || old_size > new_size) {
    return BadTree(
        absl::StrCat("a tree of size ", new_size, " does not grow out of one of size ", old_size));
  }
  std::vector<std::string> proof;
  if (old_size == 0 || old_size == new_size) return proof;
  NodeReader reader(source, new_size);
  uint64_t begin = 0;
  uint64_t end = new_size;
  // SUBPROOF of RFC 9162, from the root downwards.
  while (end != old_size) {
    const uint64_t middle = begin + SplitPoint(end - begin);
    const bool left = old_size <= middle;
    ASSIGN_OR_RETURN(std::string sibling,
                     left ? reader.Range(middle, end) : reader.Range(begin, middle));
    proof.push_back(std::move(sibling));
    (left ? end : begin) = middle;
  }
  // The old tree itself is what the verifier has.
  if (begin != 0) {
    ASSIGN_OR_RETURN(std::string base, reader.Range(begin, end));
    proof.push_back(std::move(base));
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

}  // namespace dbfleet::audit
