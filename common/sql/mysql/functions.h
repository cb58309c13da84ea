#pragma once

#include <string>

#include "absl/strings/string_view.h"

#include "common/sql/model/target.h"

// The reviewed lists of what a safe statement may call.
namespace dbfleet::sql::mysql {

// Whether the server has a built-in function of this name that reads at most: no stored function
// can take its place then, as long as no schema stands in front and the parenthesis touches it.
// Where the version is not known, the lowest supported one's count: MySQL 5.7's, MariaDB 10.0.10's.
// MySQL "8.0" without a third number is 8.0.11, the first that was released.
bool IsPureFunction(const Target& target, absl::string_view name);

// The release in which such a function came ("8.0.21"); "" for one that was always there or never.
std::string PureSince(const Target& target, absl::string_view name);

// Whether the parenthesis of such a function need not touch its name, whatever sql_mode says:
// CONCAT (a, b).
bool MayStandApart(absl::string_view name);

// Pure where an OVER follows; without one it might be a stored function of an old server.
bool IsWindowFunction(absl::string_view name);

// One row for each group; for facts.
bool IsAggregate(absl::string_view name);

// What a built-in function does beyond reading, as a reason ("waits"); "" for all others.
absl::string_view WhatItDoes(absl::string_view name);

}  // namespace dbfleet::sql::mysql
