#pragma once

#include "common/sql/lint/script.h"
#include "common/sql/lint/snapshot.h"
#include "common/sql/model/reading.h"
#include "common/sql/model/target.h"

namespace dbfleet::sql {

// MariaDB: columns that come, go or move in front of a virtual one copy the table, as do columns
// that go beside another change. Whether it has such a column only the snapshot tells, or the
// script; of a table of which neither does, nothing is added.
void AddCopies(const Target& target, const SchemaSnapshot* snapshot, const Script& script,
               Reading* reading);

// Nothing else stands in the ALTER TABLE.
bool AddsForeignKeysOnly(const Facts& facts);

// MySQL and MariaDB: InnoDB adds a foreign key in place where the session does not check them. A
// reader takes it for a copy, for it does not know what was set before.
void TakeBackForeignKeyCopies(const Target& target, const Script& script, Reading* reading);

// A reader takes every change of a column's type for one that copies the table, for it does not
// know what the column was. Where the snapshot does, and the change keeps the rows, that is taken
// back. `script`: the statements before this one; of a table that they touched the snapshot says
// nothing more. A CHECK or a character set that differs from its table's is in no snapshot.
void TakeBackCopies(const Target& target, const SchemaSnapshot* snapshot, const Script& script,
                    Reading* reading);

}  // namespace dbfleet::sql
