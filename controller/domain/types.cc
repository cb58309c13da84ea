#include "controller/domain/types.h"

#include <algorithm>

namespace dbfleet::controller {

std::string Task::Target() const {
  std::string target = "instances/" + instance_id;
  if (!database.empty()) target += "/databases/" + database;
  return target;
}

bool User::Has(Role role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

}  // namespace dbfleet::controller
