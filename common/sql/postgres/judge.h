#pragma once

#include "common/sql/model/verdict.h"
#include "common/sql/postgres/effects.h"
#include "common/sql/postgres/facts.h"
#include "common/sql/postgres/tree.h"

namespace dbfleet::sql::pg {

// The verdict on one statement, but `safety`: it is safe if there are no reasons against it.
Verdict Judge(const Source& source, Node statement);

}  // namespace dbfleet::sql::pg
