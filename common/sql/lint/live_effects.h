#pragma once

#include "common/sql/lint/script.h"
#include "common/sql/lint/snapshot.h"
#include "common/sql/model/reading.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// A reader takes every change of a column's type for one that copies the table, for it does not
// know what the column was. Where the snapshot does, and the change keeps the rows, that is taken
// back. `script`: the statements before this one; of a table that they touched the snapshot says
// nothing more. A CHECK or a character set that differs from its table's is in no snapshot.
void TakeBackCopies(const Target& target, const SchemaSnapshot* snapshot, const Script& script,
                    Reading* reading);

}  // namespace dbfleet::sql
