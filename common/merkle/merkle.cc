#include "common/merkle/merkle.h"

#include <bitset>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/hash.h"
#include "common/base/status.h"

namespace dbfleet::merkle {
namespace {

constexpr size_t kHashBytes = 32;

absl::Status BadProof(absl::string_view why) {
  return Error(absl::StatusCode::kInvalidArgument, "BAD_PROOF",
               absl::StrCat("the proof does not hold: ", why));
}

absl::Status CheckHashes(const std::vector<std::string>& hashes) {
  for (const std::string& hash : hashes) {
    if (hash.size() != kHashBytes) return BadProof("one of its hashes is not 32 bytes long");
  }
  return absl::OkStatus();
}

// Where a proof's walk from a leaf to the root stands: the node's index, and that of the last node
// of its level.
struct Walk {
  uint64_t node;
  uint64_t last;

  void Up() {
    node >>= 1;
    last >>= 1;
  }
  // Levels on which the node has no sibling add nothing to the proof.
  void SkipLevelsWithoutSibling() {
    while ((node & 1) == 0 && node != 0) Up();
  }
  bool SiblingIsLeft() const { return (node & 1) == 1 || node == last; }
};

}  // namespace

std::string EmptyRoot() { return Sha256(""); }

std::string LeafHash(absl::string_view content) {
  Sha256Stream stream;
  stream.Update(absl::string_view("\0", 1));
  stream.Update(content);
  return stream.Finish();
}

std::string NodeHash(absl::string_view left, absl::string_view right) {
  Sha256Stream stream;
  stream.Update(absl::string_view("\1", 1));
  stream.Update(left);
  stream.Update(right);
  return stream.Finish();
}

uint64_t SplitPoint(uint64_t n) {
  uint64_t split = 1;
  while (split << 1 < n) split <<= 1;
  return split;
}

absl::StatusOr<CompactRange> CompactRange::From(uint64_t size, std::vector<std::string> nodes) {
  bool good = size <= kMaxTreeSize && nodes.size() == std::bitset<64>(size).count();
  for (const std::string& node : nodes) good = good && node.size() == kHashBytes;
  if (!good) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_TREE",
                 absl::StrCat("these nodes cannot be those of an audit tree of size ", size));
  }
  CompactRange range;
  range.size_ = size;
  range.nodes_ = std::move(nodes);
  return range;
}

void CompactRange::Append(const std::string& leaf_hash, const NodeSink& sink) {
  nodes_.push_back(leaf_hash);
  if (sink) sink(0, size_, leaf_hash);
  for (int level = 0; (size_ >> level & 1) == 1; ++level) {
    const std::string right = std::move(nodes_.back());
    nodes_.pop_back();
    nodes_.back() = NodeHash(nodes_.back(), right);
    if (sink) sink(level + 1, size_ >> (level + 1), nodes_.back());
  }
  ++size_;
}

std::string CompactRange::Root() const {
  if (nodes_.empty()) return EmptyRoot();
  std::string root = nodes_.back();
  for (size_t i = nodes_.size() - 1; i > 0; --i) root = NodeHash(nodes_[i - 1], root);
  return root;
}

absl::Status VerifyInclusion(absl::string_view leaf_hash, uint64_t index, uint64_t size,
                             const std::vector<std::string>& proof, absl::string_view root) {
  if (size > kMaxTreeSize || index >= size) return BadProof("there is no such leaf in the tree");
  RETURN_IF_ERROR(CheckHashes(proof));
  Walk walk{index, size - 1};
  std::string hash(leaf_hash);
  for (const std::string& sibling : proof) {
    if (walk.last == 0) return BadProof("it is too long");
    if (walk.SiblingIsLeft()) {
      hash = NodeHash(sibling, hash);
      walk.SkipLevelsWithoutSibling();
    } else {
      hash = NodeHash(hash, sibling);
    }
    walk.Up();
  }
  if (walk.last != 0) return BadProof("it is too short");
  return hash == root ? absl::OkStatus() : BadProof("it leads to another root");
}

absl::Status VerifyConsistency(uint64_t old_size, uint64_t new_size,
                               const std::vector<std::string>& proof, absl::string_view old_root,
                               absl::string_view new_root) {
  if (new_size > kMaxTreeSize || old_size > new_size) return BadProof("the tree shrank");
  RETURN_IF_ERROR(CheckHashes(proof));
  if (old_size == 0 || old_size == new_size) {
    if (!proof.empty()) return BadProof("it should be empty");
    if (old_size == 0 && old_root != EmptyRoot()) return BadProof("the empty tree's root is wrong");
    if (old_size == new_size && old_root != new_root) return BadProof("the roots differ");
    return absl::OkStatus();
  }
  Walk walk{old_size - 1, new_size - 1};
  while ((walk.node & 1) == 1) walk.Up();
  // A complete old tree is itself the node at which the proof begins, and is left out of it.
  const bool complete = (old_size & (old_size - 1)) == 0;
  if (!complete && proof.empty()) return BadProof("it is too short");
  std::string old_hash = complete ? std::string(old_root) : proof[0];
  std::string new_hash = old_hash;
  for (size_t i = complete ? 0 : 1; i < proof.size(); ++i) {
    if (walk.last == 0) return BadProof("it is too long");
    if (walk.SiblingIsLeft()) {
      old_hash = NodeHash(proof[i], old_hash);
      new_hash = NodeHash(proof[i], new_hash);
      walk.SkipLevelsWithoutSibling();
    } else {
      new_hash = NodeHash(new_hash, proof[i]);
    }
    walk.Up();
  }
  if (walk.last != 0) return BadProof("it is too short");
  if (old_hash != old_root) return BadProof("it begins from another old root");
  return new_hash == new_root ? absl::OkStatus() : BadProof("it leads to another new root");
}

}  // namespace dbfleet::merkle
