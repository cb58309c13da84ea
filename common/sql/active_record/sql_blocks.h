#pragma once

#include "common/sql/active_record/query_builder.h"

// Sequel's virtual rows: DB[:t].where { sum(price) > 5 } is SQL that looks like Ruby. In a block
// without parameters each bare word is a column, and each bare call one of SQL's functions.
// Source: Sequel's "Virtual Row Blocks" guide.
namespace dbfleet::sql {

// Whether a call's block is such a row: of a dataset, DB[:t], by the method's name, and since it
// has no parameters. Of Ruby only.
bool HoldsSql(const HostProgram& program, const HostChain& chain, const HostCall& call);
// The same of what may be a dataset: a list of records has methods of these names, too.
bool MayHoldSql(const HostProgram& program, const HostCall& call);

// Whether something is called in it, so that it is more than columns.
bool CallsInSql(const HostProgram& program, HostRange block);

// Gives the functions that it calls to the query, so that they are judged as SQL's; what is no SQL
// that is known is a problem.
void ReadSqlBlock(const HostProgram& program, HostRange block, QueryBuilder* build);

}  // namespace dbfleet::sql
