#pragma once

#include "common/merkle/merkle.h"

// The trail's tree: leaf i is over the canonical bytes of record i + 1, so a tree of size n covers
// the records 1 to n. Where nodes are stored, and how proofs are made from them: tiles.h.
namespace dbfleet::audit {

using merkle::CompactRange;
using merkle::EmptyRoot;
using merkle::kMaxTreeSize;
using merkle::LeafHash;
using merkle::NodeHash;
using merkle::SplitPoint;
using merkle::VerifyConsistency;
using merkle::VerifyInclusion;

}  // namespace dbfleet::audit
