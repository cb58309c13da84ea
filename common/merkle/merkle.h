#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// The Merkle tree of RFC 9162 (section 2.1; the same as RFC 6962's) with SHA-256. Hashes are 32 raw
// bytes, leaves are numbered from 0. Nodes are addressed by level (0: leaves) and index within the
// level: node (l, i) covers the leaves i * 2^l up to (i + 1) * 2^l and exists once all of them do.
// All functions are pure.
namespace dbfleet::merkle {

// More than any trail has; keeps every shift below defined.
inline constexpr uint64_t kMaxTreeSize = uint64_t{1} << 62;

std::string EmptyRoot();                                                // SHA-256 of nothing.
std::string LeafHash(absl::string_view content);                        // SHA-256(0x00 || content).
std::string NodeHash(absl::string_view left, absl::string_view right);  // SHA-256(0x01 || ...).

// The largest power of two below `n` (n > 1): where RFC 9162 splits n leaves.
uint64_t SplitPoint(uint64_t n);

// What of a tree is needed to append to it and to know its root: the roots of its complete
// subtrees, one for each bit that is set in its size. Not thread-safe.
class CompactRange {
 public:
  using NodeSink = std::function<void(int level, uint64_t index, const std::string& hash)>;

  CompactRange() = default;
  // `nodes`: as nodes() of a tree of that size. INVALID_ARGUMENT (BAD_TREE) if their number or
  // length cannot be right.
  static absl::StatusOr<CompactRange> From(uint64_t size, std::vector<std::string> nodes);

  // Gives `sink` every node that comes to exist, the leaf first.
  void Append(const std::string& leaf_hash, const NodeSink& sink = nullptr);

  uint64_t size() const { return size_; }
  const std::vector<std::string>& nodes() const { return nodes_; }  // Largest subtree first.
  std::string Root() const;

 private:
  uint64_t size_ = 0;
  std::vector<std::string> nodes_;
};

// Is the leaf the one at `index` of the tree (size, root)? INVALID_ARGUMENT (BAD_PROOF) if the
// proof does not show it.
absl::Status VerifyInclusion(absl::string_view leaf_hash, uint64_t index, uint64_t size,
                             const std::vector<std::string>& proof, absl::string_view root);

// Are the first `old_size` leaves of the tree (new_size, new_root) the tree (old_size, old_root)?
// BAD_PROOF if the proof does not show it. The empty tree is the beginning of every tree; its
// proof, like that between equal sizes, is empty.
absl::Status VerifyConsistency(uint64_t old_size, uint64_t new_size,
                               const std::vector<std::string>& proof, absl::string_view old_root,
                               absl::string_view new_root);

}  // namespace dbfleet::merkle
