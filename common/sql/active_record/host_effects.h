#pragma once

#include "common/sql/active_record/host_program.h"

// What a chain of calls may do, as far as the names of its links tell.
namespace dbfleet::sql {

// Something that is neither known to read nor to compute, from a link on.
bool CallsUnknown(const HostProgram& program, const HostChain& chain, size_t from = 0);
// Something but what is known to compute. `for_effect`: a bare word of Ruby is a call, too, and no
// attribute.
bool CallsSomething(const HostProgram& program, const HostChain& chain, bool for_effect);
// Whether it is nothing but attributes: $order->customer, order.customer. What a record has may be
// one.
bool GivesAttribute(const HostProgram& program, const HostChain& chain);
// Asks for nothing but what a driver's result has: res.ntuples, res.each { ... }.
bool OnlyOfResult(const HostChain& chain);
// The parameter of create_table's block is no record.
bool DefinesSchema(const HostChain& chain);

}  // namespace dbfleet::sql
