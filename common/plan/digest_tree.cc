#include "common/plan/digest_tree.h"

#include <algorithm>
#include <utility>

#include "common/base/canonical.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "common/merkle/merkle.h"

namespace dbfleet {
namespace {

std::string Leaf(absl::string_view target, absl::string_view digest) {
  CanonicalWriter writer("dbfleet.target.v1");
  writer.Text(target).Text(digest);
  return merkle::LeafHash(writer.bytes());
}

std::string DigestOver(const JobDigestInput& input, uint64_t count, absl::string_view root) {
  CanonicalWriter writer("dbfleet.job-tree.v1");
  writer.Text(input.job_kind)
      .Text(input.params_sha256)
      .Text(input.policy_digest)
      .Text(input.rollout)
      .Int(static_cast<int64_t>(count))
      .Text(HexEncode(root));
  return Sha256Hex(writer.bytes());
}

}  // namespace

JobDigestTree::JobDigestTree(const JobDigestInput& input) {
  std::vector<std::pair<std::string, std::string>> targets;
  for (const TargetDigestInput& target : input.targets) {
    targets.emplace_back(target.target, target.digest);
  }
  std::sort(targets.begin(), targets.end());
  levels_.emplace_back();
  for (auto& [name, digest] : targets) {
    levels_[0].push_back(Leaf(name, digest));
    names_.push_back(std::move(name));
  }
  // A node without a sibling is a node of the next level, which is how RFC 9162 splits.
  while (levels_.back().size() > 1) {
    const std::vector<std::string>& below = levels_.back();
    std::vector<std::string> level;
    for (size_t i = 0; i < below.size(); i += 2) {
      level.push_back(i + 1 < below.size() ? merkle::NodeHash(below[i], below[i + 1]) : below[i]);
    }
    levels_.push_back(std::move(level));
  }
  const std::string root = names_.empty() ? merkle::EmptyRoot() : levels_.back()[0];
  digest_ = DigestOver(input, names_.size(), root);
}

std::optional<TargetPlace> JobDigestTree::Find(absl::string_view target,
                                               absl::string_view digest) const {
  const std::string wanted = Leaf(target, digest);
  auto it = std::lower_bound(names_.begin(), names_.end(), target);
  for (; it != names_.end() && *it == target; ++it) {
    size_t index = it - names_.begin();
    if (levels_[0][index] != wanted) continue;
    TargetPlace place{index, names_.size(), levels_.back()[0], {}};
    for (size_t level = 0; level + 1 < levels_.size(); ++level, index /= 2) {
      const size_t sibling = index ^ 1;
      if (sibling < levels_[level].size()) place.path.push_back(levels_[level][sibling]);
    }
    return place;
  }
  return std::nullopt;
}

absl::StatusOr<std::string> JobDigestFromPlace(const JobDigestInput& input,
                                               const TargetPlace& place) {
  if (input.targets.size() != 1 || place.root.size() != 32) {
    return Error(absl::StatusCode::kInvalidArgument, "BAD_PROOF",
                 "it is not the place of one target in a tree");
  }
  RETURN_IF_ERROR(merkle::VerifyInclusion(Leaf(input.targets[0].target, input.targets[0].digest),
                                          place.index, place.count, place.path, place.root));
  return DigestOver(input, place.count, place.root);
}

}  // namespace dbfleet
