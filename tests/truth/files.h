#pragma once

#include <string>

namespace dbfleet::truth {

// One line for each file below `folder`: its path, and for those whose ending is in `by_content`
// (".frm .par") when it was last written and its size. Other files' contents are compared by other
// means (a server writes them when it likes).
std::string ListFiles(const std::string& folder, const std::string& by_content);

// The first place where two texts of lines differ, shortened: "- old line, + new line".
std::string FirstDifference(const std::string& before, const std::string& after);

}  // namespace dbfleet::truth
