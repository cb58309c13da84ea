#pragma once

#include "absl/strings/string_view.h"

// Names of methods that say that something is done: cancel, mark_as_paid, approveAll. What stands
// behind a method that nobody knows is asked of its name, in words.
namespace dbfleet::sql {

// Whether it is the name of what is done in a business, whatever it is called on: cancel, approve,
// archive, settle, markAsPaid, notify. Not what streams, lists, requests and jobs do as well.
bool NamesDeed(absl::string_view name);

// Whether it is one if it is called on a record, or on the class of some, where a column, an
// association or a scope may be meant: also process, send_invoice, close, ship_all. `bare`: it is
// Ruby's and is given nothing, so that cancel_reason and refund_amount are columns.
bool NamesDeedOfRecord(absl::string_view name, bool bare);

}  // namespace dbfleet::sql
