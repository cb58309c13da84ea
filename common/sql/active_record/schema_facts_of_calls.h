#pragma once

#include <string>

#include "absl/types/span.h"

#include "common/sql/active_record/schema_columns.h"
#include "common/sql/active_record/schema_words.h"
#include "common/sql/model/facts.h"
#include "common/sql/model/statement.h"

namespace dbfleet::sql {

// Of a call on a block's table, with what stands behind it in its chain. `doubt`: why it is not
// known as a whole; `server` may be null.
Facts FactsInBlock(const HostProgram& program, absl::Span<const HostCall> calls, SchemaRole role,
                   const SchemaBlock& block, const SchemaServer* server, std::string* doubt);

}  // namespace dbfleet::sql
