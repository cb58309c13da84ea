#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::config {

struct YamlDocument {
  std::string text;
  int lines_before = 0;  // Of the whole text.

  // With empty lines in place of all that stands before it, so that whoever reads it alone finds
  // each line where it is in the whole text.
  std::string InPlace() const;
  bool operator==(const YamlDocument&) const = default;
};

// The documents of a YAML text, which "---" at the begin of a line divides; those without content
// are left out. Behind the first `most` documents it does not look.
std::vector<YamlDocument> SplitYamlDocuments(absl::string_view text, size_t most);

}  // namespace dbfleet::config
