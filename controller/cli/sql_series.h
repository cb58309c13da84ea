#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::cli {

// The parts of a migration's version by the name of its file, without zeros in front: "0007_x.sql"
// and "V7__x.sql" {"7"}, "V1.2__x.sql" {"1", "2"}. Empty of what is no migration's file.
std::vector<std::string> VersionOfFile(absl::string_view path);

// Whether it is one of the versions that were applied, however they are written.
bool IsAmong(const std::vector<std::string>& version, const std::vector<std::string>& applied);

// Whether they are versions of one folder, which are run one after the other. Then they are put
// into the order of their versions: "V10__x.sql" comes behind "V2__x.sql". Beside other files they
// are no series, but stand in that order all the same.
bool SortSeries(std::vector<std::string>* files);

}  // namespace dbfleet::cli
