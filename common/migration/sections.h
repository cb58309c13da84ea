#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dbfleet::migration {

// What the "-- dbfleet:" lines of one file say. Lines are looked at as text: such a line inside a
// string counts too, so that what a reader sees is what happens.
struct Sections {
  std::optional<std::string> up;  // Of a file with sections.
  std::optional<std::string> down;
  std::string irreversible_reason;
  bool irreversible_in_down = false;
  std::vector<std::string> problems;  // Each with its line.
};

// `sectioned`: the file may hold "-- dbfleet:up" and "-- dbfleet:down"; otherwise those are
// problems and `up` and `down` stay unset.
Sections ParseSections(absl::string_view content, bool sectioned);

// Whether nothing but white space and comments is in it. An executable comment is a statement.
bool IsEmptyPart(absl::string_view part);

}  // namespace dbfleet::migration
