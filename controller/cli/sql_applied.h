#pragma once

#include <istream>
#include <string>
#include <vector>

#include "common/sql/lint/snapshot.h"
#include "common/sql/model/target.h"

namespace dbfleet::cli {

// How many of the first files of a series, in the order of their versions, the snapshot shows to be
// applied (sql::AppliedSigns). One that names its applied versions says so itself; this is for
// those that do not. What cannot be read tells nothing.
size_t CountEvidentlyApplied(const std::vector<std::string>& files, const sql::Target& target,
                             const sql::SchemaSnapshot& snapshot, std::istream& in);

}  // namespace dbfleet::cli
