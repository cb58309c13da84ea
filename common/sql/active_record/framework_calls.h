#pragma once

#include <string>

#include "common/sql/active_record/host_program.h"
#include "common/sql/active_record/host_variables.h"

namespace dbfleet::sql {

// Why a call of a framework or of a client of Redis writes, or may: commands and seeders that are
// called or named ($this->call('db:wipe'), $schedule->command('migrate:fresh')), who signs in or
// out (Auth::login($user) writes the token by which the user is remembered), commands of Redis that
// are not known to only read (redis.flushall). "" if it is none of those. `own_call`: the class has
// a method of that name.
std::string DoubtOfFramework(const HostProgram& program, const HostChain& chain,
                             const HostVariables& variables, bool own_call);

// What of it is about commands of Redis. `variables` may be missing: then a client is known by its
// name alone.
std::string DoubtOfRedis(const HostProgram& program, const HostChain& chain,
                         const HostVariables* variables = nullptr);

// Whether a value is a client of Redis, by the class or method that gives it or by its name:
// Redis.new, new Redis(), Cache::getRedis(), $redis.
bool GivesRedis(const HostProgram& program, size_t value);

// Of Ruby: whether it is called on a constant whose name is that of a client of Redis, which no
// advice about models is for.
bool IsConstantOfRedis(const HostProgram& program, const HostChain& chain);

// Whether the chain is a command that only reads, of such a constant: REDIS.get("a"). Everything
// else that is called on one is in doubt.
bool OnlyReadsConstantOfRedis(const HostProgram& program, const HostChain& chain);

}  // namespace dbfleet::sql
