#pragma once

#include <cstddef>
#include <vector>

#include "common/sql/active_record/host_program.h"

namespace dbfleet::sql {

// Whether a program is a migration of Rails or Laravel, and where in it the way back stands.
class HostMigration {
 public:
  explicit HostMigration(const HostProgram& program);

  bool is_one() const { return is_one_; }
  // Whether the token stands in the method that takes the migration back: down.
  bool IsWayBack(size_t token) const;

 private:
  bool is_one_ = false;
  std::vector<HostRange> downs_;
};

}  // namespace dbfleet::sql
