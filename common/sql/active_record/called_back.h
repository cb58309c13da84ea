#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// Of functions that only compute unless they are told what to call: why a call of PHP's
// filter_var($x, FILTER_CALLBACK, ...), ini_set('unserialize_callback_func', ...),
// stream_context_create([], ['notification' => ...]) or of Ruby's assert_predicate(user, :purge)
// calls something; "" if it does not. `name` in lower case.
std::string DoubtOfCalledBack(const HostProgram& program, const HostCall& call,
                              absl::string_view name);

}  // namespace dbfleet::sql
