#pragma once

#include <string>

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// Why a call of a framework or of a client of Redis writes, or may: commands and seeders that are
// called or named ($this->call('db:wipe'), $schedule->command('migrate:fresh')), who signs in or
// out (Auth::login($user) writes the token by which the user is remembered), commands of Redis that
// are not known to only read (redis.flushall). "" if it is none of those. `own_call`: the class has
// a method of that name.
std::string DoubtOfFramework(const HostProgram& program, const HostChain& chain, bool own_call);

}  // namespace dbfleet::sql
