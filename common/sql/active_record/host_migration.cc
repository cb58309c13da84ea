#include "common/sql/active_record/host_migration.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace dbfleet::sql {
namespace {

// < ActiveRecord::Migration[7.1], extends Migration
bool ExtendsMigration(const HostProgram& program, size_t i) {
  if (program.php()) {
    const absl::string_view parent = program[i + 1].text;
    return program[i].IsName("extends") &&
           (parent == "Migration" || absl::EndsWith(parent, "\\Migration"));
  }
  size_t at = i + 1;
  if (program[at].Is("::")) ++at;
  return program[i].Is("<") && program[at].IsName("ActiveRecord") && program[at + 1].Is("::") &&
         program[at + 2].IsName("Migration");
}

// What a method encloses whose name stands at the token.
HostRange BodyOf(const HostProgram& program, size_t name) {
  if (!program.php()) return {name, program.CloseOf(name - 1)};
  constexpr size_t kFar = 10;
  size_t open = program.CloseOf(name + 1);
  for (size_t k = 0; k < kFar && !program[open].Is("{"); ++k) ++open;
  return program[open].Is("{") ? HostRange{open, program.CloseOf(open)} : HostRange{};
}

}  // namespace

HostMigration::HostMigration(const HostProgram& program) {
  for (size_t i = 0; i < program.size(); ++i) {
    is_one_ = is_one_ || ExtendsMigration(program, i);
    const bool defines = program[i].IsName(program.php() ? "function" : "def");
    if (defines && program[i + 1].IsName("down")) downs_.push_back(BodyOf(program, i + 1));
  }
}

bool HostMigration::IsWayBack(size_t token) const {
  return is_one_ && std::any_of(downs_.begin(), downs_.end(), [&](HostRange down) {
           return down.begin <= token && token < down.end;
         });
}

}  // namespace dbfleet::sql
