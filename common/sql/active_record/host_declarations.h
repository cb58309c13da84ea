#pragma once

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/host_trust.h"

namespace dbfleet::sql {

// Whether a program that reaches no database only declares: models with their relations and scopes,
// modules, serializers, and methods that show or compute. Everything in it must be of a kind that
// is listed here: what is called on an object that may be anything, made by a constructor, or
// called by a name that nothing in the program binds, may do everything. `trust` has looked at the
// program's calls and imports, and found no doubt.
bool OnlyDeclares(const HostProgram& program, const HostTrust& trust);

// The same of each language. `trust` as above.
bool OnlyDeclaresPhp(const HostProgram& program, const HostTrust& trust);
bool OnlyDeclaresRuby(const HostProgram& program, const HostTrust& trust);

// PostResource::collection($posts), ::make($post): another class that only shows.
bool IsResourceCall(const HostChain& chain);

}  // namespace dbfleet::sql
