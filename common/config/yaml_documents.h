#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::config {

// The documents of a YAML text, which "---" at the begin of a line divides; those without content
// are left out. Each has empty lines in place of all that stands before it, so that what is found
// in it has its line of the whole text; so time and memory grow with the lines times the documents.
// Behind the first `most` documents it does not look.
std::vector<std::string> SplitYamlDocuments(absl::string_view text, size_t most);

}  // namespace dbfleet::config
