#pragma once

#include <vector>

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// The tokens of the variables that an assignment gives the value at token `at`, or a choice, list
// or group in which it stands: $u = (X), u ||= X, [$a, $b] = X, a, b = X, u = c ? X : y, $u[] = X.
// What is an argument of a call is not followed, nor what the statement begins too far in front of.
// Takes bounded time.
std::vector<size_t> TargetsOf(const HostProgram& program, size_t at);
// Of PHP: the names of the properties that it gives the value: $this->u = X, self::$u = X,
// $this->u['x'] = X, [$this->u] = [X].
std::vector<size_t> PropertiesOf(const HostProgram& program, size_t at);
// Of PHP: whether the function around it returns the value: return $c ? X : null.
bool IsReturned(const HostProgram& program, size_t at);

// Whether it is bound to a name that is computed: $$name = X, $this->{'order'} = X.
bool BindsComputedName(const HostProgram& program, size_t at);

}  // namespace dbfleet::sql
