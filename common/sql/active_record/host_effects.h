#pragma once

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_blocks.h"
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

// Whether nothing takes its value, as far as the statement around it says: $c && CHAIN; if ($c)
// CHAIN; In Ruby the last statement of a method is one, too.
bool IsDiscarded(const HostProgram& program, const HostBlocks& blocks, const HostChain& chain);
// Of a chain on an object of which nobody knows the class, the first method that may write for all
// that its name says; "" if there is none. `from`: the link at which to begin.
// `tail`: its value may be what a method of Ruby gives.
absl::string_view MayWrite(const HostProgram& program, const HostChain& chain, size_t from,
                           bool tail);
// Whether a link is a word that computes with lists, texts and queries, and is called as a verb of
// a record or service: $payment->reverse(), team.join(user).
bool MayBeVerb(const HostProgram& program, const HostChain& chain, size_t link, bool tail);
// find, first: what they give is no list.
bool GivesOneRecord(absl::string_view method);

}  // namespace dbfleet::sql
