#pragma once

#include <string>

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// The association that a loop over the records of a chain reads of each of them, as far as names
// tell: "customer" where its body has $order->customer->name, or "#{order.customer.name}". "" if
// there is none, or the chain loads associations ahead: with(), includes(). For a rule, never for
// the class.
//
// `record`: the name of the loop's variable, as written.
std::string WalkedAssociation(const HostProgram& program, const HostChain& chain,
                              absl::string_view record, HostRange body);

// The first parameter of a block, or of PHP's function, whose body begins at `body`; "" if it has
// none.
absl::string_view FirstParameter(const HostProgram& program, size_t body);

}  // namespace dbfleet::sql
