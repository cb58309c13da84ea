#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// Which bracket, or which of Ruby's words that have an "end", stands around each token. Made in one
// pass; not changed afterwards.
class HostBlocks {
 public:
  static constexpr size_t kNone = std::numeric_limits<size_t>::max();

  explicit HostBlocks(const HostProgram& program);

  // The innermost around the token; kNone outside of all.
  size_t OpenOf(size_t i) const { return i < open_.size() ? open_[i] : kNone; }
  // What stands between there and the token, in the same block or deeper, has run or was passed by
  // when the token is reached; what stands in front of it may be in another branch.
  size_t StraightFrom(size_t i) const { return i < straight_.size() ? straight_[i] : 0; }
  // Whether a block around the token, up to its method, has a "rescue", "ensure" or "catch", which
  // may run when only a part of what stands in front has.
  bool IsGuarded(size_t i) const;

 private:
  std::vector<size_t> open_;
  std::vector<size_t> straight_;
  std::vector<bool> guarded_;  // Of what opens a block.
};

}  // namespace dbfleet::sql
