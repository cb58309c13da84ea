#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"

// The reviewed lists of what a safe statement may call.
namespace dbfleet::sql::mysql {

// Whether the server has a built-in function of this name that reads at most: no stored function
// can take its place then, as long as no schema stands in front and the parenthesis touches it.
// Where the version is not known, MySQL 8.0 and MariaDB 10.6 are meant.
bool IsPureFunction(const Target& target, absl::string_view name);

// Pure where an OVER follows; without one it might be a stored function of an old server.
bool IsWindowFunction(absl::string_view name);

// One row for each group; for facts.
bool IsAggregate(absl::string_view name);

// What a built-in function does beyond reading, as a reason ("waits"); "" for all others.
absl::string_view WhatItDoes(absl::string_view name);

}  // namespace dbfleet::sql::mysql
