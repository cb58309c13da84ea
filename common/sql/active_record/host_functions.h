#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/method_table.h"

// Functions of PHP and Ruby that are called by their bare name, or on a class of the language, and
// by which a program reaches a database, or something of which nobody knows what it reaches.
namespace dbfleet::sql {

// One row of the published table.
struct HostFunction {
  bool php = false;
  // In lower case; of a class "Open3.capture2", or "Open3.*" for all that is called on it.
  absl::string_view name;
  MethodRole role;
  Safety safety;
  absl::string_view note;
  // Which argument holds the SQL, counted from 0; -1: none does.
  int sql = -1;
  // How many arguments there are with the link in front of it; of fewer, the link was left out.
  int full = 0;
};

// Sorted by language and name.
absl::Span<const HostFunction> HostFunctions();

// What the chain begins with, if that is one of these.
const HostFunction* FunctionOf(const HostProgram& program, const HostChain& chain);

// Whether a name in a text is that of one: 'mysqli_query'.
bool NamesRunningFunction(absl::string_view name);

// Whether a function of PHP has a row here, also one that only calls another: array_map.
bool NamesKnownFunction(absl::string_view name);

// Whether a shell command is written out, and runs a program that only shows something: `ls -l`.
bool IsHarmlessCommand(absl::string_view command);

}  // namespace dbfleet::sql
