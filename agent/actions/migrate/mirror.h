#pragma once

#include <cstddef>
#include <vector>

#include "agent/actions/migrate/model.h"

namespace dbfleet::agent {

// Statements of a version that are undone together.
struct UndoGroup {
  std::vector<size_t> forward;   // Indexes into VersionUnit::forward...
  std::vector<size_t> backward;  // ...and backward.
  // By verb and object: the ones undo the others and nothing else. False: what has no counterpart
  // on the other side; taken together it undoes itself if the down part undoes the up part.
  bool paired = true;
};

// Pairs what `forward` does with what takes it back, whatever the order in which either is written.
// Statements that do the same to the same object (two INSERTs into a table) are one group, for
// nobody can tell which of them belongs to which. Session settings and reads are in none.
std::vector<UndoGroup> PairUndo(const std::vector<PlannedStatement>& forward,
                                const std::vector<PlannedStatement>& backward);

// Whether each statement has an undoing one of its own.
bool IsMirrored(const std::vector<UndoGroup>& groups);

}  // namespace dbfleet::agent
