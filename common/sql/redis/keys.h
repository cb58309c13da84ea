#pragma once

#include <string>
#include <vector>

#include "common/sql/model/verdict.h"
#include "common/sql/redis/command_table.h"

namespace dbfleet::sql {

struct RedisKeys {
  std::vector<ObjectUse> uses;
  bool complete = true;  // False: the arguments do not have the form that the command demands.
};

// The keys among a command's arguments (its name first), as the server finds them by its own key
// specifications.
RedisKeys FindRedisKeys(const RedisCommand& command, const std::vector<std::string>& arguments);

}  // namespace dbfleet::sql
