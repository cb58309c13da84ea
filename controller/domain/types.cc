#include "controller/domain/types.h"

#include <algorithm>

namespace dbfleet::controller {

std::string Task::Target() const {
  std::string target = "instances/" + instance_id;
  if (!database.empty()) target += "/databases/" + database;
  return target;
}

bool Backup::IsGone() const {
  return state == State::kComplete && verified_level == 0 && !error_message.empty();
}

bool User::Has(Role role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

}  // namespace dbfleet::controller
