#pragma once

#include <cstddef>

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// Goes through a program of PHP token by token, and knows inside of "use ...;" whether what is
// imported there is a function: use function a\b, c; use function a\{b, c}; use a\{B, function c}.
class HostImport {
 public:
  void Take(const HostProgram& program, size_t i);

  // Of the token that was taken last: whether it stands in the import of a function.
  bool of_function() const { return inside_ && (all_ || one_); }

 private:
  bool inside_ = false;
  bool all_ = false;  // "function" stands in front of all of them...
  bool one_ = false;  // ... or of this one.
};

}  // namespace dbfleet::sql
