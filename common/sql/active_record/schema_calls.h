#pragma once

#include <optional>
#include <string>

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/schema_columns.h"
#include "common/sql/model/reading.h"
#include "common/sql/model/statement.h"

// What migrations of Rails and Laravel say in words of their own. All of it is destructive.
namespace dbfleet::sql {

// A call on what a block is given ($table->string('x')->index(), t.remove :x, dir.up { }), or a
// word of migrations (reversible); `context` says where it stands. nullopt unless every word of it
// is known there, and it is given nothing but literals, and SQL as a default. `server` tells what
// that does; null where that does not matter.
std::optional<Reading> ReadSchemaCall(const HostProgram& program, const HostChain& chain,
                                      const HostContext& context, const SchemaServer* server);

// The block that the body of a chain's closure or block is; kNone if it is no such one.
SchemaBlock SchemaBlockOf(const HostProgram& program, const HostChain& chain, HostRange body);

// drop_table :orders, Schema::rename('a', 'b'): what its SQL would do, as far as names are written
// out. Only for rules: nothing is called safe by it. `doubt`: why it is not known as a whole.
void AddSchemaFacts(const HostProgram& program, const HostChain& chain, const SchemaServer& server,
                    Facts* facts, std::string* doubt);

}  // namespace dbfleet::sql
