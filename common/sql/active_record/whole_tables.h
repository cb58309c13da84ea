#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"

// Calls that load every row of a model, for a rule: never for the class. Sources: the Active Record
// Query Interface guide of Rails and its API of Relation; Laravel's documentation of Eloquent.
namespace dbfleet::sql {

// Whether a relation is still one of the same rows behind the call: order, includes. What may come
// with a condition (a scope, merge, when) is not among them. `name` in lower case.
bool KeepsRows(const HostProgram& program, absl::string_view name);

// Whether a call of a relation makes each of its rows a record in memory, whatever is called on
// what it gives: Eloquent's all() and get(), Enumerable's map and group_by in Ruby.
bool LoadsRows(const HostProgram& program, const HostChain& chain, const HostCall& call,
               const std::string& name);

// Whether a class is named as models are, and not as a constant that holds a list: Order, not
// Order::STATES.
bool IsNamedAsModel(absl::string_view receiver);

}  // namespace dbfleet::sql
