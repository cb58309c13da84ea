#pragma once

#include <string>

#include "common/sql/active_record/host_program.h"

// What a program does with files.
namespace dbfleet::sql {

// Why opening a file may write to it, or run a command instead ("|cmd" of Ruby's open and IO.read);
// "" if it only reads. Of a call that opens none "", too.
std::string DoubtOfOpening(const HostProgram& program, const HostChain& chain);

}  // namespace dbfleet::sql
