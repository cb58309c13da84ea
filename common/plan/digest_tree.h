#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/plan/digest.h"

// The digest of a job with many targets is over the root of a Merkle tree (common/merkle) of them,
// so that an agent can check its own target's part without being told of all the others. Leaves are
// in the order of the targets; a leaf is over the target's name and its plan's digest.
namespace dbfleet {

// Where a target stands in its job's tree.
struct TargetPlace {
  uint64_t index = 0;
  uint64_t count = 0;
  std::string root;
  std::vector<std::string> path;  // The inclusion proof.
};

// The tree of one job. Immutable once made, so thread-safe. About 100 bytes a target.
class JobDigestTree {
 public:
  explicit JobDigestTree(const JobDigestInput& input);

  const std::string& digest() const { return digest_; }
  // nullopt unless the job has the target with this very digest.
  std::optional<TargetPlace> Find(absl::string_view target, absl::string_view digest) const;

 private:
  std::vector<std::string> names_;                // Sorted.
  std::vector<std::vector<std::string>> levels_;  // Of the tree, the leaves first.
  std::string digest_;
};

// The job's digest, as the holder of one target computes it. `input.targets` is that target alone.
// INVALID_ARGUMENT (BAD_PROOF) if the place does not show that it is one of the job's.
absl::StatusOr<std::string> JobDigestFromPlace(const JobDigestInput& input,
                                               const TargetPlace& place);

}  // namespace dbfleet
