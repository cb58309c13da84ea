#pragma once

#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/schema_words.h"
#include "common/sql/model/facts.h"
#include "common/sql/model/statement.h"

namespace dbfleet::sql {

// A text, number, symbol, true, nil, a class's name, or a list of those: nothing is called.
bool IsLiteral(const HostProgram& program, HostRange range);

// Of a call on a block's table.
Facts FactsInBlock(const HostProgram& program, const HostCall& call, SchemaRole role,
                   const SchemaBlock& block);

}  // namespace dbfleet::sql
