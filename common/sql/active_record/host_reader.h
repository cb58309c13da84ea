#pragma once

#include <string>
#include <vector>

#include "common/sql/active_record/active_record.h"
#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/model_query.h"

namespace dbfleet::sql {

// What all reading of one program needs. Views, which must outlive it.
struct HostScope {
  const Target& target;
  const HostContext& context;
  EmbeddedReader embedded;
  int depth = 0;  // Of calls in arguments of calls.
  // Whether a method of the table is enough, whatever it is called on.
  bool generous = false;
  // In the body of a loop over records and the like: what stands there as a statement of its own is
  // called for what it does.
  bool for_effect = false;
};

// The readings of the chains in a piece of a program, and why the rest of it is not understood.
struct HostFindings {
  std::vector<Reading> readings;
  std::vector<std::string> problems;

  void Add(HostFindings&& other);
};

// Looks at expressions: every chain that reaches the database is read; everything else must be of
// the kind that only computes (literals, variables, known functions), or it is a problem.
HostFindings ReadExpressions(const HostProgram& program, HostRange range, HostScope scope);

// One chain; `findings` gets what is in its arguments and blocks.
Reading ReadChain(const HostProgram& program, const HostChain& chain, HostScope scope,
                  HostFindings* findings);

// Whether a chain reaches the database, as far as its words say. `generous`: a method of the table
// is enough, whatever it is called on.
bool ReachesDatabase(const HostProgram& program, const HostChain& chain, bool generous);
// Whether an argument names a method that writes: :delete_all, 'delete', &:destroy.
bool GivesWrite(const HostProgram& program, HostRange argument);
// PHP's functions that reach the database, or call a method by its name: mysqli_query($link,
// "..."), call_user_func(array('User', 'delete_all')). Where the call that begins at `i` ends; 0 if
// it is none.
size_t EndOfCallByName(const HostProgram& program, size_t i);
// A variable or class that holds a connection by its name: $db, @connection, DB.
bool IsConnectionName(absl::string_view receiver);

// The server that the program talks to.
inline Target EmbeddedTarget(const Target& target) {
  Target embedded = target;
  embedded.dialect = target.embedded;
  return embedded;
}

// The worst of several, with all that they say.
Reading Combine(std::vector<Reading> readings);

}  // namespace dbfleet::sql
