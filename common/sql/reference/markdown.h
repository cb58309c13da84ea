#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace dbfleet::sql {

// A row of a table; what would end a cell or be taken for HTML is escaped.
void AppendRow(std::initializer_list<absl::string_view> cells, std::string* out);
// The titles and the line below them.
void AppendHead(std::initializer_list<absl::string_view> titles, std::string* out);

std::string Code(absl::string_view text);     // `text`
std::string Escaped(absl::string_view text);  // Without HTML.

}  // namespace dbfleet::sql
