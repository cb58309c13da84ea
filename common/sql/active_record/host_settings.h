#pragma once

#include <string>

#include "common/sql/active_record/host_program.h"

// What a program sets: for its connections, where SQL may hide, and for itself, by which what the
// calls behind it reach changes.
namespace dbfleet::sql {

// Why what stands at a token does more than it says: an option by which a connection runs SQL, a
// lock mode; "" if it does not.
std::string DoubtOfSetting(const HostProgram& program, size_t i);

// Why what a "new" of PHP at the token makes is not understood: a PDO with options that are not
// seen, an archive, a file that is written to; "" if it is.
std::string DoubtOfNew(const HostProgram& program, size_t i);

// Why a call is one by which a connection may run SQL: $mysqli->options(3, 'DELETE ...'), whose
// option has no name; "" if it is none.
std::string DoubtOfOption(const HostProgram& program, const HostCall& call);

// Why a chain may change Laravel's configuration or session: config(['database.x' => 1]),
// session()->flush(), Config::set(...); "" if it only reads them.
std::string DoubtOfStore(const HostProgram& program, const HostChain& chain);

}  // namespace dbfleet::sql
