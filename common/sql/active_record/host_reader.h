#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/sql/active_record/active_record.h"
#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/host_text.h"
#include "common/sql/active_record/host_variables.h"
#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/model_query.h"

namespace dbfleet::sql {

class HostTrust;

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
// is enough, whatever it is called on. `variables` may be missing: then none is known.
bool ReachesDatabase(const HostProgram& program, const HostChain& chain, bool generous,
                     const HostVariables* variables);

// Whether it is Ruby's params[:user].delete(:name): of a hash or text, for no record is a symbol.
bool DeletesKey(const HostProgram& program, const HostChain& chain, const HostCall& call);
// Whether it is Rails' body.truncate(20), which cuts a text; a connection's empties a table.
bool CutsText(const HostProgram& program, const HostCall& call);
// Whether a method of that name writes, or runs what it is given.
bool NamesMethodThatWrites(absl::string_view name);
// Whether an argument names a method that writes: :delete_all, 'delete', &:destroy, :posts=.
bool GivesWrite(const HostProgram& program, HostRange argument);
// Whether a call is given a method that writes: users.each(&:destroy), $users->each([$u,
// 'delete']).
bool TakesWrite(const HostProgram& program, const HostCall& call);
// Whether it is on('a.id', '=', 'b.id') of what a function is given that tells a join more.
bool TellsJoin(const HostProgram& program, const HostCall& call);
// Whether it is sum('total') of PHP: of rows or of a query, it reads.
bool SumsColumn(const HostProgram& program, const HostCall& call);
// Whether a list is a callable of PHP that writes, or may: [$user, 'delete'], [$user, $method].
bool IsCallableThatWrites(const HostProgram& program, HostRange list);
// Whether one of PHP's functions is given what writes, or what it calls is not seen.
bool GivesCallableThatWrites(const HostProgram& program, const HostCall& call,
                             const HostVariables* variables);
// Where a call of what a value of PHP holds ends: [$user, 'delete'](), $f(), 'mysqli_query'(...);
// 0 if there is none at `i`, or what it holds does not write.
size_t EndOfCallOfValue(const HostProgram& program, size_t i, const HostVariables& variables);

// Of a text or regular expression outside of what reaches the database: whether code in it reaches
// it, or is not understood: "#{User.delete_all}", "{$svc->handle($x)}"; also a shell command,
// unless it only shows something. nullopt if it only computes; else why it is not understood, or ""
// if reading it tells that.
std::optional<std::string> DoubtOfHiddenCode(const HostProgram& program, const HostToken& token,
                                             const HostTrust& trust);

// One of Ruby's operators among a chain's links: whether records may be added to an association, or
// put in its place, which writes at once. What is understood to be no record (a number, a text)
// writes nothing, nor does what is given to something that holds no rows.
bool OperatorWrites(const HostProgram& program, const HostChain& chain, size_t link,
                    const HostVariables* variables);

// The server that the program talks to.
inline Target EmbeddedTarget(const Target& target) {
  Target embedded = target;
  embedded.dialect = target.embedded;
  return embedded;
}

// The worst of several, with all that they say.
Reading Combine(std::vector<Reading> readings);

}  // namespace dbfleet::sql
