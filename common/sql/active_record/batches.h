#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"

// Loops of Ruby over batches of rows: Order.in_batches { |batch| batch.update_all(...) }. For
// rules, never for the class.
namespace dbfleet::sql {

// The variable that holds one batch in the block of `call`, a link of the chain; "" if it is given
// none, or the block may put something else into it.
std::string BatchOf(const HostProgram& program, const HostChain& chain, const HostCall& call);

// Whether a chain names the variable, wherever.
bool NamesBatch(const HostProgram& program, const HostChain& chain, absl::string_view batch);

}  // namespace dbfleet::sql
