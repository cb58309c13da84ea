#pragma once

#include <map>
#include <string>

namespace dbfleet::truth {

// All of a server that is compared, by what it is about: "data", "global variables", ...
using State = std::map<std::string, std::string>;

// What differs, shortened; "" if nothing does.
std::string Difference(const State& before, const State& after);

// One line for each file below `folder`: its path, and for those whose ending is in `by_content`
// (".frm .par") when it was last written and its size. Other files' contents are compared by other
// means (a server writes them when it likes). Folders named in `left_out` are not looked into.
std::string ListFiles(const std::string& folder, const std::string& by_content,
                      const std::string& left_out = "");

}  // namespace dbfleet::truth
