#pragma once

#include "common/sql/model/target.h"
#include "common/sql/model/verdict.h"
#include "common/sql/postgres/tree.h"

namespace dbfleet::sql::pg {

// What the documentation of PostgreSQL's explicit locking, and of each statement, says of the locks
// it takes. What depends on the tables' contents or on the catalogue is the worst of it.
Effects EffectsOf(const Version& version, Node statement);

// Of one subcommand of ALTER TABLE, with the table's lock.
Effects EffectsOfAlteration(const Version& version, Node command);

// Of a column that is added to a table that has rows.
Effects EffectsOfAddedColumn(const Version& version, Node column);
// Of a new column: whether it has REFERENCES, and whether rows get a value in it at once.
bool RefersToTable(Node column);
bool HasDefault(Node column);

// Whether the default's value may differ from row to row.
bool IsVolatile(const Version& version, Node expression);

// Whether it may run inside a transaction, where the statement table's row leaves that open.
bool IsTransactional(const Version& version, Node statement, bool usually);

// Whether an option of a list is on: the last with that name counts.
bool OptionIsOn(Node options, absl::string_view name);

// Adds what `more` does to what `effects` does.
void Merge(const Effects& more, Effects* effects);

}  // namespace dbfleet::sql::pg
