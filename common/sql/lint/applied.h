#pragma once

#include "common/sql/lint/snapshot.h"
#include "common/sql/model/facts.h"

namespace dbfleet::sql {

// Whether the statement makes a table, a column or an index that the snapshot has, and would fail
// there: of a migration a sign that it was applied before the snapshot was taken.
bool LooksApplied(const Facts& facts, const SchemaSnapshot& snapshot);

}  // namespace dbfleet::sql
